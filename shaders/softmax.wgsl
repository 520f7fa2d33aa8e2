// Softmax over rows: exp(x - max) / sum of exp(x - max), in place.
// x: [rows, columns] -> x. One workgroup a row. Twin: kernels/src/softmax.rs

struct Params { columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

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

fn largest(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    parts[lane] = value;
    for (var half = 32u; half > 0; half /= 2) {
        workgroupBarrier();
        if lane < half { parts[lane] = max(parts[lane], parts[lane + half]); }
    }
    workgroupBarrier();
    return parts[0];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let start = group.x * params.columns;
    var peak = -3.4e38;
    for (var j = lane; j < params.columns; j += 64) { peak = max(peak, x[start + j]); }
    peak = largest(lane, peak);
    var sum = 0.0;
    for (var j = lane; j < params.columns; j += 64) { sum += exp(x[start + j] - peak); }
    sum = total(lane, sum);
    for (var j = lane; j < params.columns; j += 64) { x[start + j] = exp(x[start + j] - peak) / sum; }
}
