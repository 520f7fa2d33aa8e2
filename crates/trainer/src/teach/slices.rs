//! Learning on plain slices, the processor's way.
//!
//! A batch is cut into a few parts, a part a thread, each with a gradient of its own; they are added in order,
//! so that any number of threads learns the same bits.

use anyhow::Result;
use rayon::prelude::*;

use super::Step;
use crate::adamw::{AdamW, MOMENTS};
use crate::metrics::softmax;
use crate::recipe::TeacherSection;
use crate::teacher::{Keep, Slices, Teacher, Weights};
use crate::training::{Dropout, generator};

/// Parts of a batch, and so threads that it is spread over at most.
const PARTS: usize = 4;

/// Largest norm of one tensor's gradient; longer ones are scaled down.
const LONGEST: f32 = 1.0;

pub(super) struct Learner {
    weights: Slices,
    moments: [Slices; 2],
    /// Of each part; the first also has the gradient of the table of words, and the sum in the end.
    gradients: Vec<Slices>,
    dropout: f64,
    decay: f64,
}

/// A part of a batch: its texts and their labels.
type Part<'a> = (&'a [&'a [u32]], &'a [usize]);

/// What a part was found to be.
struct Found {
    /// Σ of the texts' cross-entropy.
    loss: f64,
    ids: Vec<u32>,
    /// Gradient of the loss at the word embeddings, `[tokens, hidden]`.
    words: Vec<f32>,
}

impl Learner {
    pub(super) fn new(teacher: &Teacher, section: &TeacherSection) -> Result<Self> {
        let config = &teacher.config;
        let zeros = || Slices::zeros(config);
        Ok(Self {
            weights: Slices::new(config, teacher.encoder.weights(config)?)?,
            moments: [zeros(), zeros()],
            gradients: (0..PARTS).map(|_| zeros()).collect(),
            dropout: section.dropout,
            decay: section.weight_decay,
        })
    }

    /// The gradient of the batch's mean cross-entropy into the first of the gradients, and that mean.
    fn differentiate(&mut self, texts: &[&[u32]], labels: &[usize], step: Step) -> Result<f32> {
        let size = texts.len().div_ceil(PARTS);
        let parts: Vec<Part> = texts.chunks(size).zip(labels.chunks(size)).collect();
        let (weights, dropout) = (&self.weights, self.dropout);
        let used = &mut self.gradients[..parts.len()];
        let found: Vec<Found> = used
            .par_iter_mut()
            .zip(&parts)
            .enumerate()
            .map(|(index, (gradient, &part))| {
                let purpose = format!("teach dropout {index}");
                let mut dropout = Dropout {
                    rate: dropout,
                    generator: generator(step.seed, &purpose, step.number as u64),
                };
                let dropout = (dropout.rate > 0.0).then_some(&mut dropout);
                gradient.clear(&[]);
                backward(weights, part, texts.len(), dropout, gradient)
            })
            .collect();
        let loss = found.iter().map(|part| part.loss).sum::<f64>();
        let loss = step.expect_finite((loss / texts.len() as f64) as f32)?;
        let (sum, others) = used.split_first_mut().expect("a batch has a text");
        for part in &found {
            sum.add_words(&part.ids, &part.words);
        }
        // The table of words comes first, and is whole already.
        let mut sums: Vec<&mut [f32]> = sum.tensors().values().into_iter().skip(1).collect();
        for other in others {
            let others = other.tensors().values().into_iter().skip(1);
            let pairs: Vec<_> = sums.iter_mut().zip(others).collect();
            pairs.into_par_iter().for_each(|(sum, other)| {
                sum.iter_mut().zip(other).for_each(|(a, b)| *a += *b);
            });
        }
        Ok(loss)
    }

    /// Moves every weight by the first of the gradients.
    fn update(&mut self, step: Step) {
        let update = AdamW::at(step.number, step.rate, self.decay, LONGEST);
        let [first, second] = &mut self.moments;
        let tensors = self.weights.tensors().values().into_iter();
        let moments = first.tensors().values().into_iter();
        let moments = moments.zip(second.tensors().values());
        let gradients = self.gradients[0].tensors().values();
        for ((weights, moments), gradient) in tensors.zip(moments).zip(gradients) {
            update.apply(weights, moments, gradient);
        }
    }
}

impl super::Learner for Learner {
    fn step(&mut self, texts: &[&[u32]], labels: &[usize], step: Step) -> Result<f32> {
        let loss = self.differentiate(texts, labels, step)?;
        self.update(step);
        self.gradients[0].clear(&texts.concat());
        Ok(loss)
    }

    fn weights(&mut self) -> Result<Weights> {
        let mut weights = Weights::default();
        self.weights.tensors().copy("", &mut weights);
        Ok(weights)
    }

    fn optimizer_name(&self) -> &'static str {
        "optimizer.safetensors"
    }

    fn optimizer(&mut self) -> Result<Vec<u8>> {
        let mut weights = Weights::default();
        for (moment, prefix) in self.moments.iter_mut().zip(MOMENTS) {
            moment.tensors().copy(prefix, &mut weights);
        }
        weights.write()
    }

    fn resume(&mut self, mut weights: Weights, optimizer: Vec<u8>) -> Result<()> {
        self.weights.tensors().fill("", &mut weights)?;
        let mut moments = Weights::read(&optimizer)?;
        for (moment, prefix) in self.moments.iter_mut().zip(MOMENTS) {
            moment.tensors().fill(prefix, &mut moments)?;
        }
        Ok(())
    }
}

/// Adds to `gradient` that of a part's cross-entropy, as it counts in a batch of `size` texts.
fn backward(
    weights: &Slices,
    (texts, labels): Part,
    size: usize,
    dropout: Option<&mut Dropout>,
    gradient: &mut Slices,
) -> Found {
    let ids = texts.concat();
    let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
    let words = weights.embed(&ids);
    let pass = weights.forward(words, &lengths, Keep::Everything, dropout);
    let (mut loss, mut slopes) = (0.0, Vec::with_capacity(pass.logits.len()));
    let rows = pass.logits.chunks_exact(pass.logits.len() / texts.len());
    for (logits, &label) in rows.zip(labels) {
        let p = softmax(logits);
        loss -= p[label].ln();
        let own = |class| f64::from(u8::from(class == label));
        let slope = |(class, p): (usize, &f64)| ((p - own(class)) / size as f64) as f32;
        slopes.extend(p.iter().enumerate().map(slope));
    }
    let words = weights.backward(&pass, &slopes, Some(gradient));
    Found { loss, ids, words }
}

#[cfg(test)]
mod tests {
    use burn::module::ParamId;
    use burn::optim::GradientsParams;
    use std::path::Path;

    use super::super::tensors::cross_entropy;
    use super::*;
    use crate::device;
    use crate::teach::Learner as _;
    use crate::teacher::{Batch, Head, floats_of};
    use crate::training::seed_of;

    /// Error of a gradient relative to the largest of its tensor: f32 sums in another order, two layers deep.
    const ERROR: f32 = 1e-3;

    const FAMILIES: [&str; 4] = ["bert", "bert-mean", "distilbert", "roberta"];
    const STEP: Step = Step {
        number: 0,
        rate: 1e-3,
        seed: 3,
    };

    fn teacher(family: &str) -> Teacher {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let device = device::open(device::PROCESSOR).unwrap();
        Teacher::load(&fixtures.join(family), Head::Own, &device).unwrap()
    }

    fn learner(teacher: &Teacher, dropout: f64) -> Learner {
        let section = format!("base = \"\"\ndropout = {dropout}");
        Learner::new(teacher, &toml::from_str(&section).unwrap()).unwrap()
    }

    /// Texts of awkward lengths, more than there are parts, and labels.
    fn batch() -> (Vec<Vec<u32>>, Vec<usize>) {
        let text = |text: usize| (0..2 + text * 5 % 17).map(move |t| (text * 31 + t * 17) % 113);
        let texts = (0..PARTS + 3).map(|index| text(index).map(|id| id as u32).collect());
        (texts.collect(), (0..PARTS + 3).map(|t| t % 2).collect())
    }

    #[test]
    fn gradients_are_those_that_the_tensors_have() {
        let (texts, labels) = batch();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        for family in FAMILIES {
            let teacher = teacher(family);
            let batch = Batch::new(&texts, teacher.config.padding, &teacher.device);
            let loss = cross_entropy(teacher.encoder.forward(&batch), &labels);
            let want = floats_of(loss.clone()).unwrap()[0];
            let gradients = GradientsParams::from_grads(loss.backward(), &teacher.encoder);

            let mut learner = learner(&teacher, 0.0);
            let loss = learner.differentiate(&texts, &labels, STEP).unwrap();
            assert!((loss - want).abs() < ERROR, "{family}: {loss} {want}");
            let mut found = Weights::default();
            learner.gradients[0].tensors().copy("", &mut found);
            for name in found.names() {
                let id = ParamId::from(seed_of(&[name.as_bytes()]));
                let want = match found.shape(name).unwrap().len() {
                    1 => floats_of(gradients.get::<1>(id).expect(name)),
                    _ if name.contains("embeddings") => {
                        floats_of(gradients.get::<2>(id).expect(name))
                    }
                    _ => floats_of(gradients.get::<2>(id).expect(name).transpose()),
                };
                let (want, found) = (want.unwrap(), found.values(name).unwrap());
                let largest = want.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
                for (found, want) in found.iter().zip(&want) {
                    let error = (found - want).abs();
                    assert!(error < ERROR * largest, "{family} {name}: {found} {want}");
                }
            }
        }
    }

    #[test]
    fn the_slope_along_the_gradient_is_its_square_with_dropout_too() {
        let (texts, labels) = batch();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        for family in ["bert", "bert-mean", "roberta"] {
            let mut learner = learner(&teacher(family), 0.3);
            learner.differentiate(&texts, &labels, STEP).unwrap();
            let gradient: Vec<Vec<f32>> = learner.gradients[0]
                .tensors()
                .values()
                .into_iter()
                .map(|values| values.to_vec())
                .collect();
            let square: f32 = gradient.iter().flatten().map(|g| g * g).sum();
            // Far enough for f32, near enough for a straight line.
            let far = 2e-3 / square.sqrt();
            let mut at = |step: f32| {
                let weights = learner.weights.tensors().values();
                for (weights, gradient) in weights.into_iter().zip(&gradient) {
                    let pairs = weights.iter_mut().zip(gradient);
                    pairs.for_each(|(weight, gradient)| *weight += step * gradient);
                }
                learner.gradients[0].clear(&texts.concat());
                learner.differentiate(&texts, &labels, STEP).unwrap()
            };
            let (there, back) = (at(far), at(-2.0 * far));
            let slope = (there - back) / (2.0 * far);
            assert!(
                (slope / square - 1.0).abs() < 0.02,
                "{family}: {slope} {square}"
            );
        }
    }

    #[test]
    fn what_is_learnt_is_the_same_bits_on_any_number_of_threads() {
        let (texts, labels) = batch();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let teacher = teacher("bert");
        let learnt = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| {
                let mut learner = learner(&teacher, 0.1);
                for number in 0..3 {
                    learner
                        .step(&texts, &labels, Step { number, ..STEP })
                        .unwrap();
                }
                let optimizer = learner.optimizer().unwrap();
                (learner.weights().unwrap().write().unwrap(), optimizer)
            })
        });
        assert!(learnt[0] == learnt[1]);
    }

    #[test]
    fn what_is_learnt_is_what_the_tensors_learn() {
        let (texts, labels) = batch();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        for family in FAMILIES {
            let teacher = teacher(family);
            let section = toml::from_str("base = \"\"\ndropout = 0.0").unwrap();
            let mut slices = learner(&teacher, 0.0);
            let mut tensors = super::super::tensors::Learner::new(&teacher, &section);
            let learners: [&mut dyn super::super::Learner; 2] = [&mut slices, &mut tensors];
            let losses = learners.map(|learner| {
                let step = |number| {
                    learner
                        .step(&texts, &labels, Step { number, ..STEP })
                        .unwrap()
                };
                (0..6).map(step).collect::<Vec<f32>>()
            });
            let last = losses[0].len() - 1;
            assert!(losses[0][last] < losses[0][0], "{family}: {losses:?}");
            for (slices, tensors) in losses[0].iter().zip(&losses[1]) {
                assert!((slices - tensors).abs() < 1e-3, "{family}: {losses:?}");
            }
        }
    }
}
