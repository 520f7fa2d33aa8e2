//! Products of matrices: where most of the teacher's time goes, in the library that Burn's CPU backend has too; and
//! directions, whose products are cosines.

use gemm::{Parallelism, gemm};

/// Numbers of a matrix in a slice, row after row or column after column.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    /// Numbers from one row to the next, and from one column to the next.
    strides: (usize, usize),
}

impl<'a> Matrix<'a> {
    /// `[rows, columns]`.
    pub(crate) fn whole(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::band(values, rows, columns, columns)
    }

    /// The first `columns` of each `stride` numbers.
    pub(crate) fn band(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        check(values, rows, columns, stride);
        Self {
            values,
            rows,
            columns,
            strides: (stride, 1),
        }
    }

    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            strides: (self.strides.1, self.strides.0),
            ..self
        }
    }
}

/// Adds factor · a b to the first columns of each `stride` numbers of `out`, on this thread alone.
pub(crate) fn add_product(factor: f32, a: Matrix, b: Matrix, out: &mut [f32], stride: usize) {
    assert_eq!(a.columns, b.rows, "as many columns as the other has rows");
    check(out, a.rows, b.columns, stride);
    let [(a_row, a_column), (b_row, b_column)] =
        [a.strides, b.strides].map(|(row, column)| (row as isize, column as isize));
    // SAFETY: `check` held each matrix's last number, at these sizes and strides, to lie in its slice; a
    // turned matrix has the same numbers. `out` is borrowed alone, its rows do not overlap.
    unsafe {
        gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr(),
            1,
            stride as isize,
            true,
            a.values.as_ptr(),
            a_column,
            a_row,
            b.values.as_ptr(),
            b_column,
            b_row,
            1.0,
            factor,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Where a vector points: itself at length 1; of zeros, zeros.
pub(crate) fn unit(row: &[f32]) -> Vec<f32> {
    let length = row
        .iter()
        .map(|v| v * v)
        .sum::<f32>()
        .sqrt()
        .max(f32::MIN_POSITIVE);
    row.iter().map(|v| v / length).collect()
}

/// Panics unless a matrix whose rows begin `stride` numbers apart lies in `values`.
fn check(values: &[f32], rows: usize, columns: usize, stride: usize) {
    let fits = rows == 0 || (rows - 1) * stride + columns <= values.len();
    assert!(
        columns <= stride && fits,
        "{rows} rows of {columns} columns, {stride} apart, in {} numbers",
        values.len()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of 300 products of numbers up to 1, in f32.
    const ERROR: f64 = 1e-4;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 7919 + seed * 31) % 201) as f32 / 100.0 - 1.0)
            .collect()
    }

    #[test]
    fn a_product_is_its_definition_at_awkward_sizes() {
        for (rows, inner, columns) in [(1, 1, 1), (2, 300, 3), (5, 6, 7), (17, 33, 65), (64, 8, 9)]
        {
            for gap in [0, 3] {
                let (a, b) = (
                    numbers(rows * (inner + gap), 1),
                    numbers(inner * columns, 2),
                );
                let a = Matrix::band(&a, rows, inner, inner + gap);
                let turned: Vec<f32> = (0..columns)
                    .flat_map(|column| b.iter().skip(column).step_by(columns).copied())
                    .collect();
                agrees(a, Matrix::whole(&b, inner, columns), columns + gap);
                agrees(
                    a,
                    Matrix::whole(&turned, columns, inner).transposed(),
                    columns,
                );
            }
        }
    }

    #[test]
    #[should_panic(expected = "2 rows of 3 columns, 4 apart, in 6 numbers")]
    fn a_matrix_that_leaves_its_slice_is_refused() {
        Matrix::band(&[0.0; 6], 2, 3, 4);
    }

    fn agrees(a: Matrix, b: Matrix, stride: usize) {
        let before = numbers(a.rows * stride, 3);
        let mut out = before.clone();
        add_product(0.5, a, b, &mut out, stride);
        for (index, (found, before)) in out.iter().zip(&before).enumerate() {
            let (row, column) = (index / stride, index % stride);
            let terms = (0..a.columns).filter(|_| column < b.columns).map(|i| {
                let a = a.values[row * a.strides.0 + i * a.strides.1];
                let b = b.values[i * b.strides.0 + column * b.strides.1];
                f64::from(a) * f64::from(b)
            });
            let want = f64::from(*before) + 0.5 * terms.sum::<f64>();
            assert!((f64::from(*found) - want).abs() < ERROR, "{found} {want}");
        }
    }
}
