// What the gradient at the points of a path gives along the way from its first to its last embedding.
// grad: [tokens, columns], first, last: [time, columns], steps: [tokens] of (row, position, share)
// -> out[start + t] = grad[t] . (last[row] - first[row]). One workgroup a token.
// Twin: kernels/src/path_contributions.rs

struct Params { columns: u32, start: u32 }

struct Step { row: u32, position: u32, share: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad: array<f32>;
@group(0) @binding(2) var<storage, read> first: array<f32>;
@group(0) @binding(3) var<storage, read> last: array<f32>;
@group(0) @binding(4) var<storage, read> steps: array<Step>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

var<workgroup> parts: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var column = lane; column < params.columns; column += 64) {
        let at = steps[group.x].row * params.columns + column;
        sum += grad[group.x * params.columns + column] * (last[at] - first[at]);
    }
    parts[lane] = sum;
    for (var half = 32u; half > 0; half /= 2) {
        workgroupBarrier();
        if lane < half { parts[lane] += parts[lane + half]; }
    }
    if lane == 0 { out[params.start + group.x] = parts[0]; }
}
