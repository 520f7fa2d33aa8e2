//! Whether a checkpoint's weights are what its `config.json` says, where they could be misread.

use anyhow::{Result, bail, ensure};

use super::config::{Config, Family};
use super::weights::{Names, Weights};
use crate::recipe::Pooling;

/// Errors where the checkpoint has layers that `config.json` leaves out.
pub(super) fn check_layers(config: &Config, weights: &Weights, names: &Names) -> Result<()> {
    let left_out = |name: &&str| names.layer_of(name).is_some_and(|at| at >= config.layers);
    let key = match config.family {
        Family::DistilBert => "n_layers",
        Family::Bert | Family::Roberta => "num_hidden_layers",
    };
    if let Some(name) = weights.names().find(left_out) {
        bail!(
            "model.safetensors: tensor {name} would be left out: config.json's {key} is {}, layers count \
             from 0; set it to the number of layers in the checkpoint",
            config.layers
        );
    }
    Ok(())
}

/// Errors where the checkpoint has no head of its own, or has another number of classes than
/// `config.json` names.
pub(super) fn check_head(config: &Config, weights: &Weights, names: &Names) -> Result<()> {
    let head = names.logits(config.pooling == Pooling::Cls);
    let head = format!("{head}.weight");
    let encoder = weights.has(&names.embedding("word_embeddings.weight"));
    ensure!(
        !encoder || weights.has(&head),
        "model.safetensors: tensor {head} is missing: this is an encoder without a classifier; \
         `stillglass run` makes a teacher of it, where a recipe names it as teacher.base"
    );
    let named = config.labels.len();
    let classes = weights.shape(&head).and_then(|shape| shape.first());
    let Some(classes) = classes.filter(|classes| **classes != named) else {
        return Ok(());
    };
    ensure!(
        config.names_labels(),
        "config.json has no id2label: name the {classes} classes of {head} there, such as {{\"0\": \"down\", \
         \"1\": \"up\"}}"
    );
    bail!("config.json: id2label names {named} classes, {head} in model.safetensors has {classes}")
}

#[cfg(test)]
mod tests {
    use crate::device;
    use crate::teacher::{FILES, Head, Teacher};
    use safetensors::SafeTensors;
    use safetensors::tensor::{Dtype, TensorView};
    use serde_json::{Value, json};
    use std::fs;
    use std::path::Path;

    /// What loading a copy of a fixture says, `config.json` and the weights changed.
    fn error(
        family: &str,
        change: impl FnOnce(&mut Value),
        keep: impl Fn(&str) -> bool,
        doubled: &str,
    ) -> String {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(family);
        let [config, tokenizer, weights] = FILES.map(|name| fs::read(fixture.join(name)).unwrap());
        let mut config: Value = serde_json::from_slice(&config).unwrap();
        change(&mut config);
        let file = SafeTensors::deserialize(&weights).unwrap();
        let tensors: Vec<_> = file
            .tensors()
            .into_iter()
            .filter(|(n, _)| keep(n))
            .collect();
        let wide: Vec<u8> = vec![0; 2 * file.tensor(doubled).map_or(0, |view| view.data().len())];
        let views = tensors.iter().map(|(name, view)| {
            let (kind, data) = if name == doubled {
                (Dtype::F64, wide.as_slice())
            } else {
                (view.dtype(), view.data())
            };
            let view = TensorView::new(kind, view.shape().to_vec(), data).unwrap();
            (name.clone(), view)
        });
        let weights = safetensors::serialize(views, None).unwrap();
        let copy = tempfile::tempdir().unwrap();
        let contents = [config.to_string().into_bytes(), tokenizer, weights];
        for (name, content) in FILES.iter().zip(contents) {
            fs::write(copy.path().join(name), content).unwrap();
        }
        let loaded = Teacher::load(copy.path(), Head::Own, &device::processor());
        format!("{:#}", loaded.err().expect("it does not fit"))
    }

    #[test]
    fn layers_that_config_json_leaves_out_are_named() {
        for (family, key, says) in [
            ("bert", "num_hidden_layers", "tensor bert.encoder.layer.1."),
            (
                "distilbert",
                "n_layers",
                "tensor distilbert.transformer.layer.1.",
            ),
        ] {
            let found = error(family, |config| config[key] = json!(1), |_| true, "");
            assert!(found.contains(says), "{found}");
            assert!(found.contains(&format!("{key} is 1,")), "{found}");
        }
    }

    #[test]
    fn a_checkpoint_without_a_head_is_an_encoder() {
        let bare =
            |name: &str| !name.starts_with("classifier") && !name.starts_with("pre_classifier");
        for family in ["bert", "bert-mean", "distilbert", "roberta"] {
            let found = error(family, |_| (), bare, "");
            assert!(
                found.contains("an encoder without a classifier; `stillglass run` makes"),
                "{family}: {found}"
            );
        }
        // Of another type altogether.
        let other = error("bert", |_| (), |name| name.starts_with("bert.pooler"), "");
        assert!(other.contains("of another model type?"), "{other}");
    }

    #[test]
    fn classes_that_nobody_or_another_names_are_counted() {
        let found = error(
            "bert",
            |config| config["id2label"] = Value::Null,
            |_| true,
            "",
        );
        assert!(
            found.contains("has no id2label: name the 3 classes of classifier.weight"),
            "{found}"
        );
        let two = json!({ "0": "a", "1": "b" });
        let found = error("bert", |config| config["id2label"] = two, |_| true, "");
        assert!(
            found
                .contains("id2label names 2 classes, classifier.weight in model.safetensors has 3"),
            "{found}"
        );
    }

    #[test]
    fn weights_of_a_type_that_is_not_read_are_named_with_it() {
        for name in [
            "classifier.weight",
            "bert.embeddings.word_embeddings.weight",
        ] {
            let found = error("bert", |_| (), |_| true, name);
            let says = format!("tensor {name} is of type F64; want F32, F16 or BF16");
            assert!(found.contains(&says), "{found}");
        }
    }
}
