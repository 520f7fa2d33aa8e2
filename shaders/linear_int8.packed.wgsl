// Linear layer: int8 weights with a scale a row, activations of 12 bits with a scale a token, exact
// integer sums four at a time; then an activation, if one is chosen.
// x: [tokens, columns], weights: [rows, columns] -> out: [tokens, rows], or added to it.
// The 12 bits are two signed halves, q = 32 * high + low, each a byte for the packed product.
// A workgroup makes 32 tokens x 64 rows, an invocation 4 x 4 of them, walking 32 columns at a time.
// Twin: kernels/src/linear_int8.rs

requires packed_4x8_integer_dot_product;

struct Params { tokens: u32, rows: u32, columns: u32 }

// 0: none, 1: GELU, 2: tanh, 3: ReLU.
override ACTIVATION: u32 = 0;
override ADD: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

// Four columns an entry: [word, token], high and low halves, and [word, row].
var<workgroup> x_tile: array<vec2<u32>, 256>;
var<workgroup> w_tile: array<u32, 512>;
// [token, 4 invocations]: the largest magnitude each has seen.
var<workgroup> peaks: array<f32, 128>;

fn input(token: u32, column: u32) -> f32 {
    let inside = token < params.tokens && column < params.columns;
    return select(0.0, x[token * params.columns + column], inside);
}

fn peak(t: u32) -> f32 {
    return max(max(peaks[t * 4], peaks[t * 4 + 1]), max(peaks[t * 4 + 2], peaks[t * 4 + 3]));
}

// A row below 1e-30 counts as zero, as on the CPU.
fn load_x(token: u32, word: u32, at: u32) {
    let t = token + at / 8;
    let c = (word + at % 8) * 4;
    let largest = peak(at / 8);
    let inverse = select(2047.0 / largest, 0.0, largest < 1e-30);
    let values = vec4(input(t, c), input(t, c + 1), input(t, c + 2), input(t, c + 3));
    let q = vec4<i32>(round(values * inverse));
    let low = ((q + 16) & vec4(31)) - 16;
    x_tile[at % 8 * 32 + at / 8] = vec2(pack4xI8((q - low) / 32), pack4xI8(low));
}

fn load_w(row: u32, word: u32, at: u32) {
    let words = (params.columns + 3) / 4;
    let inside = row + at / 8 < params.rows && word + at % 8 < words;
    w_tile[at % 8 * 64 + at / 8] = select(0u, weights[(row + at / 8) * words + word + at % 8], inside);
}

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

fn activate(x: f32) -> f32 {
    switch ACTIVATION {
        case 1u: { return gelu(x); }
        case 2u: { return tanh(clamp(x, -15.0, 15.0)); }
        case 3u: { return max(x, 0.0); }
        default: { return x; }
    }
}

fn store(token: u32, row: u32, sum: f32) {
    if token >= params.tokens || row >= params.rows { return; }
    let at = token * params.rows + row;
    let value = activate(sum * scales[row] + bias[row]);
    if ADD { out[at] += value; } else { out[at] = value; }
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let token = group.x * 32;
    let row = group.y * 64;
    var largest = 0.0;
    for (var column = lane % 4; column < params.columns; column += 4) {
        largest = max(largest, abs(input(token + lane / 4, column)));
    }
    peaks[lane] = largest;
    let t = lane / 16;
    let r = lane % 16;
    var sums: array<vec4<i32>, 4>;
    for (var word = 0u; word * 4 < params.columns; word += 8) {
        workgroupBarrier();
        for (var at = lane; at < 256; at += 128) { load_x(token, word, at); }
        for (var at = lane; at < 512; at += 128) { load_w(row, word, at); }
        workgroupBarrier();
        for (var k = 0u; k < 8; k++) {
            for (var i = 0u; i < 4; i++) {
                let both = x_tile[k * 32 + t + 8 * i];
                for (var j = 0u; j < 4; j++) {
                    let w = w_tile[k * 64 + r + 16 * j];
                    sums[i][j] += 32 * dot4I8Packed(w, both.x) + dot4I8Packed(w, both.y);
                }
            }
        }
    }
    for (var i = 0u; i < 4; i++) {
        let scale = peak(t + 8 * i) / 2047.0;
        for (var j = 0u; j < 4; j++) {
            store(token + t + 8 * i, row + r + 16 * j, f32(sums[i][j]) * scale);
        }
    }
}
