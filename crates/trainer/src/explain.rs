//! One text on the terminal: its label, its scores, and every word with what it gave.

use std::fmt::Write;

use anyhow::{Result, bail};
use stillglass_runtime::{Classification, Explanation, Method, Model, Place, WordContribution};
use stillglass_text::halves;

use crate::terminal::shown;

/// Columns of each half of a bar.
const HALF: usize = 12;

/// Blue speaks for the class and orange against it: told apart with any colour vision.
const FOR: &str = "\x1b[34m";
const AGAINST: &str = "\x1b[33m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// Index of the class to explain: the named one, or the answer.
pub fn class(model: &Model, answer: &Classification, named: Option<&str>) -> Result<usize> {
    let labels = &model.manifest().labels;
    let Some(name) = named else {
        return Ok(answer.label);
    };
    match labels.iter().position(|label| label == name) {
        Some(index) => Ok(index),
        None => bail!(
            "--class {name}: the bundle's labels are {}",
            labels.join(", ")
        ),
    }
}

/// The explanation of `class`, centred over classes, in the order of the text.
pub fn text(
    model: &Model,
    text: &str,
    answer: &Classification,
    class: usize,
    colour: bool,
) -> String {
    let paint = |code: &'static str| if colour { code } else { "" };
    let labels = &model.manifest().labels;
    let mut out = String::new();
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|a, b| answer.probabilities[*b].total_cmp(&answer.probabilities[*a]));
    let scores = order.iter().map(|i| {
        let percent = 100.0 * answer.probabilities[*i];
        format!(
            "{}{}{} {percent:.1} %",
            paint(BOLD),
            labels[*i],
            paint(PLAIN)
        )
    });
    // Writing to a string can't fail.
    let _ = writeln!(out, "{}", scores.collect::<Vec<_>>().join("   "));
    if let Some(cut) = &answer.truncated {
        let (first, second) = halves(text);
        let characters = |text: &str, place: Place| text[..place.byte].chars().count();
        let of_first = characters(first, cut.from);
        let read = match second.zip(cut.second) {
            Some((second, place)) => format!(
                "{of_first} characters of the first text and {} of the second",
                characters(second, place)
            ),
            None => format!("{of_first} characters"),
        };
        let _ = writeln!(
            out,
            "cut: {} of the text's {} tokens were read, the first {read}",
            answer.tokens, cut.tokens
        );
    }
    let Some(explanation) = answer.explanation.as_ref().map(Explanation::centred) else {
        return out;
    };
    let _ = writeln!(
        out,
        "\nwhat speaks for {}, against the mean of all classes{}:\n",
        labels[class],
        how(&explanation, class)
    );
    let words = &explanation.words;
    if words.is_empty() {
        let _ = writeln!(out, "  (the text has no words)");
    }
    let largest = words
        .iter()
        .map(|w| w.weights[class].abs())
        .fold(f32::MIN_POSITIVE, f32::max);
    let texts = explanation.texts(text);
    let mut half = 0;
    for word in words {
        if word.half > half {
            half = word.half;
            let _ = writeln!(out, "            the second text:");
        }
        let colour = paint(if word.weights[class] < 0.0 {
            AGAINST
        } else {
            FOR
        });
        let _ = writeln!(
            out,
            "{}",
            line(texts[half], word, class, largest, (colour, paint(PLAIN)))
        );
    }
    let sum: f32 = words.iter().map(|word| word.weights[class]).sum();
    let boundary = explanation.boundary.as_ref().map_or(0.0, |b| b[class]);
    let between = match &explanation.boundary {
        Some(_) => format!(", {} from what parts the texts", signed(boundary)),
        None => String::new(),
    };
    let bias = explanation.bias[class];
    let left = match explanation.method {
        Method::Native => String::new(),
        _ => format!(", {} left over", signed(explanation.remainder[class])),
    };
    let _ = writeln!(
        out,
        "\n{} from the words{between}, {} before any{left}, {} in all",
        signed(sum),
        signed(bias),
        signed(sum + boundary + bias + explanation.remainder[class])
    );
    out
}

/// A number with its sign and three decimals; what is 0 to these has a plus.
fn signed(value: f32) -> String {
    // To −0 nothing is added but the sign.
    let rounded = (f64::from(value) * 1e3).round() / 1e3 + 0.0;
    format!("{rounded:+.3}")
}

/// By what method, where it is not the student's own.
fn how(explanation: &Explanation, class: usize) -> String {
    match explanation.method {
        Method::Native => String::new(),
        Method::Occlusion => " (occlusion: what is lost without the word)".into(),
        Method::IntegratedGradients => format!(
            " (integrated gradients, {} nodes, completeness error {:.1} %)",
            explanation.nodes,
            100.0 * explanation.completeness_error[class]
        ),
    }
}

fn line(
    text: &str,
    word: &WordContribution,
    class: usize,
    largest: f32,
    (colour, plain): (&str, &str),
) -> String {
    let weight = word.weights[class];
    let bar = "█".repeat((weight.abs() / largest * HALF as f32).round() as usize);
    let (left, right) = if weight < 0.0 {
        (bar.as_str(), "")
    } else {
        ("", bar.as_str())
    };
    let shown = shown(&text[word.bytes.clone()]);
    let weight = signed(weight);
    format!("{weight:>8}  {colour}{left:>HALF$}{plain}│{colour}{right:<HALF$}{plain}  {shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_minus() {
        let found = [-0.0004, -0.0, 0.0004, -0.0006, 12.3456].map(signed);
        assert_eq!(found, ["+0.000", "+0.000", "+0.000", "-0.001", "+12.346"]);
    }
}
