// Attention in several heads, backwards, in two dispatches: `queries`, then `keys`.
// qkv: [tokens, 3, heads, size], grad of the output: [tokens, heads, size], offsets: [texts + 1]
// -> out: the gradient of qkv. statistics: [tokens, heads, 2] carries from the first to the second, for
// each query, the logarithm of its softmax's denominator and sum p * dp.
// With p the weights and dp = grad v: dq = p (dp - sum p dp) k / sqrt(size), dk likewise with q, dv = p grad.
// One workgroup a block of 8 queries (or keys), head and text, 16 invocations a query (or key); size at
// most 128. Twin: kernels/src/multi_head_attention_backward.rs

struct Params { heads: u32, size: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> qkv: array<f32>;
@group(0) @binding(3) var<storage, read> grad: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

var<workgroup> left: array<f32, 1024>; // [8, size]: queries, or keys
var<workgroup> right: array<f32, 1024>; // [8, size]: their gradients, or values
var<workgroup> weights: array<f32, 512>; // [8, 64]: p
var<workgroup> slopes: array<f32, 512>; // [8, 64]: dp, or ds
var<workgroup> parts: array<vec2<f32>, 128>; // [8, 16]

// Where a token's query (0), key (1) or value (2) begins.
fn start(token: u32, which: u32, head: u32) -> u32 {
    return ((token * 3 + which) * params.heads + head) * params.size;
}

fn start_of_grad(token: u32, head: u32) -> u32 {
    return (token * params.heads + head) * params.size;
}

// Four of the eight rows in `left` times a, in `right` times b.
fn products(four: u32, a: u32, b: u32, b_is_grad: bool) -> array<vec4<f32>, 2> {
    var sums: array<vec4<f32>, 2>;
    let size = params.size;
    for (var d = 0u; d < size; d++) {
        let at = four * size + d;
        let other = select(qkv[b + d], grad[b + d], b_is_grad);
        sums[0] += qkv[a + d] * vec4(left[at], left[at + size], left[at + 2 * size], left[at + 3 * size]);
        sums[1] += other * vec4(right[at], right[at + size], right[at + 2 * size], right[at + 3 * size]);
    }
    sums[0] /= sqrt(f32(size));
    return sums;
}

@compute @workgroup_size(128)
fn queries(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = offsets[group.z];
    let end = offsets[group.z + 1];
    let block = first + group.x * 8;
    if block >= end { return; }
    let head = group.y;
    for (var at = lane; at < 8 * params.size; at += 128) {
        let token = min(block + at / params.size, end - 1);
        left[at] = qkv[start(token, 0u, head) + at % params.size];
        right[at] = grad[start_of_grad(token, head) + at % params.size];
    }
    let four = lane / 64 * 4;
    let query = lane / 16;
    let mine = lane % 16;
    var peak = -3.4e38;
    // sum p, sum p dp; and, for each of this invocation's columns, sum p k, sum p dp k.
    var sums = vec2(0.0);
    var keys: array<vec2<f32>, 8>;
    for (var tile = first; tile < end; tile += 64) {
        workgroupBarrier();
        let key = tile + lane % 64;
        let safe = min(key, end - 1);
        let s = products(four, start(safe, 1u, head), start(safe, 2u, head), false);
        for (var i = 0u; i < 4; i++) {
            weights[(four + i) * 64 + lane % 64] = select(-3.4e38, s[0][i], key < end);
            slopes[(four + i) * 64 + lane % 64] = s[1][i];
        }
        workgroupBarrier();
        let row = query * 64 + mine;
        let score = vec4(weights[row], weights[row + 16], weights[row + 32], weights[row + 48]);
        let dp = vec4(slopes[row], slopes[row + 16], slopes[row + 32], slopes[row + 48]);
        parts[lane].x = max(max(score.x, score.y), max(score.z, score.w));
        workgroupBarrier();
        var higher = peak;
        for (var i = 0u; i < 16; i++) { higher = max(higher, parts[query * 16 + i].x); }
        let p = exp(score - higher);
        for (var i = 0u; i < 4; i++) { weights[row + 16 * i] = p[i]; }
        workgroupBarrier();
        parts[lane] = vec2(p.x + p.y + p.z + p.w, dot(p, dp));
        workgroupBarrier();
        let fade = exp(peak - higher);
        sums *= fade;
        for (var i = 0u; i < 16; i++) { sums += parts[query * 16 + i]; }
        for (var i = 0u; i < 8; i++) { keys[i] *= fade; }
        for (var other = 0u; other < min(64u, end - tile); other++) {
            let p = weights[query * 64 + other];
            let both = vec2(p, p * slopes[query * 64 + other]);
            let at_key = start(tile + other, 1u, head);
            for (var i = 0u; i < 8; i++) {
                let d = mine + 16 * i;
                if d < params.size { keys[i] += both * qkv[at_key + d]; }
            }
        }
        peak = higher;
    }
    let token = block + query;
    if token >= end { return; }
    let mean = sums.y / sums.x;
    for (var i = 0u; i < 8; i++) {
        let d = mine + 16 * i;
        let slope = (keys[i].y - mean * keys[i].x) / sums.x / sqrt(f32(params.size));
        if d < params.size { out[start(token, 0u, head) + d] = slope; }
    }
    if mine == 0 {
        statistics[(token * params.heads + head) * 2] = peak + log(sums.x);
        statistics[(token * params.heads + head) * 2 + 1] = mean;
    }
}

@compute @workgroup_size(128)
fn keys(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = offsets[group.z];
    let end = offsets[group.z + 1];
    let block = first + group.x * 8;
    if block >= end { return; }
    let head = group.y;
    for (var at = lane; at < 8 * params.size; at += 128) {
        let token = min(block + at / params.size, end - 1);
        left[at] = qkv[start(token, 1u, head) + at % params.size];
        right[at] = qkv[start(token, 2u, head) + at % params.size];
    }
    let four = lane / 64 * 4;
    let key = lane / 16;
    let mine = lane % 16;
    // For each of this invocation's columns: sum ds q, sum p grad.
    var both: array<vec2<f32>, 8>;
    for (var tile = first; tile < end; tile += 64) {
        workgroupBarrier();
        let query = tile + lane % 64;
        let safe = min(query, end - 1);
        let s = products(four, start(safe, 0u, head), start_of_grad(safe, head), true);
        let at = (safe * params.heads + head) * 2;
        let p = select(vec4(0.0), exp(s[0] - statistics[at]), vec4(query < end));
        let ds = p * (s[1] - statistics[at + 1]) / sqrt(f32(params.size));
        for (var i = 0u; i < 4; i++) {
            weights[(four + i) * 64 + lane % 64] = p[i];
            slopes[(four + i) * 64 + lane % 64] = ds[i];
        }
        workgroupBarrier();
        for (var other = 0u; other < min(64u, end - tile); other++) {
            let factors = vec2(slopes[key * 64 + other], weights[key * 64 + other]);
            let q = start(tile + other, 0u, head);
            let g = start_of_grad(tile + other, head);
            for (var i = 0u; i < 8; i++) {
                let d = mine + 16 * i;
                if d < params.size { both[i] += factors * vec2(qkv[q + d], grad[g + d]); }
            }
        }
    }
    if block + key >= end { return; }
    for (var i = 0u; i < 8; i++) {
        let d = mine + 16 * i;
        if d < params.size {
            out[start(block + key, 1u, head) + d] = both[i].x;
            out[start(block + key, 2u, head) + d] = both[i].y;
        }
    }
}
