// Gaussian error linear unit: x: [count] -> out: [count]. Any number of workgroups.
// Twin: kernels/src/gelu.rs

struct Params { count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn gelu(x: f32) -> f32 {
    let z = abs(x) * 0.70710678;
    let t = 1.0 / (1.0 + 0.4 * z);
    var p = 0.04005421;
    p = p * t - 0.13441797;
    p = p * t + 0.07162895;
    p = p * t + 0.1023089;
    p = p * t + 0.0696897;
    p = p * t + 0.19775535;
    p = p * t + 0.2007508;
    p = p * t + 0.22660563;
    p = p * t + 0.22562449;
    return max(x, 0.0) - 0.5 * abs(x) * t * p * exp(-min(z * z, 87.0));
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>) {
    for (var at = id.x; at < params.count; at += grid.x * 256) { out[at] = gelu(x[at]); }
}
