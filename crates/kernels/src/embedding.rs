//! Embedding: rows of an int8 table, ready to be multiplied without further rounding.

use crate::int16::TWELVE_BITS;
use crate::shader::{Shader, params, shader};
use crate::{Int4, Int8, Int16};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("embedding");

/// The kernel on the GPU, for 4-bit tables.
pub const SHADER_INT4: Shader = shader!("embedding.int4");

params! {
    /// Width of a row.
    columns: u32,
}

/// Rows `ids` of `table: [vocabulary, columns]` → `out: [ids.len(), columns]`. Every id must be below
/// `table.rows`.
///
/// An int8 row already is a 12-bit row with the same scale, so nothing is rounded.
pub fn embedding(table: Int8, ids: &[u32], out: &mut Int16) {
    out.clear(table.columns);
    for &id in ids {
        let id = id as usize;
        let row = table.row(id).iter().map(|&q| i16::from(q));
        out.push(row, table.scales[id]);
    }
}

/// The same for a table that is there twice, the second time with `added` on every row: id V + i of V rows is row i with
/// it, the sum rounded to 12 bits.
pub fn embedding_with(table: Int8, added: &[f32], ids: &[u32], out: &mut Int16) {
    out.clear(table.columns);
    for &id in ids {
        let id = id as usize;
        let row = id.checked_sub(table.rows).unwrap_or(id);
        let (scale, values) = (table.scales[row], table.row(row));
        if row == id {
            out.push(values.iter().map(|&q| i16::from(q)), scale);
            continue;
        }
        let sums = || {
            values
                .iter()
                .zip(added)
                .map(|(&q, a)| f32::from(q) * scale + a)
        };
        let largest = sums().fold(0.0, |most: f32, sum| most.max(sum.abs()));
        let step = (largest / f32::from(TWELVE_BITS)).max(f32::MIN_POSITIVE);
        out.push(
            sums().map(|sum| (sum / step).round_ties_even() as i16),
            step,
        );
    }
}

/// The definition: `[ids.len(), columns]` in real numbers.
pub fn reference(table: Int8, ids: &[u32]) -> Vec<f64> {
    let row = |&id: &u32| {
        let scale = f64::from(table.scales[id as usize]);
        table
            .row(id as usize)
            .iter()
            .map(move |&q| f64::from(q) * scale)
    };
    ids.iter().flat_map(row).collect()
}

/// The definition for 4-bit tables: `[ids.len(), columns]` in real numbers.
pub fn reference_int4(table: Int4, ids: &[u32]) -> Vec<f64> {
    let row =
        |&id: &u32| (0..table.columns).map(move |column| f64::from(table.at(id as usize, column)));
    ids.iter().flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_added_to_within_half_a_step() {
        for columns in [1, 3, 8, 65] {
            let values: Vec<i8> = (0..3 * columns)
                .map(|i| (i * 37 % 255) as u8 as i8)
                .map(|q| q.max(-127))
                .collect();
            let table = Int8 {
                rows: 3,
                columns,
                values: &values,
                scales: &[0.01, 2.0, 1e-30],
            };
            let added: Vec<f32> = (0..columns).map(|i| (i as f32 * 1.3).sin()).collect();
            let mut out = Int16::default();
            embedding_with(table, &added, &[2, 5, 0, 3, 4], &mut out);
            assert_eq!(out.rows(), 5);
            for (at, id, with) in [
                (0, 2, 0.0),
                (1, 2, 1.0),
                (2, 0, 0.0),
                (3, 0, 1.0),
                (4, 1, 1.0),
            ] {
                let (row, scale) = out.row(at);
                let want = reference(table, &[id]);
                for ((q, want), added) in row.iter().zip(want).zip(&added) {
                    let error = f64::from(*q) * f64::from(scale) - want - with * f64::from(*added);
                    assert!(
                        error.abs() <= 0.501 * f64::from(scale) * with + 1e-9,
                        "{columns} {at}: {error}"
                    );
                }
            }
        }
        let mut out = Int16::default();
        let table = Int8 {
            rows: 1,
            columns: 2,
            values: &[0, 0],
            scales: &[1.0],
        };
        embedding_with(table, &[0.0, 0.0], &[1], &mut out);
        assert_eq!(out.row(0).0, [0, 0]);
    }
}
