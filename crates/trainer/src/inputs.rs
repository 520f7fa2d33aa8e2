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
