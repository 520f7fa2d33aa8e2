//! Tensors of a `safetensors` file under the names that each family's checkpoints use.

use anyhow::{Context, Result, bail, ensure};
use burn::tensor::{Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;

use super::config::Family;

/// Float tensors by name, row-major, as they stand in the file.
#[derive(Debug, Default, Clone)]
pub struct Weights {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    /// Types of the tensors that are not read.
    others: BTreeMap<String, Dtype>,
}

impl Weights {
    /// Reads every float tensor of a safetensors file; F16 and BF16 are widened.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes)
            .context("model.safetensors is not a whole safetensors file")?;
        let (mut tensors, mut others) = (BTreeMap::new(), BTreeMap::new());
        for (name, view) in file.tensors() {
            if let Some(values) = floats(&view) {
                tensors.insert(current(&name), (view.shape().to_vec(), values));
            } else {
                others.insert(current(&name), view.dtype());
            }
        }
        Ok(Self { tensors, others })
    }

    /// Serialises as one safetensors file of F32 tensors.
    pub fn write(&self) -> Result<Vec<u8>> {
        let bytes: BTreeMap<&str, Vec<u8>> = self
            .tensors
            .iter()
            .map(|(name, (_, values))| {
                let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                (name.as_str(), bytes)
            })
            .collect();
        let views = self
            .tensors
            .iter()
            .map(|(name, (shape, _))| {
                let view = TensorView::new(Dtype::F32, shape.clone(), &bytes[name.as_str()])?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<Vec<_>>>()?;
        let metadata = [("format".to_owned(), "pt".to_owned())].into();
        Ok(safetensors::serialize(views, Some(metadata))?)
    }

    /// Moves every value a `share` of the way to `other`'s, which has the same tensors.
    pub fn blend(&mut self, other: &Self, share: f32) -> Result<()> {
        for (name, (shape, values)) in &mut self.tensors {
            let found = other.tensors.get(name).filter(|(s, _)| s == shape);
            let (_, target) = found.with_context(|| format!("tensor {name} is not in both"))?;
            for (value, target) in values.iter_mut().zip(target) {
                *value += share * (target - *value);
            }
        }
        Ok(())
    }

    /// Names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Dimensions of `name`, or `None`.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|(shape, _)| shape.as_slice())
    }

    /// Values of `name`, row-major, or `None`.
    pub fn values(&self, name: &str) -> Option<&[f32]> {
        self.tensors.get(name).map(|(_, values)| values.as_slice())
    }

    /// Whether a tensor of this name is there, of whatever type.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name) || self.others.contains_key(name)
    }

    /// The values of `name`, which must have `shape`.
    pub fn checked<const D: usize>(&self, name: &str, shape: [usize; D]) -> Result<&[f32]> {
        self.of_shape(name, &shape)
    }

    fn of_shape(&self, name: &str, shape: &[usize]) -> Result<&[f32]> {
        let Some((found, values)) = self.tensors.get(name) else {
            if let Some(kind) = self.others.get(name) {
                bail!(
                    "model.safetensors: tensor {name} is of type {kind:?}; want F32, F16 or BF16: save the \
                     checkpoint as one of these"
                );
            }
            bail!(
                "model.safetensors: tensor {name} is missing; is this checkpoint of another model type?"
            );
        };
        ensure!(
            found == shape,
            "model.safetensors: tensor {name}: want {shape:?} from config.json, found {found:?}"
        );
        ensure!(
            values.iter().all(|v| v.is_finite()),
            "model.safetensors: tensor {name} holds values that are not finite"
        );
        Ok(values)
    }

    /// [`Weights::checked`] as a tensor's data.
    pub fn get<const D: usize>(&self, name: &str, shape: [usize; D]) -> Result<TensorData> {
        let values = self.checked(name, shape)?;
        Ok(TensorData::new(values.to_vec(), shape))
    }

    /// [`Weights::checked`], which are then no longer here.
    pub(super) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.of_shape(name, shape)?;
        let taken = self.tensors.remove(name);
        Ok(taken.map(|(_, values)| values).unwrap_or_default())
    }

    /// Lets `change` have the values of `name`.
    pub fn change(&mut self, name: &str, change: impl FnOnce(&mut [f32])) -> Result<()> {
        let tensor = self.tensors.get_mut(name);
        let (_, values) = tensor.with_context(|| format!("there is no tensor {name}"))?;
        change(values);
        Ok(())
    }

    /// Puts values under `name`, row-major.
    pub(crate) fn put_values(&mut self, name: String, shape: Vec<usize>, values: Vec<f32>) {
        self.tensors.insert(name, (shape, values));
    }

    /// Puts a tensor under `name`.
    pub fn put<const D: usize>(
        &mut self,
        name: impl Into<String>,
        tensor: Tensor<D>,
    ) -> Result<()> {
        let shape = tensor.dims().to_vec();
        self.tensors
            .insert(name.into(), (shape, floats_of(tensor)?));
        Ok(())
    }
}

/// The tensor's values on the host, row-major.
pub fn floats_of<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor
        .try_into_vec_as::<f32>()
        .map_err(|error| anyhow::anyhow!("reading a tensor back from the device: {error:?}"))
}

/// Today's name of a tensor: checkpoints converted from TensorFlow (bert-base-uncased among them) call
/// a layer norm's weight gamma and its bias beta.
fn current(name: &str) -> String {
    let renamed = name
        .strip_suffix("LayerNorm.gamma")
        .map(|stem| (stem, "weight"));
    let renamed = renamed.or(name
        .strip_suffix("LayerNorm.beta")
        .map(|stem| (stem, "bias")));
    renamed.map_or_else(
        || name.to_owned(),
        |(stem, part)| format!("{stem}LayerNorm.{part}"),
    )
}

/// Values as f32, or `None` for integer tensors (position ids of older checkpoints).
fn floats(view: &TensorView) -> Option<Vec<f32>> {
    let pairs = || {
        view.data()
            .chunks_exact(2)
            .map(|b| u16::from_le_bytes([b[0], b[1]]))
    };
    match view.dtype() {
        Dtype::F32 => Some(
            view.data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        ),
        Dtype::F16 => Some(pairs().map(|b| half::f16::from_bits(b).to_f32()).collect()),
        Dtype::BF16 => Some(pairs().map(|b| half::bf16::from_bits(b).to_f32()).collect()),
        _ => None,
    }
}

/// Names of an encoder's tensors in one family's checkpoints.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    family: Family,
    prefix: String,
}

/// Parts of an encoder layer, each a linear map or a layer norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// Attention query.
    Query,
    /// Attention key.
    Key,
    /// Attention value.
    Value,
    /// Projection of the concatenated heads.
    AttentionOutput,
    /// Layer norm after attention.
    AttentionNorm,
    /// First map of the feed-forward block.
    Intermediate,
    /// Second map of the feed-forward block.
    Output,
    /// Layer norm after the feed-forward block.
    OutputNorm,
}

impl Names {
    /// Names as a checkpoint with a classification head has them.
    pub(crate) fn classifier(family: Family) -> Self {
        let prefix = match family {
            Family::Bert => "bert.",
            Family::DistilBert => "distilbert.",
            Family::Roberta => "roberta.",
        };
        Self {
            family,
            prefix: prefix.into(),
        }
    }

    /// Names as `weights` has them: bare encoders carry no prefix.
    pub(super) fn detect(family: Family, weights: &Weights) -> Self {
        let mut names = Self::classifier(family);
        if weights.has("embeddings.word_embeddings.weight") {
            names.prefix.clear();
        }
        names
    }

    /// Name of a table or norm under `embeddings`.
    pub(crate) fn embedding(&self, part: &str) -> String {
        format!("{}embeddings.{part}", self.prefix)
    }

    /// What the names of all layers begin with, up to the index.
    fn stack(&self) -> String {
        let stack = match self.family {
            Family::Bert | Family::Roberta => "encoder.layer",
            Family::DistilBert => "transformer.layer",
        };
        format!("{}{stack}.", self.prefix)
    }

    /// Index of the layer that a tensor is of; `None` outside the layers.
    pub(super) fn layer_of(&self, tensor: &str) -> Option<usize> {
        let rest = tensor.strip_prefix(&self.stack())?;
        rest.split('.').next()?.parse().ok()
    }

    /// Name of a layer's part, without `.weight` or `.bias`.
    pub(crate) fn layer(&self, index: usize, part: Part) -> String {
        let part = match self.family {
            Family::Bert | Family::Roberta => match part {
                Part::Query => "attention.self.query",
                Part::Key => "attention.self.key",
                Part::Value => "attention.self.value",
                Part::AttentionOutput => "attention.output.dense",
                Part::AttentionNorm => "attention.output.LayerNorm",
                Part::Intermediate => "intermediate.dense",
                Part::Output => "output.dense",
                Part::OutputNorm => "output.LayerNorm",
            },
            Family::DistilBert => match part {
                Part::Query => "attention.q_lin",
                Part::Key => "attention.k_lin",
                Part::Value => "attention.v_lin",
                Part::AttentionOutput => "attention.out_lin",
                Part::AttentionNorm => "sa_layer_norm",
                Part::Intermediate => "ffn.lin1",
                Part::Output => "ffn.lin2",
                Part::OutputNorm => "output_layer_norm",
            },
        };
        format!("{}{index}.{part}", self.stack())
    }

    /// Name of the dense layer between the first token and the classifier.
    pub(crate) fn dense(&self) -> String {
        match self.family {
            Family::Bert => format!("{}pooler.dense", self.prefix),
            Family::DistilBert => "pre_classifier".into(),
            Family::Roberta => "classifier.dense".into(),
        }
    }

    /// Name of the map to logits. RoBERTa's head with mean pooling is our own and is called as in
    /// the other families.
    pub(crate) fn logits(&self, dense: bool) -> &'static str {
        if self.family == Family::Roberta && dense {
            "classifier.out_proj"
        } else {
            "classifier"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer_norms_of_old_checkpoints_have_todays_names() {
        for (old, new) in [
            (
                "bert.embeddings.LayerNorm.gamma",
                "bert.embeddings.LayerNorm.weight",
            ),
            (
                "encoder.layer.0.output.LayerNorm.beta",
                "encoder.layer.0.output.LayerNorm.bias",
            ),
            ("classifier.gamma", "classifier.gamma"),
        ] {
            assert_eq!(current(old), new);
        }
    }

    #[test]
    fn a_checkpoint_with_old_names_reads_as_one_with_new() {
        let values = [1.0f32, 2.0].map(f32::to_le_bytes).concat();
        let view = TensorView::new(Dtype::F32, vec![2], &values).unwrap();
        let bytes = safetensors::serialize([("LayerNorm.gamma", view)], None).unwrap();
        let weights = Weights::read(&bytes).unwrap();
        assert_eq!(weights.values("LayerNorm.weight"), Some(&[1.0, 2.0][..]));
    }
}
