// Pooling backwards: each token's share of its text's gradient, equal, or all to the first.
// grad: [texts, columns], offsets: [texts + 1] -> out: [tokens, columns]. One invocation a column and text.
// Twin: kernels/src/pooling_backward.rs

struct Params { columns: u32 }

override FIRST: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> grad: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.columns { return; }
    let first = offsets[id.y];
    let end = offsets[id.y + 1];
    let whole = grad[id.y * params.columns + id.x];
    for (var token = first; token < end; token++) {
        let share = select(whole / f32(end - first), select(0.0, whole, token == first), FIRST);
        out[token * params.columns + id.x] = share;
    }
}
