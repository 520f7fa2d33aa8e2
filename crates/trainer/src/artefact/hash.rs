//! SHA-256 of parts, bytes and files.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::if_there;

/// Hash of several parts; each is preceded by its length, so that no two lists of parts collide.
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Plain SHA-256 of `bytes`, in hex.
pub fn hash_bytes(bytes: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    hex(&hash)
}

/// Plain SHA-256 of a file's content, in hex, read in pieces.
pub fn hash_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("can't open {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file
            .read(&mut piece)
            .with_context(|| format!("can't read {}", path.display()))?;
        if read == 0 {
            let hash: [u8; 32] = hasher.finalize().into();
            return Ok(hex(&hash));
        }
        hasher.update(&piece[..read]);
    }
}

/// What is wrong with a file that had this hash: that it has changed, or is gone.
pub fn fault(folder: &Path, name: &str, sha256: &str) -> Result<Option<String>> {
    let found = if_there(hash_file(&folder.join(name)))?;
    Ok(match found {
        Some(found) if found == sha256 => None,
        Some(_) => Some(format!("{name} has changed")),
        None => Some(format!("{name} is gone")),
    })
}

/// The first eight bytes of a hash as a number, the first byte the highest.
pub fn number(hash: &[u8; 32]) -> u64 {
    hash[..8]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string can't fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash_bytes(b"abc"), abc);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, b"abc").unwrap();
        assert_eq!(hash_file(&path).unwrap(), abc);
        assert_eq!(if_there(hash_file(&path)).unwrap().as_deref(), Some(abc));
        assert_eq!(if_there(hash_file(&folder.path().join("d"))).unwrap(), None);
        assert!(
            if_there(hash_file(folder.path())).is_err(),
            "a folder is there"
        );
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[]), digest(&[b""]));
    }
}
