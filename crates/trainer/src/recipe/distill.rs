//! `[distill]`: the objective and the optimiser.

use serde::{Deserialize, Serialize};

use super::{ReasonSection, unwritten};

/// What the student is asked to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// Cross-entropy on the gold labels.
    Labels,
    /// Gold labels and the teacher's softened probabilities.
    #[default]
    Kd,
    /// Mean squared error on the teacher's logits.
    KdMse,
    /// DiXtill (Cantini et al. 2024): probabilities and the predicted class's attribution.
    Dixtill,
    /// `kd` and the attributions of every class.
    Multiview,
}

impl Objective {
    /// Whether the teacher's attributions of training texts are read.
    pub fn reads_explanations(self) -> bool {
        matches!(self, Self::Dixtill | Self::Multiview)
    }

    /// Whether what the teacher says of a text is read.
    pub fn asks_the_teacher(self) -> bool {
        self != Self::Labels
    }
}

/// How far student and teacher are from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Divergence {
    /// `KL(teacher ‖ student)` (Hinton et al. 2015).
    #[default]
    Forward,
    /// `KL(student ‖ teacher)` (`MiniLLM`, Gu et al. 2024; exact for so few classes).
    Reverse,
    /// Jensen–Shannon: half of each to their mean.
    JensenShannon,
}

/// Which rows a step learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampler {
    /// Every row once an epoch.
    #[default]
    Natural,
    /// Of every domain as many.
    Uniform,
    /// More of the domains in which the student is far behind its teacher (DDK, Liu et al. 2024).
    Ddk,
    /// The same without the even part that keeps every domain in it.
    DdkUnsmoothed,
    /// More of the variants, by how they were made, that let the validation loss fall (Learning to Augment, Cubuk et al.
    /// 2019, with a bandit). Needs `transfer.apart`.
    Bandit,
}

impl Sampler {
    /// Whether rows are drawn by their domains.
    pub(crate) fn is_by_domain(self) -> bool {
        matches!(self, Self::Uniform | Self::Ddk | Self::DdkUnsmoothed)
    }
}

/// `[distill]`: the objective and the optimiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DistillSection {
    /// What the student is asked to copy.
    pub objective: Objective,
    /// Whether it learns from the variants of the training texts, too. With `labels`, which asks no teacher, a
    /// variant has the label of its text.
    pub transfer: bool,
    /// `dixtill`: weight of teacher and explanation against the gold label.
    pub alpha: f64,
    /// `kd` and `multiview`: weight of the teacher against the gold label.
    pub lambda: f64,
    /// Softens teacher and student before they are compared.
    pub temperature: f64,
    /// How they are compared.
    pub divergence: Divergence,
    /// Share of a gold label that all classes have alike.
    pub smoothing: f64,
    /// `multiview`: weight of the explanations.
    pub mu: f64,
    /// `multiview`: share of the steps over which that weight rises from 0.
    pub mu_warmup: f64,
    /// Explanations of texts of whose answer the teacher is less sure are not copied.
    pub confident: f64,
    /// Weight of the words that people named: the student's words for the gold label are to be these.
    pub rationale: f64,
    /// How reasons in words are learnt, by a student that has a decoder.
    #[serde(skip_serializing_if = "ReasonSection::is_default")]
    pub reason: ReasonSection,
    /// Which rows a step learns from; `uniform` and `ddk` need `data.domain`.
    pub sampler: Sampler,
    /// Steps between two looks at the domains, or ways, over all epochs.
    pub sampler_every: usize,
    /// Units of an adapter with which the one teacher learns along, on what its frozen encoder makes of a text (online
    /// distillation): by the gold labels and by what the student says, as much as the objective weighs these. Epochs are
    /// judged by the teacher as it was. 0 leaves it so.
    #[serde(skip_serializing_if = "unwritten::is_zero")]
    pub online: usize,
    /// Weight of a supervised contrast between the pooled vectors of a batch (CLLMFS); 0 leaves it out.
    pub contrastive: f64,
    /// Passes over the transfer set.
    pub epochs: usize,
    /// Texts a step.
    pub batch: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Share of the steps over which the learning rate rises.
    pub warmup: f64,
    /// The optimiser's decoupled weight decay.
    pub weight_decay: f64,
    /// Largest norm of a parameter's gradient; longer ones are scaled down to it.
    pub clip: f64,
    /// Share of an epoch over which the student's weights are averaged; 0 takes the last step's.
    pub average: f64,
    /// Students trained, from seeds `seed`, `seed + 1` and so on; figures are their mean, and the
    /// best on validation rows is exported.
    pub runs: usize,
}

impl Default for DistillSection {
    fn default() -> Self {
        Self {
            objective: Objective::Kd,
            transfer: true,
            alpha: 0.9,
            lambda: 0.9,
            temperature: 1.0,
            divergence: Divergence::Forward,
            smoothing: 0.0,
            mu: 1.0,
            mu_warmup: 0.0,
            confident: 0.0,
            rationale: 0.0,
            reason: ReasonSection::default(),
            sampler: Sampler::Natural,
            sampler_every: 50,
            online: 0,
            contrastive: 0.0,
            epochs: 6,
            batch: 64,
            learning_rate: 2e-3,
            warmup: 0.05,
            weight_decay: 0.01,
            clip: 1.0,
            average: 0.5,
            runs: 1,
        }
    }
}

impl DistillSection {
    /// How much the objective hears of the gold labels, and of the teacher.
    pub(crate) fn shares(&self) -> [f64; 2] {
        match self.objective {
            Objective::Labels => [1.0, 0.0],
            Objective::Kd | Objective::Multiview => [1.0 - self.lambda, self.lambda],
            Objective::KdMse => [0.0, 1.0],
            Objective::Dixtill => [1.0 - self.alpha, self.alpha],
        }
    }

    /// What decides one student, whatever the number of them.
    #[must_use]
    pub fn one_run(&self) -> Self {
        Self {
            runs: 1,
            ..self.clone()
        }
    }
}
