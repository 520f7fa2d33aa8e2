// Layer normalisation: weight * (x - mean) / sqrt(variance + epsilon) + bias.
// x: [rows, columns] -> out: [rows, columns]. One workgroup a row. Twin: kernels/src/layer_norm.rs

struct Params { columns: u32, epsilon: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

var<workgroup> parts: array<f32, 128>;

fn total(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    parts[lane] = value;
    for (var half = 64u; half > 0; half /= 2) {
        workgroupBarrier();
        if lane < half { parts[lane] += parts[lane + half]; }
    }
    workgroupBarrier();
    return parts[0];
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let start = group.x * params.columns;
    let columns = f32(params.columns);
    var sum = 0.0;
    for (var j = lane; j < params.columns; j += 128) { sum += x[start + j]; }
    let mean = total(lane, sum) / columns;
    var squares = 0.0;
    for (var j = lane; j < params.columns; j += 128) {
        let d = x[start + j] - mean;
        squares += d * d;
    }
    let scale = 1.0 / sqrt(total(lane, squares) / columns + params.epsilon);
    for (var j = lane; j < params.columns; j += 128) {
        out[start + j] = weight[j] * (x[start + j] - mean) * scale + bias[j];
    }
}
