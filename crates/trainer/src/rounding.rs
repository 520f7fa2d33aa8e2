//! Rounds a matrix to few bits so that what is computed with it hardly changes.
//!
//! Nearest rounding makes every column's error as small as it can be; here a row's later columns make up
//! for what the earlier ones lost, as far as the products with the row go (GPTQ, Frantar et al. 2022).

use nalgebra::DMatrix;
use stillglass_bundle::{Packed, Quantized, limits::GROUP, pack};

/// Share of the metric's mean diagonal that is added to it, so that it can be inverted.
const DAMPING: f64 = 0.01;

/// Quantizes the table `[rows, columns]` for its `readers`, each `[any, columns]`.
///
/// The metric is the sum of `RᵀR` over the readers R. Scales are those of [`Quantized::from_float`],
/// which is also the answer where the readers say nothing.
///
/// # Panics
/// If the table or a reader is not a whole number of rows.
pub fn for_readers(rows: usize, columns: usize, table: &[f32], readers: &[&[f32]]) -> Quantized {
    let mut nearest = Quantized::from_float(rows, columns, table);
    let mut metric = DMatrix::<f64>::zeros(columns, columns);
    for reader in readers {
        let weights = reader.iter().map(|&weight| f64::from(weight));
        let reader = DMatrix::from_row_iterator(reader.len() / columns, columns, weights);
        metric += reader.transpose() * reader;
    }
    let Some(feedback) = Feedback::new(metric) else {
        return nearest;
    };
    let tables = table.chunks_exact(columns);
    let rounded = nearest.values.chunks_exact_mut(columns);
    for ((row, values), &scale) in tables.zip(rounded).zip(&nearest.scales) {
        if row.iter().all(|value| value.is_finite()) {
            let steps = feedback.round(row, |_| f64::from(scale), 127.0);
            values.iter_mut().zip(steps).for_each(|(v, q)| *v = q as i8);
        }
    }
    nearest
}

/// Shares of a row's largest magnitude that its largest step may stand for: a few clipped numbers can leave the others
/// nearer.
const CLIPS: [f32; 4] = [1.0, 0.9, 0.8, 0.7];

/// Quantizes the table `[rows, columns]` row by row as [`in_four_bits`] does.
///
/// # Panics
/// If the table is not a whole number of rows.
pub fn four_bits(rows: usize, columns: usize, table: &[f32]) -> Quantized {
    assert_eq!(table.len(), rows * columns, "a table of {rows} × {columns}");
    let rounded = table.chunks_exact(columns).map(in_four_bits);
    let (values, scales): (Vec<Vec<i8>>, Vec<f32>) = rounded.unzip();
    Quantized {
        rows,
        columns,
        values: values.concat(),
        scales,
    }
}

/// A row as whole steps from -7 to 7 and the size of a step, of a few the one that leaves the least squared error; 1
/// for a row of zeros.
pub(crate) fn in_four_bits(row: &[f32]) -> (Vec<i8>, f32) {
    let peak = row.iter().fold(0f32, |peak, value| peak.max(value.abs()));
    let step = |value: f32, scale: f32| (value / scale).round().clamp(-7.0, 7.0);
    let error = |scale: f32| -> f32 {
        let lost = row.iter().map(|&value| value - scale * step(value, scale));
        lost.map(|lost| lost * lost).sum()
    };
    let scales = CLIPS.map(|share| share * peak / 7.0);
    let scales = scales.into_iter().filter(|scale| *scale > 0.0);
    let best = scales.map(|scale| (error(scale), scale));
    // The first of equals.
    let best = best.reduce(|best, other| if other.0 < best.0 { other } else { best });
    let scale = best.map_or(1.0, |(_, scale)| scale);
    // What is no number stays none, in the scale.
    let scale = if row.iter().all(|value| value.is_finite()) {
        scale
    } else {
        f32::NAN
    };
    (
        row.iter().map(|&value| step(value, scale) as i8).collect(),
        scale,
    )
}

/// Packs the matrix `[rows, columns]` for inputs of the second moment `metric: [columns, columns]`.
///
/// Scales are those of [`Packed::from_float`], which is also the answer where the metric says nothing.
///
/// # Panics
/// As [`Packed::from_float`], and if the metric has another size.
pub fn for_inputs(rows: usize, columns: usize, weight: &[f32], metric: DMatrix<f64>) -> Packed {
    let mut nearest = Packed::from_float(rows, columns, weight);
    let Some(feedback) = Feedback::new(metric) else {
        return nearest;
    };
    let scales = nearest.scales.chunks_exact(columns / GROUP);
    let rounded = nearest.values.chunks_exact_mut(columns / 2);
    for ((row, values), scales) in weight.chunks_exact(columns).zip(rounded).zip(scales) {
        if row.iter().any(|value| !value.is_finite()) {
            continue;
        }
        let steps = feedback.round(row, |column| f64::from(scales[column / GROUP]), 7.0);
        let steps: Vec<i8> = steps.into_iter().map(|step| step as i8).collect();
        values.copy_from_slice(&pack(&steps));
    }
    nearest
}

/// How the error of one column is spread over the columns after it.
struct Feedback {
    /// The columns, those that weigh most first.
    order: Vec<usize>,
    /// L of `M⁻¹ = LLᵀ` for the metric M, with L lower triangular, columns in that order.
    lower: DMatrix<f64>,
}

impl Feedback {
    /// `None` where the metric weighs no column, or not by finite numbers.
    fn new(metric: DMatrix<f64>) -> Option<Self> {
        let columns = metric.ncols();
        let weight = metric.diagonal().mean();
        if weight <= 0.0 {
            return None;
        }
        let damped = metric + DMatrix::identity(columns, columns) * (DAMPING * weight);
        let mut order: Vec<usize> = (0..columns).collect();
        order.sort_by(|&a, &b| damped[(b, b)].total_cmp(&damped[(a, a)]));
        let sorted = DMatrix::from_fn(columns, columns, |i, j| damped[(order[i], order[j])]);
        let lower = sorted.cholesky()?.inverse().cholesky()?.l();
        Some(Self { order, lower })
    }

    /// Rounds one row to whole numbers of its columns' `step`s, from -`most` to `most`.
    fn round(&self, row: &[f32], step: impl Fn(usize) -> f64, most: f64) -> Vec<f64> {
        let mut left: Vec<f64> = self.order.iter().map(|&c| f64::from(row[c])).collect();
        let mut steps = vec![0.0; row.len()];
        for (place, &column) in self.order.iter().enumerate() {
            let step = step(column);
            let value = (left[place] / step).round().clamp(-most, most);
            steps[column] = value;
            let column = self.lower.column(place);
            let spread = &column.as_slice()[place..];
            let error = (left[place] - value * step) / spread[0];
            for (left, share) in left[place..].iter_mut().zip(spread) {
                *left -= error * share;
            }
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::generator;
    use rand::RngExt;
    use stillglass_bundle::Matrix;

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
    fn four_bits_leave_the_least_error_of_their_clips() {
        for columns in [1, 2, 31, 64, 65] {
            let row: Vec<f32> = drawn("row", columns).iter().map(|v| v * v * v).collect();
            let (steps, scale) = in_four_bits(&row);
            assert!(steps.iter().all(|step| (-7..=7).contains(step)));
            let lost = |scale: f64| -> f64 {
                let one = |value: &f32| {
                    let value = f64::from(*value);
                    value - scale * (value / scale).round().clamp(-7.0, 7.0)
                };
                row.iter().map(one).map(|lost| lost * lost).sum()
            };
            let peak = row
                .iter()
                .fold(0f64, |peak, v| peak.max(f64::from(v.abs())));
            let best = CLIPS.map(|clip| lost(f64::from(clip) * peak / 7.0));
            let best = best.into_iter().fold(f64::INFINITY, f64::min);
            let found: f64 = row
                .iter()
                .zip(&steps)
                .map(|(v, q)| f64::from(*v) - f64::from(scale) * f64::from(*q))
                .map(|lost| lost * lost)
                .sum();
            assert!(found <= best * 1.001 + 1e-12, "{columns}: {found} {best}");
        }
        assert_eq!(in_four_bits(&[0.0, -0.0]), (vec![0, 0], 1.0));
        assert_eq!(in_four_bits(&[7.0, -3.0]), (vec![7, -3], 1.0));
        assert!(in_four_bits(&[1.0, f32::NAN]).1.is_nan());
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

    /// Second moment of inputs `[count, columns]` that are correlated and of unlike sizes.
    fn moment(columns: usize, count: usize) -> DMatrix<f64> {
        let drawn = drawn("inputs", count * columns);
        let input = DMatrix::from_fn(count, columns, |row, column| {
            let shared = drawn[row * columns];
            let own = drawn[row * columns + column];
            f64::from(shared + own) * (1.0 + (column % 5) as f64)
        });
        input.transpose() * input / count as f64
    }

    /// From the definition: each column is rounded in turn, and all that are left stand where the row's
    /// error is least, given those that are done.
    fn twin(row: &[f32], scales: &[f32], metric: &DMatrix<f64>) -> Vec<f64> {
        let columns = row.len();
        let mut metric = metric.clone();
        let damping = DAMPING * metric.diagonal().mean();
        (0..columns).for_each(|c| metric[(c, c)] += damping);
        let mut left: Vec<usize> = (0..columns).collect();
        left.sort_by(|&a, &b| metric[(b, b)].total_cmp(&metric[(a, a)]));
        let (mut done, mut steps) = (Vec::<(usize, f64)>::new(), vec![0.0; columns]);
        while !left.is_empty() {
            let of_left =
                DMatrix::from_fn(left.len(), left.len(), |i, j| metric[(left[i], left[j])]);
            let pull = DMatrix::from_fn(left.len(), 1, |i, _| {
                let pulls = done.iter().map(|(c, error)| metric[(left[i], *c)] * error);
                -pulls.sum::<f64>()
            });
            let errors = of_left.lu().solve(&pull).unwrap();
            let column = left.remove(0);
            let (wanted, scale) = (f64::from(row[column]), f64::from(scales[column / GROUP]));
            steps[column] = ((wanted - errors[0]) / scale).round().clamp(-7.0, 7.0);
            done.push((column, wanted - scale * steps[column]));
        }
        steps
    }

    #[test]
    fn packed_steps_are_those_of_the_definition() {
        // Fewer inputs than columns too: the moment alone could not be inverted.
        for (rows, columns, count) in [(1, 32, 5), (3, 64, 200), (2, 96, 40)] {
            let weight = drawn("weight", rows * columns);
            let metric = moment(columns, count);
            let packed = for_inputs(rows, columns, &weight, metric.clone());
            let groups = columns / GROUP;
            for (index, row) in weight.chunks_exact(columns).enumerate() {
                let scales = &packed.scales[index * groups..][..groups];
                let steps = twin(row, scales, &metric);
                let bytes = &packed.values[index * columns / 2..][..columns / 2];
                let nibbles = bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]);
                let found: Vec<f64> = nibbles.map(|nibble| f64::from(nibble) - 8.0).collect();
                assert_eq!(found, steps, "{rows} × {columns}, row {index}");
            }
        }
    }

    /// `Σ eᵀMe` over the rows' errors e.
    fn lost(weight: &[f32], packed: Packed, metric: &DMatrix<f64>) -> f64 {
        let columns = packed.columns;
        let rounded = Matrix::Int4(packed).to_float();
        let errors = rounded.iter().zip(weight).map(|(a, b)| f64::from(a - b));
        let errors = DMatrix::from_iterator(columns, weight.len() / columns, errors);
        (errors.transpose() * metric * errors).trace()
    }

    #[test]
    fn inputs_notice_less_of_it_than_of_nearest_rounding() {
        for (rows, columns, count) in [(7, 32, 20), (5, 64, 500), (3, 352, 300)] {
            let weight = drawn("weight", rows * columns);
            let metric = moment(columns, count);
            let nearest = lost(&weight, Packed::from_float(rows, columns, &weight), &metric);
            let found = lost(
                &weight,
                for_inputs(rows, columns, &weight, metric.clone()),
                &metric,
            );
            assert!(
                found < 0.8 * nearest,
                "{rows} × {columns}: {found:e}, nearest {nearest:e}"
            );
        }
    }

    #[test]
    fn weights_that_nothing_reads_are_packed_to_the_nearest_steps() {
        let weight = drawn("weight", 2 * GROUP);
        let nearest = Packed::from_float(2, GROUP, &weight);
        for value in [0.0, f64::NAN, f64::INFINITY] {
            let metric = DMatrix::from_element(GROUP, GROUP, value);
            assert_eq!(for_inputs(2, GROUP, &weight, metric), nearest);
        }
        let zeros = Packed::from_float(1, GROUP, &[0.0; GROUP]);
        let metric = moment(GROUP, 50);
        assert_eq!(
            for_inputs(1, GROUP, &[0.0; GROUP], metric.clone()).values,
            zeros.values
        );
        let nothing = for_inputs(1, GROUP, &[f32::NAN; GROUP], metric);
        assert!(nothing.scales[0].is_nan(), "the writer shall refuse it");
    }
}
