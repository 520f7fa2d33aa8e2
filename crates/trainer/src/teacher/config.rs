//! What a Hugging Face `config.json` says of an encoder, for the families the trainer reads.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

use super::FILES;
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

/// What begins, parts and ends a pair of texts.
const SPECIALS: usize = 3;

/// The largest size that is believed.
const MOST: u64 = 1 << 24;

impl Config {
    /// Reads the `config.json` of a teacher's directory.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILES[0]);
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("teacher {}", directory.display()))
    }

    /// Reads the text of a `config.json`. Errors name the key and what was found there.
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
            let value = raw[key].as_u64().filter(|v| (1..=MOST).contains(v));
            value
                .map(|v| v as usize)
                .with_context(|| format!("config.json: {key} is {}; want 1 to {MOST}", raw[key]))
        };
        let either = |plain: &str, distilled: &str| size(if distil { distilled } else { plain });
        let activation = if distil { "activation" } else { "hidden_act" };
        for (key, known) in [
            (activation, "gelu"),
            ("position_embedding_type", "absolute"),
        ] {
            let found = &raw[key];
            ensure!(
                found.is_null() || *found == known,
                "config.json: {key} is {found}; the trainer knows \"{known}\" alone"
            );
        }
        let vocabulary = size("vocab_size")?;
        let config = Self {
            family,
            hidden: either("hidden_size", "dim")?,
            layers: either("num_hidden_layers", "n_layers")?,
            heads: either("num_attention_heads", "n_heads")?,
            intermediate: either("intermediate_size", "hidden_dim")?,
            positions: size("max_position_embeddings")?,
            vocabulary,
            token_types: if distil { 0 } else { size("type_vocab_size")? },
            layer_norm_eps: layer_norm_eps(&raw)?,
            padding: padding(&raw, vocabulary)?,
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
        ensure!(
            config.first_position() < config.positions,
            "config.json: max_position_embeddings is {}, all of it before the first token's position {}",
            config.positions,
            config.first_position()
        );
        ensure!(
            config.max_length() >= SPECIALS,
            "config.json: max_position_embeddings is {}, of which texts have {}; what begins, parts and ends them takes {SPECIALS}",
            config.positions,
            config.max_length()
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

    /// Whether `config.json` named the labels; else they are Hugging Face's default.
    pub(super) fn names_labels(&self) -> bool {
        !self.raw["id2label"].is_null()
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

/// Id of the padding token; Hugging Face's default is 0.
fn padding(raw: &Value, vocabulary: usize) -> Result<u32> {
    let found = &raw["pad_token_id"];
    if found.is_null() {
        return Ok(0);
    }
    let id = found.as_u64().filter(|id| *id < vocabulary as u64);
    id.map(|id| id as u32).with_context(|| {
        format!("config.json: pad_token_id is {found}; want an id below vocab_size, {vocabulary}")
    })
}

/// Class names from `id2label`, in id order; an encoder without a head has Hugging Face's default of
/// two nameless ones, which `teach` replaces.
fn labels(raw: &Value) -> Result<Vec<String>> {
    let found = &raw["id2label"];
    if found.is_null() {
        return Ok(vec!["LABEL_0".into(), "LABEL_1".into()]);
    }
    let map = found.as_object().with_context(|| {
        format!("config.json: id2label is {found}; want an object such as {{\"0\": \"down\", \"1\": \"up\"}}")
    })?;
    let label = |id: usize| match map.get(&id.to_string()) {
        Some(Value::String(label)) => Ok(label.clone()),
        Some(other) => bail!("config.json: id2label: {id} is {other}; want a name in quotes"),
        None => bail!(
            "config.json: id2label has no {id}; its {} ids must count from 0",
            map.len()
        ),
    };
    (0..map.len()).map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(family: &str, key: &str, value: Value) -> Result<Config> {
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let text = std::fs::read_to_string(fixtures.join(family).join("config.json")).unwrap();
        let mut raw: Value = serde_json::from_str(&text).unwrap();
        raw[key] = value;
        Config::parse(&raw.to_string())
    }

    #[test]
    fn values_that_can_not_be_are_named_with_what_can() {
        for (key, value, says) in [
            (
                "hidden_size",
                json!(1_u64 << 40),
                "hidden_size is 1099511627776; want 1 to 16777216",
            ),
            ("hidden_size", Value::Null, "hidden_size is null; want 1 to"),
            (
                "hidden_act",
                json!("relu"),
                "hidden_act is \"relu\"; the trainer knows \"gelu\" alone",
            ),
            ("hidden_act", json!(7), "hidden_act is 7;"),
            (
                "position_embedding_type",
                json!("relative_key"),
                "knows \"absolute\" alone",
            ),
            (
                "pad_token_id",
                json!(-1),
                "pad_token_id is -1; want an id below vocab_size, 117",
            ),
            (
                "pad_token_id",
                json!(1_u64 << 32),
                "pad_token_id is 4294967296;",
            ),
            ("pad_token_id", json!(117), "pad_token_id is 117;"),
            (
                "id2label",
                json!({ "0": 0, "1": 1 }),
                "id2label: 0 is 0; want a name in quotes",
            ),
            (
                "id2label",
                json!({ "1": "a", "2": "b" }),
                "id2label has no 0; its 2 ids must count from 0",
            ),
            (
                "id2label",
                json!(["a", "b"]),
                "id2label is [\"a\",\"b\"]; want an object",
            ),
        ] {
            let error = parse("bert", key, value).expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
        }
        let error = parse("roberta", "max_position_embeddings", json!(2)).unwrap_err();
        assert!(
            error.to_string().contains("first token's position 2"),
            "{error}"
        );
    }

    #[test]
    fn what_config_json_leaves_out_has_hugging_faces_default() {
        let config = parse("bert", "pad_token_id", Value::Null).unwrap();
        assert_eq!(config.padding, 0);
        let config = parse("bert", "id2label", Value::Null).unwrap();
        assert_eq!(config.labels, ["LABEL_0", "LABEL_1"]);
        assert_eq!(
            parse("bert", "pad_token_id", json!(116)).unwrap().padding,
            116
        );
        assert!(parse("bert", "hidden_act", Value::Null).is_ok());
    }
}
