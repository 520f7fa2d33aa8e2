//! A teacher that learns no more, asked for its logits.

use anyhow::Result;
use rayon::prelude::*;

use super::Teacher;
use super::encoder::{Batch, Encoder};
use super::slices::{Keep, Slices};
use super::weights::floats_of;
use crate::device::processor;
use crate::training::by_length;

/// Tokens that go through the network together on the processor: enough to use each weight many times,
/// few enough that a layer's numbers stay in its caches.
pub(crate) const TOKENS_TOGETHER: usize = 512;

/// A teacher whose weights stand still.
pub struct Frozen<'a> {
    /// The teacher as it was read.
    pub teacher: &'a Teacher,
    pub(crate) network: Network,
}

/// What is wanted of a text.
#[derive(Clone, Copy)]
enum Wanted {
    Logits,
    /// What the map to logits reads.
    Pooled,
}

/// Where the network's numbers are.
pub(crate) enum Network {
    Slices(Box<Slices>),
    Tensors(Box<Encoder>),
}

impl<'a> Frozen<'a> {
    /// The fastest way that the teacher's device has. On the processor these are plain slices: Burn's
    /// tensors there pay for padding and for the memory of every operation.
    pub fn new(teacher: &'a Teacher) -> Result<Self> {
        if teacher.device != processor() {
            return Ok(Self::on_tensors(teacher));
        }
        let weights = teacher.encoder.weights(&teacher.config)?;
        let slices = Slices::new(&teacher.config, weights)?;
        Ok(Self {
            teacher,
            network: Network::Slices(Box::new(slices)),
        })
    }

    /// Burn's tensors, on whatever device: the way of every device but the processor.
    pub fn on_tensors(teacher: &'a Teacher) -> Self {
        Self {
            teacher,
            network: Network::Tensors(Box::new(teacher.encoder.frozen())),
        }
    }

    /// Logits of texts as token ids, one row each, in order; `done` hears how many more there are. A
    /// device's batches have `batch` texts.
    pub fn logits(
        &self,
        texts: &[Vec<u32>],
        batch: usize,
        done: impl Fn(usize) + Sync,
    ) -> Result<Vec<Vec<f32>>> {
        let classes = self.teacher.config.labels.len();
        self.rows(texts, batch, (Wanted::Logits, classes), done)
    }

    /// What the map to logits reads of texts as token ids, one row of `hidden` numbers each, as [`Frozen::logits`].
    pub fn pooled(
        &self,
        texts: &[Vec<u32>],
        batch: usize,
        done: impl Fn(usize) + Sync,
    ) -> Result<Vec<Vec<f32>>> {
        let hidden = self.teacher.config.hidden;
        self.rows(texts, batch, (Wanted::Pooled, hidden), done)
    }

    /// What is wanted of texts, rows of `width` numbers.
    fn rows(
        &self,
        texts: &[Vec<u32>],
        batch: usize,
        (wanted, width): (Wanted, usize),
        done: impl Fn(usize) + Sync,
    ) -> Result<Vec<Vec<f32>>> {
        let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
        let of = |rows: &[usize]| -> Result<Vec<f32>> {
            let ids: Vec<&[u32]> = rows.iter().map(|&row| texts[row].as_slice()).collect();
            let found = match &self.network {
                Network::Slices(slices) => of_slices(slices, &ids, wanted),
                Network::Tensors(encoder) => {
                    let Teacher { config, device, .. } = self.teacher;
                    let batch = Batch::new(&ids, config.padding, device);
                    floats_of(match wanted {
                        Wanted::Logits => encoder.forward(&batch),
                        Wanted::Pooled => encoder.pooled(encoder.embed(batch.ids), batch.mask),
                    })?
                }
            };
            done(rows.len());
            Ok(found)
        };
        let (batches, found): (_, Result<Vec<_>>) = match &self.network {
            Network::Slices(_) => {
                let packs = by_tokens(&lengths, TOKENS_TOGETHER);
                let found = packs.par_iter().map(|rows| of(rows)).collect();
                (packs, found)
            }
            Network::Tensors(_) => {
                let batches = by_length(&lengths, batch);
                let found = batches.iter().map(|rows| of(rows)).collect();
                (batches, found)
            }
        };
        let mut all = vec![Vec::new(); texts.len()];
        for (rows, found) in batches.iter().zip(found?) {
            for (&row, found) in rows.iter().zip(found.chunks_exact(width)) {
                all[row] = found.to_vec();
            }
        }
        Ok(all)
    }
}

fn of_slices(slices: &Slices, texts: &[&[u32]], wanted: Wanted) -> Vec<f32> {
    let lengths: Vec<usize> = texts.iter().map(|ids| ids.len()).collect();
    let words = slices.embed(&texts.concat());
    let pass = slices.forward(words, &lengths, Keep::Logits, None);
    match wanted {
        Wanted::Logits => pass.logits,
        Wanted::Pooled => pass.pooled(),
    }
}

/// Row indices in packs of at most `most` tokens, or of one row, longest rows first.
fn by_tokens(lengths: &[usize], most: usize) -> Vec<Vec<usize>> {
    let mut packs: Vec<Vec<usize>> = Vec::new();
    let mut left = 0;
    for row in by_length(lengths, lengths.len().max(1)).concat() {
        match packs.last_mut() {
            Some(pack) if lengths[row] <= left => {
                left -= lengths[row];
                pack.push(row);
            }
            _ => {
                left = most.saturating_sub(lengths[row]);
                packs.push(vec![row]);
            }
        }
    }
    packs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_hold_every_row_once_and_few_tokens() {
        let lengths: Vec<usize> = (0..300).map(|row| row * 7919 % 61).collect();
        let packs = by_tokens(&lengths, 50);
        let mut seen = packs.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..300).collect::<Vec<_>>());
        for pack in packs {
            let tokens: usize = pack.iter().map(|&row| lengths[row]).sum();
            assert!(pack.len() == 1 || tokens <= 50, "{tokens}");
        }
        assert!(by_tokens(&[], 50).is_empty());
    }
}
