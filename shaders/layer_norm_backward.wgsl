// Layer normalisation backwards: with n = (x - mean) / sigma and g = weight * grad,
// (g - mean g - n * mean(g n)) / sigma. x is the input of the forward pass.
// x, grad: [rows, columns] -> out: [rows, columns]. One workgroup a row.
// Twin: kernels/src/layer_norm_backward.rs

struct Params { columns: u32, epsilon: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> grad: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

var<workgroup> parts: array<vec3<f32>, 128>;

fn total(lane: u32, value: vec3<f32>) -> vec3<f32> {
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
    let mean = total(lane, vec3(sum, 0.0, 0.0)).x / columns;
    // Squares, gradient, and gradient along the deviation.
    var sums = vec3(0.0);
    for (var j = lane; j < params.columns; j += 128) {
        let d = x[start + j] - mean;
        let g = weight[j] * grad[start + j];
        sums += vec3(d * d, g, g * d);
    }
    let means = total(lane, sums) / columns;
    let variance = means.x + params.epsilon;
    let scale = 1.0 / sqrt(variance);
    for (var j = lane; j < params.columns; j += 128) {
        let g = weight[j] * grad[start + j] - means.y;
        out[start + j] = (g - (x[start + j] - mean) * means.z / variance) * scale;
    }
}
