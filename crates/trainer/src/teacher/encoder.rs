//! The encoder and its classification head on Burn tensors.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::activation::{gelu, relu, softmax, tanh};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};

use super::config::{Config, Family};
use super::fits::{check_head, check_layers};
use super::weights::{Names, Part, Weights};
use crate::recipe::Pooling;
use crate::training::parameter;

/// Standard deviation of a new head's weights, as the families initialise theirs.
const HEAD_STD: f64 = 0.02;

/// Added to attention scores of padding: exp of it is 0 in f32.
const MASKED: f64 = -1e9;

/// A BERT-class encoder with a classification head.
#[derive(Module, Debug)]
pub struct Encoder {
    words: Param<Tensor<2>>,
    positions: Param<Tensor<2>>,
    token_types: Option<Param<Tensor<2>>>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    dense: Option<Linear>,
    logits: Linear,
    dropout: Dropout,
    first_position: usize,
    relu_head: bool,
}

/// Post-norm transformer layer (Vaswani et al. 2017; Devlin et al. 2019).
#[derive(Module, Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
    dropout: Dropout,
    heads: usize,
}

/// A padded batch of token ids.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Token ids `[batch, time]`.
    pub ids: Tensor<2, Int>,
    /// 1 for tokens, 0 for padding, `[batch, time]`.
    pub mask: Tensor<2>,
}

impl Batch {
    /// Pads `rows` of token ids to the longest with `padding`.
    pub fn new(rows: &[&[u32]], padding: u32, device: &Device) -> Self {
        let time = rows.iter().map(|row| row.len()).max().unwrap_or(0).max(1);
        let mut ids = vec![i64::from(padding); rows.len() * time];
        let mut mask = vec![0f32; rows.len() * time];
        for (index, row) in rows.iter().enumerate() {
            for (step, &id) in row.iter().enumerate() {
                ids[index * time + step] = i64::from(id);
                mask[index * time + step] = 1.0;
            }
        }
        Self {
            ids: Tensor::from_data(TensorData::new(ids, [rows.len(), time]), device),
            mask: Tensor::from_data(TensorData::new(mask, [rows.len(), time]), device),
        }
    }
}

/// What of a classification head is drawn anew instead of read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// Nothing: a head that is not there is an error.
    Nothing,
    /// What is not there.
    Missing,
    /// The map to logits, and the dense layer below it if that is not there.
    Logits,
}

impl Encoder {
    /// Builds the encoder of `config` from `weights`; `fresh` says what of the head is drawn anew.
    pub fn load(config: &Config, weights: &Weights, fresh: Fresh, device: &Device) -> Result<Self> {
        let names = Names::detect(config.family, weights);
        check_layers(config, weights, &names)?;
        if fresh == Fresh::Nothing {
            check_head(config, weights, &names)?;
        }
        let hidden = config.hidden;
        let read = Reader {
            weights,
            device,
            eps: config.layer_norm_eps,
        };
        let weight = |layer: &str| format!("{layer}.weight");
        let table = |part: &str, rows: usize| -> Result<Param<Tensor<2>>> {
            let name = names.embedding(&format!("{part}.weight"));
            Ok(parameter(
                &name,
                weights.get(&name, [rows, hidden])?,
                device,
            ))
        };
        let dense = match config.pooling {
            Pooling::Mean => None,
            Pooling::Cls if fresh != Fresh::Nothing && !weights.has(&weight(&names.dense())) => {
                Some(new_linear(&names.dense(), hidden, hidden, device))
            }
            Pooling::Cls => Some(read.linear(&names.dense(), hidden, hidden)?),
        };
        let logits = names.logits(dense.is_some());
        let drawn = match fresh {
            Fresh::Nothing => false,
            Fresh::Missing => !weights.has(&weight(logits)),
            Fresh::Logits => true,
        };
        let logits = if drawn {
            new_linear(logits, hidden, config.labels.len(), device)
        } else {
            read.linear(logits, hidden, config.labels.len())?
        };
        Ok(Self {
            words: table("word_embeddings", config.vocabulary)?,
            positions: table("position_embeddings", config.positions)?,
            token_types: match config.token_types {
                0 => None,
                rows => Some(table("token_type_embeddings", rows)?),
            },
            norm: read.norm(&names.embedding("LayerNorm"), hidden)?,
            layers: (0..config.layers)
                .map(|index| Layer::load(config, index, &names, &read))
                .collect::<Result<_>>()?,
            dense,
            logits,
            dropout: DropoutConfig::new(0.0).init(),
            first_position: config.first_position(),
            relu_head: config.family == Family::DistilBert,
        })
    }

    /// The encoder with this dropout probability in embeddings, layers and head.
    #[must_use]
    pub fn with_dropout(mut self, probability: f64) -> Self {
        self.dropout = DropoutConfig::new(probability).init();
        for layer in &mut self.layers {
            layer.dropout = DropoutConfig::new(probability).init();
        }
        self
    }

    /// The encoder without dropout, none of its weights tracked: a backward pass through it computes
    /// no weight gradient.
    #[must_use]
    pub fn frozen(&self) -> Self {
        self.clone().with_dropout(0.0).no_grad()
    }

    /// Every tensor under the names of a classification checkpoint of `config`'s family.
    pub fn weights(&self, config: &Config) -> Result<Weights> {
        let names = Names::classifier(config.family);
        let mut out = Weights::default();
        out.put(names.embedding("word_embeddings.weight"), self.words.val())?;
        out.put(
            names.embedding("position_embeddings.weight"),
            self.positions.val(),
        )?;
        if let Some(types) = &self.token_types {
            out.put(names.embedding("token_type_embeddings.weight"), types.val())?;
        }
        put_norm(&mut out, &names.embedding("LayerNorm"), &self.norm)?;
        for (index, layer) in self.layers.iter().enumerate() {
            layer.put(&mut out, index, &names)?;
        }
        if let Some(dense) = &self.dense {
            put_linear(&mut out, &names.dense(), dense)?;
        }
        put_linear(&mut out, names.logits(self.dense.is_some()), &self.logits)?;
        Ok(out)
    }

    /// Logits `[batch, classes]`.
    pub fn forward(&self, batch: &Batch) -> Tensor<2> {
        self.forward_embedded(self.embed(batch.ids.clone()), batch.mask.clone())
    }

    /// Word embeddings `[batch, time, hidden]` of token ids, before positions are added.
    pub fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        burn::tensor::module::embedding(self.words.val(), ids)
    }

    /// Logits `[batch, classes]` of word embeddings `[batch, time, hidden]` under
    /// `mask [batch, time]`: the function that integrated gradients differentiate.
    pub fn forward_embedded(&self, words: Tensor<3>, mask: Tensor<2>) -> Tensor<2> {
        let pooled = self.pooled(words, mask);
        self.logits.forward(self.dropout.forward(pooled))
    }

    /// What the map to logits reads, `[batch, hidden]`.
    pub(crate) fn pooled(&self, words: Tensor<3>, mask: Tensor<2>) -> Tensor<2> {
        let states = self.states(words, mask.clone());
        match &self.dense {
            None => mean_pool(states, mask),
            Some(dense) => {
                let first = states.narrow(1, 0, 1).squeeze_dim::<2>(1);
                // BERT drops out after its pooler, RoBERTa on both sides of its dense layer,
                // DistilBERT after ReLU; one dropout after the dense layer serves all.
                let dense = dense.forward(first);
                if self.relu_head {
                    relu(dense)
                } else {
                    tanh(dense)
                }
            }
        }
    }

    /// States of the last layer, `[batch, time, hidden]`.
    pub fn states(&self, words: Tensor<3>, mask: Tensor<2>) -> Tensor<3> {
        self.states_watched(words, mask, &mut |_, _, _| ())
    }

    /// The same; `see` gets what each linear map of each layer reads, `[batch, time, columns]`, by the
    /// layer's index and the map. Key and value read what the query does.
    pub(crate) fn states_watched(
        &self,
        words: Tensor<3>,
        mask: Tensor<2>,
        see: &mut dyn FnMut(usize, Part, &Tensor<3>),
    ) -> Tensor<3> {
        let [_, time, hidden] = words.dims();
        let positions = self.positions.val().narrow(0, self.first_position, time);
        let mut states = words + positions.unsqueeze_dim(0);
        if let Some(types) = &self.token_types {
            states = states + types.val().narrow(0, 0, 1).reshape([1, 1, hidden]);
        }
        let mut states = self.dropout.forward(self.norm.forward(states));
        let hidden_keys: Tensor<4> = ((mask - 1.0) * -MASKED).unsqueeze_dims(&[1, 1]);
        for (index, layer) in self.layers.iter().enumerate() {
            let mut see = |part, x: &Tensor<3>| see(index, part, x);
            states = layer.forward(states, hidden_keys.clone(), &mut see);
        }
        states
    }
}

impl Layer {
    fn load(config: &Config, index: usize, names: &Names, read: &Reader) -> Result<Self> {
        let (hidden, inner) = (config.hidden, config.intermediate);
        let linear = |part, from, to| read.linear(&names.layer(index, part), from, to);
        Ok(Self {
            query: linear(Part::Query, hidden, hidden)?,
            key: linear(Part::Key, hidden, hidden)?,
            value: linear(Part::Value, hidden, hidden)?,
            attention_output: linear(Part::AttentionOutput, hidden, hidden)?,
            attention_norm: read.norm(&names.layer(index, Part::AttentionNorm), hidden)?,
            intermediate: linear(Part::Intermediate, hidden, inner)?,
            output: linear(Part::Output, inner, hidden)?,
            output_norm: read.norm(&names.layer(index, Part::OutputNorm), hidden)?,
            dropout: DropoutConfig::new(0.0).init(),
            heads: config.heads,
        })
    }

    fn put(&self, out: &mut Weights, index: usize, names: &Names) -> Result<()> {
        let linears = [
            (Part::Query, &self.query),
            (Part::Key, &self.key),
            (Part::Value, &self.value),
            (Part::AttentionOutput, &self.attention_output),
            (Part::Intermediate, &self.intermediate),
            (Part::Output, &self.output),
        ];
        for (part, linear) in linears {
            put_linear(out, &names.layer(index, part), linear)?;
        }
        put_norm(
            out,
            &names.layer(index, Part::AttentionNorm),
            &self.attention_norm,
        )?;
        put_norm(
            out,
            &names.layer(index, Part::OutputNorm),
            &self.output_norm,
        )
    }

    /// `x: [batch, time, hidden]`, `hidden_keys: [batch, 1, 1, time]` added to the scores.
    fn forward(
        &self,
        x: Tensor<3>,
        hidden_keys: Tensor<4>,
        see: &mut dyn FnMut(Part, &Tensor<3>),
    ) -> Tensor<3> {
        see(Part::Query, &x);
        let mixed = self.attend(x.clone(), hidden_keys);
        see(Part::AttentionOutput, &mixed);
        let attended = self.dropout.forward(self.attention_output.forward(mixed));
        let x = self.attention_norm.forward(x + attended);
        see(Part::Intermediate, &x);
        let inner = gelu(self.intermediate.forward(x.clone()));
        see(Part::Output, &inner);
        let inner = self.dropout.forward(self.output.forward(inner));
        self.output_norm.forward(x + inner)
    }

    /// Multi-head scaled dot-product attention, its heads side by side.
    fn attend(&self, x: Tensor<3>, hidden_keys: Tensor<4>) -> Tensor<3> {
        let [batch, time, hidden] = x.dims();
        let size = hidden / self.heads;
        let split = |t: Tensor<3>| t.reshape([batch, time, self.heads, size]).swap_dims(1, 2);
        let query = split(self.query.forward(x.clone())) * (size as f64).sqrt().recip();
        let key = split(self.key.forward(x.clone()));
        let value = split(self.value.forward(x));
        let scores = query.matmul(key.swap_dims(2, 3)) + hidden_keys;
        let weights = self.dropout.forward(softmax(scores, 3));
        let mixed = weights.matmul(value).swap_dims(1, 2);
        mixed.reshape([batch, time, hidden])
    }
}

/// Mean of `states [batch, time, hidden]` over the steps where `mask [batch, time]` is 1.
pub fn mean_pool(states: Tensor<3>, mask: Tensor<2>) -> Tensor<2> {
    let counts = mask.clone().sum_dim(1).clamp_min(1.0);
    let sum = (states * mask.unsqueeze_dim(2))
        .sum_dim(1)
        .squeeze_dim::<2>(1);
    sum / counts
}

/// Loads modules by name.
struct Reader<'a> {
    weights: &'a Weights,
    device: &'a Device,
    eps: f64,
}

impl Reader<'_> {
    /// Files hold `[out, in]`, Burn multiplies by `[in, out]`.
    fn linear(&self, name: &str, from: usize, to: usize) -> Result<Linear> {
        let weight = self.weights.get(&format!("{name}.weight"), [to, from])?;
        let bias = self.weights.get(&format!("{name}.bias"), [to])?;
        let weight = Tensor::<2>::from_data(weight, self.device).transpose();
        Ok(linear(name, weight.into_data(), bias, self.device))
    }

    fn norm(&self, name: &str, size: usize) -> Result<LayerNorm> {
        let mut norm = LayerNormConfig::new(size)
            .with_epsilon(self.eps)
            .init(self.device);
        let [gamma, beta] = [format!("{name}.weight"), format!("{name}.bias")];
        norm.gamma = parameter(&gamma, self.weights.get(&gamma, [size])?, self.device);
        norm.beta = Some(parameter(
            &beta,
            self.weights.get(&beta, [size])?,
            self.device,
        ));
        Ok(norm)
    }
}

fn new_linear(name: &str, from: usize, to: usize, device: &Device) -> Linear {
    let weight = Tensor::<2>::random([from, to], Distribution::Normal(0.0, HEAD_STD), device);
    linear(
        name,
        weight.into_data(),
        TensorData::zeros::<f32, _>([to]),
        device,
    )
}

fn linear(name: &str, weight: TensorData, bias: TensorData, device: &Device) -> Linear {
    Linear {
        weight: parameter(&format!("{name}.weight"), weight, device),
        bias: Some(parameter(&format!("{name}.bias"), bias, device)),
    }
}

fn put_linear(out: &mut Weights, name: &str, linear: &Linear) -> Result<()> {
    out.put(format!("{name}.weight"), linear.weight.val().transpose())?;
    let bias = linear
        .bias
        .as_ref()
        .expect("every linear map here has a bias");
    out.put(format!("{name}.bias"), bias.val())
}

fn put_norm(out: &mut Weights, name: &str, norm: &LayerNorm) -> Result<()> {
    out.put(format!("{name}.weight"), norm.gamma.val())?;
    let beta = norm
        .beta
        .as_ref()
        .expect("every layer norm here has a bias");
    out.put(format!("{name}.bias"), beta.val())
}
