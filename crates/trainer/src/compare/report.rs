//! The report: one page that needs nothing else, with the table, its charts and twenty texts as two models read
//! them.

use anyhow::Result;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::arms::{Cell, RECIPE};
use super::cell::{Figures, Finished, Shown};
use super::environment::Environment;
use super::table::{Row, Table};
use crate::data::{self, Example};
use crate::metrics::{Scores, confusion};
use crate::page::charts::{Bar, Line, Point, bars, lines, scatter};
use crate::page::{Page, escaped};
use crate::recipe::Loaded;
use crate::sampler::Mixture;
use crate::statistics::Mean;

/// The page of a table; `found` holds what it was made of.
pub(super) fn html(
    table: &Table,
    recipe: &Loaded,
    data: &data::Loaded,
    found: &[(Cell, Option<Finished>)],
) -> Result<String> {
    let mut page = Page::new(&table.name);
    page.paragraph(&format!(
        "{} test rows. {} Means over seeds with 95 % intervals (Student's t); gaps to the teacher with 95 % of a \
         bootstrap over test rows. Every run is in compare.csv.",
        table.test_rows,
        sentence(&table.data)
    ));
    page.grid(&table.grid());
    page.list(&table.notes());
    page.overview(table)?;
    // The recipe's own student, seed by seed.
    let own: Vec<&Figures> = found
        .iter()
        .filter(|(cell, _)| cell.arm.name == RECIPE)
        .filter_map(|(_, finished)| finished.as_ref()?.outcome.figures())
        .collect();
    if let Some(first) = own.first() {
        page.raw("<h2>The recipe's student</h2>");
        page.student(&own, first, data)?;
        page.texts(&first.shown, "test", &data.split.test, &data.split.labels);
    }
    page.made_of(&table.environment, &table.data_hash, recipe);
    Ok(page.finish())
}

/// The page of one run: its students, `own` in the order of their seeds, beside its teacher.
pub(super) fn of_run(
    recipe: &Loaded,
    data: &data::Loaded,
    teacher: Option<&Scores>,
    own: &[Figures],
) -> Result<String> {
    let mut page = Page::new(&recipe.recipe.name);
    page.paragraph(&format!(
        "{} test rows. {}",
        data.split.test.len(),
        sentence(&recipe.recipe.card.data)
    ));
    let mut lines = vec![
        ["", "accuracy", "macro-F1", "MCC", "AUC", "ECE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let students = own.iter().enumerate().map(|(index, figures)| {
        let seed = recipe.recipe.seed + index as u64;
        (format!("bundle of seed {seed}"), &figures.test)
    });
    let teacher = teacher.map(|scores| ("teacher".to_owned(), scores));
    for (name, scores) in students.chain(teacher) {
        let Scores {
            accuracy,
            macro_f1,
            mcc,
            auc,
            ece,
            ..
        } = scores;
        let numbers = [
            Some(*accuracy),
            Some(*macro_f1),
            Some(*mcc),
            *auc,
            Some(*ece),
        ];
        let numbers = numbers.map(|value| value.map_or_else(String::new, |v| format!("{v:.4}")));
        lines.push(std::iter::once(name).chain(numbers).collect());
    }
    page.grid(&lines);
    if let Some(first) = own.first() {
        let all: Vec<&Figures> = own.iter().collect();
        page.student(&all, first, data)?;
        page.texts(
            &first.shown,
            "validation",
            &data.split.validation,
            &data.split.labels,
        );
    }
    page.made_of(&Environment::here(), &data.hash, recipe);
    Ok(page.finish())
}

impl Page {
    /// The end of the page.
    fn made_of(&mut self, environment: &Environment, rows: &str, recipe: &Loaded) {
        self.raw("<h2>What it was made of</h2>");
        self.paragraph(&environment.text());
        self.paragraph(&format!("rows {rows}"));
        self.raw(&format!("<pre>{}</pre>", escaped(&recipe.portable)));
    }

    fn overview(&mut self, table: &Table) -> Result<()> {
        let bar = |figure: &str, beside: Option<&str>| -> Vec<Bar> {
            let of = |row: &Row| {
                let mean = row.figures.get(figure)?;
                Some(Bar {
                    name: row.arm.clone(),
                    value: mean.value,
                    half: mean.half_width,
                    beside: beside.and_then(|beside| Some(row.figures.get(beside)?.value)),
                })
            };
            table.rows.iter().filter_map(of).collect()
        };
        self.raw("<h2>All arms</h2>");
        for (title, figure, beside) in [
            ("Test accuracy", "accuracy", None),
            ("Test macro-F1", "macro-F1", None),
            (
                "Agreement with the teacher's words: cosine; marked: its words shuffled",
                "cosine",
                Some("cosine, shuffled"),
            ),
            (
                "Faithfulness: normalised AOPC; 1 is the best order of words, 0 the worst",
                "normalised AOPC",
                None,
            ),
        ] {
            let all = bar(figure, beside);
            if !all.is_empty() {
                self.figure(&bars(title, &all)?);
            }
        }
        let point = |x: fn(&Row) -> Option<f64>| -> Vec<Point> {
            let of = |row: &Row| {
                let accuracy = row.figures.get("accuracy")?;
                Some(Point {
                    name: row.arm.clone(),
                    x: x(row)?,
                    y: accuracy.value,
                    half: accuracy.half_width,
                })
            };
            table.rows.iter().filter_map(of).collect()
        };
        let bytes = point(|row| Some(row.figures.get("bytes")?.value));
        self.figure(&scatter(
            "Accuracy against bytes",
            "bytes",
            "accuracy",
            &bytes,
        )?);
        let times = point(|row| row.latency);
        self.figure(&scatter(
            "Accuracy against latency",
            "µs a text",
            "accuracy",
            &times,
        )?);
        Ok(())
    }

    fn student(&mut self, own: &[&Figures], first: &Figures, data: &data::Loaded) -> Result<()> {
        let labels = &data.split.labels;
        let (losses, scores) = curves(own);
        if !losses.is_empty() {
            self.figure(&lines(
                "Loss and its terms, mean over seeds",
                "epoch",
                &losses,
            )?);
            self.figure(&lines(
                "Validation rows, mean over seeds",
                "epoch",
                &scores,
            )?);
        }
        let f1 = labels.iter().enumerate().map(|(class, label)| {
            mean_bar(label, own.iter().map(|figures| figures.test.f1[class]))
        });
        self.figure(&bars("Test F1 by class", &f1.collect::<Vec<Bar>>())?);
        if !first.by_domain.is_empty() {
            let domains: Vec<Bar> = first
                .by_domain
                .keys()
                .map(|domain| of_domain(own, domain))
                .collect();
            self.figure(&bars("Test accuracy by domain", &domains)?);
        }
        let mixture = course(&first.mixture);
        if !mixture.is_empty() {
            self.figure(&lines(
                "Share of each group of rows, first seed",
                "step",
                &mixture,
            )?);
        }
        if let Some(found) = &first.reliability {
            let known = (0..found.rows.len()).filter(|&bin| found.rows[bin] > 0);
            let points = known.map(|bin| (found.confidence[bin], found.accuracy[bin]));
            let own = Line {
                name: "first seed".into(),
                points: points.collect(),
            };
            let even = Line {
                name: "calibrated".into(),
                points: vec![(0.0, 0.0), (1.0, 1.0)],
            };
            let title = "Reliability: share of right answers against confidence";
            self.figure(&lines(title, "confidence", &[own, even])?);
        }
        let gold: Vec<usize> = data
            .split
            .test
            .iter()
            .map(|example| example.label)
            .collect();
        self.confusion(&confusion(&gold, &first.predicted, labels.len()), labels);
        Ok(())
    }

    fn confusion(&mut self, counts: &[Vec<u64>], labels: &[String]) {
        self.raw("<h3>Test rows of the first seed by label and answer</h3>");
        self.raw("<div class=\"wide\"><table><tr><th></th>");
        for label in labels {
            self.raw(&format!("<th>→ {}</th>", escaped(label)));
        }
        self.raw("</tr>");
        for (label, row) in labels.iter().zip(counts) {
            let sum = row.iter().sum::<u64>().max(1) as f64;
            let cell = |count: &u64| {
                let share = *count as f64 / sum;
                format!(
                    "<td style=\"background:rgba(0,114,178,{:.2})\">{count}</td>",
                    0.7 * share
                )
            };
            let cells: String = row.iter().map(cell).collect();
            self.raw(&format!("<tr><th>{}</th>{cells}</tr>", escaped(label)));
        }
        self.raw("</table></div>");
    }

    fn texts(&mut self, shown: &[Shown], split: &str, examples: &[Example], labels: &[String]) {
        self.raw(&format!(
            "<h3>Some {split} texts</h3><p>The teacher's words above, the student's below: blue speaks for the \
             teacher's answer, orange against it.</p>"
        ));
        for shown in shown {
            let example = &examples[shown.row];
            let (gold, teacher, own) = (
                &labels[example.label],
                &labels[shown.class],
                &labels[shown.answer],
            );
            self.raw("<section>");
            self.paragraph(&format!("gold {gold}, teacher {teacher}, student {own}"));
            for side in [0, 1] {
                let painted = painted(&example.text, shown, side);
                self.raw(&format!("<p class=\"text\">{painted}</p>"));
            }
            self.raw("</section>");
        }
    }
}

/// A bar of a mean over seeds.
fn mean_bar(name: &str, values: impl Iterator<Item = f64>) -> Bar {
    let mean = Mean::of(&values.collect::<Vec<f64>>());
    Bar {
        name: name.into(),
        value: mean.map_or(0.0, |mean| mean.value),
        half: mean.and_then(|mean| mean.half_width),
        beside: None,
    }
}

fn of_domain(own: &[&Figures], domain: &str) -> Bar {
    mean_bar(
        domain,
        own.iter()
            .filter_map(|figures| figures.by_domain.get(domain).copied()),
    )
}

/// The shares of the groups from step to step.
fn course(mixture: &Mixture) -> Vec<Line> {
    let line = |(index, name): (usize, &String)| Line {
        name: name.clone(),
        points: mixture
            .course
            .iter()
            .filter_map(|(step, shares)| Some((*step as f64, f64::from(*shares.get(index)?))))
            .collect(),
    };
    let lines = mixture.names.iter().enumerate().map(line);
    lines.filter(|line| !line.points.is_empty()).collect()
}

/// A text whose words are painted by their weights relative to the largest one.
fn painted(text: &str, shown: &Shown, side: usize) -> String {
    let weights = shown.words.iter().map(|(_, weights)| weights[side]);
    let largest = weights.fold(f64::MIN_POSITIVE, |most, weight| most.max(weight.abs()));
    let (mut out, mut from) = (String::new(), 0);
    for (bytes, weights) in &shown.words {
        let strength = weights[side] / largest;
        let colour = if strength < 0.0 {
            "213,94,0"
        } else {
            "0,114,178"
        };
        // Writing to a string can't fail.
        let _ = write!(
            out,
            "{}<mark style=\"background:rgba({colour},{:.2})\">{}</mark>",
            escaped(&text[from..bytes.start]),
            0.65 * strength.abs(),
            escaped(&text[bytes.clone()])
        );
        from = bytes.end;
    }
    out.push_str(&escaped(&text[from..]));
    out
}

/// Mean over seeds of each term of the loss, and of what validation rows say, by epoch.
fn curves(own: &[&Figures]) -> (Vec<Line>, Vec<Line>) {
    type Sums = BTreeMap<String, BTreeMap<usize, (f64, usize)>>;
    let (mut losses, mut scores): (Sums, Sums) = Default::default();
    let add = |sums: &mut Sums, name: &str, epoch: usize, value: f64| {
        let sum = sums
            .entry(name.into())
            .or_default()
            .entry(epoch)
            .or_default();
        *sum = (sum.0 + value, sum.1 + 1);
    };
    for epoch in own.iter().flat_map(|figures| &figures.history) {
        add(&mut losses, "loss", epoch.epoch, epoch.loss);
        for (name, value) in &epoch.terms {
            add(&mut losses, name, epoch.epoch, *value);
        }
        add(&mut scores, "accuracy", epoch.epoch, epoch.accuracy);
        add(&mut scores, "macro-F1", epoch.epoch, epoch.macro_f1);
    }
    let lines = |sums: Sums| {
        let line = |(name, epochs): (String, BTreeMap<usize, (f64, usize)>)| Line {
            name,
            points: epochs
                .into_iter()
                .map(|(epoch, (sum, count))| (epoch as f64, sum / count as f64))
                .collect(),
        };
        sums.into_iter().map(line).collect()
    };
    (lines(losses), lines(scores))
}

/// With a full stop, where there is anything.
fn sentence(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{text}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_painted_and_nothing_else_is_lost() {
        let shown = Shown {
            row: 0,
            class: 0,
            answer: 0,
            words: vec![(0..1, [0.5, -1.0]), (2..4, [-1.0, 0.0])],
        };
        let text = "a <b & c";
        let first = painted(text, &shown, 0);
        assert!(
            first.starts_with("<mark style=\"background:rgba(0,114,178,0.33)\">a</mark> "),
            "{first}"
        );
        assert!(first.ends_with("&lt;b</mark> &amp; c"), "{first}");
        assert!(painted(text, &shown, 1).contains("213,94,0,0.65"));
    }
}
