// Points between two sequences of embeddings, and the positions that every one of them gets.
// first, last: [time, columns], positions: [most, columns], steps: [tokens] of (row, position, share)
// -> out: [tokens, columns] = first[row] + share * (last[row] - first[row]) + positions[position].
// One workgroup a token. Twin: kernels/src/path_points.rs

struct Params { columns: u32 }

struct Step { row: u32, position: u32, share: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> first: array<f32>;
@group(0) @binding(2) var<storage, read> last: array<f32>;
@group(0) @binding(3) var<storage, read> positions: array<f32>;
@group(0) @binding(4) var<storage, read> steps: array<Step>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let step = steps[group.x];
    for (var column = lane; column < params.columns; column += 64) {
        let at = step.row * params.columns + column;
        let point = first[at] + step.share * (last[at] - first[at]);
        out[group.x * params.columns + column] = point + positions[step.position * params.columns + column];
    }
}
