//! Teachers made smaller without being taught again: fewer heads, or fewer weights.

use anyhow::{Context, Result};
use rayon::prelude::*;

use crate::metrics::softmax;
use crate::teacher::{Encoder, Fresh, Keep, Names, Part, Slices, Teacher, Weights};

/// Texts that one thread differentiates one after another.
const TEXTS_TOGETHER: usize = 32;

/// The linear maps of a layer.
const MAPS: [Part; 6] = [
    Part::Query,
    Part::Key,
    Part::Value,
    Part::AttentionOutput,
    Part::Intermediate,
    Part::Output,
];

/// What is taken out of a teacher.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cut {
    /// The less important half of all attention heads.
    HalfTheHeads,
    /// All attention heads but the most important one of each layer.
    AllHeadsButOne,
    /// This share of the layers' weights, those nearest to 0.
    Weights(f64),
}

/// A smaller teacher.
pub(super) struct Pruned {
    /// What is left, in its old shape: what was taken out is 0.
    pub teacher: Teacher,
    /// What it would take to store: 4 bytes a weight that is left, and a bit for each that could be.
    pub bytes: u64,
}

/// Takes weights out of a teacher, which was taught with `texts` (token ids) and `labels`.
pub(super) fn prune(
    teacher: Teacher,
    cut: Cut,
    texts: &[Vec<u32>],
    labels: &[usize],
) -> Result<Pruned> {
    let config = &teacher.config;
    let names = Names::classifier(config.family);
    let mut weights = teacher.encoder.weights(config)?;
    let numbers = |weights: &Weights| -> usize {
        let sizes = weights.names().filter_map(|name| weights.values(name));
        sizes.map(<[f32]>::len).sum()
    };
    let all = numbers(&weights);
    let bytes = if let Cut::Weights(share) = cut {
        let (left, places) = without_smallest(&mut weights, &names, config.layers, share)?;
        4 * (all - places + left) + places.div_ceil(8)
    } else {
        let importance = importance(&teacher, texts, labels)?;
        let kept = match cut {
            Cut::HalfTheHeads => most_important(&importance),
            _ => importance.iter().map(|layer| best_of(layer)).collect(),
        };
        let size = config.hidden / config.heads;
        without_heads(&mut weights, &names, &kept, size)?;
        let removed = kept.iter().flatten().filter(|kept| !**kept).count();
        // A head's rows of query, key and value with their biases, its columns of the output.
        4 * (all - removed * size * (4 * config.hidden + 3))
    };
    let encoder = Encoder::load(config, &weights, Fresh::Nothing, &teacher.device)?;
    Ok(Pruned {
        teacher: Teacher { encoder, ..teacher },
        bytes: bytes as u64,
    })
}

/// Importance of each head, `[layers][heads]` (Michel et al. 2019, eq. 2): the mean over texts of |∂loss/∂ξ|,
/// where ξ scales the head's output; each layer is divided by its length, as theirs are.
fn importance(teacher: &Teacher, texts: &[Vec<u32>], labels: &[usize]) -> Result<Vec<Vec<f64>>> {
    let config = &teacher.config;
    let slices = Slices::new(config, teacher.encoder.weights(config)?)?;
    let names = Names::classifier(config.family);
    let outputs: Vec<String> = (0..config.layers).map(|l| output(&names, l)).collect();
    let weights = teacher.encoder.weights(config)?;
    let size = config.hidden / config.heads;
    let rows: Vec<(&Vec<u32>, usize)> = texts.iter().zip(labels.iter().copied()).collect();
    let parts = rows.par_chunks(TEXTS_TOGETHER).map(|rows| {
        let mut sums = vec![vec![0f64; config.heads]; config.layers];
        let mut gradient = Slices::zeros(config);
        for (ids, label) in rows {
            gradient.clear(&[]);
            differentiate(&slices, ids, *label, &mut gradient);
            let mut found = Weights::default();
            gradient.tensors().copy("", &mut found);
            for (name, sums) in outputs.iter().zip(&mut sums) {
                let (weight, slope) = (values(&weights, name)?, values(&found, name)?);
                // The head's output times its slope is its columns times theirs.
                let mut slopes = vec![0f64; config.heads];
                let rows = weight
                    .chunks(config.hidden)
                    .zip(slope.chunks(config.hidden));
                for (weight, slope) in rows {
                    for (column, (w, s)) in weight.iter().zip(slope).enumerate() {
                        slopes[column / size] += f64::from(*w) * f64::from(*s);
                    }
                }
                sums.iter_mut()
                    .zip(slopes)
                    .for_each(|(sum, slope)| *sum += slope.abs());
            }
        }
        Ok(sums)
    });
    let mut total = vec![vec![0f64; config.heads]; config.layers];
    for part in parts.collect::<Result<Vec<_>>>()? {
        for (total, part) in total.iter_mut().flatten().zip(part.iter().flatten()) {
            *total += part;
        }
    }
    for layer in &mut total {
        let length = layer.iter().map(|v| v * v).sum::<f64>().sqrt();
        for value in layer {
            *value /= length.max(f64::MIN_POSITIVE);
        }
    }
    Ok(total)
}

/// The gradient of one text's cross-entropy.
fn differentiate(slices: &Slices, ids: &[u32], label: usize, gradient: &mut Slices) {
    let pass = slices.forward(slices.embed(ids), &[ids.len()], Keep::Everything, None);
    let p = softmax(&pass.logits);
    let slopes = p.iter().enumerate().map(|(class, p)| {
        let own = f64::from(u8::from(class == label));
        (p - own) as f32
    });
    let slopes: Vec<f32> = slopes.collect();
    slices.backward(&pass, &slopes, Some(gradient));
}

fn output(names: &Names, layer: usize) -> String {
    format!("{}.weight", names.layer(layer, Part::AttentionOutput))
}

fn values<'a>(weights: &'a Weights, name: &str) -> Result<&'a [f32]> {
    weights
        .values(name)
        .with_context(|| format!("the teacher has no tensor {name}"))
}

/// The more important half of all heads.
fn most_important(importance: &[Vec<f64>]) -> Vec<Vec<bool>> {
    let mut all: Vec<(usize, usize)> = importance
        .iter()
        .enumerate()
        .flat_map(|(layer, heads)| (0..heads.len()).map(move |head| (layer, head)))
        .collect();
    all.sort_by(|a, b| importance[b.0][b.1].total_cmp(&importance[a.0][a.1]));
    let mut kept: Vec<Vec<bool>> = importance.iter().map(|h| vec![false; h.len()]).collect();
    for (layer, head) in all.iter().take(all.len().div_ceil(2)) {
        kept[*layer][*head] = true;
    }
    kept
}

/// The most important head of a layer.
fn best_of(layer: &[f64]) -> Vec<bool> {
    let best = (0..layer.len()).max_by(|a, b| layer[*a].total_cmp(&layer[*b]));
    (0..layer.len()).map(|head| Some(head) == best).collect()
}

/// Lets nothing of the other heads through.
fn without_heads(
    weights: &mut Weights,
    names: &Names,
    kept: &[Vec<bool>],
    size: usize,
) -> Result<()> {
    for (layer, kept) in kept.iter().enumerate() {
        weights.change(&output(names, layer), |values| {
            for row in values.chunks_mut(size * kept.len()) {
                for (head, columns) in row.chunks_mut(size).enumerate() {
                    if !kept[head] {
                        columns.fill(0.0);
                    }
                }
            }
        })?;
    }
    Ok(())
}

/// Sets the share of the layers' weights that is nearest to 0 to 0; how many are left, of how many.
fn without_smallest(
    weights: &mut Weights,
    names: &Names,
    layers: usize,
    share: f64,
) -> Result<(usize, usize)> {
    let maps = (0..layers).flat_map(|layer| MAPS.map(|part| names.layer(layer, part)));
    let maps: Vec<String> = maps.map(|name| format!("{name}.weight")).collect();
    let mut sizes = Vec::new();
    for name in &maps {
        sizes.extend(values(weights, name)?.iter().map(|value| value.abs()));
    }
    let count = (share * sizes.len() as f64) as usize;
    let Some(index) = count.checked_sub(1) else {
        return Ok((sizes.len(), sizes.len()));
    };
    let (below, &mut limit, _) = sizes.select_nth_unstable_by(index, f32::total_cmp);
    // Of equal weights the first ones go, so that the share is what was asked.
    let mut equals = count - below.iter().filter(|size| **size < limit).count();
    for name in &maps {
        weights.change(name, |values| {
            for value in values {
                let order = value.abs().total_cmp(&limit);
                let cut = order.is_lt() || (order.is_eq() && equals > 0);
                equals -= usize::from(cut && order.is_eq());
                if cut {
                    *value = 0.0;
                }
            }
        })?;
    }
    let left = sizes.len() - count;
    Ok((left, sizes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device;
    use crate::teacher::{Frozen, Head};
    use std::path::Path;

    fn teacher(family: &str) -> Teacher {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let device = device::open(device::PROCESSOR).unwrap();
        Teacher::load(&fixtures.join(family), Head::Own, &device).unwrap()
    }

    fn texts() -> (Vec<Vec<u32>>, Vec<usize>) {
        let text = |text: u32| {
            (0..3 + text * 5 % 9)
                .map(|t| (text * 31 + t * 17) % 113)
                .collect()
        };
        (
            (0..TEXTS_TOGETHER as u32 + 3).map(text).collect(),
            (0..TEXTS_TOGETHER + 3).map(|t| t % 2).collect(),
        )
    }

    fn loss(weights: &Weights, teacher: &Teacher, ids: &[u32], label: usize) -> f64 {
        let mut copy = Weights::read(&weights.write().unwrap()).unwrap();
        let slices = Slices::new(&teacher.config, std::mem::take(&mut copy)).unwrap();
        let pass = slices.forward(slices.embed(ids), &[ids.len()], Keep::Logits, None);
        -softmax(&pass.logits)[label].ln()
    }

    #[test]
    fn importance_is_the_slope_of_scaling_a_head() {
        for family in ["bert", "distilbert"] {
            let teacher = teacher(family);
            let (texts, labels) = texts();
            let (texts, labels) = (&texts[..3], &labels[..3]);
            let found = importance(&teacher, texts, labels).unwrap();
            let names = Names::classifier(teacher.config.family);
            let size = teacher.config.hidden / teacher.config.heads;
            let scaled = |layer: usize, head: usize, by: f32| {
                let mut weights = teacher.encoder.weights(&teacher.config).unwrap();
                let change = |values: &mut [f32]| {
                    for row in values.chunks_mut(teacher.config.hidden) {
                        row[head * size..][..size].iter_mut().for_each(|v| *v *= by);
                    }
                };
                weights.change(&output(&names, layer), change).unwrap();
                weights
            };
            for (layer, found) in found.iter().enumerate() {
                let slope = |head: usize| {
                    let ends = [1.004, 0.996].map(|by| scaled(layer, head, by));
                    let slopes = texts.iter().zip(labels).map(|(ids, label)| {
                        let [up, down] = [&ends[0], &ends[1]]
                            .map(|weights| loss(weights, &teacher, ids, *label));
                        ((up - down) / 0.008).abs()
                    });
                    slopes.sum::<f64>()
                };
                let slopes: Vec<f64> = (0..teacher.config.heads).map(slope).collect();
                let length = slopes.iter().map(|v| v * v).sum::<f64>().sqrt();
                for (found, slope) in found.iter().zip(&slopes) {
                    // Differences of f32 losses.
                    assert!(
                        (found - slope / length).abs() < 0.02,
                        "{family} {layer}: {found} {slopes:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn heads_that_are_taken_out_change_nothing_any_more() {
        let (texts, labels) = texts();
        let pruned = prune(teacher("bert"), Cut::AllHeadsButOne, &texts, &labels).unwrap();
        let weights = pruned
            .teacher
            .encoder
            .weights(&pruned.teacher.config)
            .unwrap();
        let names = Names::classifier(pruned.teacher.config.family);
        let zeros = values(&weights, &output(&names, 0)).unwrap();
        let zeros = zeros.iter().filter(|value| **value == 0.0).count();
        assert_eq!(zeros, 32 * 24);
        let whole = teacher("bert");
        let numbers: usize = {
            let weights = whole.encoder.weights(&whole.config).unwrap();
            weights
                .names()
                .map(|name| weights.values(name).unwrap().len())
                .sum()
        };
        // Two layers lose three heads of 8 columns each.
        assert_eq!(pruned.bytes as usize, 4 * (numbers - 6 * 8 * (4 * 32 + 3)));
        let logits =
            |teacher: &Teacher| Frozen::new(teacher).unwrap().logits(&texts[..4], 4, |_| ());
        assert_ne!(logits(&whole).unwrap(), logits(&pruned.teacher).unwrap());
    }

    #[test]
    fn half_the_heads_are_the_more_important_half() {
        let kept = most_important(&[vec![0.1, 0.9, 0.5], vec![0.4, 0.2, 0.8]]);
        assert_eq!(kept, [[false, true, true], [false, false, true]]);
        assert_eq!(best_of(&[0.1, 0.9, 0.5]), [false, true, false]);
    }

    #[test]
    fn the_smallest_weights_go_first() {
        let teacher = teacher("bert");
        let names = Names::classifier(teacher.config.family);
        for share in [0.0, 0.5, 0.8, 1.0] {
            let mut weights = teacher.encoder.weights(&teacher.config).unwrap();
            let (left, all) =
                without_smallest(&mut weights, &names, teacher.config.layers, share).unwrap();
            assert_eq!(left, all - (share * all as f64) as usize);
            let map = format!("{}.weight", names.layer(1, Part::Output));
            let values = values(&weights, &map).unwrap();
            let zeros = values.iter().filter(|value| **value == 0.0).count();
            assert!(
                zeros as f64 > 0.5 * share * values.len() as f64,
                "{share}: {zeros}"
            );
        }
    }
}
