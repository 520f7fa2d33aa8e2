//! Files made to break the reader. Each has the right length and the right hash, so that the check
//! it is about has to find it, and must be refused with a message that names what is wrong.

use stillglass_bundle::Bundle;

use crate::fixture::{self, Open};
use crate::hostile_edits::{HEADER, MANIFEST};

/// Changes of the tensors: what for, at which byte, to what, and what the message must say. The
/// vocabulary, at byte 379, is `[UNK]`, `sea`, `##s`, `é`, `"\`.
#[rustfmt::skip] // a line a case
const VALUES: [(&str, usize, &[u8], &str); 22] = [
    ("scale of NaN", 8, &f32::NAN.to_le_bytes(), "attention.projection.scale, value 0: want a scale"),
    ("scale of infinity", 12, &f32::INFINITY.to_le_bytes(), "scale, value 1: want a scale"),
    ("scale of minus infinity", 8, &f32::NEG_INFINITY.to_le_bytes(), "found -inf"),
    ("scale of zero", 64, &0_f32.to_le_bytes(), "embedding.scale, value 0: want a scale above 0"),
    ("scale of minus zero", 64, &(-0_f32).to_le_bytes(), "embedding.scale, value 0"),
    ("negative scale", 80, &(-1_f32).to_le_bytes(), "embedding.scale, value 4: want a scale"),
    ("large scale", 116, &2e6_f32.to_le_bytes(), "lstm.backward.input.scale, value 0"),
    ("largest scale", 244, &f32::MAX.to_le_bytes(), "lstm.forward.recurrent.scale, value 0"),
    ("bias of NaN", 0, &f32::NAN.to_le_bytes(), "attention.bias, value 0: want a number"),
    ("bias of a signalling NaN", 4, &[1, 0, 0x80, 0x7f], "attention.bias, value 1"),
    ("vector of infinity", 16, &f32::INFINITY.to_le_bytes(), "attention.vector, value 0"),
    ("classifier bias of infinity", 28, &f32::INFINITY.to_le_bytes(), "classifier.bias, value 1"),
    ("classifier weight of NaN", 60, &f32::NAN.to_le_bytes(), "classifier.weight, value 7"),
    ("large lstm bias", 208, &(-2e6_f32).to_le_bytes(), "lstm.forward.bias, value 7"),
    ("-128 first", 276, &[0x80], "attention.projection, value 0: want an integer from -127"),
    ("-128 last", 378, &[0x80], "lstm.forward.recurrent, value 15: want an integer"),
    ("no UTF-8", 393, &[0xff], "not UTF-8 at its byte 14"),
    ("half a letter", 394, b"e", "not UTF-8 at its byte 14"),
    ("a piece more", 380, b"\n", "want 5 pieces, found 6"),
    ("a piece less", 384, b"-", "want 5 pieces, found 4"),
    ("empty piece", 393, b"\n\xc3\xa9", "vocabulary piece 3 is empty"),
    ("piece twice", 389, b"sea", "piece sea has two ids, 1 and 2"),
];

fn small() -> Open {
    fixture::open(&fixture::small().write().unwrap())
}

/// Refused, for the right reason, in a message of bounded length with a way out.
pub(crate) fn refuse(name: &str, bytes: &[u8], want: &str) {
    let Err(error) = Bundle::read(bytes) else {
        panic!("{name} was read");
    };
    let message = error.to_string();
    assert!(message.contains(want), "{name}: {message}");
    assert!(message.contains("; "), "{name}: no way out in: {message}");
    assert!(
        message.len() < 1000,
        "{name}: {} bytes of message",
        message.len()
    );
}

fn fill(text: &str) -> String {
    text.replace("%LONG%", &"x".repeat(10_000))
        .replace("%DEEP%", &"[".repeat(100_000))
        .replace("%ONES%", &",1".repeat(10_000))
}

#[test]
fn hostile_manifests_are_refused() {
    let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    for (name, from, to, want) in MANIFEST {
        let open = small().edit(&escape(from), &escape(&fill(to)));
        // One of them has no hash, and is joined as it is.
        let bytes = if name == "no hash" {
            open.join()
        } else {
            open.forge()
        };
        refuse(name, &bytes, want);
    }
}

#[test]
fn hostile_headers_are_refused() {
    for (name, from, to, want) in HEADER {
        refuse(name, &small().edit(from, &fill(to)).forge(), want);
    }
}

#[test]
fn embeddings_of_nibbles_that_are_no_numbers_are_refused() {
    for nibbles in [0x10, 0x01, 0x00] {
        let mut open = fixture::open(&fixture::four_bits(5).write().unwrap());
        let size = open.region.len();
        // The vocabulary comes last, after the embeddings of 15 bytes.
        let words = fixture::pieces(5).join("\n").len();
        open.region[size - words - 15] = nibbles;
        let want = "tensor embedding, value 0: want two nibbles from 1 to 15";
        refuse("nibble", &open.forge(), want);
    }
}

#[test]
fn hostile_values_are_refused() {
    for (name, at, with, want) in VALUES {
        let mut open = small();
        open.region[at..at + with.len()].copy_from_slice(with);
        refuse(name, &open.forge(), want);
    }
}

#[test]
fn hostile_hashes_are_refused() {
    let open = small();
    let mark = r#"\"sha256\":\""#;
    let at = open.header.rfind(mark).unwrap() + mark.len();
    let digits = open.header[at..at + 64].to_owned();
    let with = |to: &str| open.clone().edit(&digits, to).join();
    refuse(
        "zeros",
        &with(&"0".repeat(64)),
        "the file was changed or damaged",
    );
    refuse("none", &with(""), "sha256 : want 64");
    refuse("63 digits", &with(&digits[1..]), "want 64 lower-case");
    refuse(
        "65 digits",
        &with(&format!("{digits}0")),
        "want 64 lower-case",
    );
    refuse(
        "upper case",
        &with(&digits.to_uppercase()),
        "want 64 lower-case",
    );
    refuse("no digits", &with(&"g".repeat(64)), "want 64 lower-case");
    let card = open
        .clone()
        .edit(r#"\"date\":\""#, &format!(r#"\"date\":\"{digits}"#));
    refuse("digits twice", &card.join(), "once in the header");
}

#[test]
fn hostile_lengths_are_refused() {
    let bytes = small().join();
    let sized = |size: u64| [&size.to_le_bytes(), &bytes[8..]].concat();
    let size = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    refuse("0", &sized(0), "not that of a safetensors file");
    refuse("1", &sized(1), "not that of a safetensors file");
    refuse("8 less", &sized(size - 8), "not that of a safetensors file");
    refuse("8 more", &sized(size + 8), "the header is not");
    refuse(
        "past the end",
        &sized(bytes.len() as u64),
        "the file ends after",
    );
    refuse("a megabyte", &sized(1 << 20), "the file ends after");
    for size in [
        (1 << 20) + 1,
        1 << 32,
        (1 << 32) + size,
        1 << 63,
        u64::MAX - 7,
        u64::MAX,
    ] {
        refuse("huge", &sized(size), &format!("a header of {size} bytes"));
    }
}

/// Padding is the writer's too: neither more of it nor other white space.
#[test]
fn hostile_padding_is_refused() {
    for padding in ["        ", "\n", "\t\t", "\0"] {
        let mut open = small();
        open.header.push_str(padding);
        refuse("padding", &open.forge(), "the header is not");
    }
}

/// Offsets that add up to 2^64 and around to the real length: the container's own reader would take
/// them and panic at the first tensor.
#[test]
fn offsets_that_wrap_around_are_refused() {
    let entry = |name: String, begin: u64, end: u64| {
        let bytes = end - begin;
        format!(r#""{name}":{{"dtype":"U8","shape":[{bytes}],"data_offsets":[{begin},{end}]}}"#)
    };
    let step = (1 << 61) - 1;
    let mut entries: Vec<String> = (0..8)
        .map(|i| entry(format!("t{i}"), i * step, (i + 1) * step))
        .collect();
    entries.push(entry("last".to_owned(), 8 * step, u64::MAX - 7));
    let plain = Open {
        header: format!("{{{}}}", entries.join(",")),
        region: Vec::new(),
    };
    refuse(
        "plain",
        &plain.join(),
        "9 tensors without a stillglass manifest",
    );
    let mut bundle = small();
    bundle.header.pop();
    bundle.header = format!("{},{}}}", bundle.header, entries.join(","));
    refuse("bundle", &bundle.forge(), "tensor t0 belongs to no student");
}

/// A parser that recursed would overflow its stack.
#[test]
fn deep_json_is_survived() {
    let deep = |text: &str| text.repeat(100_000);
    for (open, close) in [("[", "]"), (r#"{\"a\":"#, "}")] {
        let nested = format!(r#"\"x\":{}0{},\"card\""#, deep(open), deep(close));
        let bytes = small().edit(r#"\"card\""#, &nested).forge();
        assert!(
            Bundle::read(&bytes).is_ok(),
            "fields of later versions are passed over"
        );
    }
    let open = format!(r#""a":{},"embedding":{{"#, deep(r#"{"a":"#));
    let bytes = small().edit(r#""embedding":{"#, &open).forge();
    refuse("deep object", &bytes, "want a value at its byte");
}

#[test]
fn at_least_sixty_headers_were_tried() {
    const { assert!(MANIFEST.len() + HEADER.len() >= 60) };
    let mut names: Vec<&str> = MANIFEST.iter().chain(&HEADER).map(|edit| edit.2).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 90, "they differ: {}", names.len());
}
