//! A student's weights as a bundle names and lays them, and gradients in the same dress.

use anyhow::Result;
use burn::tensor::{Tensor, TensorData};

use super::decoder::Decoder;
use super::{DIRECTIONS, Gradients, Shape, Student};
use crate::device::processor;
use crate::teacher::Weights;
use crate::training::parameter;

impl Student {
    /// The weights under the bundle's tensor names, all float, `[out, in]`.
    pub fn weights(&self) -> Result<Weights> {
        let mut out = Weights::default();
        out.put("embedding", self.embedding.val().inner())?;
        let [input, recurrent, bias] =
            [&self.input, &self.recurrent, &self.bias].map(|part| part.val().inner());
        for (index, way) in DIRECTIONS.into_iter().enumerate() {
            let take = |tensor: &Tensor<3>| {
                tensor
                    .clone()
                    .narrow(0, index, 1)
                    .squeeze_dim::<2>(0)
                    .transpose()
            };
            out.put(format!("lstm.{way}.input"), take(&input))?;
            out.put(format!("lstm.{way}.recurrent"), take(&recurrent))?;
            out.put(format!("lstm.{way}.bias"), take(&bias).squeeze_dim::<1>(1))?;
        }
        out.put(
            "attention.projection",
            self.projection.val().inner().transpose(),
        )?;
        out.put("attention.bias", self.attention_bias.val().inner())?;
        out.put(
            "attention.vector",
            self.attention_vector.val().inner().squeeze_dim::<1>(1),
        )?;
        out.put(
            "classifier.weight",
            self.classifier.val().inner().transpose(),
        )?;
        out.put("classifier.bias", self.classifier_bias.val().inner())?;
        if let Some(shared) = &self.shared {
            out.put("embedding.shared", shared.val().inner())?;
        }
        if let Some(decoder) = &self.decoder {
            decoder.put(&mut out)?;
        }
        Ok(out)
    }

    /// The inverse of [`Student::weights`].
    pub fn from_weights(shape: &Shape, weights: &Weights) -> Result<Self> {
        let &Shape {
            vocabulary,
            embedding,
            hidden,
            attention,
            classes,
            rounded,
            shared,
            decoder,
            ref layers,
        } = shape;
        let gates = 4 * hidden;
        let device = &processor();
        let turned = |name: &str, rows: usize, columns: usize| -> Result<Tensor<2>> {
            Ok(Tensor::from_data(weights.get(name, [rows, columns])?, device).transpose())
        };
        let both = |part: &str, columns: usize| -> Result<TensorData> {
            let [first, second] =
                DIRECTIONS.map(|way| turned(&format!("lstm.{way}.{part}"), gates, columns));
            Ok(Tensor::stack::<3>(vec![first?, second?], 0).into_data())
        };
        let biases = DIRECTIONS.map(|way| weights.checked(&format!("lstm.{way}.bias"), [gates]));
        let [forward, backward] = biases;
        let bias = [forward?, backward?].concat();
        let flat = |name: &str, rows, columns| -> Result<TensorData> {
            Ok(turned(name, rows, columns)?.into_data())
        };
        let vector = weights.checked("attention.vector", [attention])?.to_vec();
        Ok(Self {
            embedding: parameter(
                "embedding",
                weights.get("embedding", [vocabulary, embedding])?,
                device,
            ),
            input: parameter("input", both("input", shape.reads())?, device),
            recurrent: parameter("recurrent", both("recurrent", hidden)?, device),
            bias: parameter("bias", TensorData::new(bias, [2, 1, gates]), device),
            projection: parameter(
                "projection",
                flat("attention.projection", attention, 2 * hidden)?,
                device,
            ),
            attention_bias: parameter(
                "attention bias",
                weights.get("attention.bias", [attention])?,
                device,
            ),
            attention_vector: parameter("vector", TensorData::new(vector, [attention, 1]), device),
            classifier: parameter(
                "classifier",
                flat("classifier.weight", classes, 2 * hidden)?,
                device,
            ),
            classifier_bias: parameter(
                "classifier bias",
                weights.get("classifier.bias", [classes])?,
                device,
            ),
            shared: match shared {
                Some(_) => {
                    let data = weights.get("embedding.shared", [embedding])?;
                    Some(parameter(super::SHARED, data, device))
                }
                None => None,
            },
            separator: shared,
            rounded,
            decoder: decoder
                .map(|decoder| Decoder::from_weights(shape, decoder, weights))
                .transpose()?,
            layers: layers.clone(),
        })
    }
}

/// Puts gradients in the places of a student's weights: its [`Student::weights`] are then the gradients by name,
/// which tests compare with other ways to them.
pub fn gradients_as_weights(student: &Student, gradients: &Gradients) -> Student {
    student.with(gradients.0.clone())
}
