//! Rounds a table to int8 so that the matrices which read its rows hardly notice.

use nalgebra::DMatrix;
use stillglass_bundle::Quantized;

/// Share of the metric's mean diagonal that is added to it, so that it can be inverted.
const DAMPING: f64 = 0.01;

/// Quantizes the table `[rows, columns]` for its `readers`, each `[any, columns]`.
///
/// Nearest rounding makes every column's error as small as it can be; here a row's later columns make
/// up for what the earlier ones lost, as far as the readers' products go (GPTQ, Frantar et al. 2022,
/// with M the sum of `RᵀR` over the readers R in place of the inputs' second moment). Scales are those of
/// [`Quantized::from_float`], which is also the answer where M says nothing.
///
/// # Panics
/// If the table or a reader is not a whole number of rows.
pub fn for_readers(rows: usize, columns: usize, table: &[f32], readers: &[&[f32]]) -> Quantized {
    let mut nearest = Quantized::from_float(rows, columns, table);
    let Some(feedback) = Feedback::new(columns, readers) else {
        return nearest;
    };
    let tables = table.chunks_exact(columns);
    let rounded = nearest.values.chunks_exact_mut(columns);
    for ((row, values), &scale) in tables.zip(rounded).zip(&nearest.scales) {
        if row.iter().all(|value| value.is_finite()) {
            feedback.round(row, f64::from(scale), values);
        }
    }
    nearest
}

/// How the error of one column is spread over the columns after it.
struct Feedback {
    /// The columns, those that the readers weigh most first.
    order: Vec<usize>,
    /// U of `M⁻¹ = UᵀU` with U upper triangular, columns in that order.
    upper: DMatrix<f64>,
}

impl Feedback {
    /// `None` where the readers weigh no column, or not by finite numbers.
    fn new(columns: usize, readers: &[&[f32]]) -> Option<Self> {
        let mut metric = DMatrix::<f64>::zeros(columns, columns);
        for reader in readers {
            let rows = reader.len() / columns;
            let weights = reader.iter().map(|&weight| f64::from(weight));
            let reader = DMatrix::from_row_iterator(rows, columns, weights);
            metric += reader.transpose() * reader;
        }
        let weight = metric.diagonal().mean();
        if weight <= 0.0 {
            return None;
        }
        let damped = metric + DMatrix::identity(columns, columns) * (DAMPING * weight);
        let mut order: Vec<usize> = (0..columns).collect();
        order.sort_by(|&a, &b| damped[(b, b)].total_cmp(&damped[(a, a)]));
        let sorted = DMatrix::from_fn(columns, columns, |i, j| damped[(order[i], order[j])]);
        let upper = sorted.cholesky()?.inverse().cholesky()?.l().transpose();
        Some(Self { order, upper })
    }

    /// Rounds one row to steps of `scale`.
    fn round(&self, row: &[f32], scale: f64, values: &mut [i8]) {
        let mut left: Vec<f64> = self
            .order
            .iter()
            .map(|&c| f64::from(row[c]) / scale)
            .collect();
        for (place, &column) in self.order.iter().enumerate() {
            let value = left[place].round().clamp(-127.0, 127.0);
            values[column] = value as i8;
            let error = (left[place] - value) / self.upper[(place, place)];
            for (later, left) in left.iter_mut().enumerate().skip(place + 1) {
                *left -= error * self.upper[(place, later)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::generator;
    use rand::RngExt;

    fn drawn(name: &str, count: usize) -> Vec<f32> {
        let mut rng = generator(7, name, 0);
        (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    /// Mean square of what `reader` sees of the difference between a table and its rounding.
    fn seen(table: &[f32], rounded: &Quantized, reader: &[f32]) -> f64 {
        let columns = rounded.columns;
        let errors: Vec<f32> = rounded
            .to_float()
            .iter()
            .zip(table)
            .map(|(a, b)| a - b)
            .collect();
        let products = errors.chunks_exact(columns).flat_map(|error| {
            reader.chunks_exact(columns).map(move |weights| {
                let products = error.iter().zip(weights);
                products
                    .map(|(e, w)| f64::from(*e) * f64::from(*w))
                    .sum::<f64>()
                    .powi(2)
            })
        });
        products.sum::<f64>() / (table.len() / columns * reader.len() / columns) as f64
    }

    #[test]
    fn readers_see_less_of_it_than_of_nearest_rounding() {
        // Readers of few directions, as trained ones are: most errors can be hidden from them.
        for (rows, columns, rank) in [(50, 7, 3), (40, 64, 16), (20, 65, 30)] {
            let table = drawn("table", rows * columns);
            let basis = drawn("basis", rank * columns);
            let mix = drawn("mix", 4 * rank);
            let reader: Vec<f32> = mix
                .chunks_exact(rank)
                .flat_map(|mix| {
                    (0..columns).map(|c| (0..rank).map(|r| mix[r] * basis[r * columns + c]).sum())
                })
                .collect();
            let nearest = seen(
                &table,
                &Quantized::from_float(rows, columns, &table),
                &reader,
            );
            let found = seen(
                &table,
                &for_readers(rows, columns, &table, &[&reader]),
                &reader,
            );
            assert!(
                found < 0.5 * nearest,
                "{rows} × {columns}: {found:e}, nearest {nearest:e}"
            );
        }
    }

    #[test]
    fn where_readers_weigh_columns_apart_the_nearest_steps_are_best() {
        let table = drawn("table", 5 * 3);
        let reader = [2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5];
        let found = for_readers(5, 3, &table, &[&reader]);
        assert_eq!(found, Quantized::from_float(5, 3, &table));
    }

    #[test]
    fn readers_that_say_nothing_leave_nearest_rounding() {
        let table = drawn("table", 4 * 3);
        let nearest = Quantized::from_float(4, 3, &table);
        for reader in [[0.0; 3], [f32::NAN, 1.0, 1.0], [f32::INFINITY, 1.0, 1.0]] {
            assert_eq!(for_readers(4, 3, &table, &[&reader]), nearest);
        }
        assert_eq!(for_readers(4, 3, &table, &[]), nearest);
    }

    #[test]
    fn rows_of_zeros_and_of_nothing_finite_stay_what_they_are() {
        let table = [0.0, 0.0, f32::NAN, 1.0, 0.5, -0.25];
        let found = for_readers(3, 2, &table, &[&[1.0, 1.0]]);
        assert_eq!(
            found.values[..4],
            Quantized::from_float(3, 2, &table).values[..4]
        );
        assert!(found.scales[1].is_nan(), "the writer shall refuse it");
    }
}
