//! The teacher's tokenizer: token ids with special tokens, each token tied to a word of the text.

mod bundled;

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use stillglass_text::{SEPARATOR, Word, longest_first};
use tokenizers::Tokenizer;

use super::FILES;

/// Spellings of the mask token: BERT's, RoBERTa's.
const MASKS: [&str; 2] = ["[MASK]", "<mask>"];

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

impl Encoded {
    /// How many of the text's `words` there are up to the last that was read, all or in part. Of a pair that is too long
    /// the end of the first text is among them.
    pub fn words_read(&self, words: usize) -> usize {
        if self.dropped == 0 {
            return words;
        }
        let last = self.words.iter().flatten().max();
        last.map_or(0, |last| last + 1)
    }
}

/// A `tokenizer.json` with its truncation and padding turned off: lengths are decided here.
pub struct TeacherTokenizer {
    inner: Tokenizer,
    json: String,
}

impl TeacherTokenizer {
    /// Reads the `tokenizer.json` in a teacher's folder.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILES[1]);
        let json =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(json).with_context(|| format!("teacher {}", directory.display()))
    }

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
    ///
    /// Of a pair each text ends with the separator, that of the first being the word between them; all tokens are of
    /// the first type, as a bundle's are, and [`longest_first`] says how many of each text are kept.
    pub fn encode(&self, text: &str, words: &[Word], max_tokens: usize) -> Result<Encoded> {
        let (mut ids, mut owners) = (Vec::new(), Vec::new());
        let (mut from, mut ends) = (0, Vec::new());
        for part in text.split(SEPARATOR) {
            if from > 0
                && let Some(last) = owners.last_mut()
            {
                *last = word_at(text, words, from - SEPARATOR.len_utf8(), from);
            }
            self.append(
                (text, words),
                from..from + part.len(),
                (&mut ids, &mut owners),
            )?;
            from += part.len() + SEPARATOR.len_utf8();
            ends.push(ids.len());
        }
        let dropped = cut(&mut ids, &mut owners, &ends, max_tokens);
        Ok(Encoded {
            ids,
            words: owners,
            dropped,
        })
    }

    /// Adds the tokens of a part of a text, that before it only where it is the first.
    fn append(
        &self,
        (text, words): (&str, &[Word]),
        part: Range<usize>,
        (ids, owners): (&mut Vec<u32>, &mut Vec<Option<usize>>),
    ) -> Result<()> {
        let first = part.start;
        let encoding = self
            .inner
            .encode(&text[part], true)
            .map_err(|error| anyhow!("tokenizing {text:?}: {error}"))?;
        let skipped = usize::from(first > 0);
        ids.extend(&encoding.get_ids()[skipped..]);
        let specials = encoding.get_special_tokens_mask();
        let tokens = encoding.get_offsets().iter().zip(specials).skip(skipped);
        owners.extend(tokens.map(|(&(start, end), &special)| {
            (special == 0)
                .then(|| word_at(text, words, first + start, first + end))
                .flatten()
        }));
        Ok(())
    }

    /// What stands for a masked word in a text. A tokenizer with neither spelling reads it as any
    /// other word.
    pub fn mask_word(&self) -> &'static str {
        let known = |word: &&str| self.inner.token_to_id(word).is_some();
        MASKS.into_iter().find(known).unwrap_or(MASKS[0])
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

    /// The piece with the highest id, added ones among them.
    pub fn last_piece(&self) -> Result<(String, u32)> {
        let all = self.inner.get_vocab(true).into_iter();
        let last = all.max_by_key(|(_, id)| *id);
        last.context("tokenizer.json has no pieces")
    }

    /// The `WordPiece` vocabulary in id order, or `None` where the model is of another kind.
    pub fn word_pieces(&self) -> Result<Option<Vec<String>>> {
        let file: serde_json::Value =
            serde_json::from_str(&self.json).context("tokenizer.json is not JSON")?;
        // Old files don't name the model's type.
        let kind = &file["model"]["type"];
        let named = kind.is_null() || kind == "WordPiece";
        if !named || file["model"]["continuing_subword_prefix"] != "##" {
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

    /// Whether the normaliser lower-cases and strips accents, in that order. Errors on any other than
    /// BERT's, whose effect on case is not known here.
    pub fn normalisation(&self) -> Result<(bool, bool)> {
        let file: serde_json::Value =
            serde_json::from_str(&self.json).context("tokenizer.json is not JSON")?;
        let normalizer = &file["normalizer"];
        ensure!(
            normalizer.is_null() || normalizer["type"] == "BertNormalizer",
            "tokenizer.json: normalizer of type {}; a WordPiece teacher needs BertNormalizer, so that \
             the student reads the same words",
            normalizer["type"]
        );
        let lowercase = normalizer["lowercase"].as_bool().unwrap_or(false);
        Ok((
            lowercase,
            normalizer["strip_accents"].as_bool().unwrap_or(lowercase),
        ))
    }
}

/// Cuts to `max_tokens`, keeping the special tokens: the first one, and the separator that each text has at its end,
/// `ends` being where those stop. Returns how many tokens went.
fn cut(
    ids: &mut Vec<u32>,
    owners: &mut Vec<Option<usize>>,
    ends: &[usize],
    max_tokens: usize,
) -> usize {
    let (all, specials) = (ids.len(), 1 + ends.len().min(2));
    if all <= max_tokens.max(specials) {
        return 0;
    }
    // What is between the special tokens.
    let texts = match *ends {
        [end] => [1..end - 1, end..end],
        [first, .., last] => [1..first - 1, first..last - 1],
        [] => return 0,
    };
    let room = max_tokens.saturating_sub(specials);
    let kept = longest_first([texts[0].len(), texts[1].len()], room);
    // From the end, or the places of what comes before would change.
    for (text, kept) in texts.into_iter().zip(kept).rev() {
        ids.drain(text.start + kept..text.end);
        owners.drain(text.start + kept..text.end);
    }
    all - ids.len()
}

/// The word holding the first byte of `start..end` that is not white space; of white space alone (a
/// byte-level token), the word that follows.
fn word_at(text: &str, words: &[Word], start: usize, end: usize) -> Option<usize> {
    let inside = text.get(start..end)?;
    let blank = inside.trim().is_empty();
    let first = start + (inside.len() - inside.trim_start().len());
    let index = words.partition_point(|word| word.bytes.end <= first);
    let word = words.get(index)?;
    (blank || word.bytes.start < end).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stillglass_text::{Options, Tokenizer as Words};

    fn tokenizer(family: &str) -> TeacherTokenizer {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let path = fixtures.join(family).join("tokenizer.json");
        TeacherTokenizer::parse(std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn words(text: &str) -> Vec<Word> {
        let options = Options {
            lowercase: true,
            strip_accents: true,
            unknown: 0,
            separator: None,
        };
        Words::new(&["[UNK]".into()], options).unwrap().words(text)
    }

    /// The tokens' texts by the word that owns them, special tokens left out.
    fn owned(family: &str, text: &str, max_tokens: usize) -> Vec<usize> {
        let encoded = tokenizer(family)
            .encode(text, &words(text), max_tokens)
            .unwrap();
        assert_eq!(encoded.words.first(), Some(&None), "{family} {text}");
        assert_eq!(encoded.words.last(), Some(&None), "{family} {text}");
        let inside = encoded.words[1..encoded.words.len() - 1].iter();
        inside
            .map(|word| word.unwrap_or_else(|| panic!("{family} {text}: {:?}", encoded.words)))
            .collect()
    }

    #[test]
    fn every_token_belongs_to_the_word_that_holds_it() {
        for family in ["bert", "distilbert", "roberta"] {
            for text in [
                "Rose, early!",
                " the  Mill",
                "na\u{ef}ve caf\u{e9} \u{1f600} up",
                "rain",
            ] {
                let owners = owned(family, text, 512);
                let count = words(text).len();
                assert!(owners.is_sorted(), "{family} {text}: {owners:?}");
                let mut seen = owners.clone();
                seen.dedup();
                assert_eq!(seen, (0..count).collect::<Vec<_>>(), "{family} {text}");
            }
        }
    }

    #[test]
    fn a_pair_is_cut_as_a_bundle_cuts_it() {
        let teacher = tokenizer("bert");
        let pieces = teacher.word_pieces().unwrap().unwrap();
        let separator = teacher.special().unwrap().1;
        let options = Options {
            lowercase: true,
            strip_accents: true,
            unknown: teacher.inner.token_to_id("[UNK]").unwrap(),
            separator: Some(separator),
        };
        let bundle = Words::new(&pieces, options).unwrap();
        for text in [
            "the mill rose early again\u{1f}rose early",
            "rain\u{1f}the mill, na\u{ef}ve rose early again",
            "the mill rose\u{1f}early the mill",
            "\u{1f}the mill rose",
            "the mill rose\u{1f}",
        ] {
            let words = bundle.words(text);
            for most in 3..16 {
                let encoded = teacher.encode(text, &words, most).unwrap();
                let read = bundle.encode(text, most - 2);
                let inside = &encoded.ids[1..encoded.ids.len() - 1];
                assert_eq!(inside, read.ids, "{text:?} at {most}");
                let tokens = bundle.encode(text, usize::MAX).ids.len();
                assert_eq!(encoded.dropped, tokens - inside.len());
                // Every token has the word of the whole text that it is of.
                let owners = encoded.words[1..encoded.words.len() - 1].iter();
                let starts = owners.map(|word| words[word.unwrap()].bytes.start);
                let expected = read.tokens.iter().map(|t| read.words[t.word].bytes.start);
                assert!(starts.eq(expected), "{text:?} at {most}");
            }
        }
    }

    #[test]
    fn a_cut_text_keeps_its_first_words_and_the_separator() {
        for family in ["bert", "distilbert", "roberta"] {
            let all = owned(family, "the mill rose early again", 512);
            let text = "the mill rose early again";
            let cut = owned(family, text, all.len());
            assert_eq!(cut, all[..all.len() - 2], "{family}");
            let dropped = tokenizer(family)
                .encode(text, &words(text), all.len())
                .unwrap()
                .dropped;
            assert_eq!(dropped, 2);
        }
    }
}
