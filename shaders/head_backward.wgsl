// The gradient of one class's logit over the mean of all, at what the dense layer before the classifier
// gave, and through that layer's activation.
// y: [texts, columns], classifier weight: [classes, columns] -> out: [texts, columns] =
// (weight[class] - mean weight) * slope of the activation, told from its output y.
// One invocation a number. Twin: kernels/src/head_backward.rs

struct Params { columns: u32, classes: u32, class_index: u32 }

// 0: none, 2: tanh, 3: ReLU.
override ACTIVATION: u32 = 0;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn slope(y: f32) -> f32 {
    switch ACTIVATION {
        case 2u: { return 1.0 - y * y; }
        case 3u: { return select(0.0, 1.0, y > 0.0); }
        default: { return 1.0; }
    }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.columns { return; }
    var sum = 0.0;
    for (var c = 0u; c < params.classes; c++) { sum += weight[c * params.columns + id.x]; }
    let own = weight[params.class_index * params.columns + id.x] - sum / f32(params.classes);
    let at = id.y * params.columns + id.x;
    out[at] = own * slope(y[at]);
}
