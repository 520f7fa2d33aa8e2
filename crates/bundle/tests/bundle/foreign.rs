//! Files of other kinds are called by their names.

use safetensors::tensor::{Dtype, TensorView};
use stillglass_bundle::Bundle;

use crate::fixture;

/// How a file begins, and what the message must say of it.
const KINDS: [(&[u8], &str); 27] = [
    (b"", "the file is empty"),
    (b"\x80\x02}q\x00X\x05\x00\x00\x00", "a Python pickle"),
    (
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
        "a Python pickle",
    ),
    (b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94.", "a Python pickle"),
    (b"\x80\x05\x95\x10\0\0\0\0\0\0\0}\x94.", "a Python pickle"),
    (b"PK\x03\x04\x14\0\x08\x08archive/data.pkl", "a zip archive"),
    (
        b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        "a zip archive",
    ),
    (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "a gzip file"),
    (b"\x28\xb5\x2f\xfd\x04\x58", "a Zstandard file"),
    (b"<!doctype html><title>Not Found</title>", "a web page"),
    (b"\n\n  <!DOCTYPE html>", "a web page"),
    (b"\xef\xbb\xbf<html>", "a web page"),
    (b"<?xml version=\"1.0\"?><Error/>", "a web page"),
    (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
        "git lfs pull",
    ),
    (b"{\"error\":\"not found\"}", "JSON text"),
    (b"[1, 2, 3, 4, 5]", "JSON text"),
    (b"GGUF\x03\0\0\0", "a GGUF model"),
    (b"\x89HDF\r\n\x1a\n\0\0\0", "an HDF5 file"),
    (b"\x93NUMPY\x01\0v\0", "a NumPy array"),
    (b"\x1c\0\0\0TFL3\x14\0", "a TensorFlow Lite model"),
    (b"\x08\x07\x12\x07pytorch", "an ONNX model"),
    (
        b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        "begins with the bytes ffd8ffe0",
    ),
    (b"Once upon a time", "begins with the bytes 4f6e6365"),
    (b"\0\0\0\0\0\0\0\0\0\0\0\0", "begins with the bytes 0000"),
    (
        b"\x02\0\0\0\0\0\0\0{}",
        "a safetensors file of 0 tensors without a stillglass manifest",
    ),
    (b"\0\0\x20\0\0\0\0\0{}", "a header of 2097152 bytes"),
    (
        b"\xff\xff\xff\xff\xff\xff\xff\xff{}",
        "a header of 18446744073709551615 bytes",
    ),
];

#[test]
fn each_kind_is_named() {
    for (bytes, want) in KINDS {
        let error = Bundle::read(bytes).unwrap_err().to_string();
        assert!(error.contains(want), "{}: {error}", bytes.escape_ascii());
        assert!(error.contains("; "), "no way out in: {error}");
    }
}

#[test]
fn plain_safetensors_are_named_even_when_they_begin_as_a_pickle_does() {
    let data = [0; 8];
    for letters in 1..1200 {
        let view = TensorView::new(Dtype::F32, vec![2], &data).unwrap();
        let name = "n".repeat(letters);
        let bytes = safetensors::serialize([(name, view)], None).unwrap();
        let error = Bundle::read(&bytes).unwrap_err().to_string();
        assert!(
            error.starts_with("a safetensors file of 1 tensors"),
            "{letters}: {error}"
        );
    }
}

#[test]
fn an_unpacked_bundle_is_read_and_a_packed_one_is_named() {
    let bytes = fixture::small().write().unwrap();
    assert!(Bundle::read(&bytes).is_ok());
    let packed = [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &bytes].concat();
    assert!(
        Bundle::read(&packed)
            .unwrap_err()
            .to_string()
            .contains("unpack it")
    );
}
