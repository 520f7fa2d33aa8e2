//! What the student is asked to copy: the objectives on one batch.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::attribution::was_read;
use crate::metrics::{argmax, confidence};
use crate::recipe::{DistillSection, Divergence, Objective};
use crate::student::StudentOutput;

/// Keeps the gradient of a vector's length finite where the vector is zero.
const TINY: f64 = 1e-12;

/// Temperature of the contrast of pooled vectors (Khosla et al. 2020).
const CONTRAST: f64 = 0.1;

/// What is known of a batch's rows.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Gold class of each row; `None` where only the teacher labels it.
    pub gold: Vec<Option<usize>>,
    /// Teacher's logits, `[batch][classes]`.
    pub logits: Vec<Vec<f32>>,
    /// Teacher's word-level attributions `[classes][words]`; `None` where there are none.
    pub attributions: Vec<Option<Vec<Vec<f32>>>>,
    /// 1 for each word that people named, 0 for the others; `None` where nobody was asked.
    pub rationales: Vec<Option<Vec<f32>>>,
    /// What each row's reason means, a direction; `None` where it has none, or nobody asks.
    pub meanings: Vec<Option<Vec<f32>>>,
    /// The rows of each question whose choices they are, which compete; empty where rows are no choices.
    pub questions: Vec<Vec<usize>>,
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
    let known = Known::new(targets, output, section, &device);
    let mut terms = match section.objective {
        Objective::Labels => vec![("cross-entropy", 1.0, known.cross_entropy(section))],
        Objective::Kd => known.kd(section),
        Objective::KdMse => vec![("logit error", 1.0, known.logit_error())],
        Objective::Dixtill => vec![
            (
                "cross-entropy",
                1.0 - section.alpha,
                known.cross_entropy(section),
            ),
            (
                "distillation",
                section.alpha,
                known.saturating_divergence(section),
            ),
            ("explanation", section.alpha, known.attention_distance()),
        ],
        Objective::Multiview => {
            let mut terms = known.kd(section);
            terms.push(("explanation", section.mu, known.contribution_distance()));
            terms
        }
    };
    if section.rationale > 0.0 {
        terms.push(("rationale", section.rationale, known.rationale_distance()));
    }
    if section.contrastive > 0.0 {
        terms.push(("contrast", section.contrastive, known.contrast()));
    }
    if !targets.questions.is_empty() {
        terms.extend(known.choices(section));
    }
    if section.reason.meaning > 0.0 {
        terms.push(("meaning", section.reason.meaning, known.meaning_distance()));
    }
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
    fn new(
        targets: &'a Targets,
        output: &'a StudentOutput,
        section: &DistillSection,
        device: &Device,
    ) -> Self {
        let [batch, time, classes] = output.contributions.dims();
        let attributed = targets.attributions.iter().flatten();
        let attributed = attributed.map(|attribution| attribution.first().map_or(0, Vec::len));
        let words = attributed.max().unwrap_or(0).max(1);
        let mut gold = vec![0f32; batch * classes];
        let mut membership = vec![0f32; batch * words * time];
        let mut attributions = vec![0f32; batch * words * classes];
        let mut explained = vec![0f32; batch];
        for row in 0..batch {
            if let Some(class) = targets.gold[row] {
                gold[row * classes + class] = 1.0;
            }
            let sure = || confidence(&targets.logits[row]) >= section.confident;
            let Some(attribution) = targets.attributions[row].as_ref().filter(|_| sure()) else {
                continue;
            };
            explained[row] = 1.0;
            // Words that the teacher did not read are no target.
            let read = |word| was_read(attribution, word);
            let own = &mut membership[row * words * time..][..words * time];
            belong(own, &targets.words[row], read, time);
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
        let divergence = self.divergences(section).mean() * scale;
        vec![
            (
                "cross-entropy",
                1.0 - section.lambda,
                self.cross_entropy(section),
            ),
            ("distillation", section.lambda, divergence),
        ]
    }

    /// Mean cross-entropy over the rows with a gold label, which counts `1 − smoothing` and every class its share
    /// of `smoothing` (Szegedy et al. 2016).
    fn cross_entropy(&self, section: &DistillSection) -> Tensor<1> {
        let log = log_softmax(self.output.logits.clone(), 1);
        let mut gold = self.gold.clone();
        if section.smoothing > 0.0 {
            let [_, classes] = gold.dims();
            let known = gold.clone().sum_dim(1);
            gold = gold * (1.0 - section.smoothing) + known * (section.smoothing / classes as f64);
        }
        (log * gold).sum() * (-1.0 / self.golds as f64)
    }

    /// How far the student is from the teacher in each row, `[batch]`, both softened: `KL(p ‖ q)`, `KL(q ‖ p)`,
    /// or half of each to their mean.
    fn divergences(&self, section: &DistillSection) -> Tensor<1> {
        let log = |logits: &Tensor<2>| log_softmax(logits.clone() / section.temperature, 1);
        let (teacher, student) = (log(&self.teacher), log(&self.output.logits));
        match section.divergence {
            Divergence::Forward => divergence(teacher, student),
            Divergence::Reverse => divergence(student, teacher),
            Divergence::JensenShannon => {
                let middle = (teacher.clone().exp() + student.clone().exp()) * 0.5;
                let middle = (middle + TINY).log();
                (divergence(teacher, middle.clone()) + divergence(student, middle)) * 0.5
            }
        }
    }

    /// `1 − exp(−KL(p_τ ‖ q_τ))`, mean over rows (Cantini et al. 2024, `L_KD`).
    fn saturating_divergence(&self, section: &DistillSection) -> Tensor<1> {
        (self.divergences(section).neg().exp().neg() + 1.0).mean()
    }

    /// Supervised contrast of the pooled vectors (Khosla et al. 2020, eq. 2): rows of one class are near each other
    /// and far from the rest. A row without a gold label is of the class that the teacher answers.
    fn contrast(&self) -> Tensor<1> {
        let pooled = self.output.pooled();
        let [batch, _] = pooled.dims();
        let class: Vec<usize> = (0..batch)
            .map(|row| self.targets.gold[row].unwrap_or_else(|| argmax(&self.targets.logits[row])))
            .collect();
        let (mut positive, mut own, mut anchors) =
            (vec![0f32; batch * batch], vec![0f32; batch * batch], 0);
        for row in 0..batch {
            own[row * batch + row] = 1.0;
            let same: Vec<usize> = (0..batch)
                .filter(|&other| other != row && class[other] == class[row])
                .collect();
            anchors += usize::from(!same.is_empty());
            for &other in &same {
                positive[row * batch + other] = 1.0 / same.len() as f32;
            }
        }
        let device = pooled.device();
        let square =
            |values| Tensor::<2>::from_data(TensorData::new(values, [batch, batch]), &device);
        let unit = directions(pooled);
        let near = unit.clone().matmul(unit.transpose()) / CONTRAST;
        // A row is not beside itself.
        let near = log_softmax(near - square(own) * 1e9, 1);
        (near * square(positive)).sum() * (-1.0 / anchors.max(1) as f64)
    }

    /// The choices of each question against each other, by how much the logit of `right` exceeds that of `wrong`: the
    /// cross-entropy of the right ones, and the divergence from what the teacher makes of the same choices.
    fn choices(&self, section: &DistillSection) -> Vec<Term> {
        let [gold, taught] = section.shares();
        let device = self.output.logits.device();
        let questions = &self.targets.questions;
        let (count, width) = (
            questions.len(),
            questions.iter().map(Vec::len).max().unwrap_or(0),
        );
        let (mut rows, mut missing) = (vec![0i64; count * width], vec![1e9f32; count * width]);
        let (mut right, mut known) = (vec![0f32; count * width], 0u32);
        for (question, choices) in questions.iter().enumerate() {
            let is_right = |row: &&usize| self.targets.gold[**row] == Some(1);
            let share = 1.0 / choices.iter().filter(is_right).count() as f32;
            known += u32::from(share.is_finite());
            for (place, &row) in choices.iter().enumerate() {
                let at = question * width + place;
                (rows[at], missing[at]) = (row as i64, 0.0);
                right[at] = if is_right(&&row) { share } else { 0.0 };
            }
        }
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [count * width]), &device);
        let square =
            |values| Tensor::<2>::from_data(TensorData::new(values, [count, width]), &device);
        let missing = square(missing);
        let log = |logits: &Tensor<2>, temperature: f64| {
            let gap = logits.clone().narrow(1, 1, 1) - logits.clone().narrow(1, 0, 1);
            let gaps = gap.select(0, rows.clone()).reshape([count, width]);
            log_softmax(gaps / temperature - missing.clone(), 1)
        };
        let entropy = (log(&self.output.logits, 1.0) * square(right)).sum();
        let temperature = section.temperature;
        let (teacher, student) = (
            log(&self.teacher, temperature),
            log(&self.output.logits, temperature),
        );
        let far = divergence(teacher, student).mean() * (temperature * temperature);
        vec![
            ("choice", gold, entropy * (-1.0 / f64::from(known.max(1)))),
            ("choice of the teacher", taught, far),
        ]
    }

    /// How differently rows are alike by their pooled vectors and by their reasons: mean squared difference of the rows'
    /// cosines to each other, each row of these of length 1 (Tung & Mori 2019, eq. 4, here without the rows themselves).
    fn meaning_distance(&self) -> Tensor<1> {
        let meanings = self.targets.meanings.iter().enumerate();
        let meanings = meanings.filter_map(|(row, meaning)| Some((row as i64, meaning.as_ref()?)));
        let (rows, meanings): (Vec<i64>, Vec<&Vec<f32>>) = meanings.unzip();
        let pooled = self.output.pooled();
        let device = pooled.device();
        let (count, width) = (
            rows.len(),
            meanings.first().map_or(0, |meaning| meaning.len()),
        );
        if count < 2 || width == 0 {
            return pooled.sum() * 0.0;
        }
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [count]), &device);
        let values: Vec<f32> = meanings.into_iter().flatten().copied().collect();
        let meant = Tensor::<2>::from_data(TensorData::new(values, [count, width]), &device);
        let others = Tensor::<2>::ones([count, count], &device) - Tensor::<2>::eye(count, &device);
        let alike = |vectors: Tensor<2>| {
            let unit = directions(vectors);
            directions(unit.clone().matmul(unit.transpose()) * others.clone())
        };
        let difference = alike(pooled.select(0, rows)) - alike(meant);
        difference.square().sum() * (1.0 / (count * count) as f64)
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

    /// `½(1 − cos(m, φ))` of the rows with a gold label and words that people named: these against what each word
    /// gives to the label, more than to the mean of all.
    fn rationale_distance(&self) -> Tensor<1> {
        let [batch, time, classes] = self.output.contributions.dims();
        let named = self.targets.rationales.iter().flatten().map(Vec::len);
        let words = named.max().unwrap_or(0).max(1);
        let mut membership = vec![0f32; batch * words * time];
        let (mut named, mut there, mut rows) = (vec![0f32; batch * words], vec![0f32; batch], 0u32);
        for (row, rationale) in self.targets.rationales.iter().enumerate() {
            // Where people named no word there is nothing to be like.
            let rationale = rationale.as_ref().filter(|named| named.contains(&1.0));
            let (Some(rationale), Some(_)) = (rationale, self.targets.gold[row]) else {
                continue;
            };
            there[row] = 1.0;
            rows += 1;
            named[row * words..][..rationale.len()].copy_from_slice(rationale);
            let own = &mut membership[row * words * time..][..words * time];
            let known = |word| word < rationale.len();
            belong(own, &self.targets.words[row], known, time);
        }
        let device = self.output.contributions.device();
        let cube = |values, dims: [usize; 3]| {
            Tensor::<3>::from_data(TensorData::new(values, dims), &device)
        };
        let contributions = self.output.contributions.clone();
        let centred = contributions.clone() - contributions.mean_dim(2);
        let gold = self.gold.clone().reshape([batch, 1, classes]);
        let own = (centred * gold).sum_dim(2);
        let own = cube(membership, [batch, words, time]).matmul(own);
        let distance = half_cosine_distance(cube(named, [batch, words, 1]), own);
        let there = Tensor::<1>::from_data(TensorData::new(there, [batch]), &device);
        let distance = distance.squeeze_dim::<1>(1) * there;
        distance.sum() * f64::from(rows.max(1)).recip()
    }

    /// Mean of `[batch, 1]` over the rows with attributions.
    fn over_explained(&self, distance: Tensor<2>) -> Tensor<1> {
        let distance = distance.squeeze_dim::<1>(1) * self.explained.clone();
        distance.sum() * (self.explanations as f64).recip()
    }
}

/// Each row with length 1, `[rows, width]`.
fn directions(rows: Tensor<2>) -> Tensor<2> {
    let length = (rows.clone().square().sum_dim(1) + TINY).sqrt();
    rows / length
}

/// Marks in `[words, time]` the word that each token belongs to, of those that are `known`.
fn belong(membership: &mut [f32], words: &[usize], known: impl Fn(usize) -> bool, time: usize) {
    for (token, &word) in words.iter().enumerate().filter(|(_, word)| known(**word)) {
        membership[word * time + token] = 1.0;
    }
}

/// `KL(a ‖ b)` of each row of log-probabilities, `[batch]`.
fn divergence(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    let terms = a.clone().exp() * (a - b);
    terms.sum_dim(1).squeeze_dim::<1>(1)
}

/// `½(1 − cos)` along dimension 1 of `[batch, words, n]` → `[batch, n]`.
fn half_cosine_distance(a: Tensor<3>, b: Tensor<3>) -> Tensor<2> {
    let length = |t: Tensor<3>| (t.square().sum_dim(1) + TINY).sqrt();
    let dot = (a.clone() * b.clone()).sum_dim(1);
    let cosine = dot / (length(a) * length(b));
    ((cosine.neg() + 1.0) * 0.5).squeeze_dim::<2>(1)
}
