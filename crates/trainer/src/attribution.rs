//! Integrated gradients (Sundararajan et al. 2017) of a teacher, summed to words.

use anyhow::Result;
use burn::tensor::activation::softmax;
use burn::tensor::{Int, Tensor, TensorData};
use stillglass_runtime::gauss_legendre;

use crate::recipe::Target;
use crate::teacher::{Batch, Encoded, Encoder, Teacher, floats_of};

/// Smallest difference that completeness errors are measured against.
const SMALLEST_CHANGE: f32 = 1e-3;

/// Why the teacher decided as it did, for every class.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribution {
    /// Logits of the text, one a class.
    pub logits: Vec<f32>,
    /// Contribution of each word to each class, `[classes][words]`.
    pub words: Vec<Vec<f32>>,
    /// What special tokens and words beyond the length limit's cut contribute, one a class.
    pub remainder: Vec<f32>,
    /// `|Σφ − (F(x) − F(b))| / max(|F(x) − F(b)|, ε)`, one a class.
    pub completeness_error: Vec<f32>,
}

/// A teacher prepared for attribution: frozen, so that no weight gradient is ever computed.
pub struct Explainer<'a> {
    teacher: &'a Teacher,
    encoder: Encoder,
    nodes: Vec<(f64, f64)>,
    target: Target,
    specials: (u32, u32),
}

impl<'a> Explainer<'a> {
    /// Integrates over `nodes` Gauss–Legendre nodes.
    pub fn new(teacher: &'a Teacher, nodes: usize, target: Target) -> Result<Self> {
        Ok(Self {
            teacher,
            encoder: teacher.encoder.frozen(),
            nodes: gauss_legendre(nodes),
            target,
            specials: teacher.tokenizer.special()?,
        })
    }

    /// Explains a batch of encoded texts; `words[i]` is the number of words of text `i`.
    ///
    /// The baseline keeps the first and last special token and has the padding token's embedding in
    /// between. Contributions of all classes sum to zero for both targets, so the last class is what
    /// the others leave.
    pub fn explain(&self, texts: &[&Encoded], words: &[usize]) -> Result<Vec<Attribution>> {
        let rows: Vec<&[u32]> = texts.iter().map(|text| text.ids.as_slice()).collect();
        let (padding, device) = (self.teacher.config.padding, &self.teacher.device);
        let batch = Batch::new(&rows, padding, device);
        let blank: Vec<Vec<u32>> = rows.iter().map(|ids| self.baseline(ids)).collect();
        let blank: Vec<&[u32]> = blank.iter().map(Vec::as_slice).collect();
        let text = self.encoder.embed(batch.ids.clone());
        let baseline = self.encoder.embed(Batch::new(&blank, padding, device).ids);
        let both = Tensor::cat(vec![text.clone(), baseline.clone()], 0);
        let logits = self
            .encoder
            .forward_embedded(both, batch.mask.clone().repeat_dim(0, 2));
        let outcomes = floats_of(self.outcomes(logits.clone()))?;
        let tokens = floats_of(self.token_contributions(text, baseline, &batch.mask))?;
        let classes = self.teacher.config.labels.len();
        let time = batch.mask.dims()[1];
        let logits = floats_of(logits)?;
        let attribution = |index: usize| {
            let per_row = (classes - 1) * time;
            let tokens = &tokens[index * per_row..(index + 1) * per_row];
            let of = |row: usize| row * classes..(row + 1) * classes;
            let change: Vec<f32> = outcomes[of(index)]
                .iter()
                .zip(&outcomes[of(index + texts.len())])
                .map(|(text, blank)| text - blank)
                .collect();
            gather(
                texts[index],
                words[index],
                tokens,
                time,
                &change,
                &logits[of(index)],
            )
        };
        Ok((0..texts.len()).map(attribution).collect())
    }

    /// What is explained, `[rows, classes]`: centred logits or probabilities.
    fn outcomes(&self, logits: Tensor<2>) -> Tensor<2> {
        match self.target {
            Target::Logit => logits.clone() - logits.mean_dim(1),
            Target::Probability => softmax(logits, 1),
        }
    }

    /// Contributions `[batch, classes - 1, time]`, all classes and nodes in one pass.
    fn token_contributions(
        &self,
        text: Tensor<3>,
        baseline: Tensor<3>,
        mask: &Tensor<2>,
    ) -> Tensor<3> {
        let [batch, time, hidden] = text.dims();
        let explained = self.teacher.config.labels.len() - 1;
        let device = text.device();
        let repeats = explained * self.nodes.len();
        let column = |pick: fn(&(f64, f64)) -> f64| -> Tensor<5> {
            let values: Vec<f32> = self.nodes.iter().map(|node| pick(node) as f32).collect();
            Tensor::from_data(
                TensorData::new(values, [1, 1, self.nodes.len(), 1, 1]),
                &device,
            )
        };
        let change = (text - baseline.clone()).reshape([batch, 1, 1, time, hidden]);
        let path =
            baseline.reshape([batch, 1, 1, time, hidden]) + change.clone() * column(|node| node.0);
        let points = path
            .expand([batch, explained, self.nodes.len(), time, hidden])
            .reshape([batch * repeats, time, hidden])
            .detach()
            .require_grad();
        let mask: Tensor<2> = mask
            .clone()
            .unsqueeze_dim::<3>(1)
            .expand([batch, repeats, time])
            .reshape([batch * repeats, time]);
        let outcomes = self.outcomes(self.encoder.forward_embedded(points.clone(), mask));
        let class: Vec<i64> = (0..batch * repeats)
            .map(|row| (row / self.nodes.len() % explained) as i64)
            .collect();
        let class =
            Tensor::<2, Int>::from_data(TensorData::new(class, [batch * repeats, 1]), &device);
        let gradients = outcomes.gather(1, class).sum().backward();
        let slopes = points
            .grad(&gradients)
            .expect("the points require gradients");
        let change = change.inner().squeeze_dim::<4>(1);
        let slopes = slopes.reshape([batch, explained, self.nodes.len(), time, hidden]);
        let mean = (slopes * column(|node| node.1).inner())
            .sum_dim(2)
            .squeeze_dim::<4>(2);
        (mean * change).sum_dim(3).squeeze_dim::<3>(3)
    }

    /// First and last special token with padding tokens in between.
    fn baseline(&self, ids: &[u32]) -> Vec<u32> {
        ids.iter()
            .map(|&id| {
                let special = id == self.specials.0 || id == self.specials.1;
                if special {
                    id
                } else {
                    self.teacher.config.padding
                }
            })
            .collect()
    }
}

/// Sums tokens to words and completes the last class. `tokens: [(classes - 1) * time]`.
fn gather(
    text: &Encoded,
    words: usize,
    tokens: &[f32],
    time: usize,
    change: &[f32],
    logits: &[f32],
) -> Attribution {
    let classes = change.len();
    let mut by_word = vec![vec![0f32; words]; classes];
    let mut remainder = vec![0f32; classes];
    for class in 0..classes - 1 {
        for (&owner, &value) in text.words.iter().zip(&tokens[class * time..]) {
            let slot = owner.and_then(|word| by_word[class].get_mut(word));
            *slot.unwrap_or(&mut remainder[class]) += value;
        }
    }
    let last = classes - 1;
    let others = by_word[..last]
        .iter()
        .fold(vec![0f32; words], |mut sums, class| {
            sums.iter_mut()
                .zip(class)
                .for_each(|(sum, value)| *sum += value);
            sums
        });
    by_word[last] = others.into_iter().map(|sum| -sum).collect();
    remainder[last] = -remainder[..last].iter().sum::<f32>();
    let completeness_error = (0..classes)
        .map(|class| {
            let total = by_word[class].iter().sum::<f32>() + remainder[class];
            (total - change[class]).abs() / change[class].abs().max(SMALLEST_CHANGE)
        })
        .collect();
    Attribution {
        logits: logits.to_vec(),
        words: by_word,
        remainder,
        completeness_error,
    }
}
