//! Teachers: written and read back, refused where something is wrong with them.

use proptest::prelude::*;
use safetensors::SafeTensors;
use stillglass_bundle::{
    Activation, Architecture, Bundle, Dense, EncoderShape, EncoderWeights, Layer, Linear, Manifest,
    Matrix, Norm, Packed, Pooling, Quantization, StudentShape, TeacherShape, TeacherWeights,
    TokenizerKind, TokenizerSpec, WeightFormat, Weights, limits,
};

use crate::fixture::{self, Open, floats, matrix};
use crate::hostile::refuse;
use crate::hostile_edits::Edit;
use crate::round_trip::trip;

/// The sizes of [`small`].
const SHAPE: TeacherShape = TeacherShape {
    vocabulary: 5,
    hidden: 4,
    layers: 1,
    heads: 2,
    intermediate: 3,
    positions: 6,
    types: 1,
    pooling: Pooling::Cls,
    dense: Activation::Tanh,
    epsilon: 1e-12,
};

const INT4: Quantization = Quantization {
    weights: WeightFormat::Int4,
    embeddings: None,
    encoder: None,
};

/// A bundle of some four kilobytes.
pub(crate) fn small() -> Bundle {
    with_shape(SHAPE, Quantization::INT8)
}

/// A bundle whose matrices have 4 bits a weight.
pub(crate) fn packed() -> Bundle {
    let shape = TeacherShape {
        hidden: 32,
        intermediate: 64,
        pooling: Pooling::Mean,
        dense: Activation::None,
        ..SHAPE
    };
    with_shape(shape, INT4)
}

fn with_shape(shape: TeacherShape, quantization: Quantization) -> Bundle {
    let tokenizer = TokenizerSpec {
        kind: TokenizerKind::WordPiece,
        lowercase: true,
        strip_accents: true,
        unknown: 0,
        separator: None,
        first: Some(shape.vocabulary as u32 - 1),
        last: Some(0),
        padding: Some(0),
    };
    let labels = ["calm", "stormy"].map(String::from).to_vec();
    let architecture = Architecture::Teacher(shape);
    let tokens = shape.positions - 2;
    Bundle {
        manifest: Manifest::new(labels, architecture, tokenizer, tokens, quantization),
        vocabulary: fixture::pieces(shape.vocabulary),
        weights: Weights::Teacher(weights(shape, quantization)),
    }
}

fn weights(shape: TeacherShape, quantization: Quantization) -> TeacherWeights {
    let (hidden, format) = (shape.hidden, quantization.weights);
    let formats = [quantization.embeddings.unwrap_or(format), format];
    TeacherWeights {
        encoder: encoder(shape.encoder(), shape.vocabulary, formats),
        dense: (shape.dense != Activation::None).then(|| linear(format, hidden, hidden, 8)),
        classifier: Dense {
            rows: 2,
            columns: hidden,
            weight: floats(2 * hidden, 9),
            bias: floats(2, 10),
        },
    }
}

fn linear(format: WeightFormat, rows: usize, columns: usize, seed: usize) -> Linear {
    Linear {
        weight: quantized(format, rows, columns, seed),
        bias: floats(rows, seed),
    }
}

fn encoder(
    shape: EncoderShape,
    words: usize,
    [embedding, format]: [WeightFormat; 2],
) -> EncoderWeights {
    let (hidden, inner) = (shape.hidden, shape.intermediate);
    let linear = |rows, columns, seed| linear(format, rows, columns, seed);
    let norm = |seed| Norm {
        weight: floats(hidden, seed),
        bias: floats(hidden, seed + 1),
    };
    EncoderWeights {
        word: quantized(embedding, words, hidden, 1),
        position: quantized(embedding, shape.positions, hidden, 2),
        types: floats(shape.types * hidden, 3),
        norm: norm(4),
        layers: (0..shape.layers)
            .map(|layer| Layer {
                query: linear(hidden, hidden, layer),
                key: linear(hidden, hidden, layer + 1),
                value: linear(hidden, hidden, layer + 2),
                output: linear(hidden, hidden, layer + 3),
                attention_norm: norm(layer + 4),
                expand: linear(inner, hidden, layer + 5),
                contract: linear(hidden, inner, layer + 6),
                feedforward_norm: norm(layer + 7),
            })
            .collect(),
    }
}

/// A student that reads by two layers of a teacher, in this format.
pub(crate) fn layered(format: WeightFormat) -> Bundle {
    let encoder_shape = EncoderShape {
        hidden: 32,
        layers: 2,
        intermediate: 64,
        ..SHAPE.encoder()
    };
    let shape = StudentShape {
        encoder: Some(encoder_shape),
        ..fixture::SHAPE
    };
    let mut bundle = fixture::with_shape(shape, &["calm", "stormy"]);
    bundle.manifest.quantization.encoder = Some(format);
    bundle.manifest.max_tokens = encoder_shape.positions - 2;
    fixture::student(&mut bundle).encoder = Some(Box::new(encoder(
        encoder_shape,
        shape.encoded(),
        [format; 2],
    )));
    bundle
}

#[test]
fn a_student_behind_layers_of_a_teacher_survives_the_trip() {
    for format in [WeightFormat::Int8, WeightFormat::Int4] {
        let bundle = layered(format);
        assert_eq!(trip(&bundle), bundle);
    }
}

/// Changes a student behind layers, and expects a refusal.
fn refuse_layered(change: impl FnOnce(&mut Bundle), says: &str) {
    let mut bundle = layered(WeightFormat::Int4);
    change(&mut bundle);
    let error = bundle.write().unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

fn encoder_of(bundle: &mut Bundle) -> &mut EncoderShape {
    match &mut bundle.manifest.architecture {
        Architecture::Student(shape) => shape.encoder.as_mut().expect("an encoder"),
        Architecture::Teacher(_) => panic!("a teacher"),
    }
}

#[test]
fn a_student_behind_layers_is_refused_where_they_do_not_fit() {
    refuse_layered(|b| b.manifest.max_tokens += 1, "max_tokens is 5");
    refuse_layered(
        |b| b.manifest.quantization.encoder = None,
        "a format for its encoder",
    );
    refuse_layered(
        |b| encoder_of(b).layers = 65,
        "architecture.encoder.layers is 65",
    );
    refuse_layered(|b| encoder_of(b).heads = 3, "architecture.encoder.hidden");
    refuse_layered(
        |b| encoder_of(b).intermediate = 65,
        "architecture.encoder.intermediate",
    );
    refuse_layered(
        |b| encoder_of(b).hidden = 8192,
        "architecture.encoder.hidden is 8192, want 1 to 8189",
    );
    refuse_layered(|b| encoder_of(b).epsilon = 0.0, "epsilon");
    refuse_layered(|b| fixture::student(b).encoder = None, "encoder.");
    refuse_layered(
        |b| {
            let encoder = fixture::student(b).encoder.as_mut().unwrap();
            encoder.norm.bias[0] = 513.0;
        },
        "from -512 to 512",
    );
    let mut plain = fixture::small();
    plain.manifest.quantization.encoder = Some(WeightFormat::Int8);
    let error = plain.write().unwrap_err().to_string();
    assert!(error.contains("a format for its encoder"), "{error}");
    let mut teacher = small();
    teacher.manifest.quantization.encoder = Some(WeightFormat::Int8);
    let error = teacher.write().unwrap_err().to_string();
    assert!(error.contains("quantization"), "{error}");
}

fn quantized(format: WeightFormat, rows: usize, columns: usize, seed: usize) -> Matrix {
    let mut int8 = matrix(rows, columns, seed);
    for scale in &mut int8.scales {
        *scale /= 1024.0;
    }
    match format {
        WeightFormat::Int8 => Matrix::Int8(int8),
        WeightFormat::Int4 => Matrix::Int4(Packed::from_float(rows, columns, &int8.to_float())),
    }
}

fn teacher(bundle: &mut Bundle) -> &mut TeacherWeights {
    match &mut bundle.weights {
        Weights::Teacher(weights) => weights,
        Weights::Student(_) => panic!("a student"),
    }
}

fn shape(bundle: &mut Bundle) -> &mut TeacherShape {
    match &mut bundle.manifest.architecture {
        Architecture::Teacher(shape) => shape,
        Architecture::Student(_) => panic!("a student"),
    }
}

#[test]
fn teachers_survive_the_trip() {
    for bundle in [small(), packed()] {
        assert_eq!(trip(&bundle), bundle);
    }
}

#[test]
fn another_reader_finds_the_documented_tensors() {
    let bytes = small().write().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let shape = |name: &str| file.tensor(name).unwrap().shape().to_vec();
    for (name, want) in [
        ("embedding.word", &[5, 4][..]),
        ("embedding.word.scale", &[5]),
        ("embedding.position", &[6, 4]),
        ("embedding.type", &[1, 4]),
        ("embedding.norm.weight", &[4]),
        ("layer.0.attention.query", &[4, 4]),
        ("layer.0.attention.output.bias", &[4]),
        ("layer.0.attention.norm.bias", &[4]),
        ("layer.0.feedforward.input", &[3, 4]),
        ("layer.0.feedforward.output", &[4, 3]),
        ("layer.0.feedforward.norm.weight", &[4]),
        ("head.dense.scale", &[4]),
        ("classifier.weight", &[2, 4]),
    ] {
        assert_eq!(shape(name), want, "{name}");
    }
    assert_eq!(file.len(), 35);
    let bytes = packed().write().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let query = file.tensor("layer.0.feedforward.output").unwrap();
    assert_eq!(query.shape(), [32, 32], "two weights in a byte");
    let scale = file.tensor("layer.0.feedforward.output.scale").unwrap();
    assert_eq!(scale.shape(), [32, 2], "a scale for 32 columns");
}

/// Low nibble first, eight more than the weight's integer.
#[test]
fn packing_keeps_the_peak_and_half_a_step() {
    let weight: Vec<f32> = (0..64).map(|i| (i % 32 - 16) as f32 / 8.0).collect();
    let packed = Packed::from_float(1, 64, &weight);
    assert_eq!(packed.scales, [2.0 / 7.0; 2]);
    assert_eq!((packed.values[0] & 15, packed.values[0] >> 4), (1, 1));
    assert_eq!((packed.values[15] & 15, packed.values[15] >> 4), (14, 15));
    let back = Matrix::Int4(packed.clone()).to_float();
    for (weight, back) in weight.iter().zip(back) {
        assert!((weight - back).abs() <= packed.scales[0] / 2.0 + 1e-6);
    }
    let rows = Packed::from_float(2, 32, &weight);
    assert_eq!(Matrix::Int4(rows.clone()).row(1), Matrix::Int4(rows).row(0));
}

/// Changes inside the manifest.
#[rustfmt::skip] // a line a case
const MANIFEST: [Edit; 34] = [
    ("a student", r#""kind":"teacher""#, r#""kind":"student""#, "missing field `embedding`"),
    ("no hidden", r#""hidden":4"#, r#""hidden":0"#, "architecture.hidden is 0"),
    ("wide hidden", r#""hidden":4"#, r#""hidden":8194"#, "hidden is 8194, want 1 to 8192"),
    ("hidden of 2^64", r#""hidden":4"#, r#""hidden":18446744073709551616"#, "the manifest cannot be read"),
    ("another hidden", r#""hidden":4"#, r#""hidden":6"#, "want F32 [2, 6], found F32 [2, 4]"),
    ("odd hidden", r#""hidden":4"#, r#""hidden":5"#, "architecture.hidden is 5, want a multiple of 2"),
    ("no layers", r#""layers":1"#, r#""layers":0"#, "architecture.layers is 0"),
    ("many layers", r#""layers":1"#, r#""layers":65"#, "architecture.layers is 65, want 1 to 64"),
    ("another layer", r#""layers":1"#, r#""layers":2"#, "tensor layer.1.attention.key.bias is missing"),
    ("no heads", r#""heads":2"#, r#""heads":0"#, "architecture.heads is 0"),
    ("three heads", r#""heads":2"#, r#""heads":3"#, "architecture.hidden is 4, want a multiple of 3"),
    ("many heads", r#""heads":2"#, r#""heads":5"#, "architecture.heads is 5, want 1 to 4"),
    ("no inside", r#""intermediate":3"#, r#""intermediate":0"#, "architecture.intermediate is 0"),
    ("wide inside", r#""intermediate":3"#, r#""intermediate":8193"#, "intermediate is 8193"),
    ("no positions", r#""positions":6"#, r#""positions":0"#, "architecture.positions is 0"),
    ("many positions", r#""positions":6"#, r#""positions":8193"#, "architecture.positions is 8193"),
    ("fewer positions", r#""positions":6"#, r#""positions":5"#, "max_tokens is 4, want 1 to 3"),
    ("two positions", r#""positions":6"#, r#""positions":2"#, "max_tokens is 4"),
    ("more tokens", r#""max_tokens":4"#, r#""max_tokens":5"#, "max_tokens is 5, want 1 to 4"),
    ("many types", r#""types":1"#, r#""types":17"#, "architecture.types is 17"),
    ("no types", r#""types":1"#, r#""types":0"#, "tensor embedding.type belongs to no teacher"),
    ("other pooling", r#""pooling":"cls""#, r#""pooling":"max""#, "pooling: want cls or mean, found max"),
    ("other dense", r#""dense":"tanh""#, r#""dense":"gelu""#, "dense: want none or tanh or relu, found gelu"),
    ("no dense", r#""dense":"tanh""#, r#""dense":"none""#, "tensor head.dense.bias belongs to no teacher"),
    ("epsilon of zero", r#""epsilon":1e-12"#, r#""epsilon":0"#, "architecture.epsilon is 0, want"),
    ("epsilon below zero", r#""epsilon":1e-12"#, r#""epsilon":-1e-12"#, "architecture.epsilon is"),
    ("large epsilon", r#""epsilon":1e-12"#, r#""epsilon":1e99"#, "architecture.epsilon is inf"),
    ("unknown size", r#""layers":1"#, r#""layers":1,"experts":8"#, "unknown field `experts`"),
    ("no first piece", r#""first":4,"#, "", "tokenizer.first is absent, want an id below 5"),
    ("last piece outside", r#""last":0"#, r#""last":5"#, "tokenizer.last is 5, want an id below 5"),
    ("padding of null", r#""padding":0"#, r#""padding":null"#, "padding: want a whole number, found null"),
    ("packed", r#""int8""#, r#""int4""#, "architecture.hidden is 4, want a multiple of 32"),
    ("packed embeddings", r#""int8""#, r#""int8","embeddings":"int4""#, "want a multiple of 32"),
    ("other embeddings", r#""int8""#, r#""int8","embeddings":"int3""#, "embeddings: want int8 or int4, found int3"),
];

/// Changes of values: of which tensor, to what, and what the message must say.
#[rustfmt::skip] // a line a case
const VALUES: [(&str, &[u8], &str); 10] = [
    ("layer.0.attention.query.scale", &f32::NAN.to_le_bytes(), "query.scale, value 0: want a scale above 0 and at most 1"),
    ("layer.0.attention.key.scale", &1.5_f32.to_le_bytes(), "key.scale, value 0: want a scale above 0"),
    ("embedding.word.scale", &0_f32.to_le_bytes(), "embedding.word.scale, value 0"),
    ("layer.0.feedforward.norm.weight", &513_f32.to_le_bytes(), "a number from -512 to 512"),
    ("layer.0.attention.norm.bias", &f32::INFINITY.to_le_bytes(), "attention.norm.bias, value 0"),
    ("embedding.type", &f32::NAN.to_le_bytes(), "embedding.type, value 0"),
    ("head.dense.bias", &(-600_f32).to_le_bytes(), "head.dense.bias, value 0"),
    ("classifier.weight", &1e9_f32.to_le_bytes(), "classifier.weight, value 0"),
    ("embedding.position", &[0x80], "embedding.position, value 0: want an integer from -127"),
    ("layer.0.feedforward.output", &[0x80], "feedforward.output, value 0"),
];

fn open() -> Open {
    fixture::open(&small().write().unwrap())
}

/// First byte of a tensor in the region.
fn place(open: &Open, name: &str) -> usize {
    let from = open.header.find(&format!("\"{name}\"")).unwrap();
    let mark = "\"data_offsets\":[";
    let digits = &open.header[from + open.header[from..].find(mark).unwrap() + mark.len()..];
    digits[..digits.find(',').unwrap()].parse().unwrap()
}

#[test]
fn hostile_manifests_are_refused() {
    let escape = |text: &str| text.replace('"', "\\\"");
    for (name, from, to, want) in MANIFEST {
        refuse(name, &open().edit(&escape(from), &escape(to)).forge(), want);
    }
}

#[test]
fn hostile_values_are_refused() {
    for (name, with, want) in VALUES {
        let mut open = open();
        let at = place(&open, name);
        open.region[at..at + with.len()].copy_from_slice(with);
        refuse(name, &open.forge(), want);
    }
    for nibbles in [0x10, 0x01, 0x00] {
        let mut open = fixture::open(&packed().write().unwrap());
        let at = place(&open, "layer.0.attention.value");
        open.region[at] = nibbles;
        refuse(
            "nibble",
            &open.forge(),
            "value 0: want two nibbles from 1 to 15",
        );
    }
    let mut open = fixture::open(&packed().write().unwrap());
    let at = place(&open, "embedding.word.scale");
    open.region[at..at + 4].copy_from_slice(&17_f32.to_le_bytes());
    refuse("group", &open.forge(), "a scale above 0 and at most 16");
}

type Change = (fn(&mut Bundle), &'static str);

const CHANGES: [Change; 12] = [
    (
        |b| shape(b).layers = 2,
        "tensor layer.1.attention.key.bias is missing",
    ),
    (
        |b| shape(b).dense = Activation::None,
        "head.dense belongs to no teacher",
    ),
    (
        |b| shape(b).epsilon = f32::NAN,
        "architecture.epsilon is NaN",
    ),
    (
        |b| b.manifest.tokenizer.last = None,
        "tokenizer.last is absent",
    ),
    (
        |b| b.manifest.max_tokens = 5,
        "max_tokens is 5, want 1 to 4",
    ),
    (|b| b.manifest.quantization = INT4, "want a multiple of 32"),
    (
        |b| teacher(b).dense = None,
        "tensor head.dense.bias is missing",
    ),
    (
        |b| teacher(b).encoder.types.clear(),
        "tensor embedding.type is missing",
    ),
    (
        |b| teacher(b).encoder.types.push(1.0),
        "found F32 [1, 4] of 5 values",
    ),
    (
        |b| teacher(b).encoder.norm.bias.truncate(1),
        "embedding.norm.bias: want F32 [4], found F32 [1]",
    ),
    (
        |b| teacher(b).encoder.layers[0].query.bias[3] = f32::NAN,
        "query.bias, value 3",
    ),
    (
        |b| b.weights = fixture::small().weights,
        "belongs to no teacher",
    ),
];

#[test]
fn bad_teachers_are_not_written() {
    for (change, want) in CHANGES {
        let mut bundle = small();
        change(&mut bundle);
        let message = bundle.write().expect_err(want).to_string();
        assert!(message.contains(want), "want {want}: {message}");
        assert!(message.contains("; "), "no way out in: {message}");
    }
}

/// The longest chain between two layer norms, every factor at its limit.
#[test]
fn the_largest_sums_fit() {
    let columns = limits::COLUMNS as f32;
    let weight = f32::max(
        127.0 * limits::TEACHER_SCALE,
        7.0 * limits::TEACHER_GROUP_SCALE,
    );
    let normal = (columns.sqrt() + 1.0) * limits::TEACHER_MAGNITUDE;
    let inner = columns * weight * normal + limits::TEACHER_MAGNITUDE;
    let outer = columns * weight * inner + limits::TEACHER_MAGNITUDE + normal;
    let squares = columns * (2.0 * outer) * (2.0 * outer);
    assert!(squares.is_finite(), "{squares}");
    assert!((columns * inner * inner).is_finite(), "queries times keys");
}

prop_compose! {
    fn shapes()(
        vocabulary in 1_usize..30,
        (heads, size) in (1_usize..4, 1_usize..5),
        layers in 1_usize..4,
        intermediate in 1_usize..12,
        positions in 3_usize..20,
        types in 0_usize..3,
        pooling in prop::sample::select(vec![Pooling::Cls, Pooling::Mean]),
        dense in prop::sample::select(vec![Activation::None, Activation::Tanh, Activation::Relu]),
        epsilon in prop::sample::select(vec![1e-20_f32, 1e-12, 1e-5, 0.1, 1.0]),
        groups in any::<bool>(),
    ) -> TeacherShape {
        let group = if groups { limits::GROUP } else { 1 };
        TeacherShape {
            vocabulary, hidden: heads * size * group, layers, heads,
            intermediate: intermediate.div_ceil(4) * group,
            positions, types, pooling, dense, epsilon,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_teacher_survives_the_trip(
        shape in shapes(),
        weights in any::<bool>(),
        embeddings in any::<Option<bool>>(),
    ) {
        let whole = shape.hidden.is_multiple_of(32) && shape.intermediate.is_multiple_of(32);
        let format = |packed| {
            if packed && whole { WeightFormat::Int4 } else { WeightFormat::Int8 }
        };
        let quantization = Quantization {
            weights: format(weights),
            embeddings: embeddings.map(format),
            encoder: None,
        };
        let bundle = with_shape(shape, quantization);
        prop_assert_eq!(trip(&bundle), bundle);
    }
}
