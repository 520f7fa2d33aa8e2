// Pooling: the mean of each text's tokens, or its first token.
// h: [tokens, columns], offsets: [texts + 1] -> out: [texts, columns]. One invocation a number.
// Twin: kernels/src/pooling.rs

struct Params { columns: u32 }

override FIRST: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> h: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.columns { return; }
    let first = offsets[id.y];
    var end = offsets[id.y + 1];
    if FIRST { end = min(end, first + 1); }
    var sum = 0.0;
    for (var token = first; token < end; token++) { sum += h[token * params.columns + id.x]; }
    out[id.y * params.columns + id.x] = sum / max(f32(end - first), 1.0);
}
