// Softmax backwards: y * (grad - sum of grad * y) in each row, y the output of the forward pass.
// y: [rows, columns] -> grad: [rows, columns], in place. One workgroup a row.
// Twin: kernels/src/softmax_backward.rs

struct Params { columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> grad: array<f32>;

var<workgroup> parts: array<f32, 64>;

fn total(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    parts[lane] = value;
    for (var half = 32u; half > 0; half /= 2) {
        workgroupBarrier();
        if lane < half { parts[lane] += parts[lane + half]; }
    }
    workgroupBarrier();
    return parts[0];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let start = group.x * params.columns;
    var sum = 0.0;
    for (var j = lane; j < params.columns; j += 64) { sum += y[start + j] * grad[start + j]; }
    sum = total(lane, sum);
    for (var j = lane; j < params.columns; j += 64) { grad[start + j] = y[start + j] * (grad[start + j] - sum); }
}
