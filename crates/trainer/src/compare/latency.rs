//! How long the runtime takes for a text on this machine, on one thread: every bundle in turn, so that all of them
//! meet the same neighbours.

use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs;
use std::time::Instant;
use stillglass_bundle::Bundle;
use stillglass_runtime::Model;

use super::arms::Cell;
use super::cell::Finished;
use crate::data::Split;
use crate::progress::Progress;

/// Test texts that are timed.
const TEXTS: usize = 100;

/// Times that each is read.
const ROUNDS: usize = 3;

/// Median time of a call of one text in microseconds, by arm: of the first bundle that it has.
pub(super) fn measure(
    found: &[(Cell, Option<Finished>)],
    split: &Split,
    progress: &Progress,
) -> Result<HashMap<String, f64>> {
    let mut models: Vec<(String, Model, Vec<f64>)> = Vec::new();
    for (cell, finished) in found {
        let bundle = finished
            .as_ref()
            .and_then(|finished| finished.bundle.as_ref());
        let Some(path) = bundle.filter(|_| models.iter().all(|(name, ..)| *name != cell.arm.name))
        else {
            continue;
        };
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        let model = Model::new(Bundle::read(&bytes)?)?;
        models.push((cell.arm.name.clone(), model, Vec::new()));
    }
    let texts: Vec<&str> = split
        .test
        .iter()
        .take(TEXTS)
        .map(|e| e.text.as_str())
        .collect();
    let task = progress.task("latency", "texts", (ROUNDS + 1) * texts.len());
    // The first round is not counted: it packs weights and fills caches.
    for round in 0..=ROUNDS {
        for text in &texts {
            for (_, model, times) in &mut models {
                let clock = Instant::now();
                model.classify(&[text], None)?;
                if round > 0 {
                    times.push(clock.elapsed().as_secs_f64() * 1e6);
                }
            }
            task.advance(1);
        }
    }
    task.finish();
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let medians = models
        .into_iter()
        .map(|(name, _, times)| (name, median(times)));
    Ok(medians.collect())
}
