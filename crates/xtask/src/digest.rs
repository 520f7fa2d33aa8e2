//! SHA-256 of files and bytes, as lower-case hexadecimal.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// The digest of several byte strings, each counted with its length so that borders matter.
pub(crate) fn of_parts(parts: &[&[u8]]) -> String {
    let mut state = Sha256::new();
    for part in parts {
        state.update((part.len() as u64).to_le_bytes());
        state.update(part);
    }
    hexadecimal(&state.finalize())
}

/// The digest of a file, read in pieces.
pub(crate) fn of_file(path: &Path) -> Result<String> {
    struct Sink(Sha256);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut sink = Sink(Sha256::new());
    File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut sink))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hexadecimal(&sink.0.finalize()))
}

/// Fails unless the file has the digest.
pub(crate) fn check(path: &Path, want: &str) -> Result<()> {
    let found = of_file(path)?;
    if found != want {
        bail!(
            "{}: want SHA-256 {want}, found {found}; delete it and run again",
            path.display()
        );
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn check_tells_the_right_file_from_a_wrong_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        std::fs::write(&path, "abc").unwrap();
        check(&path, ABC).unwrap();
        std::fs::write(&path, "abd").unwrap();
        let error = check(&path, ABC).unwrap_err().to_string();
        assert!(
            error.contains(ABC) && error.contains("delete it"),
            "{error}"
        );
        assert!(check(&folder.path().join("absent"), ABC).is_err());
    }

    #[test]
    fn parts_keep_their_borders() {
        assert_ne!(of_parts(&[b"ab", b"c"]), of_parts(&[b"a", b"bc"]));
        assert_eq!(of_parts(&[b"ab", b"c"]), of_parts(&[b"ab", b"c"]));
    }
}
