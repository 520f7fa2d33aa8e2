//! Where the gradient of integrated gradients begins and ends: the classifier, and the path.

use stillglass_device::Buffer;
use stillglass_kernels::path_points::Step;
use stillglass_kernels::{head_backward, path_contributions, path_points};

use super::{Activation, activated, plain};
use crate::gpu::call::{Call, Matrix};
use crate::gpu::weights::LinearFloat;

/// A straight line between two sequences of embeddings, `[time, columns]` each.
#[derive(Clone, Debug)]
pub struct Path {
    first: Matrix,
    last: Matrix,
    steps: Buffer,
    tokens: usize,
}

impl Call<'_> {
    /// A path from one sequence of embeddings to another, and the steps along it.
    pub fn path(&mut self, first: Matrix, last: Matrix, steps: &[Step]) -> Path {
        let bytes: Vec<u8> = steps.iter().flat_map(Step::bytes).collect();
        Path {
            first,
            last,
            steps: self.bytes(&bytes),
            tokens: steps.len(),
        }
    }

    /// The points of a path, positions added: `[tokens, columns]`.
    pub fn path_points(&mut self, path: &Path, positions: &Matrix) -> Matrix {
        let columns = path.first.columns;
        let out = self.matrix(path.tokens, columns);
        let params = path_points::Params {
            columns: columns as u32,
        };
        let buffers = [
            &path.first.buffer,
            &path.last.buffer,
            &positions.buffer,
            &path.steps,
            &out.buffer,
        ];
        self.dispatch(
            plain(path_points::SHADER),
            &params,
            &buffers,
            [path.tokens, 1, 1],
        );
        out
    }

    /// What `grad: [tokens, columns]` gives along a path, into a row of `out: [rows, tokens]`.
    pub fn path_contributions(&mut self, path: &Path, grad: &Matrix, out: &Matrix, row: usize) {
        debug_assert_eq!(out.columns, path.tokens);
        let params = path_contributions::Params {
            columns: grad.columns as u32,
            start: (row * path.tokens) as u32,
        };
        let buffers = [
            &grad.buffer,
            &path.first.buffer,
            &path.last.buffer,
            &path.steps,
            &out.buffer,
        ];
        self.dispatch(
            plain(path_contributions::SHADER),
            &params,
            &buffers,
            [path.tokens, 1, 1],
        );
    }

    /// The gradient of a class's logit over the mean of all, at what `activation` was applied to when it
    /// gave `y: [texts, columns]`.
    pub fn head_backward(
        &mut self,
        classifier: &LinearFloat,
        y: &Matrix,
        class: usize,
        activation: Activation,
    ) -> Matrix {
        let out = self.matrix(y.rows, y.columns);
        let params = head_backward::Params {
            columns: y.columns as u32,
            classes: classifier.rows as u32,
            class_index: class as u32,
        };
        let grid = [y.columns.div_ceil(64), y.rows, 1];
        let buffers = [&y.buffer, &classifier.weight, &out.buffer];
        self.dispatch(
            activated(head_backward::SHADER, activation),
            &params,
            &buffers,
            grid,
        );
        out
    }
}
