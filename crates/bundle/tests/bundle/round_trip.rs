//! What is written is read back the same, by this crate and by the safetensors crate.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use safetensors::SafeTensors;
use stillglass_bundle::{Bundle, Metric, Quantized, StudentShape, limits};

use crate::fixture;

/// Writes and reads; the hash aside, nothing may change.
pub(crate) fn trip(bundle: &Bundle) -> Bundle {
    let mut back = Bundle::read(&bundle.write().unwrap()).unwrap();
    assert_eq!(back.manifest.sha256.len(), 64);
    back.manifest.sha256.clone_from(&bundle.manifest.sha256);
    back
}

#[test]
fn a_bundle_survives_the_trip() {
    let bundle = fixture::small();
    assert_eq!(trip(&bundle), bundle);
}

#[test]
fn writing_is_deterministic_and_ignores_the_old_hash() {
    let first = fixture::small().write().unwrap();
    let back = Bundle::read(&first).unwrap();
    assert_eq!(back.write().unwrap(), first);
}

/// Bundles that are out in the world stay what they are, to the byte, but for the last digit of a
/// figure on the card: the JSON reader rounds it.
#[test]
fn committed_bundles_are_rewritten_as_they_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/models");
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let bundles = paths.filter(|path| path.extension().is_some_and(|end| end == "glass"));
    let same = bundles.map(|path| {
        let bytes = fs::read(&path).unwrap();
        let again = Bundle::read(&bytes).unwrap().write().unwrap();
        let [old, new] = [&bytes, &again].map(|bytes| fixture::open(bytes));
        assert!(old.region == new.region, "{}: weights", path.display());
        for (old, new) in old.header.split(',').zip(new.header.split(',')) {
            let passed = old.contains("value") || old.contains("sha256");
            assert!(passed || old == new, "{}: {old} {new}", path.display());
        }
    });
    assert!(same.count() >= 2, "the students are committed");
}

/// The crate's documentation tells other tools how to hash; `forge` does as it says.
#[test]
fn the_hash_is_that_of_the_file_with_zeros_in_its_place() {
    let bytes = fixture::small().write().unwrap();
    assert_eq!(fixture::open(&bytes).forge(), bytes);
}

#[test]
fn embeddings_of_four_bits_come_back_as_the_integers_they_were() {
    for vocabulary in [1, 2, 5, 33] {
        let bundle = fixture::four_bits(vocabulary);
        assert_eq!(trip(&bundle), bundle);
        let bytes = bundle.write().unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let packed = file.tensor("embedding").unwrap();
        assert_eq!(packed.shape(), [vocabulary, 3]);
        // -7 and -3, 1 and 5, -6 and -2: the earlier column in the low nibble.
        assert_eq!(packed.data()[..3], [0x51, 0xd9, 0x62]);
        assert_eq!(
            file.tensor("embedding.scale").unwrap().shape(),
            [vocabulary]
        );
    }
}

#[test]
fn what_fills_more_than_four_bits_is_not_written_in_four() {
    for value in [8, -8, 127, -127] {
        let mut bundle = fixture::four_bits(5);
        fixture::student(&mut bundle).embedding.values[9] = value;
        let error = bundle.write().unwrap_err().to_string();
        assert!(
            error.contains("tensor embedding, value 4: want two nibbles"),
            "{error}"
        );
    }
}

#[test]
fn another_reader_finds_the_documented_tensors() {
    let mut bundle = fixture::small();
    let bytes = bundle.write().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let floats = |name: &str| -> Vec<f32> {
        let (words, rest) = file.tensor(name).unwrap().data().as_chunks::<4>();
        assert!(rest.is_empty());
        words.iter().map(|word| f32::from_le_bytes(*word)).collect()
    };
    let integers = |name: &str| -> Vec<i8> {
        file.tensor(name)
            .unwrap()
            .data()
            .iter()
            .map(|byte| byte.cast_signed())
            .collect()
    };
    let quantized = |name: &str, matrix: &Quantized| {
        assert_eq!(
            file.tensor(name).unwrap().shape(),
            [matrix.rows, matrix.columns]
        );
        assert_eq!(integers(name), matrix.values, "{name}");
        assert_eq!(
            floats(&format!("{name}.scale")),
            matrix.scales,
            "{name}.scale"
        );
    };
    let student = fixture::student(&mut bundle);
    quantized("embedding", &student.embedding);
    quantized("attention.projection", &student.attention.projection);
    for (name, direction) in [
        ("forward", &student.forward),
        ("backward", &student.backward),
    ] {
        quantized(&format!("lstm.{name}.input"), &direction.input);
        quantized(&format!("lstm.{name}.recurrent"), &direction.recurrent);
        assert_eq!(floats(&format!("lstm.{name}.bias")), direction.bias);
    }
    assert_eq!(floats("attention.bias"), student.attention.bias);
    assert_eq!(floats("attention.vector"), student.attention.vector);
    assert_eq!(floats("classifier.weight"), student.classifier.weight);
    assert_eq!(floats("classifier.bias"), student.classifier.bias);
    let words = file.tensor("vocabulary").unwrap();
    assert_eq!(words.data(), bundle.vocabulary.join("\n").as_bytes());
    assert_eq!(file.len(), 19);
}

#[test]
fn a_newer_card_is_read_and_a_newer_architecture_is_not() {
    let open = fixture::open(&fixture::small().write().unwrap());
    let newer = open
        .clone()
        .edit(r#"\"card\":{"#, r#"\"hue\":[1],\"card\":{\"colour\":{},"#);
    let read = Bundle::read(&newer.forge()).unwrap();
    assert_eq!(read.weights, fixture::small().weights);
    let newer = open.edit(r#"\"hidden\":2"#, r#"\"hidden\":2,\"layers\":2"#);
    let error = Bundle::read(&newer.forge()).unwrap_err().to_string();
    assert!(error.contains("unknown field `layers`"), "{error}");
}

#[test]
fn a_short_card_is_filled_with_nothing() {
    let open = fixture::open(&fixture::small().write().unwrap());
    let start = open.header.find(r#"\"card\""#).unwrap();
    let end = open.header.find(r#"\"sha256\""#).unwrap();
    let card = open.header[start..end].to_owned();
    let read = Bundle::read(&open.edit(&card, "").forge()).unwrap();
    assert_eq!(read.manifest.card, stillglass_bundle::Card::default());
}

/// The largest sizes are read, one more is not; the sums they allow fit their types.
#[test]
fn limits_are_reached_and_not_passed() {
    const { assert!(127 * 2047 * (limits::COLUMNS as i64) < i32::MAX as i64) };
    let greatest = 127.0 * limits::MAGNITUDE;
    assert!((limits::COLUMNS as f32 * greatest * greatest).is_finite());

    let mut shape = StudentShape {
        vocabulary: 1,
        embedding: limits::COLUMNS,
        hidden: 1,
        attention: limits::COLUMNS,
        shared: false,
        decoder: None,
        encoder: None,
    };
    let bundle = fixture::with_shape(shape, &["a", "b"]);
    assert_eq!(trip(&bundle), bundle);
    shape.attention += 1;
    let error = fixture::with_shape(shape, &["a", "b"]).write().unwrap_err();
    assert!(
        error.to_string().contains("architecture.attention is 8193"),
        "{error}"
    );
}

#[test]
fn quantizing_keeps_the_peak_and_half_a_step() {
    let weight = [0.5, -1.27, 0.004, 0.0, 0.0, 0.0, 1e-45, 0.0, -1e-45];
    let matrix = Quantized::from_float(3, 3, &weight);
    assert_eq!(matrix.values, [50, -127, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(matrix.scales, [1.27 / 127.0, 1.0, 1.0]);
    for (i, (float, back)) in weight.iter().zip(matrix.to_float()).enumerate() {
        assert!((float - back).abs() <= matrix.scales[i / 3] / 2.0);
    }
    let broken = Quantized::from_float(1, 2, &[f32::NAN, 1.0]);
    assert!(broken.scales[0].is_nan(), "the writer shall see it");
}

prop_compose! {
    fn shapes()(
        vocabulary in 1_usize..40,
        embedding in 1_usize..20,
        hidden in 1_usize..12,
        attention in 1_usize..20,
    ) -> StudentShape {
        StudentShape { vocabulary, embedding, hidden, attention, shared: false, decoder: None, encoder: None }
    }
}

prop_compose! {
    /// Any shape, any labels, any text on the card, numbers up to the largest.
    fn bundles()(
        shape in shapes(),
        labels in prop::collection::btree_set("[^\\p{C}\\p{Z}]{1,12}", 2..6),
        pieces in prop::collection::btree_set("[^\n\r]{1,12}", 40),
        texts in prop::array::uniform4(any::<String>()),
        metric in (any::<String>(), -10_000_i32..10_000, any::<u32>(), any::<Option<String>>()),
        factor in prop::sample::select(vec![1e-30_f32, 1.0, 1e4]),
        flags in any::<(bool, bool)>(),
        tokens in 1_usize..8192,
    ) -> Bundle {
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let mut bundle = fixture::with_shape(shape, &labels);
        bundle.vocabulary = pieces.into_iter().take(shape.vocabulary).collect();
        let weights = fixture::student(&mut bundle);
        for value in &mut weights.classifier.weight { *value *= factor; }
        for value in &mut weights.embedding.scales { *value *= factor; }
        let manifest = &mut bundle.manifest;
        manifest.max_tokens = tokens;
        (manifest.tokenizer.lowercase, manifest.tokenizer.strip_accents) = flags;
        manifest.tokenizer.unknown = shape.vocabulary as u32 - 1;
        let (name, value, seeds, note) = metric;
        manifest.card.metrics.push(Metric {
            name, value: f64::from(value) / 10_000.0, split: "test".into(), seeds, note,
        });
        [manifest.card.name, manifest.card.recipe, manifest.card.data, manifest.card.date] = texts;
        bundle
    }
}

proptest! {
    #[test]
    fn any_bundle_survives_the_trip(bundle in bundles()) {
        prop_assert_eq!(trip(&bundle), bundle);
    }

    #[test]
    fn any_changed_byte_is_seen(bundle in bundles(), at in any::<prop::sample::Index>(), by in 1_u8..) {
        let mut bytes = bundle.write().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = bytes[at].wrapping_add(by);
        prop_assert!(Bundle::read(&bytes).is_err(), "byte {} of {}", at, bytes.len());
    }

    #[test]
    fn any_bytes_are_refused(bytes in any::<Vec<u8>>()) {
        prop_assert!(Bundle::read(&bytes).is_err());
    }

    /// The hash is made right after the damage, so that the other checks stand alone.
    #[test]
    fn any_damaged_header_is_survived(at in any::<prop::sample::Index>(), with in "[\\[\\]{}:,0-9\"a-z ]{0,4}") {
        let mut open = fixture::open(&fixture::small().write().unwrap());
        let end = open.header.rfind(r#"\"sha256\""#).unwrap();
        let at = at.index(end);
        open.header.replace_range(at..=at, &with);
        if let Ok(bundle) = Bundle::read(&open.forge()) {
            prop_assert!(bundle.write().is_ok());
        }
    }
}
