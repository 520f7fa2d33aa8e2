//! Integrated gradients on Burn's tensors: a padded batch of texts, all its nodes and classes at once.

use anyhow::Result;
use burn::tensor::activation::softmax;
use burn::tensor::{Int, Tensor, TensorData};

use super::{Explainer, Found};
use crate::recipe::Target;
use crate::teacher::{Batch, Encoded, Encoder, floats_of};

/// Where on the path a class's slope is taken, and what it counts.
struct Point {
    class: usize,
    at: f64,
    weight: f64,
}

pub(super) fn explain(
    explainer: &Explainer,
    encoder: &Encoder,
    texts: &[&Encoded],
) -> Result<Vec<Found>> {
    let teacher = explainer.frozen.teacher;
    let rows: Vec<&[u32]> = texts.iter().map(|text| text.ids.as_slice()).collect();
    let (padding, device) = (teacher.config.padding, &teacher.device);
    let batch = Batch::new(&rows, padding, device);
    let blank: Vec<Vec<u32>> = rows.iter().map(|ids| explainer.baseline(ids)).collect();
    let blank: Vec<&[u32]> = blank.iter().map(Vec::as_slice).collect();
    let text = encoder.embed(batch.ids.clone());
    let baseline = encoder.embed(Batch::new(&blank, padding, device).ids);
    let both = Tensor::cat(vec![text.clone(), baseline.clone()], 0);
    let logits = encoder.forward_embedded(both, batch.mask.clone().repeat_dim(0, 2));
    let outcomes = floats_of(outcomes(explainer.target, logits.clone()))?;
    let tokens = token_contributions(explainer, encoder, [&text, &baseline], &batch.mask)?;
    let logits = floats_of(logits)?;
    let (classes, time) = (teacher.config.labels.len(), batch.mask.dims()[1]);
    let of = |row: usize| row * classes..(row + 1) * classes;
    let found = |index: usize| {
        let tokens = &tokens[index * (classes - 1) * time..(index + 1) * (classes - 1) * time];
        let ends = outcomes[of(index)]
            .iter()
            .zip(&outcomes[of(index + texts.len())]);
        Found {
            logits: logits[of(index)].to_vec(),
            change: ends.map(|(text, blank)| text - blank).collect(),
            tokens: tokens.chunks_exact(time).map(<[f32]>::to_vec).collect(),
        }
    };
    Ok((0..texts.len()).map(found).collect())
}

/// What is explained, `[rows, classes]`: centred logits or probabilities.
fn outcomes(target: Target, logits: Tensor<2>) -> Tensor<2> {
    match target {
        Target::Logit => logits.clone() - logits.mean_dim(1),
        Target::Probability => softmax(logits, 1),
    }
}

/// Contributions `[batch, classes - 1, time]`: Σ over nodes of weight · slope · change.
fn token_contributions(
    explainer: &Explainer,
    encoder: &Encoder,
    [text, baseline]: [&Tensor<3>; 2],
    mask: &Tensor<2>,
) -> Result<Vec<f32>> {
    let [batch, time, _] = text.dims();
    let explained = explainer.frozen.teacher.config.labels.len() - 1;
    let change = text.clone() - baseline.clone();
    let points: Vec<Point> = (0..explained)
        .flat_map(|class| {
            let nodes = explainer.nodes.iter();
            nodes.map(move |&(at, weight)| Point { class, at, weight })
        })
        .collect();
    let mut sums = vec![0f32; batch * explained * time];
    for points in points.chunks((explainer.sequences / batch).max(1)) {
        let outcomes = |logits| outcomes(explainer.target, logits);
        let outcomes = |words, mask| outcomes(encoder.forward_embedded(words, mask));
        let products = floats_of(products(points, baseline, &change, mask, outcomes))?;
        for (index, products) in products.chunks_exact(time).enumerate() {
            let (row, point) = (index / points.len(), &points[index % points.len()]);
            let sums = &mut sums[(row * explained + point.class) * time..][..time];
            for (sum, product) in sums.iter_mut().zip(products) {
                *sum += point.weight as f32 * product;
            }
        }
    }
    Ok(sums)
}

/// Slope · change of every token at every point, `[batch, points, time]`, in one pass of `outcomes`, which
/// makes word embeddings under a mask what is explained.
fn products(
    points: &[Point],
    baseline: &Tensor<3>,
    change: &Tensor<3>,
    mask: &Tensor<2>,
    outcomes: impl Fn(Tensor<3>, Tensor<2>) -> Tensor<2>,
) -> Tensor<3> {
    let [batch, time, hidden] = change.dims();
    let (device, count) = (change.device(), points.len());
    let at: Vec<f32> = points.iter().map(|point| point.at as f32).collect();
    let at = Tensor::<4>::from_data(TensorData::new(at, [1, count, 1, 1]), &device);
    let single = [batch, 1, time, hidden];
    let inputs = (baseline.clone().reshape(single) + change.clone().reshape(single) * at)
        .reshape([batch * count, time, hidden])
        .detach()
        .require_grad();
    let mask = mask.clone().unsqueeze_dim::<3>(1);
    let mask = mask
        .expand([batch, count, time])
        .reshape([batch * count, time]);
    let class: Vec<i64> = (0..batch * count)
        .map(|row| points[row % count].class as i64)
        .collect();
    let class = Tensor::<2, Int>::from_data(TensorData::new(class, [batch * count, 1]), &device);
    let outcomes = outcomes(inputs.clone(), mask);
    let gradients = outcomes.gather(1, class).sum().backward();
    let slopes = inputs
        .grad(&gradients)
        .expect("the inputs require gradients")
        .reshape([batch, count, time, hidden]);
    let change = change.clone().inner().reshape(single);
    (slopes * change).sum_dim(3).squeeze_dim::<3>(3)
}
