//! An analysis as text and as a page.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;

use super::analysis::{Agreement, Analysis, Construct};
use crate::page::charts::{Bar, bars};
use crate::page::{Page, markdown};
use crate::statistics::Mean;
use crate::terminal;

/// Below this a difference is called significant.
const LEVEL: f64 = 0.05;

/// What stands under every table of tests.
const CAVEAT: &str = "Intervals and tests take items, each with the mean of its raters, as independent of each other, \
                      although each rater rated several: with few raters they promise too much.";

/// For a person at a terminal, in Markdown.
pub fn text(found: &Analysis) -> String {
    let mut out = format!("{}\n{}\n", summary(found), markdown(&means(found)));
    let pairs = pairs(found, true);
    if pairs.len() > 1 {
        out += &markdown(&pairs);
        out.push('\n');
    }
    for line in notes(found) {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// The same as a page that needs nothing else, with every pair and a chart of each construct.
pub fn html(found: &Analysis, title: &str) -> Result<String> {
    let mut page = Page::new(title);
    page.paragraph(&summary(found));
    page.grid(&means(found));
    page.list(&notes(found));
    for construct in &found.constructs {
        let bar = |group: &super::Group| {
            let mean = group.mean?;
            Some(Bar {
                name: group.name.clone(),
                value: mean.value,
                half: mean.half_width,
                beside: None,
            })
        };
        let all: Vec<Bar> = construct.groups.iter().filter_map(bar).collect();
        let title = format!("{}: mean rating with its 95 % interval", construct.name);
        page.figure(&bars(&title, &all)?);
    }
    page.raw("<h2>Every two groups</h2>");
    page.grid(&pairs(found, false));
    Ok(page.finish())
}

fn summary(found: &Analysis) -> String {
    let Analysis {
        rows,
        raters,
        items,
        ..
    } = found;
    format!("{items} items, rated {rows} times by {raters} raters.")
}

fn means(found: &Analysis) -> Vec<Vec<String>> {
    let mut head = vec![String::new()];
    if let Some(first) = found.constructs.first() {
        head.extend(first.groups.iter().map(|group| group.name.clone()));
    }
    head.extend(["H", "p", "p, Holm", "ε²", "α"].map(ToOwned::to_owned));
    let mut lines = vec![head];
    lines.extend(found.constructs.iter().map(line));
    lines
}

fn line(construct: &Construct) -> Vec<String> {
    let mut line = vec![construct.name.clone()];
    let groups = construct.groups.iter();
    line.extend(groups.map(|group| group.mean.map_or_else(String::new, mean)));
    let test = construct.test.as_ref();
    line.push(test.map_or_else(String::new, |test| format!("{:.2}", test.h)));
    line.push(test.map_or_else(String::new, |test| p(test.p)));
    line.push(construct.corrected.map_or_else(String::new, p));
    line.push(test.map_or_else(String::new, |test| format!("{:.3}", test.epsilon_squared)));
    line.push(match &construct.agreement {
        Agreement::Alpha {
            alpha,
            interval: Some([low, high]),
            ..
        } => format!("{alpha:.2} [{low:.2}, {high:.2}]"),
        Agreement::Alpha { alpha, .. } => format!("{alpha:.2}"),
        Agreement::Unknown { .. } => "unknown".into(),
    });
    line
}

/// Pairs of groups; of the constructs that differ only, if asked.
fn pairs(found: &Analysis, differing: bool) -> Vec<Vec<String>> {
    let head = ["", "group", "against", "U", "p", "p, Holm", "Cliff's δ"];
    let mut lines = vec![head.map(ToOwned::to_owned).to_vec()];
    let differs = |construct: &&Construct| {
        let significant = construct.corrected.is_some_and(|p| p < LEVEL);
        significant || !differing
    };
    for construct in found.constructs.iter().filter(differs) {
        lines.extend(construct.pairs.iter().map(|pair| {
            vec![
                construct.name.clone(),
                pair.first.clone(),
                pair.second.clone(),
                format!("{:.1}", pair.test.u),
                p(pair.test.p),
                p(pair.corrected),
                format!("{:+.3}", pair.test.delta),
            ]
        }));
    }
    lines
}

fn notes(found: &Analysis) -> Vec<String> {
    let mut notes = vec![
        "Means ± half of a 95 % interval (Student's t). H: Kruskal–Wallis, its p corrected over the constructs; U: \
         Mann–Whitney, its p corrected over the pairs of a construct. α: Krippendorff's, ordinal, with 95 % of a \
         bootstrap over items."
            .to_owned(),
        CAVEAT.to_owned(),
    ];
    let significant: Vec<&str> = found
        .constructs
        .iter()
        .filter(|construct| construct.corrected.is_some_and(|p| p < LEVEL))
        .map(|construct| construct.name.as_str())
        .collect();
    let tested = found
        .constructs
        .iter()
        .any(|construct| construct.test.is_some());
    notes.push(if !tested {
        "Nothing could be tested: there is one group, or no rating differs from another.".to_owned()
    } else if significant.is_empty() {
        "The groups differ significantly in nothing.".to_owned()
    } else {
        format!(
            "The groups differ significantly in {}.",
            significant.join(" and ")
        )
    });
    let mut unknown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for construct in &found.constructs {
        if let Agreement::Unknown { why } = &construct.agreement {
            unknown.entry(why).or_default().push(&construct.name);
        }
    }
    for (why, constructs) in unknown {
        let of = constructs.join(", ");
        notes.push(format!("No agreement of raters on {of}: {why}."));
    }
    if !found.inattentive.is_empty() {
        notes.push(format!(
            "Left out for a failed check of attention: {}.",
            terminal::names(found.inattentive.iter().map(String::as_str), "")
        ));
    }
    notes
}

fn mean(mean: Mean) -> String {
    match mean.half_width {
        Some(half) => format!("{:.2} ±{half:.2}", mean.value),
        None => format!("{:.2}", mean.value),
    }
}

fn p(value: f64) -> String {
    if value < 0.0001 {
        "< .0001".into()
    } else {
        format!("{value:.4}").replacen("0.", ".", 1)
    }
}
