//! Scaled dot-product attention in several heads (Vaswani et al. 2017, section 3.2).

use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};
use crate::{Cpu, softmax};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("multi_head_attention");

params! {
    /// Number of heads.
    heads: u32,
    /// Width of one head, at most 128.
    size: u32,
}

/// Queries, keys and values of one text, each `[time, heads * size]`, heads side by side.
#[derive(Clone, Copy, Debug)]
pub struct Heads<'a> {
    /// Number of heads.
    pub heads: usize,
    /// Width of one head.
    pub size: usize,
    /// What each step looks for.
    pub query: &'a [f32],
    /// What each step offers.
    pub key: &'a [f32],
    /// What each step gives.
    pub value: &'a [f32],
}

impl Heads<'_> {
    /// A head's columns at a step, in `query`, `key`, `value` and the output.
    #[inline(always)]
    pub(crate) fn columns(&self, step: usize, head: usize) -> std::ops::Range<usize> {
        let start = (step * self.heads + head) * self.size;
        start..start + self.size
    }

    /// A head's columns of `all: [time, heads * size]`, in place of what is in `out: [time, size]`: they are read
    /// once for each query, and side by side have room in the nearest cache.
    #[inline(always)]
    fn gather(&self, all: &[f32], head: usize, out: &mut Vec<f32>) {
        out.clear();
        for step in all.chunks_exact(self.heads * self.size) {
            out.extend_from_slice(&step[self.columns(0, head)]);
        }
    }
}

/// softmax(q kᵀ / √size) v in each head → `[time, heads * size]`.
///
/// `mask: [time]` says which steps may be looked at; where none may, the output is 0.
pub fn multi_head_attention(cpu: Cpu, x: Heads, mask: &[bool]) -> Vec<f32> {
    debug_assert_eq!(x.query.len(), mask.len() * x.heads * x.size);
    debug_assert_eq!((x.key.len(), x.value.len()), (x.query.len(), x.query.len()));
    cpu.run(Attention { x, mask })
}

struct Attention<'a> {
    x: Heads<'a>,
    mask: &'a [bool],
}

impl Job for Attention<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> Vec<f32> {
        let Self { x, mask } = self;
        let mut out = vec![0.0; x.query.len()];
        let mut weights = vec![0.0; mask.len()];
        let mut keys = Keys::new(mask);
        let mut value = Vec::with_capacity(mask.len() * x.size);
        for head in 0..x.heads {
            keys.gather(x, head);
            x.gather(x.value, head, &mut value);
            for step in 0..mask.len() {
                let columns = x.columns(step, head);
                keys.scores(l, &x.query[columns.clone()], &mut weights);
                let sum = softmax::exponentials(l, &mut weights);
                mix(l, &weights, 1.0 / sum, &value, &mut out[columns]);
            }
        }
        out
    }
}

/// A head's keys.
pub(crate) struct Keys<'a> {
    mask: &'a [bool],
    /// Whether all steps may be looked at.
    open: bool,
    /// So many steps side by side, `[time / TILE, size, TILE]`, and zeros beyond the last one.
    tiles: Vec<f32>,
}

/// Steps of a tile: as many sums as stay in registers.
const TILE: usize = 4 * WIDTH;

impl<'a> Keys<'a> {
    /// None yet.
    pub(crate) fn new(mask: &'a [bool]) -> Self {
        Self {
            mask,
            open: mask.iter().all(|seen| *seen),
            tiles: Vec::new(),
        }
    }

    /// Takes a head's keys in place of those that were here.
    #[cold]
    pub(crate) fn gather(&mut self, x: Heads, head: usize) {
        let columns = x.columns(0, head);
        let steps = x.key.chunks_exact(x.heads * x.size);
        self.tiles.clear();
        let tiles = steps.len().div_ceil(TILE);
        self.tiles.resize(tiles * x.size * TILE, 0.0);
        for (step, key) in steps.enumerate() {
            let first = step / TILE * x.size * TILE + step % TILE;
            for (column, key) in key[columns.clone()].iter().enumerate() {
                self.tiles[first + column * TILE] = *key;
            }
        }
    }

    /// q · k / √size of a query, `[size]`, with each key; −∞ where masked.
    #[inline(always)]
    pub(crate) fn scores<L: Lanes>(&self, l: L, query: &[f32], out: &mut [f32]) {
        let scale = l.splat(1.0 / (query.len() as f32).sqrt());
        let tiles = self.tiles.as_chunks::<TILE>().0.chunks_exact(query.len());
        for (tile, out) in tiles.zip(out.chunks_mut(TILE)) {
            let mut sums = [l.splat(0.0); TILE / WIDTH];
            for (keys, &query) in tile.iter().zip(query) {
                for (sum, keys) in sums.iter_mut().zip(keys.as_chunks().0) {
                    *sum = l.add(*sum, l.mul(l.splat(query), l.load(keys)));
                }
            }
            for (sum, out) in sums.into_iter().zip(out.chunks_mut(WIDTH)) {
                l.store_part(l.mul(scale, sum), out);
            }
        }
        if !self.open {
            for (out, _) in out.iter_mut().zip(self.mask).filter(|(_, seen)| !**seen) {
                *out = f32::NEG_INFINITY;
            }
        }
    }
}

/// scale · Σ over steps weight · v, of `values: [time, size]`, into `out: [size]`.
#[inline(always)]
fn mix<L: Lanes>(l: L, weights: &[f32], scale: f32, values: &[f32], out: &mut [f32]) {
    let (size, scale) = (out.len(), l.splat(scale));
    let values = |column: usize| {
        let steps = values.chunks_exact(size.max(1)).zip(weights);
        steps.map(move |(value, &weight)| (&value[column..], weight))
    };
    let mut column = 0;
    let (blocks, rest) = out.as_chunks_mut::<{ BLOCK * WIDTH }>();
    for out in blocks {
        let mut sums = [l.splat(0.0); BLOCK];
        for (value, weight) in values(column) {
            // A block's columns are there.
            let Some(value) = value.first_chunk::<{ BLOCK * WIDTH }>() else {
                break;
            };
            for (sum, value) in sums.iter_mut().zip(value.as_chunks().0) {
                *sum = l.add(*sum, l.mul(l.splat(weight), l.load(value)));
            }
        }
        for (sum, out) in sums.into_iter().zip(out.as_chunks_mut().0) {
            l.store(l.mul(scale, sum), out);
        }
        column += BLOCK * WIDTH;
    }
    for out in rest.chunks_mut(WIDTH) {
        let mut sum = l.splat(0.0);
        for (value, weight) in values(column) {
            let value = l.load_part(&value[..out.len()], 0.0);
            sum = l.add(sum, l.mul(l.splat(weight), value));
        }
        l.store_part(l.mul(scale, sum), out);
        column += WIDTH;
    }
}

/// Vectors that stay in registers while all steps go by.
const BLOCK: usize = 4;

/// The definition: `[time, heads * size]`.
pub fn reference(x: Heads, mask: &[bool]) -> Vec<f64> {
    let mut out = vec![0.0; x.query.len()];
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    for (step, head) in (0..mask.len()).flat_map(|t| (0..x.heads).map(move |h| (t, h))) {
        let score = |other: usize| {
            let (q, k) = (
                &x.query[x.columns(step, head)],
                &x.key[x.columns(other, head)],
            );
            dot(q, k) / (x.size as f64).sqrt()
        };
        let seen: Vec<(usize, f64)> = (0..mask.len())
            .filter(|&t| mask[t])
            .map(|t| (t, score(t)))
            .collect();
        let largest = seen.iter().fold(f64::NEG_INFINITY, |m, &(_, s)| m.max(s));
        let sum: f64 = seen.iter().map(|(_, s)| (s - largest).exp()).sum();
        for (other, score) in seen {
            let weight = (score - largest).exp() / sum;
            let values = &x.value[x.columns(other, head)];
            for (out, &v) in out[x.columns(step, head)].iter_mut().zip(values) {
                *out += weight * f64::from(v);
            }
        }
    }
    out
}
