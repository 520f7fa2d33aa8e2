// Embedding: rows of an int8 table.
// ids: [tokens], table: [vocabulary, columns] -> out: [tokens, columns]. One workgroup a token.
// Twin: kernels/src/embedding.rs

struct Params { columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let id = ids[group.x];
    let words = (params.columns + 3) / 4;
    for (var column = lane; column < params.columns; column += 64) {
        let word = bitcast<i32>(table[id * words + column / 4]);
        out[group.x * params.columns + column] = scales[id] * f32(extractBits(word, column % 4 * 8, 8u));
    }
}
