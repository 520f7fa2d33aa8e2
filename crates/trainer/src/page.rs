//! A page that needs nothing else: text, tables and charts in one HTML file.

pub(crate) mod charts;

use std::fmt::Write;

const STYLE: &str = include_str!("page/style.css");

/// A page in the making.
pub(crate) struct Page(String);

impl Page {
    /// With its title.
    pub(crate) fn new(name: &str) -> Self {
        let name = escaped(name);
        Self(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{name}</title><style>{STYLE}</style><h1>{name}</h1>"
        ))
    }

    /// The whole page.
    pub(crate) fn finish(mut self) -> String {
        self.raw("</html>\n");
        self.0
    }

    /// HTML as it is.
    pub(crate) fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    /// Text.
    pub(crate) fn paragraph(&mut self, text: &str) {
        self.raw(&format!("<p>{}</p>", escaped(text)));
    }

    /// A line each.
    pub(crate) fn list(&mut self, lines: &[String]) {
        self.raw("<ul>");
        for line in lines {
            self.raw(&format!("<li>{}</li>", escaped(line)));
        }
        self.raw("</ul>");
    }

    /// A chart.
    pub(crate) fn figure(&mut self, svg: &str) {
        self.raw(&format!("<figure>{svg}</figure>"));
    }

    /// A table, its head first.
    pub(crate) fn grid(&mut self, lines: &[Vec<String>]) {
        self.raw("<div class=\"wide\"><table>");
        for (index, line) in lines.iter().enumerate() {
            let tag = if index == 0 { "th" } else { "td" };
            let cells = line
                .iter()
                .map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
            let cells: String = cells.collect();
            self.raw(&format!("<tr>{cells}</tr>"));
        }
        self.raw("</table></div>");
    }
}

/// Text in HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A table as Markdown, its head first.
pub(crate) fn markdown(lines: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        // Writing to a string can't fail.
        let _ = writeln!(out, "| {} |", line.join(" | "));
        if index == 0 {
            let _ = writeln!(out, "|{}", " --- |".repeat(line.len()));
        }
    }
    out
}
