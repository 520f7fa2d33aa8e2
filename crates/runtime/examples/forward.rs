//! One forward pass of a bundle over made-up tokens, for `cargo xtask instructions` to count.
//!
//! `forward BUNDLE TOKENS` prints the instruction set that the kernels ran on.

use std::error::Error;
use std::hint::black_box;

use stillglass_bundle::Bundle;
use stillglass_kernels::Cpu;
use stillglass_runtime::Model;

/// 1 / φ: its multiples, without what stands before the point, fill [0, 1) evenly.
const GOLDEN: f64 = 0.618_033_988_749_895;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name a bundle")?;
    let tokens = arguments.next().ok_or("say how many tokens")?.parse()?;
    let model = Model::new(Bundle::read(&std::fs::read(path)?)?)?;
    let vocabulary = model.bundle().vocabulary.len();
    let ids = ids(tokens, vocabulary);
    // The first call also asks for the instruction set and makes room; a student remembers its tokens, so that they are others.
    let others: Vec<u32> = (0..).filter(|id| !ids.contains(id)).take(tokens).collect();
    black_box(model.classify_ids(&others)?);
    black_box(counted_pass(&model, black_box(&ids))?);
    println!("{}", Cpu::detect().name());
    Ok(())
}

/// What is counted: found by this name, so nothing may be called like it or inline it.
#[inline(never)]
fn counted_pass(model: &Model, ids: &[u32]) -> Result<Vec<f32>, stillglass_runtime::Error> {
    model.classify_ids(ids)
}

/// Tokens that come back as words do: the kth at about 1 / k of the first's times (Zipf's law).
fn ids(tokens: usize, vocabulary: usize) -> Vec<u32> {
    let id = |token: usize| {
        let place = (token as f64 * GOLDEN).fract();
        (vocabulary as f64).powf(place) as u32 - 1
    };
    (0..tokens).map(id).collect()
}
