//! The teacher's tokenizer: token ids with special tokens, each token tied to a word of the text.

use anyhow::{Context, Result, anyhow};
use stillglass_text::Word;
use tokenizers::Tokenizer;

/// A text as the teacher reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Token ids, special tokens included.
    pub ids: Vec<u32>,
    /// For each token the word it belongs to, `None` for special tokens.
    pub words: Vec<Option<usize>>,
    /// Tokens that the length limit cut off.
    pub dropped: usize,
}

/// A `tokenizer.json` with its truncation and padding turned off: lengths are decided here.
pub struct TeacherTokenizer {
    inner: Tokenizer,
    json: String,
}

impl TeacherTokenizer {
    /// Reads the text of a `tokenizer.json`.
    pub fn parse(json: String) -> Result<Self> {
        let mut inner = Tokenizer::from_bytes(json.as_bytes())
            .map_err(|error| anyhow!("tokenizer.json: {error}"))?;
        inner
            .with_truncation(None)
            .map_err(|error| anyhow!("tokenizer.json: {error}"))?;
        inner.with_padding(None);
        Ok(Self { inner, json })
    }

    /// The file this was read from, to be kept beside the weights.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Encodes `text` with special tokens into at most `max_tokens` ids; `words` are the words of
    /// the same text. A token belongs to the word that holds its first byte that is not white space.
    pub fn encode(&self, text: &str, words: &[Word], max_tokens: usize) -> Result<Encoded> {
        let encoding = self
            .inner
            .encode(text, true)
            .map_err(|error| anyhow!("tokenizing {text:?}: {error}"))?;
        let mut ids = encoding.get_ids().to_vec();
        let mut owners: Vec<Option<usize>> = encoding
            .get_offsets()
            .iter()
            .zip(encoding.get_special_tokens_mask())
            .map(|(&(start, end), &special)| {
                (special == 0)
                    .then(|| word_at(text, words, start, end))
                    .flatten()
            })
            .collect();
        let dropped = cut(&mut ids, &mut owners, max_tokens);
        Ok(Encoded {
            ids,
            words: owners,
            dropped,
        })
    }

    /// Ids of one vocabulary piece between the special tokens, whatever text it could stem from.
    pub fn encode_piece(&self, piece: &str) -> Result<Vec<u32>> {
        let special = self.special()?;
        let plain = piece.strip_prefix("##").unwrap_or(piece);
        let middle = match self.inner.token_to_id(piece) {
            Some(id) => vec![id],
            None => self
                .inner
                .encode(plain, false)
                .map_err(|error| anyhow!("tokenizing {plain:?}: {error}"))?
                .get_ids()
                .to_vec(),
        };
        Ok([vec![special.0], middle, vec![special.1]].concat())
    }

    /// Ids of the first and last special token of an encoded text (`[CLS]`, `[SEP]`).
    pub fn special(&self) -> Result<(u32, u32)> {
        let empty = self
            .inner
            .encode("", true)
            .map_err(|error| anyhow!("tokenizing an empty text: {error}"))?;
        match empty.get_ids() {
            [first, .., last] => Ok((*first, *last)),
            found => Err(anyhow!(
                "tokenizer.json: an empty text gives {} tokens; want the special tokens at both ends",
                found.len()
            )),
        }
    }

    /// The `WordPiece` vocabulary in id order, or `None` where the model is of another kind.
    pub fn word_pieces(&self) -> Result<Option<Vec<String>>> {
        let file: serde_json::Value =
            serde_json::from_str(&self.json).context("tokenizer.json is not JSON")?;
        if file["model"]["type"] != "WordPiece"
            && file["model"].get("continuing_subword_prefix").is_none()
        {
            return Ok(None);
        }
        if file["model"]["continuing_subword_prefix"] != "##" {
            return Ok(None);
        }
        let vocabulary = file["model"]["vocab"]
            .as_object()
            .context("tokenizer.json has no model.vocab")?;
        let mut pieces = vec![String::new(); vocabulary.len()];
        for (piece, id) in vocabulary {
            let slot = id.as_u64().and_then(|id| pieces.get_mut(id as usize));
            let slot = slot
                .with_context(|| format!("tokenizer.json: id {id} of {piece:?} leaves a hole"))?;
            slot.clone_from(piece);
        }
        Ok(Some(pieces))
    }

    /// Whether the normaliser lower-cases and strips accents, in that order.
    pub fn normalisation(&self) -> Result<(bool, bool)> {
        let file: serde_json::Value =
            serde_json::from_str(&self.json).context("tokenizer.json is not JSON")?;
        let normalizer = &file["normalizer"];
        let lowercase = normalizer["lowercase"].as_bool().unwrap_or(false);
        Ok((
            lowercase,
            normalizer["strip_accents"].as_bool().unwrap_or(lowercase),
        ))
    }
}

/// Cuts to `max_tokens`, keeping the last (separator) token; returns how many tokens went.
fn cut(ids: &mut Vec<u32>, owners: &mut Vec<Option<usize>>, max_tokens: usize) -> usize {
    let dropped = ids.len().saturating_sub(max_tokens.max(2));
    if dropped > 0 {
        let keep = max_tokens.max(2) - 1;
        let last = ids.len() - 1;
        ids.drain(keep..last);
        owners.drain(keep..last);
    }
    dropped
}

/// The word holding the first byte of `start..end` that is not white space.
fn word_at(text: &str, words: &[Word], start: usize, end: usize) -> Option<usize> {
    let inside = text.get(start..end)?;
    let first = start + (inside.len() - inside.trim_start().len());
    let index = words.partition_point(|word| word.bytes.end <= first);
    words
        .get(index)
        .filter(|word| word.bytes.start < end)
        .map(|_| index)
}
