//! How alike two texts are to an encoder, token by token (`BERTScore`, Zhang et al. 2020, without idf weights and
//! rescaling), and which way a text as a whole points.

use anyhow::Result;

use crate::product::unit;
use crate::progress::Progress;
use crate::teacher::{Batch, Teacher, floats_of};

/// Tokens of a text that are compared, special ones included.
const MOST: usize = 128;

/// Texts as an encoder reads them: the directions of their tokens' states.
#[derive(Debug)]
pub(super) struct Similarity {
    hidden: usize,
    /// `[tokens, hidden]` of each text, every row of length 1.
    states: Vec<Vec<f32>>,
}

impl Similarity {
    /// Special tokens are left out.
    pub(super) fn of(teacher: &Teacher, texts: &[&str]) -> Result<Self> {
        let encoder = teacher.encoder.frozen();
        let (hidden, mut states) = (teacher.config.hidden, Vec::with_capacity(texts.len()));
        for chunk in texts.chunks(32) {
            let ids = teacher.ids(chunk, MOST)?;
            let ids: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
            let Batch { ids: padded, mask } =
                Batch::new(&ids, teacher.config.padding, &teacher.device);
            let time = mask.dims()[1];
            let all = floats_of(encoder.states(encoder.embed(padded), mask))?;
            for (ids, rows) in ids.iter().zip(all.chunks(time * hidden)) {
                let own = &rows[hidden..hidden * (ids.len() - 1)];
                states.push(own.chunks(hidden).flat_map(unit).collect());
            }
        }
        Ok(Self { hidden, states })
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// F1 of the best cosines of each text's tokens to the other's; 0 where one has none.
    pub(super) fn f1(&self, own: usize, others: &Self, other: usize) -> f64 {
        let (a, b) = (&self.states[own], &others.states[other]);
        let (precision, recall) = (best(a, b, self.hidden), best(b, a, self.hidden));
        let sum = precision + recall;
        if sum > 0.0 {
            2.0 * precision * recall / sum
        } else {
            0.0
        }
    }
}

/// What texts mean to a teacher's encoder: the direction of the mean of their tokens' directions, `[texts * hidden]`.
pub fn meanings(teacher: &Teacher, texts: &[&str], progress: &Progress) -> Result<Vec<f32>> {
    let task = progress.task("distill: meanings of reasons", "reasons", texts.len());
    let mut meanings = Vec::with_capacity(texts.len() * teacher.config.hidden);
    for chunk in texts.chunks(1024) {
        let read = Similarity::of(teacher, chunk)?;
        for states in &read.states {
            let of = |at: usize| states.iter().skip(at).step_by(read.hidden).sum();
            meanings.extend(unit(&(0..read.hidden).map(of).collect::<Vec<f32>>()));
        }
        task.advance(chunk.len());
    }
    task.finish();
    Ok(meanings)
}

/// Mean over the rows of `a` of the largest product with a row of `b`.
fn best(a: &[f32], b: &[f32], hidden: usize) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
    let rows = a.chunks(hidden);
    let count = rows.len();
    let largest = rows.map(|x| b.chunks(hidden).map(|y| dot(x, y)).fold(0.0, f32::max));
    largest.map(f64::from).sum::<f64>() / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_matches_count_both_ways() {
        let of = |rows: &[[f32; 2]]| Similarity {
            hidden: 2,
            states: vec![rows.iter().flat_map(|row| unit(row)).collect()],
        };
        let (a, b) = (of(&[[2.0, 0.0], [0.0, 3.0]]), of(&[[1.0, 0.0]]));
        // Of a's tokens one is in b; b's only one is in a.
        assert!((a.f1(0, &b, 0) - 2.0 / 3.0).abs() < 1e-6);
        assert!((a.f1(0, &a, 0) - 1.0).abs() < 1e-6);
        assert!(a.f1(0, &of(&[]), 0).abs() < 1e-12);
    }
}
