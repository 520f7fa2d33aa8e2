//! Files that hold no rows of text, told by their first bytes.

use anyhow::{Result, bail, ensure};

const KINDS: &[(&[u8], &str, &str)] = &[
    (b"PAR1", "a Parquet file", "export it as CSV or JSONL first"),
    (
        b"ARROW1",
        "an Arrow file",
        "export it as CSV or JSONL first",
    ),
    (
        b"PK\x03\x04",
        "a zip archive or an Excel sheet",
        "unpack it, or save it as CSV",
    ),
    (b"\x1f\x8b", "a gzip file", "unpack it with gunzip"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpack it with unzstd"),
    (b"BZh", "a bzip2 file", "unpack it with bunzip2"),
    (b"\xfd7zXZ", "an xz file", "unpack it with unxz"),
    (b"%PDF", "a PDF", "rows must be CSV, TSV or JSONL"),
    (
        b"SQLite format 3",
        "an SQLite database",
        "export the table as CSV",
    ),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
    (
        b"\x80\x04",
        "a Python pickle",
        "export it as CSV or JSONL first",
    ),
    (
        b"version https://git-lfs",
        "a Git LFS pointer",
        "fetch the file itself with `git lfs pull`",
    ),
    (b"<!DOCTYPE", "a web page", "download the raw file"),
    (b"<!doctype", "a web page", "download the raw file"),
    (b"<html", "a web page", "download the raw file"),
];

/// Refuses what is known to be something else, naming it and the way out. A zero byte further on is a
/// fault of its row alone.
pub(super) fn refuse(bytes: &[u8]) -> Result<()> {
    for (magic, what, way_out) in KINDS {
        if bytes.starts_with(magic) {
            bail!("this is {what}, not rows of text; {way_out}");
        }
    }
    ensure!(
        !bytes.iter().take(4096).any(|byte| *byte == 0),
        "this is a binary file (it has zero bytes); want CSV, TSV or JSONL in UTF-8"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_named_with_a_way_out() {
        for (magic, what, way_out) in KINDS {
            let error = refuse(&[magic, &b" and more"[..]].concat())
                .unwrap_err()
                .to_string();
            assert!(error.contains(what) && error.contains(way_out), "{error}");
        }
        assert!(refuse(b"text\0label").is_err());
        assert!(refuse(b"text,label\na,b").is_ok());
        assert!(refuse(b"").is_ok());
    }
}
