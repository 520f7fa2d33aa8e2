//! The recipe: everything a run needs to know, as TOML.
//!
//! One struct a section, every key with a default except the data and the teacher's base, unknown
//! keys refused. Paths are taken from the folder the command runs in; `${RECIPE_DIR}` is the folder
//! of the recipe itself.

mod compare;
mod data;
mod distill;
mod label;
mod limits;
mod load;
mod overrides;
mod reason;
mod student;
mod teacher;
mod transfer;
mod unwritten;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use compare::{ArmSection, BudgetSection, CompareSection};
pub use data::{DataSection, Files};
pub use distill::{DistillSection, Divergence, Objective, Sampler};
pub use label::{LabelSection, Target};
pub use load::{Loaded, TEMPLATE, load, parse, table, text, typed};
pub use reason::{Control, ReasonSection, Teaching};
pub use student::{Characters, StudentSection};
pub use teacher::{Pooling, TeacherSection};
pub(crate) use transfer::Operator;
pub use transfer::TransferSection;

/// A whole recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Names the run's folder and the bundle; letters, digits, `-` and `_`.
    pub name: String,
    /// Fixes every random choice of the run.
    #[serde(default)]
    pub seed: u64,
    /// Values for `${NAME}` in any other string of the recipe.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Where the texts are.
    pub data: DataSection,
    /// The teacher and how it is fine-tuned.
    pub teacher: TeacherSection,
    /// How the teacher explains itself.
    #[serde(default)]
    pub label: LabelSection,
    /// Variants of the training texts, labelled by the teacher.
    #[serde(default)]
    pub transfer: TransferSection,
    /// The student's sizes.
    #[serde(default)]
    pub student: StudentSection,
    /// How the student learns.
    #[serde(default)]
    pub distill: DistillSection,
    /// What is compared with what.
    #[serde(default)]
    pub compare: CompareSection,
    /// How many labels are bought.
    #[serde(default)]
    pub budget: BudgetSection,
    /// What the bundle says about itself.
    #[serde(default)]
    pub card: CardSection,
}

impl Recipe {
    /// What decides the teacher, beside data, seed and the base's content: where the base lies does not matter.
    pub fn teacher_settings(&self) -> TeacherSection {
        TeacherSection {
            base: String::new(),
            revision: None,
            ..self.teacher.clone()
        }
    }

    /// Whether the student learns from reasons in words, their words or their meaning.
    pub fn learns_reasons(&self) -> bool {
        self.student.decoder > 0 || self.distill.reason.meaning > 0.0
    }
}

/// `[card]`: what the bundle says about itself; all free text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CardSection {
    /// Title; the recipe's name when empty.
    pub name: String,
    /// One or two sentences: what it tells apart, and for whom.
    pub description: String,
    /// Name of the data set.
    pub data: String,
    /// Its licence.
    pub data_licence: String,
    /// Name of the teacher's base model.
    pub base_model: String,
    /// Its licence.
    pub base_licence: String,
}
