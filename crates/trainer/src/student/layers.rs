//! A teacher's first layers before a student: what they make of a text's tokens, by the integers that the student's
//! bundle will have. They learn nothing more; the student learns to read them as they are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use stillglass_runtime::FirstLayers;

use super::StudentBatch;

/// Numbers that are kept of texts that come again, as all do in every epoch: a gigabyte.
const MOST_KEPT: usize = 1 << 28;

/// The layers, and what they made of the first texts that they were given.
#[derive(Debug)]
pub struct Layers {
    layers: FirstLayers,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    states: HashMap<Box<[u32]>, Arc<[f32]>>,
    numbers: usize,
}

impl Layers {
    /// As a bundle has them.
    pub fn new(layers: FirstLayers) -> Self {
        Self {
            layers,
            kept: Mutex::default(),
        }
    }

    /// As a bundle has them.
    pub fn integers(&self) -> &FirstLayers {
        &self.layers
    }

    /// Numbers of a token's state.
    pub fn width(&self) -> usize {
        self.layers.shape().hidden
    }

    /// What is made of a text, `[tokens, width]`.
    fn states(&self, ids: &[u32]) -> Arc<[f32]> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().states.get(ids) {
            return known.clone();
        }
        let states: Arc<[f32]> = self.layers.states(ids).into();
        let mut kept = kept();
        let room = kept.numbers + states.len() <= MOST_KEPT;
        // Another thread may have been at the same text.
        if room && kept.states.insert(ids.into(), states.clone()).is_none() {
            kept.numbers += states.len();
        }
        states
    }

    /// `[time * batch][embedding]` → `[time * batch][embedding + width]`: what is made of each token behind its embedding,
    /// zeros behind padding.
    pub(super) fn beside(&self, embedded: &[f32], batch: &StudentBatch) -> Vec<f32> {
        let texts: Vec<Vec<u32>> = batch.texts().collect();
        let states: Vec<Arc<[f32]>> = texts.par_iter().map(|ids| self.states(ids)).collect();
        let (own, width) = (embedded.len() / batch.ids.len(), self.width());
        let mut all = vec![0.0; batch.ids.len() * (own + width)];
        for (row, (all, embedded)) in all
            .chunks_exact_mut(own + width)
            .zip(embedded.chunks_exact(own))
            .enumerate()
        {
            let (step, column) = (row / texts.len(), row % texts.len());
            all[..own].copy_from_slice(embedded);
            if let Some(state) = states[column].chunks_exact(width).nth(step) {
                all[own..].copy_from_slice(state);
            }
        }
        all
    }
}
