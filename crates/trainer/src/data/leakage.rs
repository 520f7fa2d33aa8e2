//! Texts that stand in more than one split.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use stillglass_text::SEPARATOR;

use super::Example;

/// Rows of a later split whose text, folded, is also in an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leakage {
    /// The later split.
    pub later: &'static str,
    /// The earlier split.
    pub earlier: &'static str,
    /// Rows of the later split.
    pub rows: usize,
}

/// The text without regard to case and white space: lower case, words joined by one space.
pub fn fold(text: &str) -> String {
    let lower = text.to_lowercase();
    // Each text of a pair for itself.
    let folded = lower.split(SEPARATOR);
    let folded = folded.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    folded.collect::<Vec<_>>().join(&SEPARATOR.to_string())
}

/// Leakage between every two splits, in their order.
pub(super) fn between(splits: &[(&'static str, &[Example])]) -> Vec<Leakage> {
    let folded: Vec<Vec<String>> = splits
        .iter()
        .map(|(_, examples)| examples.iter().map(|example| fold(&example.text)).collect())
        .collect();
    let mut found = Vec::new();
    for later in 1..splits.len() {
        for earlier in 0..later {
            let seen: HashSet<&String> = folded[earlier].iter().collect();
            let rows = folded[later]
                .iter()
                .filter(|text| seen.contains(text))
                .count();
            found.push(Leakage {
                later: splits[later].0,
                earlier: splits[earlier].0,
                rows,
            });
        }
    }
    found
}

/// Rows that repeat an earlier row's folded text.
pub(super) fn repeated(examples: &[Example]) -> usize {
    let distinct: HashSet<String> = examples.iter().map(|example| fold(&example.text)).collect();
    examples.len() - distinct.len()
}

/// Folded texts that occur under more than one label.
pub(super) fn contradictions(examples: &[Example]) -> usize {
    let mut labels: HashMap<String, HashSet<usize>> = HashMap::new();
    for example in examples {
        labels
            .entry(fold(&example.text))
            .or_default()
            .insert(example.label);
    }
    labels.values().filter(|labels| labels.len() > 1).count()
}
