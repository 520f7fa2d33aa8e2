//! What the linear maps of a teacher read, measured on texts: which of their columns count, and how much.

use std::collections::HashMap;

use anyhow::Result;
use burn::tensor::Tensor;
use nalgebra::DMatrix;

use crate::teacher::{Batch, Part, Teacher, floats_of};
use crate::training::by_length;

/// Texts run through the teacher at a time.
const BATCH: usize = 32;

/// The inputs of every linear map of every layer.
#[derive(Debug, Default)]
pub struct Inputs(HashMap<(usize, Part), Moments>);

/// First and second moment of one map's inputs over all tokens.
#[derive(Debug, Clone)]
pub struct Moments {
    tokens: f64,
    /// Sum over the tokens, `[columns]`.
    sum: Vec<f64>,
    /// Sum of xxᵀ over the tokens, `[columns, columns]`.
    products: Vec<f64>,
}

impl Inputs {
    /// Runs the teacher on encoded texts.
    pub fn of(teacher: &Teacher, texts: &[Vec<u32>]) -> Result<Self> {
        let encoder = teacher.encoder.frozen();
        let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
        let mut inputs = Self::default();
        for rows in by_length(&lengths, BATCH) {
            let ids: Vec<&[u32]> = rows.iter().map(|&row| texts[row].as_slice()).collect();
            let Batch { ids, mask } = Batch::new(&ids, teacher.config.padding, &teacher.device);
            let mut failed = Ok(());
            encoder.states_watched(encoder.embed(ids), mask.clone(), &mut |layer, part, x| {
                let added = inputs.add((layer, part), x, &mask);
                failed = std::mem::replace(&mut failed, Ok(())).and(added);
            });
            failed?;
        }
        Ok(inputs)
    }

    /// What a map of a layer reads, if any text was run.
    pub(crate) fn get(&self, layer: usize, part: Part) -> Option<&Moments> {
        let part = match part {
            Part::Key | Part::Value => Part::Query,
            other => other,
        };
        self.0.get(&(layer, part))
    }

    /// Adds the tokens of `x: [batch, time, columns]` where `mask: [batch, time]` is 1.
    fn add(&mut self, place: (usize, Part), x: &Tensor<3>, mask: &Tensor<2>) -> Result<()> {
        let [batch, time, columns] = x.dims();
        let x = x.clone() * mask.clone().unsqueeze_dim(2);
        let x = x.reshape([batch * time, columns]);
        let products = floats_of(x.clone().transpose().matmul(x.clone()))?;
        let moments = self.0.entry(place).or_insert_with(|| Moments {
            tokens: 0.0,
            sum: vec![0.0; columns],
            products: vec![0.0; columns * columns],
        });
        moments.tokens += f64::from(floats_of(mask.clone().sum())?[0]);
        add(&mut moments.sum, &floats_of(x.sum_dim(0))?);
        add(&mut moments.products, &products);
        Ok(())
    }
}

impl Moments {
    /// `[columns]`.
    pub fn mean(&self) -> Vec<f64> {
        self.sum.iter().map(|sum| sum / self.tokens).collect()
    }

    /// `[columns, columns]`, of what is left when the mean is taken away.
    pub fn covariance(&self) -> DMatrix<f64> {
        let (mean, columns) = (self.mean(), self.sum.len());
        DMatrix::from_fn(columns, columns, |i, j| {
            self.products[i * columns + j] / self.tokens - mean[i] * mean[j]
        })
    }
}

fn add(sums: &mut [f64], values: &[f32]) {
    let pairs = sums.iter_mut().zip(values);
    pairs.for_each(|(sum, value)| *sum += f64::from(*value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device;
    use crate::teacher::{Head, Names, Weights};
    use std::path::Path;

    /// Sums in f32, two layers deep, of inputs of size 1.
    const ERROR: f64 = 2e-5;

    type Rows = Vec<Vec<f64>>;

    /// A BERT in f64 from the definition: what its maps read of one text.
    struct Twin {
        weights: Weights,
        names: Names,
        heads: usize,
        epsilon: f64,
    }

    impl Twin {
        fn tensor(&self, name: &str) -> Vec<f64> {
            let values = self.weights.values(name).expect(name).iter();
            values.map(|v| f64::from(*v)).collect()
        }

        fn linear(&self, name: &str, x: &Rows) -> Rows {
            let weight = self.tensor(&format!("{name}.weight"));
            let bias = self.tensor(&format!("{name}.bias"));
            let out = |x: &Vec<f64>| {
                let rows = weight.chunks_exact(x.len()).zip(&bias);
                rows.map(|(row, b)| dot(row, x) + b).collect()
            };
            x.iter().map(out).collect()
        }

        fn norm(&self, name: &str, x: &Rows) -> Rows {
            let gain = self.tensor(&format!("{name}.weight"));
            let bias = self.tensor(&format!("{name}.bias"));
            let out = |x: &Vec<f64>| {
                let count = x.len() as f64;
                let mean = x.iter().sum::<f64>() / count;
                let square = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
                let unit = |v: &f64| (v - mean) / (square + self.epsilon).sqrt();
                let scaled = x.iter().map(unit).zip(gain.iter().zip(&bias));
                scaled.map(|(v, (g, b))| v * g + b).collect()
            };
            x.iter().map(out).collect()
        }

        fn attend(&self, [query, key, value]: [Rows; 3]) -> Rows {
            let size = query[0].len() / self.heads;
            let cell = |q: &Vec<f64>, column: usize| {
                let head = column / size * size..(column / size + 1) * size;
                let score = |k: &Vec<f64>| dot(&q[head.clone()], &k[head.clone()]);
                let scores = key.iter().map(|k| (score(k) / (size as f64).sqrt()).exp());
                let scores: Vec<f64> = scores.collect();
                let column: Vec<f64> = value.iter().map(|v| v[column]).collect();
                dot(&scores, &column) / scores.iter().sum::<f64>()
            };
            let row = |q: &Vec<f64>| (0..q.len()).map(|column| cell(q, column)).collect();
            query.iter().map(row).collect()
        }

        /// Layer by layer, what query, attention output, intermediate and output map read.
        fn read(&self, ids: &[u32], layers: usize) -> Vec<[Rows; 4]> {
            let table = |part: &str| self.tensor(&self.names.embedding(&format!("{part}.weight")));
            let [words, places, types] = [
                "word_embeddings",
                "position_embeddings",
                "token_type_embeddings",
            ]
            .map(table);
            let hidden = self.tensor(&self.names.embedding("LayerNorm.bias")).len();
            let token = |(place, id): (usize, &u32)| {
                let cell = |c| words[*id as usize * hidden + c] + places[place * hidden + c];
                (0..hidden).map(|c| cell(c) + types[c]).collect()
            };
            let sum: Rows = ids.iter().enumerate().map(token).collect();
            let mut x = self.norm(&self.names.embedding("LayerNorm"), &sum);
            let mut all = Vec::new();
            for layer in 0..layers {
                let name = |part| self.names.layer(layer, part);
                let parts = [Part::Query, Part::Key, Part::Value];
                let mixed = self.attend(parts.map(|part| self.linear(&name(part), &x)));
                let joined = self.linear(&name(Part::AttentionOutput), &mixed);
                let middle = self.norm(&name(Part::AttentionNorm), &sums(&x, &joined));
                let inner = self.linear(&name(Part::Intermediate), &middle);
                let active: Rows = inner
                    .iter()
                    .map(|row| {
                        row.iter()
                            .map(|v| v * (1.0 + erf(v / 2f64.sqrt())) / 2.0)
                            .collect()
                    })
                    .collect();
                let out = self.linear(&name(Part::Output), &active);
                let next = self.norm(&name(Part::OutputNorm), &sums(&middle, &out));
                all.push([x, mixed, middle, active]);
                x = next;
            }
            all
        }
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn sums(a: &Rows, b: &Rows) -> Rows {
        let row = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + b).collect();
        a.iter().zip(b).map(row).collect()
    }

    /// Its Taylor series, which is good to 1e-7 where it is used.
    fn erf(x: f64) -> f64 {
        if x.abs() > 4.0 {
            return x.signum();
        }
        let (mut power, mut sum) = (x, 0.0);
        for n in 0..100 {
            let n = f64::from(n);
            sum += power / (2.0 * n + 1.0);
            power *= -x * x / (n + 1.0);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn moments_are_those_of_what_the_definition_reads() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert");
        let device = device::open("cpu").unwrap();
        let teacher = Teacher::load(&folder, Head::Own, &device).unwrap();
        let config = &teacher.config;
        let twin = Twin {
            weights: teacher.encoder.weights(config).unwrap(),
            names: Names::classifier(config.family),
            heads: config.heads,
            epsilon: config.layer_norm_eps,
        };
        // Lengths that leave padding in a batch, and more texts than one batch has.
        let texts: Vec<Vec<u32>> = (0..BATCH + 3)
            .map(|text| {
                (0..=text * 7 % 19)
                    .map(|t| ((text * 31 + t * 17) % 117) as u32)
                    .collect()
            })
            .collect();
        let inputs = Inputs::of(&teacher, &texts).unwrap();
        let read: Vec<_> = texts
            .iter()
            .map(|ids| twin.read(ids, config.layers))
            .collect();
        let parts = [
            Part::Query,
            Part::AttentionOutput,
            Part::Intermediate,
            Part::Output,
        ];
        for (layer, (which, part)) in
            (0..config.layers).flat_map(|layer| parts.iter().enumerate().map(move |p| (layer, p)))
        {
            let rows: Rows = read
                .iter()
                .flat_map(|text| text[layer][which].clone())
                .collect();
            let count = rows.len() as f64;
            let column = |c: usize| rows.iter().map(move |row| row[c]);
            let found = inputs.get(layer, *part).unwrap();
            let (mean, covariance) = (found.mean(), found.covariance());
            assert_eq!(mean.len(), rows[0].len());
            let want: Vec<f64> = (0..mean.len())
                .map(|c| column(c).sum::<f64>() / count)
                .collect();
            for i in 0..mean.len() {
                assert!((mean[i] - want[i]).abs() < ERROR, "{layer} {part:?} {i}");
                for j in 0..mean.len() {
                    let products = column(i).zip(column(j));
                    let products = products.map(|(a, b)| (a - want[i]) * (b - want[j]));
                    let error = covariance[(i, j)] - products.sum::<f64>() / count;
                    assert!(
                        error.abs() < 10.0 * ERROR,
                        "{layer} {part:?} {i} {j}: {error}"
                    );
                }
            }
        }
        for part in [Part::Key, Part::Value] {
            let found = inputs.get(1, part).unwrap().mean();
            assert_eq!(found, inputs.get(1, Part::Query).unwrap().mean());
        }
        assert!(inputs.get(config.layers, Part::Query).is_none());
    }
}
