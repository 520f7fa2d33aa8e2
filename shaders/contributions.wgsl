// What each token gives to each class: attention[t] * (weight[c] . h[t]).
// h: [tokens, columns], weight: [classes, columns], attention: [tokens] -> out: [tokens, classes].
// One invocation a number. Twin: kernels/src/contributions.rs

struct Params { tokens: u32, classes: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> attention: array<f32>;
@group(0) @binding(3) var<storage, read> h: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.tokens { return; }
    var sum = 0.0;
    for (var k = 0u; k < params.columns; k++) {
        sum += weight[id.y * params.columns + k] * h[id.x * params.columns + k];
    }
    out[id.x * params.classes + id.y] = attention[id.x] * sum;
}
