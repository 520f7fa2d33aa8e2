//! What the student is asked to copy: the objectives of DESIGN section 6 on one batch.

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Tensor, TensorData};

use crate::metrics::argmax;
use crate::recipe::{DistillSection, Objective};
use crate::student::StudentOutput;

/// Keeps the gradient of a vector's length finite where the vector is zero.
const TINY: f64 = 1e-12;

/// What is known of a batch's rows.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Gold class of each row; `None` for variants, which only the teacher labels.
    pub gold: Vec<Option<usize>>,
    /// Teacher's logits, `[batch][classes]`.
    pub logits: Vec<Vec<f32>>,
    /// Teacher's word-level attributions `[classes][words]`; `None` where there are none.
    pub attributions: Vec<Option<Vec<Vec<f32>>>>,
    /// For each row the word that each student token belongs to.
    pub words: Vec<Vec<usize>>,
}

/// A batch's loss and its terms.
pub struct Loss {
    /// What is minimised, `[1]`.
    pub total: Tensor<1>,
    /// Terms by name, before their weights; each a mean over the rows that have it.
    pub terms: Vec<(&'static str, Tensor<1>)>,
}

/// The loss of `section.objective` for what the student said of a batch.
pub fn loss(output: &StudentOutput, targets: &Targets, section: &DistillSection) -> Loss {
    let device = output.logits.device();
    let known = Known::new(targets, output, &device);
    let terms = match section.objective {
        Objective::Labels => vec![("cross-entropy", 1.0, known.cross_entropy())],
        Objective::Kd => known.kd(section),
        Objective::KdMse => vec![("logit error", 1.0, known.logit_error())],
        Objective::Dixtill => vec![
            ("cross-entropy", 1.0 - section.alpha, known.cross_entropy()),
            (
                "distillation",
                section.alpha,
                known.saturating_divergence(section.temperature),
            ),
            ("explanation", section.alpha, known.attention_distance()),
        ],
        Objective::Multiview => {
            let mut terms = known.kd(section);
            terms.push(("explanation", section.mu, known.contribution_distance()));
            terms
        }
    };
    let total = terms
        .iter()
        .map(|(_, weight, term)| term.clone() * *weight)
        .reduce(|sum, term| sum + term)
        .expect("every objective has a term");
    Loss {
        total,
        terms: terms
            .into_iter()
            .map(|(name, _, term)| (name, term))
            .collect(),
    }
}

type Term = (&'static str, f64, Tensor<1>);

/// Targets as tensors beside the student's output.
struct Known<'a> {
    output: &'a StudentOutput,
    /// One-hot gold labels, zero rows where there is none: `[batch, classes]`.
    gold: Tensor<2>,
    golds: usize,
    /// Teacher's logits `[batch, classes]`.
    teacher: Tensor<2>,
    /// 1 where a token belongs to a word, `[batch, words, time]`.
    membership: Tensor<3>,
    /// Attributions `[batch, words, classes]`, zero where there are none.
    attributions: Tensor<3>,
    /// 1 for rows with attributions, `[batch]`.
    explained: Tensor<1>,
    explanations: usize,
    targets: &'a Targets,
}

impl<'a> Known<'a> {
    fn new(targets: &'a Targets, output: &'a StudentOutput, device: &Device) -> Self {
        let [batch, time, classes] = output.contributions.dims();
        let words = targets
            .attributions
            .iter()
            .flatten()
            .map(|attribution| attribution.first().map_or(0, Vec::len))
            .max()
            .unwrap_or(0)
            .max(1);
        let mut gold = vec![0f32; batch * classes];
        let mut membership = vec![0f32; batch * words * time];
        let mut attributions = vec![0f32; batch * words * classes];
        let mut explained = vec![0f32; batch];
        for row in 0..batch {
            if let Some(class) = targets.gold[row] {
                gold[row * classes + class] = 1.0;
            }
            let Some(attribution) = &targets.attributions[row] else {
                continue;
            };
            explained[row] = 1.0;
            // Words that the teacher did not read are no target.
            let read = attribution.first().map_or(0, Vec::len);
            for (token, &word) in targets.words[row].iter().enumerate() {
                if word < read {
                    membership[(row * words + word) * time + token] = 1.0;
                }
            }
            for (class, values) in attribution.iter().enumerate() {
                for (word, &value) in values.iter().enumerate() {
                    attributions[(row * words + word) * classes + class] = value;
                }
            }
        }
        let count = |values: &[f32]| values.iter().filter(|v| **v > 0.0).count();
        Self {
            output,
            golds: count(&gold).max(1),
            explanations: count(&explained).max(1),
            gold: Tensor::from_data(TensorData::new(gold, [batch, classes]), device),
            teacher: Tensor::from_data(
                TensorData::new(targets.logits.concat(), [batch, classes]),
                device,
            ),
            membership: Tensor::from_data(
                TensorData::new(membership, [batch, words, time]),
                device,
            ),
            attributions: Tensor::from_data(
                TensorData::new(attributions, [batch, words, classes]),
                device,
            ),
            explained: Tensor::from_data(TensorData::new(explained, [batch]), device),
            targets,
        }
    }

    /// `(1 − λ)·CE + λ·τ²·KL(p_τ ‖ q_τ)` (Hinton et al. 2015).
    fn kd(&self, section: &DistillSection) -> Vec<Term> {
        let scale = section.temperature * section.temperature;
        let divergence = self.divergences(section.temperature).mean() * scale;
        vec![
            ("cross-entropy", 1.0 - section.lambda, self.cross_entropy()),
            ("distillation", section.lambda, divergence),
        ]
    }

    /// Mean cross-entropy over the rows with a gold label.
    fn cross_entropy(&self) -> Tensor<1> {
        let log = log_softmax(self.output.logits.clone(), 1);
        (log * self.gold.clone()).sum() * (-1.0 / self.golds as f64)
    }

    /// `KL(p_τ ‖ q_τ)` of each row, `[batch]`.
    fn divergences(&self, temperature: f64) -> Tensor<1> {
        let teacher = self.teacher.clone() / temperature;
        let student = self.output.logits.clone() / temperature;
        let difference = log_softmax(teacher.clone(), 1) - log_softmax(student, 1);
        (softmax(teacher, 1) * difference)
            .sum_dim(1)
            .squeeze_dim::<1>(1)
    }

    /// `1 − exp(−KL(p_τ ‖ q_τ))`, mean over rows (Cantini et al. 2024, `L_KD`).
    fn saturating_divergence(&self, temperature: f64) -> Tensor<1> {
        (self.divergences(temperature).neg().exp().neg() + 1.0).mean()
    }

    /// Mean squared difference of the logits (Ba & Caruana 2014).
    fn logit_error(&self) -> Tensor<1> {
        (self.output.logits.clone() - self.teacher.clone())
            .square()
            .mean()
    }

    /// `½(1 − cos(a, σ))`: the teacher's attributions of its predicted class against the student's
    /// unnormalised attention scores, by word (Cantini et al. 2024, `L_XAI`).
    fn attention_distance(&self) -> Tensor<1> {
        let [batch, _, classes] = self.attributions.dims();
        let mut predicted = vec![0f32; batch * classes];
        for (row, logits) in self.targets.logits.iter().enumerate() {
            predicted[row * classes + argmax(logits)] = 1.0;
        }
        let device = self.attributions.device();
        let predicted =
            Tensor::<3>::from_data(TensorData::new(predicted, [batch, 1, classes]), &device);
        let teacher = (self.attributions.clone() * predicted).sum_dim(2);
        let student = self
            .membership
            .clone()
            .matmul(self.output.scores.clone().unsqueeze_dim(2));
        self.over_explained(half_cosine_distance(teacher, student))
    }

    /// Mean over classes of `½(1 − cos(a_c, φ_c))` on contributions centred over classes, by word.
    fn contribution_distance(&self) -> Tensor<1> {
        let student = self
            .membership
            .clone()
            .matmul(self.output.contributions.clone());
        let student = student.clone() - student.mean_dim(2);
        let teacher = self.attributions.clone() - self.attributions.clone().mean_dim(2);
        self.over_explained(half_cosine_distance(teacher, student).mean_dim(1))
    }

    /// Mean of `[batch, 1]` over the rows with attributions.
    fn over_explained(&self, distance: Tensor<2>) -> Tensor<1> {
        let distance = distance.squeeze_dim::<1>(1) * self.explained.clone();
        distance.sum() * (self.explanations as f64).recip()
    }
}

/// `½(1 − cos)` along dimension 1 of `[batch, words, n]` → `[batch, n]`.
fn half_cosine_distance(a: Tensor<3>, b: Tensor<3>) -> Tensor<2> {
    let length = |t: Tensor<3>| (t.square().sum_dim(1) + TINY).sqrt();
    let dot = (a.clone() * b.clone()).sum_dim(1);
    let cosine = dot / (length(a) * length(b));
    ((cosine.neg() + 1.0) * 0.5).squeeze_dim::<2>(1)
}
