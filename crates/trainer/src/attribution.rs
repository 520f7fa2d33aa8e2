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
    /// Contribution of each word to each class, `[classes][words]`; words beyond the length limit,
    /// which the teacher did not read, are left out.
    pub words: Vec<Vec<f32>>,
    /// What special tokens contribute, one a class.
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
    sequences: usize,
    specials: (u32, u32),
}

/// Where on the path a class's slope is taken, and what it counts.
struct Point {
    class: usize,
    at: f64,
    weight: f64,
}

impl<'a> Explainer<'a> {
    /// Integrates over `nodes` Gauss–Legendre nodes, with about `sequences` texts (each counted once a
    /// node and class) in memory at a time.
    pub fn new(
        teacher: &'a Teacher,
        nodes: usize,
        target: Target,
        sequences: usize,
    ) -> Result<Self> {
        Ok(Self {
            teacher,
            encoder: teacher.encoder.frozen(),
            nodes: gauss_legendre(nodes),
            target,
            sequences,
            specials: teacher.tokenizer.special()?,
        })
    }

    /// Texts that [`Explainer::explain`] takes at a time; one at least.
    pub fn batch(&self) -> usize {
        let explained = (self.teacher.config.labels.len() - 1).max(1);
        (self.sequences / (self.nodes.len() * explained)).max(1)
    }

    /// Explains a batch of encoded texts; `words[i]` is the number of words that were read of text `i`.
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
        let tokens = self.token_contributions(&text, &baseline, &batch.mask)?;
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

    /// Contributions `[batch, classes - 1, time]`: Σ over nodes of weight · slope · change.
    fn token_contributions(
        &self,
        text: &Tensor<3>,
        baseline: &Tensor<3>,
        mask: &Tensor<2>,
    ) -> Result<Vec<f32>> {
        let [batch, time, _] = text.dims();
        let explained = self.teacher.config.labels.len() - 1;
        let change = text.clone() - baseline.clone();
        let points: Vec<Point> = (0..explained)
            .flat_map(|class| {
                self.nodes
                    .iter()
                    .map(move |&(at, weight)| Point { class, at, weight })
            })
            .collect();
        let mut sums = vec![0f32; batch * explained * time];
        for points in points.chunks((self.sequences / batch).max(1)) {
            let products = floats_of(self.products(points, baseline, &change, mask))?;
            for (index, products) in products.chunks_exact(time).enumerate() {
                let (row, point) = (index / points.len(), &points[index % points.len()]);
                let sums = &mut sums[(row * explained + point.class) * time..][..time];
                for (sum, product) in sums.iter_mut().zip(products) {
                    *sum += point.weight as f32 * product;
                }
            }
        }
        Ok(sums)
    }

    /// Slope · change of every token at every point, `[batch, points, time]`, in one pass.
    fn products(
        &self,
        points: &[Point],
        baseline: &Tensor<3>,
        change: &Tensor<3>,
        mask: &Tensor<2>,
    ) -> Tensor<3> {
        let [batch, time, hidden] = change.dims();
        let (device, count) = (change.device(), points.len());
        let at: Vec<f32> = points.iter().map(|point| point.at as f32).collect();
        let at = Tensor::<4>::from_data(TensorData::new(at, [1, count, 1, 1]), &device);
        let single = [batch, 1, time, hidden];
        let inputs = (baseline.clone().reshape(single) + change.clone().reshape(single) * at)
            .reshape([batch * count, time, hidden])
            .detach()
            .require_grad();
        let mask = mask.clone().unsqueeze_dim::<3>(1);
        let mask = mask
            .expand([batch, count, time])
            .reshape([batch * count, time]);
        let outcomes = self.outcomes(self.encoder.forward_embedded(inputs.clone(), mask));
        let class: Vec<i64> = (0..batch * count)
            .map(|row| points[row % count].class as i64)
            .collect();
        let class =
            Tensor::<2, Int>::from_data(TensorData::new(class, [batch * count, 1]), &device);
        let gradients = outcomes.gather(1, class).sum().backward();
        let slopes = inputs
            .grad(&gradients)
            .expect("the inputs require gradients")
            .reshape([batch, count, time, hidden]);
        let change = change.clone().inner().reshape(single);
        (slopes * change).sum_dim(3).squeeze_dim::<3>(3)
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
