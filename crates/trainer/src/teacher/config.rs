//! What a Hugging Face `config.json` says of an encoder, for the families the trainer reads.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::recipe::Pooling;

/// Encoder families by Hugging Face `model_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// BERT (Devlin et al. 2019); `MiniLM` and `FinBERT` are of this family.
    Bert,
    /// DistilBERT (Sanh et al. 2019): no token types, no pooler.
    DistilBert,
    /// RoBERTa (Liu et al. 2019): positions start after the padding id.
    Roberta,
}

/// Sizes and options of an encoder and its classification head.
#[derive(Debug, Clone)]
pub struct Config {
    /// Family, which decides tensor names and positions.
    pub family: Family,
    /// Width of the token states.
    pub hidden: usize,
    /// Number of encoder layers.
    pub layers: usize,
    /// Attention heads a layer.
    pub heads: usize,
    /// Width inside the feed-forward block.
    pub intermediate: usize,
    /// Rows of the position table.
    pub positions: usize,
    /// Rows of the word table.
    pub vocabulary: usize,
    /// Rows of the token-type table; 0 where the family has none.
    pub token_types: usize,
    /// Added to the variance in layer norm.
    pub layer_norm_eps: f64,
    /// Id of the padding token.
    pub padding: u32,
    /// Class names in logit order.
    pub labels: Vec<String>,
    /// Pooling of the head.
    pub pooling: Pooling,
    /// The file as read, so that what we write back keeps what we do not use.
    raw: Value,
}

/// Key of the pooling in `config.json`; other tools ignore it.
const POOLING_KEY: &str = "stillglass_pooling";

impl Config {
    /// Reads `config.json`. Errors name the key and what was found there.
    pub fn parse(text: &str) -> Result<Self> {
        let raw: Value = serde_json::from_str(text).context("config.json is not JSON")?;
        let family = match raw["model_type"].as_str() {
            Some("bert") => Family::Bert,
            Some("distilbert") => Family::DistilBert,
            Some("roberta") => Family::Roberta,
            other => bail!(
                "config.json: model_type {}; the trainer reads bert, distilbert and roberta",
                other.unwrap_or("missing")
            ),
        };
        let distil = family == Family::DistilBert;
        let size = |key: &str| -> Result<usize> {
            let value = raw[key].as_u64().filter(|v| (1..=1 << 24).contains(v));
            value.map(|v| v as usize).with_context(|| {
                format!(
                    "config.json: {key} is {}; want a positive integer",
                    raw[key]
                )
            })
        };
        let either = |plain: &str, distilled: &str| size(if distil { distilled } else { plain });
        let activation = raw[if distil { "activation" } else { "hidden_act" }].as_str();
        ensure!(
            activation.unwrap_or("gelu") == "gelu",
            "config.json: activation {activation:?}; the trainer knows gelu"
        );
        let position_kind = raw["position_embedding_type"]
            .as_str()
            .unwrap_or("absolute");
        ensure!(
            position_kind == "absolute",
            "config.json: position_embedding_type {position_kind}; the trainer knows absolute"
        );
        let config = Self {
            family,
            hidden: either("hidden_size", "dim")?,
            layers: either("num_hidden_layers", "n_layers")?,
            heads: either("num_attention_heads", "n_heads")?,
            intermediate: either("intermediate_size", "hidden_dim")?,
            positions: size("max_position_embeddings")?,
            vocabulary: size("vocab_size")?,
            token_types: if distil { 0 } else { size("type_vocab_size")? },
            layer_norm_eps: layer_norm_eps(&raw)?,
            padding: raw["pad_token_id"].as_u64().unwrap_or(0) as u32,
            labels: labels(&raw)?,
            pooling: match raw[POOLING_KEY].as_str() {
                None | Some("cls") => Pooling::Cls,
                Some("mean") => Pooling::Mean,
                Some(other) => bail!("config.json: {POOLING_KEY} {other}; want cls or mean"),
            },
            raw,
        };
        ensure!(
            config.hidden.is_multiple_of(config.heads),
            "config.json: hidden_size {} is not a multiple of {} heads",
            config.hidden,
            config.heads
        );
        Ok(config)
    }

    /// The same encoder with another head: `labels` in logit order, and the pooling.
    #[must_use]
    pub fn with_head(mut self, labels: &[String], pooling: Pooling) -> Self {
        self.labels = labels.to_vec();
        self.pooling = pooling;
        self
    }

    /// Longest sequence, special tokens included, that the position table holds.
    pub fn max_length(&self) -> usize {
        self.positions - self.first_position()
    }

    /// Position of the first token: 0, or after the padding id in RoBERTa.
    pub fn first_position(&self) -> usize {
        match self.family {
            Family::Roberta => self.padding as usize + 1,
            Family::Bert | Family::DistilBert => 0,
        }
    }

    /// `config.json` for this head, every key that was read before kept.
    pub fn to_json(&self) -> String {
        let mut raw = self.raw.clone();
        let id2label: serde_json::Map<_, _> = self
            .labels
            .iter()
            .enumerate()
            .map(|(id, label)| (id.to_string(), json!(label)))
            .collect();
        let label2id: serde_json::Map<_, _> = self
            .labels
            .iter()
            .enumerate()
            .map(|(id, label)| (label.clone(), json!(id)))
            .collect();
        raw["id2label"] = Value::Object(id2label);
        raw["label2id"] = Value::Object(label2id);
        raw[POOLING_KEY] = match self.pooling {
            Pooling::Cls => json!("cls"),
            Pooling::Mean => json!("mean"),
        };
        raw["architectures"] = json!([match self.family {
            Family::Bert => "BertForSequenceClassification",
            Family::DistilBert => "DistilBertForSequenceClassification",
            Family::Roberta => "RobertaForSequenceClassification",
        }]);
        serde_json::to_string_pretty(&raw).expect("a JSON value always serialises")
    }
}

/// What layer norm adds to the variance: without it a constant row divides zero by zero.
fn layer_norm_eps(raw: &Value) -> Result<f64> {
    let found = &raw["layer_norm_eps"];
    if found.is_null() {
        return Ok(1e-12);
    }
    let value = found.as_f64().filter(|eps| *eps > 0.0);
    value.with_context(|| format!("config.json: layer_norm_eps is {found}; want a number above 0"))
}

/// Class names from `id2label`, in id order; an encoder without a head has Hugging Face's default of
/// two nameless ones, which `teach` replaces.
fn labels(raw: &Value) -> Result<Vec<String>> {
    let Some(map) = raw["id2label"].as_object() else {
        return Ok(vec!["LABEL_0".into(), "LABEL_1".into()]);
    };
    (0..map.len())
        .map(|id| {
            map.get(&id.to_string())
                .and_then(Value::as_str)
                .map(str::to_owned)
                .with_context(|| {
                    format!(
                        "config.json: id2label has {} entries, none for {id}",
                        map.len()
                    )
                })
        })
        .collect()
}
