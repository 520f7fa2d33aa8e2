// Linear layer in f32, for few rows: the classifier.
// x: [tokens, columns], weights: [rows, columns] -> out: [tokens, rows]. One invocation a number.
// Twin: kernels/src/linear.rs

struct Params { tokens: u32, rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.tokens { return; }
    var sum = 0.0;
    for (var k = 0u; k < params.columns; k++) {
        sum += x[id.x * params.columns + k] * weights[id.y * params.columns + k];
    }
    out[id.x * params.rows + id.y] = sum + bias[id.y];
}
