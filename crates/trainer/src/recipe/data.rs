//! `[data]`: files, columns and labels.

use serde::{Deserialize, Serialize};

/// `[data]`: files, columns and labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Training rows: CSV, TSV or JSONL, told apart by content; one file or a list of them.
    pub train: Files,
    /// Texts without labels, which the teacher labels for the transfer set, they and their variants; one file or a
    /// list of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlabeled: Option<Files>,
    /// Validation rows; without it a tenth of the training rows, chosen by their text's hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<String>,
    /// Test rows; without it another tenth of the training rows, chosen the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Column (or JSON key) that holds the text.
    #[serde(default = "DataSection::default_text")]
    pub text: String,
    /// Column of the second text, where rows are pairs: premise and hypothesis, question and answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text2: Option<String>,
    /// Column (or JSON key) that holds the label.
    #[serde(default = "DataSection::default_label")]
    pub label: String,
    /// Column that says what a text is about, for `distill.sampler` and figures by domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Column of the words that people named: 0 or 1 for each part of the text between white space. A row may have
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// Column of a question's choices, a list: each makes a pair with the text, which is `right` or `wrong`. The label is
    /// then the right one's place, from 0, or its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<String>,
    /// Columns of reasons for the label in words, as people or language models gave them; a row may have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Column of reasons for every label, right or wrong: in JSONL an object by label (a list, one for each choice,
    /// where there are choices), elsewhere that as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<String>,
    /// Column of people's reasons in validation and test rows, which a student's are compared with: a text, or in JSONL a
    /// list of texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<String>,
    /// The labels in the order of the logits; without it those of the training rows, sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// How many bad rows, over all files, are left out before the run stops.
    #[serde(default)]
    pub skip_bad_rows: usize,
}

/// One file or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "want the path of a file, or a list of such paths"
)]
pub enum Files {
    /// Its path.
    One(String),
    /// Their paths.
    Several(Vec<String>),
}

impl Files {
    /// The paths, in order.
    pub fn paths(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        }
    }
}

impl DataSection {
    /// Whether a text is two.
    pub fn pairs(&self) -> bool {
        self.text2.is_some() || self.choices.is_some()
    }

    /// How a question's choices are learnt, for keys: before, they were learnt one by one.
    pub(crate) fn choices_learnt(&self) -> Option<&'static str> {
        self.choices.as_ref().map(|_| "together")
    }

    /// How pairs that are too long are cut, for keys: before, the second text was cut first.
    pub(crate) fn pairs_cut(&self) -> Option<&'static str> {
        self.pairs().then_some("longest first")
    }

    /// Every file with the key that names it.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let train = self.train.paths().iter().map(|path| ("train", path));
        let unlabeled = self.unlabeled.iter().flat_map(Files::paths);
        let validation = self.validation.iter().map(|path| ("validation", path));
        train
            .chain(validation)
            .chain(self.test.iter().map(|path| ("test", path)))
            .chain(unlabeled.map(|path| ("unlabeled", path)))
    }

    fn default_text() -> String {
        "text".into()
    }

    fn default_label() -> String {
        "label".into()
    }
}
