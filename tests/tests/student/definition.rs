//! The student, written from its formulas in f64, over float weights.
//!
//! It shares nothing with the runtime: PyTorch's numbers pin it, and it pins the runtime.

use std::collections::HashMap;

use stillglass_bundle::{Bundle, Quantized};

use crate::student;

/// The bundle's float tensors by name, without scales.
pub(crate) type Tensors = HashMap<String, Vec<f64>>;

/// What one text's tokens give.
pub(crate) struct Answer {
    /// `[tokens][labels]`.
    pub(crate) contributions: Vec<Vec<f64>>,
    pub(crate) logits: Vec<f64>,
}

/// The bundle's weights as real numbers.
pub(crate) fn dequantized(bundle: &Bundle) -> Tensors {
    let student = student(bundle);
    let real = |weights: &Quantized| -> Vec<f64> {
        let cell =
            |(i, &q): (usize, &i8)| f64::from(q) * f64::from(weights.scales[i / weights.columns]);
        weights.values.iter().enumerate().map(cell).collect()
    };
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect();
    HashMap::from([
        ("embedding".to_owned(), real(&student.embedding)),
        (
            "lstm.forward.input".to_owned(),
            real(&student.forward.input),
        ),
        (
            "lstm.forward.recurrent".to_owned(),
            real(&student.forward.recurrent),
        ),
        ("lstm.forward.bias".to_owned(), wide(&student.forward.bias)),
        (
            "lstm.backward.input".to_owned(),
            real(&student.backward.input),
        ),
        (
            "lstm.backward.recurrent".to_owned(),
            real(&student.backward.recurrent),
        ),
        (
            "lstm.backward.bias".to_owned(),
            wide(&student.backward.bias),
        ),
        (
            "attention.projection".to_owned(),
            real(&student.attention.projection),
        ),
        ("attention.bias".to_owned(), wide(&student.attention.bias)),
        (
            "attention.vector".to_owned(),
            wide(&student.attention.vector),
        ),
        (
            "classifier.weight".to_owned(),
            wide(&student.classifier.weight),
        ),
        ("classifier.bias".to_owned(), wide(&student.classifier.bias)),
    ])
}

/// `z_c = b_c + Σᵢ αᵢ (W_c · hᵢ)` for the tokens `ids`, embeddings of width `embedding`.
pub(crate) fn answer(weights: &Tensors, embedding: usize, ids: &[u32]) -> Answer {
    let row = |&id: &u32| &weights["embedding"][id as usize * embedding..][..embedding];
    let x: Vec<&[f64]> = ids.iter().map(row).collect();
    let reversed: Vec<&[f64]> = x.iter().rev().copied().collect();
    let forward = walk(weights, "lstm.forward", &x);
    let backward = walk(weights, "lstm.backward", &reversed);
    let pairs = forward.iter().zip(backward.iter().rev());
    let h: Vec<Vec<f64>> = pairs.map(|(f, b)| [f.as_slice(), b].concat()).collect();

    let score = |h: &Vec<f64>| -> f64 {
        let sums = affine(
            &weights["attention.projection"],
            &weights["attention.bias"],
            h,
        );
        sums.iter()
            .zip(&weights["attention.vector"])
            .map(|(u, v)| v * u.tanh())
            .sum()
    };
    let scores: Vec<f64> = h.iter().map(score).collect();
    let total: f64 = scores.iter().map(|s| s.exp()).sum();

    let bias = &weights["classifier.bias"];
    let none = vec![0.0; bias.len()];
    let share = |(h, s): (&Vec<f64>, &f64)| -> Vec<f64> {
        let outputs = affine(&weights["classifier.weight"], &none, h);
        outputs
            .iter()
            .map(|output| s.exp() / total * output)
            .collect()
    };
    let contributions: Vec<Vec<f64>> = h.iter().zip(&scores).map(share).collect();
    let logit = |c: usize| bias[c] + contributions.iter().map(|token| token[c]).sum::<f64>();
    Answer {
        logits: (0..bias.len()).map(logit).collect(),
        contributions,
    }
}

/// One direction over `x`, in the order given.
fn walk(weights: &Tensors, name: &str, x: &[&[f64]]) -> Vec<Vec<f64>> {
    let tensor = |part: &str| &weights[&format!("{name}.{part}")];
    let hidden = tensor("bias").len() / 4;
    let none = vec![0.0; 4 * hidden];
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
    let mut states = Vec::new();
    for x in x {
        let input = affine(tensor("input"), tensor("bias"), x);
        let recurrent = affine(tensor("recurrent"), &none, &h);
        let sum: Vec<f64> = input.iter().zip(recurrent).map(|(a, b)| a + b).collect();
        for j in 0..hidden {
            let [i, f, g, o] = [
                sum[j],
                sum[hidden + j],
                sum[2 * hidden + j],
                sum[3 * hidden + j],
            ];
            c[j] = sigmoid(f) * c[j] + sigmoid(i) * g.tanh();
            h[j] = sigmoid(o) * c[j].tanh();
        }
        states.push(h.clone());
    }
    states
}

/// W x + b.
fn affine(weight: &[f64], bias: &[f64], x: &[f64]) -> Vec<f64> {
    let rows = weight.chunks_exact(x.len()).zip(bias);
    rows.map(|(row, b)| b + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>())
        .collect()
}
