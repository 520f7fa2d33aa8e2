//! Soft labels and attributions of the teacher, computed once for each text.

use anyhow::{Context, Result, ensure};
use std::collections::HashSet;
use stillglass_text::Tokenizer;

use crate::artefact::{Cache, digest};
use crate::attribution::{Attribution, Explainer};
use crate::progress::{Progress, Task};
use crate::recipe::LabelSection;
use crate::teacher::{Encoded, Frozen};
use crate::training::by_length;

/// Batches between two waits for the disk.
const SYNC_EVERY: usize = 64;

/// Labels texts with one teacher, remembering what it said in a cache that outlives the process.
pub struct Labeller<'a> {
    frozen: &'a Frozen<'a>,
    section: &'a LabelSection,
    /// Cuts texts into the words that attributions are summed to.
    words: &'a Tokenizer,
    max_tokens: usize,
    cache: Cache,
}

/// A text as the teacher reads it.
struct Encodable<'t> {
    text: &'t str,
    tokens: Encoded,
    /// Words that the teacher reads of it.
    words: usize,
}

impl<'a> Labeller<'a> {
    /// Asks a teacher what `cache` does not hold; what it holds must be of this teacher and these settings.
    pub fn new(
        cache: Cache,
        frozen: &'a Frozen<'a>,
        section: &'a LabelSection,
        words: &'a Tokenizer,
        max_tokens: usize,
    ) -> Self {
        Self {
            frozen,
            section,
            words,
            max_tokens: max_tokens.min(frozen.teacher.config.max_length()),
            cache,
        }
    }

    /// Logits and attributions of every text, in order. `list` names the texts: it is shown with the
    /// progress and is part of their keys, since another list forms other batches.
    pub fn explain(
        &mut self,
        list: &str,
        texts: &[&str],
        progress: &Progress,
    ) -> Result<Vec<Attribution>> {
        let LabelSection { nodes, target, .. } = *self.section;
        let explainer = Explainer::new(self.frozen, nodes, target, self.section.batch)?;
        let encoded = unique(texts)
            .into_iter()
            .map(|text| self.encode(text))
            .collect::<Result<Vec<_>>>()?;
        let lengths: Vec<usize> = encoded.iter().map(|text| text.tokens.ids.len()).collect();
        let batches = by_length(&lengths, explainer.batch());
        let batches = self.unfinished(batches, list, |row| encoded[row].text);
        let missing = batches.iter().map(Vec::len).sum::<usize>();
        let task = labelling(list, encoded.len(), missing, progress);
        for (done, rows) in batches.iter().enumerate() {
            let tokens: Vec<&Encoded> = rows.iter().map(|&row| &encoded[row].tokens).collect();
            let words: Vec<usize> = rows.iter().map(|&row| encoded[row].words).collect();
            for (&row, attribution) in rows.iter().zip(explainer.explain(&tokens, &words)?) {
                self.put(list, encoded[row].text, &attribution)?;
            }
            task.advance(rows.len());
            if done % SYNC_EVERY == SYNC_EVERY - 1 {
                self.cache.sync()?;
            }
        }
        self.cache.sync()?;
        task.finish();
        self.collect(list, texts)
    }

    /// Logits of every text, in order; `list` is as for [`Labeller::explain`].
    pub fn logits(
        &mut self,
        list: &str,
        texts: &[&str],
        progress: &Progress,
    ) -> Result<Vec<Vec<f32>>> {
        let unique = unique(texts);
        let lengths: Vec<usize> = unique.iter().map(|text| text.len()).collect();
        let chunks = by_length(&lengths, self.section.batch * SYNC_EVERY);
        let chunks = self.unfinished(chunks, list, |row| unique[row]);
        let missing = chunks.iter().map(Vec::len).sum::<usize>();
        let task = labelling(list, unique.len(), missing, progress);
        for rows in chunks {
            let texts = rows.iter().map(|&row| unique[row]);
            let ids = self.frozen.teacher.ids(texts, self.max_tokens)?;
            let advance = |rows| task.advance(rows);
            let logits = self.frozen.logits(&ids, self.section.batch, advance)?;
            for (&row, logits) in rows.iter().zip(logits) {
                let bare = Attribution {
                    words: vec![Vec::new(); logits.len()],
                    remainder: vec![0.0; logits.len()],
                    completeness_error: vec![0.0; logits.len()],
                    logits,
                };
                self.put(list, unique[row], &bare)?;
            }
            self.cache.sync()?;
        }
        task.finish();
        Ok(self
            .collect(list, texts)?
            .into_iter()
            .map(|label| label.logits)
            .collect())
    }

    fn encode<'t>(&self, text: &'t str) -> Result<Encodable<'t>> {
        let words = self.words.words(text);
        let tokenizer = &self.frozen.teacher.tokenizer;
        let tokens = tokenizer.encode(text, &words, self.max_tokens)?;
        let words = tokens.words_read(words.len());
        Ok(Encodable {
            text,
            tokens,
            words,
        })
    }

    /// The batches with a text that has no record yet. They are done again whole: a text's last bits
    /// depend on the batch it is in, so a run that was killed must form the same batches.
    fn unfinished<'t>(
        &self,
        batches: Vec<Vec<usize>>,
        list: &str,
        text: impl Fn(usize) -> &'t str,
    ) -> Vec<Vec<usize>> {
        let known = |row: usize| self.cache.get(&key(list, text(row))).is_some();
        batches
            .into_iter()
            .filter(|rows| !rows.iter().all(|&row| known(row)))
            .collect()
    }

    fn put(&mut self, list: &str, text: &str, label: &Attribution) -> Result<()> {
        ensure!(
            label.logits.iter().all(|v| v.is_finite()),
            "label: the teacher's logits of {text:?} are not finite; teach it again at a lower rate"
        );
        self.cache.append(key(list, text), pack(label))
    }

    fn collect(&self, list: &str, texts: &[&str]) -> Result<Vec<Attribution>> {
        texts
            .iter()
            .map(|text| {
                let record = self
                    .cache
                    .get(&key(list, text))
                    .context("a label that was just written is gone")?;
                unpack(record)
                    .context("the label cache holds a record of another layout; remove it")
            })
            .collect()
    }
}

/// Each text once, in the order of their first places.
fn unique<'t>(texts: &[&'t str]) -> Vec<&'t str> {
    let mut seen = HashSet::new();
    texts
        .iter()
        .copied()
        .filter(|text| seen.insert(*text))
        .collect()
}

/// The progress of a list's texts, of which some are `missing`.
fn labelling(list: &str, texts: usize, missing: usize, progress: &Progress) -> Task {
    progress.resumed(&format!("label: {list}"), "texts", texts, texts - missing)
}

fn key(list: &str, text: &str) -> [u8; 32] {
    digest(&[list.as_bytes(), text.as_bytes()])
}

/// Little-endian: classes, words (u32), then logits, remainders, completeness errors, and the
/// classes' words (f32).
fn pack(label: &Attribution) -> Vec<u8> {
    let words = label.words.first().map_or(0, Vec::len);
    let mut bytes = Vec::new();
    bytes.extend((label.logits.len() as u32).to_le_bytes());
    bytes.extend((words as u32).to_le_bytes());
    let rows = [&label.logits, &label.remainder, &label.completeness_error];
    for row in rows.into_iter().chain(&label.words) {
        bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
    }
    bytes
}

fn unpack(bytes: &[u8]) -> Option<Attribution> {
    let (head, values) = bytes.split_at_checked(8)?;
    let classes = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    let words = u32::from_le_bytes(head[4..].try_into().ok()?) as usize;
    let values: Vec<f32> = values
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    if classes == 0 || values.len() != classes * (3 + words) {
        return None;
    }
    let (head, tail) = values.split_at(3 * classes);
    let row = |index: usize| head[index * classes..(index + 1) * classes].to_vec();
    Some(Attribution {
        logits: row(0),
        remainder: row(1),
        completeness_error: row(2),
        words: (0..classes)
            .map(|class| tail[class * words..(class + 1) * words].to_vec())
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_went() {
        for words in [0, 1, 7] {
            let label = Attribution {
                logits: vec![1.0, -2.5, 0.25],
                words: (0..3)
                    .map(|class| (0..words).map(|word| (class * 10 + word) as f32).collect())
                    .collect(),
                remainder: vec![0.5, 0.25, -0.75],
                completeness_error: vec![0.01, 0.02, 0.03],
            };
            assert_eq!(unpack(&pack(&label)), Some(label));
        }
    }

    #[test]
    fn records_of_another_length_are_refused() {
        assert_eq!(unpack(&[]), None);
        assert_eq!(unpack(&[3, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4]), None);
    }
}
