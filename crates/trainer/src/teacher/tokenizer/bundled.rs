//! Whether a bundle's tokenizer reads texts as a `tokenizer.json` says: what a bundle has no field for must
//! be what BERT's own tokenizers have there.

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use stillglass_text::LONGEST_WORD;

use super::TeacherTokenizer;

/// Pieces that a tokenizer may list apart: none of them is looked for in a bundle's texts.
const LISTED: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

const WAY_OUT: &str = "fine-tune a checkpoint that has it so, or distil a student from this one with `stillglass run`";

impl TeacherTokenizer {
    /// Errors, with the field of `tokenizer.json`, where a bundle would read some text in other pieces than
    /// this tokenizer does. It is a `WordPiece` with `##`, see [`Self::word_pieces`].
    pub fn check_for_bundle(&self) -> Result<()> {
        let file: Value = serde_json::from_str(&self.json).context("tokenizer.json is not JSON")?;
        for (field, want) in [
            ("normalizer.type", json!("BertNormalizer")),
            ("normalizer.clean_text", json!(true)),
            ("normalizer.handle_chinese_chars", json!(true)),
            ("pre_tokenizer.type", json!("BertPreTokenizer")),
            ("model.unk_token", json!("[UNK]")),
            ("model.max_input_chars_per_word", json!(LONGEST_WORD)),
        ] {
            let found = file.pointer(&format!("/{}", field.replace('.', "/")));
            ensure!(
                found == Some(&want),
                "tokenizer.json: {field} is {}; a bundle reads texts with {want} alone: {WAY_OUT}",
                found.map_or("missing".into(), Value::to_string)
            );
        }
        check_added(&file)?;
        self.check_ends()
    }

    /// One piece before a text and one after it, all of the first type.
    fn check_ends(&self) -> Result<()> {
        let encode = |special| {
            let encoded = self.inner.encode("a", special);
            encoded.map_err(|error| anyhow!("tokenizing \"a\": {error}"))
        };
        let (whole, inside) = (encode(true)?, encode(false)?);
        let (first, last) = self.special()?;
        let want = [&[first][..], inside.get_ids(), &[last]].concat();
        ensure!(
            whole.get_ids() == want && whole.get_type_ids().iter().all(|id| *id == 0),
            "tokenizer.json: post_processor makes {:?} of \"a\"; a bundle puts one piece before a text and \
             one after it, all of type 0, as [CLS] and [SEP] are: {WAY_OUT}",
            whole.get_tokens()
        );
        Ok(())
    }
}

/// Added tokens are cut out of a text before anything else is done to it.
fn check_added(file: &Value) -> Result<()> {
    for token in file["added_tokens"].as_array().into_iter().flatten() {
        let content = token["content"].as_str().unwrap_or_default();
        ensure!(
            LISTED.contains(&content),
            "tokenizer.json: added_tokens lists {content:?}, which is found in texts as a whole; a \
             bundle knows {} alone: {WAY_OUT}",
            LISTED.join(", ")
        );
        ensure!(
            !file["model"]["vocab"][content].is_null(),
            "tokenizer.json: added_tokens lists {content:?}, which model.vocab has not; a bundle holds \
             the pieces of model.vocab alone: {WAY_OUT}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn file(family: &str) -> Value {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let text = std::fs::read_to_string(fixtures.join(family).join("tokenizer.json"));
        serde_json::from_str(&text.unwrap()).unwrap()
    }

    fn check(file: &Value) -> Result<()> {
        TeacherTokenizer::parse(file.to_string())?.check_for_bundle()
    }

    #[test]
    fn berts_own_tokenizers_are_read_by_bundles() {
        for family in ["bert", "bert-mean", "distilbert"] {
            check(&file(family)).unwrap();
        }
        let mut cased = file("bert");
        cased["normalizer"]["lowercase"] = json!(false);
        check(&cased).unwrap();
        cased["normalizer"]["strip_accents"] = json!(true);
        check(&cased).unwrap();
    }

    #[test]
    fn what_a_bundle_can_not_say_is_named() {
        let added = |content: &str, id: usize| {
            json!([{ "id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true }])
        };
        let mut unknown = file("bert")["model"].clone();
        unknown["unk_token"] = json!("the");
        let mut template = file("bert")["post_processor"].clone();
        let end = template["single"][2].clone();
        template["single"].as_array_mut().unwrap().push(end);
        let mut typed = file("bert")["post_processor"].clone();
        typed["single"][1]["Sequence"]["type_id"] = json!(1);
        for (pointer, value, says) in [
            ("/normalizer", Value::Null, "normalizer.type is missing"),
            (
                "/normalizer",
                json!({ "type": "Lowercase" }),
                "normalizer.type is \"Lowercase\"",
            ),
            (
                "/normalizer/clean_text",
                json!(false),
                "normalizer.clean_text is false",
            ),
            (
                "/normalizer/handle_chinese_chars",
                json!(false),
                "handle_chinese_chars is false",
            ),
            (
                "/pre_tokenizer",
                Value::Null,
                "pre_tokenizer.type is missing",
            ),
            (
                "/pre_tokenizer",
                json!({ "type": "WhitespaceSplit" }),
                "pre_tokenizer.type is \"WhitespaceSplit\"; a bundle reads texts with \"BertPreTokenizer\"",
            ),
            (
                "/model/max_input_chars_per_word",
                json!(2),
                "max_input_chars_per_word is 2;",
            ),
            ("/model", unknown, "model.unk_token is \"the\""),
            (
                "/added_tokens",
                added("rain", 9),
                "added_tokens lists \"rain\"",
            ),
            (
                "/added_tokens",
                added("<url>", 117),
                "added_tokens lists \"<url>\"",
            ),
            (
                "/post_processor",
                Value::Null,
                "special tokens at both ends",
            ),
            (
                "/post_processor",
                template,
                "post_processor makes [\"[CLS]\", \"a\", \"[SEP]\", \"[SEP]\"]",
            ),
            ("/post_processor", typed, "all of type 0"),
        ] {
            let mut file = file("bert");
            *file.pointer_mut(pointer).unwrap() = value;
            let error = check(&file).expect_err(says).to_string();
            assert!(error.contains(says), "{pointer}: {error}");
        }
        let mut apart = file("bert");
        apart["model"]["vocab"]
            .as_object_mut()
            .unwrap()
            .remove("[MASK]");
        let error = check(&apart).unwrap_err().to_string();
        assert!(
            error.contains("\"[MASK]\", which model.vocab has not"),
            "{error}"
        );
    }

    #[test]
    fn a_byte_pair_encoding_with_the_same_prefix_is_no_word_piece() {
        let mut file = file("roberta");
        file["model"]["continuing_subword_prefix"] = json!("##");
        file["model"]["merges"] = json!([]);
        let tokenizer = TeacherTokenizer::parse(file.to_string()).unwrap();
        assert_eq!(tokenizer.word_pieces().unwrap(), None);
    }
}
