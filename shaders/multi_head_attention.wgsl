// Scaled dot-product attention in several heads: softmax(q k / sqrt(size)) v within each text.
// qkv: [tokens, 3, heads, size], offsets: [texts + 1] -> out: [tokens, heads, size]; size at most 128.
// One workgroup a block of 8 queries, head and text, 16 invocations a query; keys go by in tiles of 64,
// the softmax keeping a running maximum (Milakov & Gimelshein 2018).
// Twin: kernels/src/multi_head_attention.rs

struct Params { heads: u32, size: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> qkv: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> queries: array<f32, 1024>; // [8, size]
var<workgroup> weights: array<f32, 512>; // [8, 64]
var<workgroup> parts: array<f32, 128>; // [8, 16]

// Where a token's query (0), key (1) or value (2) begins.
fn start(token: u32, which: u32, head: u32) -> u32 {
    return ((token * 3 + which) * params.heads + head) * params.size;
}

// Scores of one key with four queries.
fn score(key: u32, head: u32, end: u32, lane: u32) {
    var sums = vec4(0.0);
    let at_key = start(min(key, end - 1), 1u, head);
    let four = lane / 64 * 4;
    for (var d = 0u; d < params.size; d++) {
        let k = qkv[at_key + d];
        let at = four * params.size + d;
        sums += k * vec4(queries[at], queries[at + params.size],
            queries[at + 2 * params.size], queries[at + 3 * params.size]);
    }
    sums = select(vec4(-3.4e38), sums / sqrt(f32(params.size)), key < end);
    for (var i = 0u; i < 4; i++) { weights[(four + i) * 64 + lane % 64] = sums[i]; }
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = offsets[group.z];
    let end = offsets[group.z + 1];
    let block = first + group.x * 8;
    if block >= end { return; }
    let head = group.y;
    for (var at = lane; at < 8 * params.size; at += 128) {
        queries[at] = qkv[start(min(block + at / params.size, end - 1), 0u, head) + at % params.size];
    }
    let query = lane / 16;
    let mine = lane % 16;
    var peak = -3.4e38;
    var sum = 0.0;
    var values: array<f32, 8>;
    for (var tile = first; tile < end; tile += 64) {
        workgroupBarrier();
        score(tile + lane % 64, head, end, lane);
        workgroupBarrier();
        let row = query * 64;
        let s = vec4(weights[row + mine], weights[row + mine + 16],
            weights[row + mine + 32], weights[row + mine + 48]);
        parts[lane] = max(max(s.x, s.y), max(s.z, s.w));
        workgroupBarrier();
        var higher = peak;
        for (var i = 0u; i < 16; i++) { higher = max(higher, parts[query * 16 + i]); }
        let p = exp(s - higher);
        for (var i = 0u; i < 4; i++) { weights[row + mine + 16 * i] = p[i]; }
        workgroupBarrier();
        parts[lane] = p.x + p.y + p.z + p.w;
        workgroupBarrier();
        let fade = exp(peak - higher);
        sum *= fade;
        for (var i = 0u; i < 16; i++) { sum += parts[query * 16 + i]; }
        for (var i = 0u; i < 8; i++) { values[i] *= fade; }
        for (var key = 0u; key < min(64u, end - tile); key++) {
            let p = weights[row + key];
            let at_key = start(tile + key, 2u, head);
            for (var i = 0u; i < 8; i++) {
                let d = mine + 16 * i;
                if d < params.size { values[i] += p * qkv[at_key + d]; }
            }
        }
        peak = higher;
    }
    if block + query >= end { return; }
    for (var i = 0u; i < 8; i++) {
        let d = mine + 16 * i;
        if d < params.size { out[((block + query) * params.heads + head) * params.size + d] = values[i] / sum; }
    }
}
