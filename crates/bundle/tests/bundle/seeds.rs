//! The fuzzing corpus: the committed seeds are what the writer makes today, and every corpus file
//! is read without a panic. `BLESS=1` writes the seeds anew, after a change of the format.

use std::fs;
use std::path::{Path, PathBuf};

use stillglass_bundle::{Bundle, WeightFormat};

use crate::{fixture, teacher};

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

/// Seeds for the target that takes files: whole ones, and every kind the reader knows by name.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let bytes = fixture::small().write().unwrap();
    vec![
        ("small", bytes.clone()),
        ("smallest", smallest()),
        ("teacher", teacher::small().write().unwrap()),
        ("packed", teacher::packed().write().unwrap()),
        ("four-bits", fixture::four_bits(5).write().unwrap()),
        ("layered", layered()),
        ("header-alone", bytes[..900].to_vec()),
        ("pickle", b"\x80\x02}q\x00.".to_vec()),
        ("zip", b"PK\x03\x04\x14\x00\x00\x00".to_vec()),
        ("html", b"<!doctype html><title>404</title>".to_vec()),
        (
            "lfs",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00".to_vec(),
        ),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec()),
        ("plain", b"\x02\0\0\0\0\0\0\0{}".to_vec()),
        (
            "deep",
            [&b"\x00\x01\0\0\0\0\0\0{\"a\":"[..], &[b'['; 251]].concat(),
        ),
    ]
}

fn layered() -> Vec<u8> {
    teacher::layered(WeightFormat::Int4).write().unwrap()
}

fn smallest() -> Vec<u8> {
    fixture::with_shape(fixture::LEAST, &["a", "b"])
        .write()
        .unwrap()
}

/// Seeds for the target that takes a header, a zero byte and the tensors.
fn forged() -> Vec<(&'static str, Vec<u8>)> {
    let opened = |bytes: &[u8]| {
        let open = fixture::open(bytes);
        [open.header.as_bytes(), b"\0", &open.region].concat()
    };
    vec![
        ("small", opened(&fixture::small().write().unwrap())),
        ("smallest", opened(&smallest())),
        ("teacher", opened(&teacher::small().write().unwrap())),
        ("packed", opened(&teacher::packed().write().unwrap())),
        ("four-bits", opened(&fixture::four_bits(5).write().unwrap())),
        ("layered", opened(&layered())),
    ]
}

#[test]
fn seeds_are_what_the_writer_makes() {
    for (target, seeds) in [("read", files()), ("forged", forged())] {
        for (name, bytes) in seeds {
            let path = corpus(target).join(format!("{name}.seed"));
            if std::env::var_os("BLESS").is_some() {
                fs::write(&path, &bytes).unwrap();
            }
            let stored = fs::read(&path).unwrap();
            assert!(
                stored == bytes,
                "{} differs: if the format changed, BLESS=1",
                path.display()
            );
        }
    }
}

#[test]
fn the_corpus_is_read_without_a_panic() {
    let files = fs::read_dir(corpus("read"))
        .unwrap()
        .map(|file| file.unwrap().path());
    let good = files
        .filter(|path| Bundle::read(&fs::read(path).unwrap()).is_ok())
        .count();
    assert!(good >= 6, "the whole seeds can be read");
}
