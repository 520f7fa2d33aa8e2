// LSTM: the recurrence of all texts and both directions in one dispatch.
// gates: [tokens, 2 directions, 4 * hidden], bias and the input's share; offsets: [texts + 1];
// recurrent: [2 * 4 * hidden, hidden] -> h: [tokens, 2 * hidden], forward states first.
// One workgroup a text and direction loops over time; gates are stacked input, forget, cell, output.
// Twin: kernels/src/lstm.rs

struct Params { hidden: u32 }

// At least the hidden units, a multiple of four.
override UNITS: u32 = 512;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> gates: array<f32>;
@group(0) @binding(3) var<storage, read> recurrent: array<u32>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read_write> h: array<f32>;

var<workgroup> state: array<f32, UNITS>;
var<workgroup> cell: array<f32, UNITS>;
var<workgroup> sums: array<f32, 4 * UNITS>;

// One row of the recurrent weights times the state.
fn product(row: u32) -> f32 {
    let words = (params.hidden + 3) / 4;
    var sum = 0.0;
    for (var word = 0u; word < words; word++) {
        let packed = bitcast<i32>(recurrent[row * words + word]);
        let q = vec4(extractBits(packed, 0u, 8u), extractBits(packed, 8u, 8u),
            extractBits(packed, 16u, 8u), extractBits(packed, 24u, 8u));
        let at = word * 4;
        sum += dot(vec4<f32>(q), vec4(state[at], state[at + 1], state[at + 2], state[at + 3]));
    }
    return sum * scales[row];
}

fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0)));
}

// tanh of a large argument is NaN on some devices.
fn bounded_tanh(x: f32) -> f32 {
    return tanh(clamp(x, -15.0, 15.0));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let hidden = params.hidden;
    let backward = group.y == 1;
    let first = offsets[group.x];
    let length = offsets[group.x + 1] - first;
    for (var j = lane; j < UNITS; j += 256) {
        state[j] = 0.0;
        cell[j] = 0.0;
    }
    for (var step = 0u; step < length; step++) {
        let token = first + select(step, length - 1 - step, backward);
        workgroupBarrier();
        for (var row = lane; row < 4 * hidden; row += 256) {
            let stacked = group.y * 4 * hidden + row;
            sums[row] = gates[token * 8 * hidden + stacked] + product(stacked);
        }
        workgroupBarrier();
        for (var j = lane; j < hidden; j += 256) {
            let enters = sigmoid(sums[j]) * bounded_tanh(sums[2 * hidden + j]);
            cell[j] = sigmoid(sums[hidden + j]) * cell[j] + enters;
            state[j] = sigmoid(sums[3 * hidden + j]) * bounded_tanh(cell[j]);
            h[(token * 2 + group.y) * hidden + j] = state[j];
        }
    }
}
