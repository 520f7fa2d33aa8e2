//! The student's vocabulary and where its embeddings start.

use anyhow::{Context, Result, ensure};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use stillglass_text::{Options, Tokenizer, prune, single};

use crate::learn::learn;
use crate::progress::Progress;
use crate::recipe::Characters;
use crate::teacher::{Batch, Teacher, TeacherTokenizer, floats_of, mean_pool};

/// Root mean square of the first embeddings: what the LSTM's first weights expect.
const EMBEDDING_RMS: f32 = 0.5;

/// Pieces run through the teacher at a time.
const PIECES_A_BATCH: usize = 256;

/// Pieces in id order, with how texts become them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Vocabulary {
    /// The pieces; a token's id is its index.
    pub pieces: Vec<String>,
    /// Whether text is lower-cased first.
    pub lowercase: bool,
    /// Whether accents are stripped first.
    pub strip_accents: bool,
    /// Id of the unknown piece.
    pub unknown: u32,
    /// Id of the piece between the two texts of a pair, where texts are pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<u32>,
}

/// What stands between the two texts of a pair.
const SEPARATOR: &str = "[SEP]";

impl Vocabulary {
    /// The teacher's `WordPiece` vocabulary, whole; where its tokenizer is of another kind
    /// (RoBERTa's), at most `most` pieces learnt from `texts`, lower-cased and without accents.
    pub fn of_teacher(teacher: &Teacher, texts: &[&str], most: usize) -> Result<Self> {
        match Self::of_tokenizer(&teacher.tokenizer)? {
            Some(whole) => Ok(whole),
            None => Self::new(learn(texts, most), true, true),
        }
    }

    /// A teacher's `WordPiece` vocabulary, whole; none where its tokenizer is of another kind. Errors where a student could
    /// not read texts by it.
    pub(crate) fn of_tokenizer(tokenizer: &TeacherTokenizer) -> Result<Option<Self>> {
        let Some(pieces) = tokenizer.word_pieces()? else {
            return Ok(None);
        };
        let (lowercase, strip_accents) = tokenizer.normalisation()?;
        Self::new(pieces, lowercase, strip_accents).map(Some)
    }

    /// A vocabulary that must hold `[UNK]`.
    pub fn new(pieces: Vec<String>, lowercase: bool, strip_accents: bool) -> Result<Self> {
        let unknown = pieces.iter().position(|piece| piece == "[UNK]");
        let unknown = unknown.context("the vocabulary has no [UNK]")? as u32;
        Ok(Self {
            pieces,
            lowercase,
            strip_accents,
            unknown,
            separator: None,
        })
    }

    /// The same pieces for texts that are pairs.
    #[must_use]
    pub fn of_pairs(mut self) -> Self {
        let found = self.pieces.iter().position(|piece| piece == SEPARATOR);
        let place = found.unwrap_or_else(|| {
            self.pieces.push(SEPARATOR.into());
            self.pieces.len() - 1
        });
        self.separator = Some(place as u32);
        self
    }

    /// Reads what a finished student left behind.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("vocabulary {}", path.display()))
    }

    /// A tokenizer over these pieces.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        let options = Options {
            lowercase: self.lowercase,
            strip_accents: self.strip_accents,
            unknown: self.unknown,
            separator: self.separator,
        };
        Ok(Tokenizer::new(&self.pieces, options)?)
    }

    /// Only the pieces that `texts` use at least `min_count` times, and these single characters; in byte order, in which a
    /// reader need not sort them, and they take least room.
    pub fn pruned(&self, texts: &[&str], min_count: usize, characters: Characters) -> Result<Self> {
        let counts = self.counts(texts)?;
        let mut pruned = self.pruned_to(&counts, min_count, &[])?;
        if characters == Characters::Used {
            let read = counts.keys().map(|&id| self.pieces[id as usize].as_str());
            let read: HashSet<char> = read.flat_map(str::chars).collect();
            let unread = |one: char| !one.is_ascii() && !read.contains(&one);
            pruned.retain(|piece| !single(piece).is_some_and(unread));
        }
        self.with(pruned)
    }

    /// Only the pieces that `texts` use at least `min_count` times, all single characters, and the pieces with the ids `keep`.
    pub fn pruned_but(&self, texts: &[&str], min_count: usize, keep: &[u32]) -> Result<Self> {
        self.with(self.pruned_to(&self.counts(texts)?, min_count, keep)?)
    }

    /// How often texts use each piece.
    fn counts(&self, texts: &[&str]) -> Result<HashMap<u32, usize>> {
        let tokenizer = self.tokenizer()?;
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for text in texts {
            for id in tokenizer.encode(text, usize::MAX).ids {
                *counts.entry(id).or_default() += 1;
            }
        }
        Ok(counts)
    }

    fn pruned_to(
        &self,
        counts: &HashMap<u32, usize>,
        min_count: usize,
        keep: &[u32],
    ) -> Result<Vec<String>> {
        let used = |id: u32| {
            keep.contains(&id)
                || self.separator == Some(id)
                || counts.get(&id).is_some_and(|&count| count >= min_count)
        };
        let mut pieces = prune(&self.pieces, self.unknown, used)?.vocabulary;
        pieces.sort_unstable();
        Ok(pieces)
    }

    /// Other pieces, by which texts are read as by these.
    fn with(&self, pieces: Vec<String>) -> Result<Self> {
        let kept = Self::new(pieces, self.lowercase, self.strip_accents)?;
        Ok(match self.separator {
            Some(_) => kept.of_pairs(),
            None => kept,
        })
    }
}

/// Errors where embeddings of this width could not start from a teacher's states of `hidden` numbers.
pub(crate) fn check_width(width: usize, hidden: usize) -> Result<()> {
    ensure!(
        width <= hidden,
        "student.embedding is {width}, wider than the teacher's states ({hidden}); lower it"
    );
    Ok(())
}

/// First embeddings `[pieces * width]`: each piece run through the teacher between its special
/// tokens, states averaged, the first `width` principal components kept.
pub fn embeddings(
    teacher: &Teacher,
    pieces: &[String],
    width: usize,
    progress: &Progress,
) -> Result<Vec<f32>> {
    let hidden = teacher.config.hidden;
    check_width(width, hidden)?;
    let encoder = teacher.encoder.frozen();
    let task = progress.task(
        "distill: embeddings from the teacher",
        "pieces",
        pieces.len(),
    );
    let mut states = Vec::with_capacity(pieces.len() * hidden);
    for chunk in pieces.chunks(PIECES_A_BATCH) {
        let ids = chunk
            .iter()
            .map(|piece| teacher.tokenizer.encode_piece(piece))
            .collect::<Result<Vec<_>>>()?;
        let ids: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        let batch = Batch::new(&ids, teacher.config.padding, &teacher.device);
        let words = encoder.embed(batch.ids.clone());
        states.extend(floats_of(mean_pool(
            encoder.states(words, batch.mask.clone()),
            batch.mask,
        ))?);
        task.advance(chunk.len());
    }
    task.finish();
    Ok(principal_components(&states, hidden, width))
}

/// Coordinates of `rows [n, from]` along their first `to` principal components, scaled as a whole to
/// [`EMBEDDING_RMS`]. Signs are fixed by making each component's largest weight positive.
fn principal_components(rows: &[f32], from: usize, to: usize) -> Vec<f32> {
    let count = rows.len() / from;
    let mut matrix = DMatrix::from_fn(count, from, |row, column| {
        f64::from(rows[row * from + column])
    });
    for mut column in matrix.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
    }
    let eigen = (matrix.transpose() * &matrix).symmetric_eigen();
    let mut order: Vec<usize> = (0..from).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let mut basis = eigen.eigenvectors.select_columns(&order[..to]);
    for mut axis in basis.column_iter_mut() {
        let sign = axis[axis.iamax()].signum();
        axis.scale_mut(sign);
    }
    let projected = matrix * basis;
    let rms = (projected.norm_squared() / projected.len() as f64)
        .sqrt()
        .max(f64::MIN_POSITIVE);
    let scale = f64::from(EMBEDDING_RMS) / rms;
    projected
        .transpose()
        .iter()
        .map(|value| (value * scale) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_no_text_has_may_go() {
        let pieces = [
            "[UNK]", "a", "##a", "é", "##é", "日", "##日", "#", "###", "tea", "##s", "∑",
        ];
        let whole = Vocabulary::new(pieces.map(String::from).into(), false, false).unwrap();
        let of = |characters| {
            let kept = whole.pruned(&["tea tea é ∑", "teas"], 2, characters);
            kept.unwrap().pieces.join(" ")
        };
        assert_eq!(
            of(Characters::All),
            "# ### ##a ##s ##é ##日 [UNK] a tea é ∑ 日"
        );
        assert_eq!(of(Characters::Used), "# ### ##a ##s ##é [UNK] a tea é ∑");
    }

    #[test]
    fn components_keep_distances_of_data_on_a_plane() {
        // Points on a plane in four dimensions: two components lose nothing.
        let (a, b) = ([1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]);
        let points: Vec<(f32, f32)> = (0..20)
            .map(|i| ((i * 7 % 11) as f32, (i * 5 % 13) as f32 * 0.5))
            .collect();
        let rows: Vec<f32> = points
            .iter()
            .flat_map(|(u, v)| (0..4).map(move |k| u * a[k] + v * b[k]))
            .collect();
        let out = principal_components(&rows, 4, 2);
        let distance = |rows: &[f32], width: usize, i: usize, j: usize| -> f32 {
            (0..width)
                .map(|k| (rows[i * width + k] - rows[j * width + k]).powi(2))
                .sum::<f32>()
                .sqrt()
        };
        let ratio = distance(&out, 2, 0, 1) / distance(&rows, 4, 0, 1);
        for (i, j) in [(0, 5), (3, 17), (8, 9)] {
            let found = distance(&out, 2, i, j) / distance(&rows, 4, i, j);
            assert!((found / ratio - 1.0).abs() < 1e-4, "{found} {ratio}");
        }
        let rms = (out.iter().map(|v| v * v).sum::<f32>() / out.len() as f32).sqrt();
        assert!((rms - EMBEDDING_RMS).abs() < 1e-4);
    }
}
