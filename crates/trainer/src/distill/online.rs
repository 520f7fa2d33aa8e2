//! The teacher as it learns along with its student (online distillation): its encoder stays as it is, and an adapter on
//! what that makes of a text corrects its logits.

use anyhow::{Context, Result, ensure};
use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::{Tensor, TensorData};
use rand::RngExt;

use super::Row;
use crate::adamw::{AdamW, MOMENTS};
use crate::device::processor;
use crate::recipe::DistillSection;
use crate::student::StudentOutput;
use crate::teacher::{Weights, floats_of};
use crate::training::generator;

/// What the parameters are called in a checkpoint.
const PARAMETERS: [&str; 4] = ["down", "down bias", "up", "up bias"];

/// `z = z_T + U · relu(D · f + d) + u`: the frozen teacher's logits and what the adapter of its pooled vector `f` adds,
/// which begins as nothing.
pub(super) struct Online {
    /// By the order of [`PARAMETERS`]: `[features, width]`, `[width]`, `[width, classes]`, `[classes]`.
    weights: [Vec<f32>; 4],
    moments: [[Vec<f32>; 4]; 2],
    features: usize,
    width: usize,
    classes: usize,
}

impl Online {
    /// An adapter of `width` units.
    pub(super) fn new(width: usize, features: usize, classes: usize, seed: u64) -> Self {
        let bound = (features.max(1) as f32).sqrt().recip();
        let mut rng = generator(seed, "online teacher", 0);
        let down = (0..features * width).map(|_| rng.random_range(-bound..bound));
        let weights = [
            down.collect(),
            vec![0.0; width],
            vec![0.0; width * classes],
            vec![0.0; classes],
        ];
        let zeros = || weights.each_ref().map(|values| vec![0.0; values.len()]);
        Self {
            moments: [zeros(), zeros()],
            weights,
            features,
            width,
            classes,
        }
    }

    /// Its logits of rows.
    pub(super) fn logits(&self, rows: &[&Row]) -> Result<Vec<Vec<f32>>> {
        let logits = floats_of(self.forward(&self.parameters(), rows))?;
        let rows = logits.chunks_exact(self.classes);
        Ok(rows.map(<[f32]>::to_vec).collect())
    }

    /// Learns from a batch: the cross-entropy of the gold labels, and `KL(student ‖ teacher)`, the student's part in mutual
    /// learning (Zhang et al. 2018), each as much as the student's objective hears of gold labels and teacher. Returns what it
    /// was.
    pub(super) fn learn(
        &mut self,
        rows: &[&Row],
        student: &StudentOutput,
        section: &DistillSection,
        update: &AdamW,
    ) -> Result<f64> {
        let device = processor();
        let parameters = self.parameters();
        let log = log_softmax(self.forward(&parameters, rows), 1);
        let mut gold = vec![0f32; rows.len() * self.classes];
        let mut known = 0u32;
        for (row, gold) in rows.iter().zip(gold.chunks_exact_mut(self.classes)) {
            if let Some(class) = row.gold {
                gold[class] = 1.0;
                known += 1;
            }
        }
        let dims = [rows.len(), self.classes];
        let gold = Tensor::<2>::from_data(TensorData::new(gold, dims), &device);
        let said = floats_of(student.logits.clone())?;
        let said = Tensor::<2>::from_data(TensorData::new(said, dims), &device);
        let said = log_softmax(said, 1);
        let entropy = (log.clone() * gold).sum() * (-1.0 / f64::from(known.max(1)));
        let apart = (said.clone().exp() * (said - log)).sum() * (rows.len() as f64).recip();
        let [by_gold, by_student] = section.shares();
        let loss = entropy * by_gold + apart * by_student;
        let value = f64::from(floats_of(loss.clone())?[0]);
        let mut gradients = loss.backward();
        let [first, second] = &mut self.moments;
        let moments = first.iter_mut().zip(second);
        for ((weights, (first, second)), parameter) in
            self.weights.iter_mut().zip(moments).zip(&parameters)
        {
            let gradient = parameter.grad_remove(&mut gradients);
            let gradient = floats_of(gradient.context("the loss hangs on every parameter")?)?;
            update.apply(weights, (first, second), &gradient);
        }
        Ok(value)
    }

    /// A weight that is no number, if there is one.
    pub(super) fn broken(&self) -> Option<f32> {
        let mut weights = self.weights.iter().flatten();
        weights.find(|weight| !weight.is_finite()).copied()
    }

    /// The numbers by name, with the optimizer's, as [`Online::read`] takes them.
    pub(super) fn write(&self) -> Result<Vec<u8>> {
        let mut out = Weights::default();
        let mut put = |prefix: &str, all: &[Vec<f32>; 4]| {
            for (name, values) in PARAMETERS.iter().zip(all) {
                out.put_values(
                    format!("{prefix}{name}"),
                    vec![values.len()],
                    values.clone(),
                );
            }
        };
        put("", &self.weights);
        for (prefix, moment) in MOMENTS.iter().zip(&self.moments) {
            put(prefix, moment);
        }
        out.write()
    }

    pub(super) fn read(&mut self, weights: &Weights) -> Result<()> {
        let [first, second] = &mut self.moments;
        let all = [
            ("", &mut self.weights),
            (MOMENTS[0], first),
            (MOMENTS[1], second),
        ];
        for (prefix, all) in all {
            for (name, values) in PARAMETERS.iter().zip(all) {
                let found = weights
                    .values(&format!("{prefix}{name}"))
                    .unwrap_or_default();
                ensure!(
                    found.len() == values.len(),
                    "{prefix}{name} is of another adapter; remove the folder of these checkpoints"
                );
                values.copy_from_slice(found);
            }
        }
        Ok(())
    }

    /// The weights on the tape, in the order of [`PARAMETERS`].
    fn parameters(&self) -> [Tensor<2>; 4] {
        let device = processor();
        let [down, down_bias, up, up_bias] = &self.weights;
        [
            (down, [self.features, self.width]),
            (down_bias, [1, self.width]),
            (up, [self.width, self.classes]),
            (up_bias, [1, self.classes]),
        ]
        .map(|(values, dims)| {
            Tensor::from_data(TensorData::new(values.clone(), dims), &device).require_grad()
        })
    }

    /// `[rows, classes]`.
    fn forward(&self, parameters: &[Tensor<2>; 4], rows: &[&Row]) -> Tensor<2> {
        let device = processor();
        let matrix = |values: Vec<f32>, width| {
            Tensor::<2>::from_data(TensorData::new(values, [rows.len(), width]), &device)
        };
        let features = rows.iter().flat_map(|row| row.features.iter().flatten());
        let features = matrix(features.copied().collect(), self.features);
        let frozen = rows.iter().flat_map(|row| &row.logits);
        let frozen = matrix(frozen.copied().collect(), self.classes);
        let [down, down_bias, up, up_bias] = parameters;
        let inner = relu(features.matmul(down.clone()) + down_bias.clone());
        frozen + inner.matmul(up.clone()) + up_bias.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::softmax;

    fn row(index: usize) -> Row {
        let wave = |place: usize| ((index * 7 + place * 3) as f32).sin();
        Row {
            ids: vec![0],
            words: vec![0],
            gold: (index % 3 != 2).then_some(index % 3),
            logits: (0..3).map(|class| wave(class + 10)).collect(),
            attribution: None,
            group: None,
            rationale: None,
            reasons: Vec::new(),
            meaning: None,
            features: Some((0..5).map(wave).collect()),
            question: None,
        }
    }

    fn said(rows: usize) -> StudentOutput {
        let tensor = |width: usize| {
            let values: Vec<f32> = (0..rows * width).map(|i| (i as f32 * 1.3).cos()).collect();
            Tensor::<2>::from_data(TensorData::new(values, [rows, width]), &processor())
        };
        StudentOutput {
            logits: tensor(3),
            contributions: tensor(3).reshape([rows, 1, 3]),
            scores: tensor(1),
            weights: tensor(1),
            states: tensor(2),
        }
    }

    /// The loss by its definition.
    fn loss(logits: &[Vec<f32>], rows: &[&Row], student: &StudentOutput, lambda: f64) -> f64 {
        let student = floats_of(student.logits.clone()).unwrap();
        let (mut entropy, mut golds, mut apart) = (0.0, 0.0, 0.0);
        for ((row, logits), student) in rows.iter().zip(logits).zip(student.chunks(3)) {
            let (own, student) = (softmax(logits), softmax(student));
            if let Some(gold) = row.gold {
                entropy -= own[gold].ln();
                golds += 1.0;
            }
            let terms = student.iter().zip(&own);
            apart += terms.map(|(q, p)| q * (q / p).ln()).sum::<f64>();
        }
        (1.0 - lambda) * entropy / golds + lambda * apart / rows.len() as f64
    }

    #[test]
    fn it_begins_as_the_teacher_and_learns_with_every_parameter() {
        let rows: Vec<Row> = (0..7).map(row).collect();
        let rows: Vec<&Row> = rows.iter().collect();
        let mut online = Online::new(4, 5, 3, 9);
        let first = online.logits(&rows).unwrap();
        assert!(
            first
                .iter()
                .zip(&rows)
                .all(|(logits, row)| *logits == row.logits)
        );
        let section = DistillSection {
            lambda: 0.7,
            ..DistillSection::default()
        };
        let (student, before) = (said(7), online.weights.clone());
        let mut values = Vec::new();
        for step in 0..60 {
            let want = loss(&online.logits(&rows).unwrap(), &rows, &student, 0.7);
            let update = AdamW::at(step, 0.02, 0.0, 1.0);
            let found = online.learn(&rows, &student, &section, &update).unwrap();
            assert!((found - want).abs() < 1e-6, "{found} {want}");
            values.push(found);
        }
        assert!(values[59] < 0.8 * values[0], "{values:?}");
        for (name, (before, after)) in PARAMETERS.iter().zip(before.iter().zip(&online.weights)) {
            assert!(before != after, "{name}");
        }
        let mut read = Online::new(4, 5, 3, 10);
        let bytes = online.write().unwrap();
        read.read(&Weights::read(&bytes).unwrap()).unwrap();
        assert_eq!(read.logits(&rows).unwrap(), online.logits(&rows).unwrap());
        assert!(read.write().unwrap() == bytes);
    }
}
