//! Embedding: rows of an int8 table, ready to be multiplied without further rounding.

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
