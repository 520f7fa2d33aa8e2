// Linear layer backwards, int8 weights with a scale a row: from the outputs' gradient to the inputs'.
// grad: [tokens, rows], weights: [rows, columns] -> out: [tokens, columns], or added to it.
// A workgroup makes 32 tokens x 64 columns, an invocation 4 x 4 of them, walking 32 rows at a time.
// Twin: kernels/src/linear_backward.rs

struct Params { tokens: u32, rows: u32, columns: u32 }

override ADD: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

// Four rows an entry: [rows / 4, token]; four columns an entry: [row, columns / 4].
var<workgroup> g_tile: array<vec4<f32>, 256>;
var<workgroup> w_tile: array<vec4<f32>, 512>;

fn input(token: u32, row: u32) -> f32 {
    let inside = token < params.tokens && row < params.rows;
    return select(0.0, grad[token * params.rows + row], inside);
}

fn load_g(token: u32, row: u32, at: u32) {
    let t = token + at / 8;
    let r = row + at % 8 * 4;
    g_tile[at % 8 * 32 + at / 8] = vec4(input(t, r), input(t, r + 1), input(t, r + 2), input(t, r + 3));
}

fn load_w(row: u32, word: u32, at: u32) {
    let words = (params.columns + 3) / 4;
    let inside = row + at / 16 < params.rows && word + at % 16 < words;
    let packed = bitcast<i32>(select(0u, weights[(row + at / 16) * words + word + at % 16], inside));
    let q = vec4(extractBits(packed, 0u, 8u), extractBits(packed, 8u, 8u),
        extractBits(packed, 16u, 8u), extractBits(packed, 24u, 8u));
    w_tile[at] = select(0.0, scales[row + at / 16], inside) * vec4<f32>(q);
}

fn store(token: u32, column: u32, value: f32) {
    if token >= params.tokens || column >= params.columns { return; }
    let at = token * params.columns + column;
    if ADD { out[at] += value; } else { out[at] = value; }
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let token = group.x * 32;
    let column = group.y * 64;
    let t = lane / 16;
    let c = lane % 16;
    var sums: array<vec4<f32>, 4>;
    for (var row = 0u; row < params.rows; row += 32) {
        workgroupBarrier();
        for (var at = lane; at < 256; at += 128) { load_g(token, row, at); }
        for (var at = lane; at < 512; at += 128) { load_w(row, column / 4, at); }
        workgroupBarrier();
        for (var k = 0u; k < 8; k++) {
            let w = mat4x4(w_tile[k * 64 + c], w_tile[k * 64 + c + 16],
                w_tile[k * 64 + c + 32], w_tile[k * 64 + c + 48]);
            for (var i = 0u; i < 4; i++) { sums[i] += w * g_tile[k * 32 + t + 8 * i]; }
        }
    }
    for (var i = 0u; i < 4; i++) {
        for (var j = 0u; j < 4; j++) { store(token + t + 8 * i, column + c * 4 + j, sums[i][j]); }
    }
}
