//! The student on the GPU: five kernels a call, whatever the number of texts and their length.

use stillglass_bundle::StudentWeights;

use super::call::MOST_ROWS;
use super::kernels::{Activation, AttentionWeights, MOST_UNITS};
use super::quantized::int8;
use super::weights::{Floats, LinearInt8, MOST_BYTES, Table};
use super::{Call, Error, Gpu};
use crate::explanation::column_sums;
use crate::student::{Pass, stays_on_cpu};

/// Kernels of one call.
const KERNELS: usize = 5;

/// A student's weights on a device.
#[derive(Debug)]
pub struct Student {
    embedding: Table,
    /// Both directions, the forward one first.
    input: LinearInt8,
    recurrent: Table,
    attention: AttentionWeights,
    classifier: Floats,
    bias: Vec<f32>,
}

impl Student {
    /// Uploads the weights and runs one token, so that every pipeline is made and known to work.
    pub async fn load(gpu: &Gpu, weights: &StudentWeights) -> Result<Self, Error> {
        let student = Self::upload(gpu, weights)?;
        student.forward(gpu, &[&[0]]).await?;
        Ok(student)
    }

    fn upload(gpu: &Gpu, weights: &StudentWeights) -> Result<Self, Error> {
        let StudentWeights {
            embedding,
            shared: _,
            forward,
            backward,
            attention,
            classifier,
            // A reason is written on the CPU.
            decoder: _,
            encoder: _,
        } = weights;
        if stays_on_cpu(weights) {
            return Err(Error::StaysOnCpu);
        }
        let found = forward.recurrent.columns;
        if found > MOST_UNITS {
            return Err(Error::TooLarge {
                what: "hidden units",
                found,
                most: MOST_UNITS,
            });
        }
        let both = |forward, backward| [int8(forward), int8(backward)];
        let bias = [forward.bias.as_slice(), &backward.bias].concat();
        Ok(Self {
            embedding: gpu.table(&[int8(embedding)])?,
            input: gpu.linear_int8(&both(&forward.input, &backward.input), &bias)?,
            recurrent: gpu.table(&both(&forward.recurrent, &backward.recurrent))?,
            attention: AttentionWeights {
                projection: gpu.linear_int8(&[int8(&attention.projection)], &attention.bias)?,
                vector: gpu.floats(&attention.vector)?,
            },
            classifier: gpu.floats(&classifier.weight)?,
            bias: classifier.bias.clone(),
        })
    }

    /// Most tokens of one submission: as many as its largest matrix has room for.
    pub fn most_tokens(&self) -> usize {
        let widest = self
            .recurrent
            .rows
            .max(self.bias.len())
            .max(self.embedding.columns);
        MOST_ROWS.min(MOST_BYTES / 4 / widest)
    }

    /// Runs texts of at most [`Student::most_tokens`] tokens in all; every id is in the vocabulary.
    ///
    /// The same answers as on the CPU but for rounding: h is not rounded to 12 bits here.
    pub async fn forward(&self, gpu: &Gpu, texts: &[&[u32]]) -> Result<Vec<Pass>, Error> {
        let mut call = gpu.call(KERNELS);
        let contributions = self.record(&mut call, texts);
        let contributions = call.read(&contributions).await?;
        let classes = self.bias.len();
        let mut rest = contributions.as_slice();
        let pass = |ids: &&[u32]| {
            let (mine, others) = rest.split_at(ids.len() * classes);
            rest = others;
            self.pass(mine)
        };
        Ok(texts.iter().map(pass).collect())
    }

    /// φ: `[tokens, classes]`.
    fn record(&self, call: &mut Call, texts: &[&[u32]]) -> super::Matrix {
        let lengths: Vec<usize> = texts.iter().map(|ids| ids.len()).collect();
        let x = call.embedding(&self.embedding, &texts.concat());
        let texts = call.texts(&lengths);
        let gates = call.linear_int8(&self.input, &x, Activation::None);
        let h = call.lstm(&self.recurrent, &texts, &gates);
        let attention = call.additive_attention(&self.attention, &texts, &h);
        call.contributions(&self.classifier, self.bias.len(), &attention, &h)
    }

    /// z = b + Σ φ, as the CPU adds it.
    fn pass(&self, contributions: &[f32]) -> Pass {
        let classes = self.bias.len();
        let sums = column_sums(contributions, &(0..contributions.len() / classes), classes);
        Pass {
            contributions: contributions.to_vec(),
            logits: sums
                .iter()
                .zip(&self.bias)
                .map(|(sum, bias)| sum + bias)
                .collect(),
        }
    }
}
