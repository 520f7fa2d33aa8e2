// Additive attention over time: softmax of v . tanh(U h + b) over the tokens of each text.
// h: [tokens, columns], projection U: [units, columns], offsets: [texts + 1] -> out: [tokens].
// One workgroup a text; four tokens at a time, 64 invocations each.
// Twin: kernels/src/additive_attention.rs

struct Params { units: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> h: array<f32>;
@group(0) @binding(3) var<storage, read> projection: array<u32>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read> vector: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<f32>;

var<workgroup> parts: array<f32, 256>;

// v . tanh(U h + b) for every 64th unit.
fn part_of_score(token: u32, start: u32) -> f32 {
    let words = (params.columns + 3) / 4;
    var score = 0.0;
    for (var unit = start; unit < params.units; unit += 64) {
        var sum = 0.0;
        for (var column = 0u; column < params.columns; column++) {
            let packed = bitcast<i32>(projection[unit * words + column / 4]);
            sum += f32(extractBits(packed, column % 4 * 8, 8u)) * h[token * params.columns + column];
        }
        score += vector[unit] * tanh(clamp(sum * scales[unit] + bias[unit], -15.0, 15.0));
    }
    return score;
}

// Adds up the parts of 64 neighbours, or of all 256; everyone gets the result.
fn total(lane: u32, width: u32, value: f32) -> f32 {
    workgroupBarrier();
    parts[lane] = value;
    for (var half = width / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if lane % width < half { parts[lane] += parts[lane + half]; }
    }
    workgroupBarrier();
    return parts[lane / width * width];
}

fn largest(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    parts[lane] = value;
    for (var half = 128u; half > 0; half /= 2) {
        workgroupBarrier();
        if lane < half { parts[lane] = max(parts[lane], parts[lane + half]); }
    }
    workgroupBarrier();
    return parts[0];
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = offsets[group.x];
    let end = offsets[group.x + 1];
    for (var block = first; block < end; block += 4) {
        let token = block + lane / 64;
        var part = 0.0;
        if token < end { part = part_of_score(token, lane % 64); }
        let score = total(lane, 64u, part);
        if token < end && lane % 64 == 0 { out[token] = score; }
    }
    storageBarrier();
    var peak = -3.4e38;
    for (var token = first + lane; token < end; token += 256) { peak = max(peak, out[token]); }
    peak = largest(lane, peak);
    var sum = 0.0;
    for (var token = first + lane; token < end; token += 256) { sum += exp(out[token] - peak); }
    sum = total(lane, 256u, sum);
    for (var token = first + lane; token < end; token += 256) { out[token] = exp(out[token] - peak) / sum; }
}
