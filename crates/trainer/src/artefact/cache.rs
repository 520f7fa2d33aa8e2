//! An append-only file of records by key, safe to kill at any moment.
//!
//! Header: magic, then the 32-byte context (a hash of whatever the records depend on). Each record:
//! payload length (u32, little-endian), 32-byte key, payload, first 8 bytes of the SHA-256 of those
//! three. On opening, the file is cut after its last whole record.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 16] = b"stillglass-cache";
const HEADER: usize = MAGIC.len() + 32;
const LENGTH: usize = 4;
const KEY: usize = 32;
const CHECK: usize = 8;

/// What opening a cache found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Whole records.
    pub records: usize,
    /// Bytes cut from a torn or damaged end.
    pub cut: u64,
}

/// Records by 32-byte key, in memory and on disk.
#[derive(Debug)]
pub struct Cache {
    file: File,
    path: PathBuf,
    records: HashMap<[u8; 32], Vec<u8>>,
}

impl Cache {
    /// Opens or makes the cache at `path`. A file of another `context` is an error: its records
    /// were computed from something else.
    pub fn open(path: &Path, context: &[u8; 32]) -> Result<(Self, Recovered)> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let mut file = file.with_context(|| format!("cache {}", path.display()))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                bail!("cache {}: another stillglass is writing it", path.display())
            }
            other => other.with_context(|| format!("cache {}: can't lock it", path.display()))?,
        }
        let bytes = fs::read(path).with_context(|| format!("cache {}", path.display()))?;
        let (records, whole) = scan(&bytes, context)
            .with_context(|| format!("cache {}: delete it to start again", path.display()))?;
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        if whole == 0 {
            file.write_all(&[&MAGIC[..], context].concat())?;
            file.sync_all()?;
        }
        let recovered = Recovered {
            records: records.len(),
            cut: (bytes.len() - whole) as u64,
        };
        Ok((
            Self {
                file,
                path: path.into(),
                records,
            },
            recovered,
        ))
    }

    /// The payload under `key`.
    pub fn get(&self, key: &[u8; 32]) -> Option<&[u8]> {
        self.records.get(key).map(Vec::as_slice)
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds a record in one write; it outlives the process at once, and a power cut after [`Self::sync`].
    pub fn append(&mut self, key: [u8; 32], payload: Vec<u8>) -> Result<()> {
        let length = u32::try_from(payload.len()).context("cache record over 4 GiB")?;
        let mut record = Vec::with_capacity(LENGTH + KEY + payload.len() + CHECK);
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&key);
        record.extend_from_slice(&payload);
        let check = check(&record);
        record.extend_from_slice(&check);
        let written = self.file.write_all(&record);
        written.with_context(|| format!("cache {}: can't write to it", self.path.display()))?;
        self.records.insert(key, payload);
        Ok(())
    }

    /// Waits until every record is on the disk.
    pub fn sync(&self) -> Result<()> {
        self.file
            .sync_data()
            .with_context(|| format!("cache {}", self.path.display()))
    }
}

fn check(record: &[u8]) -> [u8; CHECK] {
    let hash: [u8; 32] = Sha256::digest(record).into();
    let mut short = [0; CHECK];
    short.copy_from_slice(&hash[..CHECK]);
    short
}

type Records = HashMap<[u8; 32], Vec<u8>>;

/// The whole records and the length of the file up to the end of the last; a later record of the
/// same key wins.
fn scan(bytes: &[u8], context: &[u8; 32]) -> Result<(Records, usize)> {
    let mut records = HashMap::new();
    let seen = &bytes[..bytes.len().min(MAGIC.len())];
    ensure!(MAGIC.starts_with(seen), "it is no cache of stillglass");
    if bytes.len() < HEADER {
        return Ok((records, 0));
    }
    ensure!(
        bytes[MAGIC.len()..HEADER] == context[..],
        "its records were made from other inputs"
    );
    let mut at = HEADER;
    while let Some((key, payload, size)) = record(&bytes[at..]) {
        records.insert(key, payload.to_vec());
        at += size;
    }
    Ok((records, at))
}

fn record(bytes: &[u8]) -> Option<([u8; 32], &[u8], usize)> {
    let length = u32::from_le_bytes(bytes.get(..LENGTH)?.try_into().ok()?) as usize;
    let end = (LENGTH + KEY).checked_add(length)?;
    let sum = bytes.get(end..end.checked_add(CHECK)?)?;
    let body = &bytes[..end];
    let key = body[LENGTH..LENGTH + KEY].try_into().ok()?;
    (check(body) == sum).then_some((key, &body[LENGTH + KEY..], end + CHECK))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: [u8; 32] = [9; 32];

    fn open(path: &Path) -> (Cache, Recovered) {
        Cache::open(path, &CONTEXT).unwrap()
    }

    fn three(path: &Path) -> Vec<u8> {
        let (mut cache, _) = open(path);
        for (key, payload) in [(1, &b"one"[..]), (2, b""), (3, &[7; 300])] {
            cache.append([key; 32], payload.to_vec()).unwrap();
        }
        cache.sync().unwrap();
        drop(cache);
        fs::read(path).unwrap()
    }

    #[test]
    fn records_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        three(&path);
        let (mut cache, recovered) = open(&path);
        assert_eq!(recovered, Recovered { records: 3, cut: 0 });
        assert_eq!(cache.get(&[1; 32]), Some(&b"one"[..]));
        assert_eq!(cache.get(&[2; 32]), Some(&b""[..]));
        assert_eq!(cache.get(&[4; 32]), None);
        cache.append([1; 32], b"again".to_vec()).unwrap();
        drop(cache);
        assert_eq!(open(&path).0.get(&[1; 32]), Some(&b"again"[..]));
    }

    #[test]
    fn a_file_cut_anywhere_keeps_its_whole_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let whole = three(&path);
        let ends = [HEADER, HEADER + 47, HEADER + 91, whole.len()];
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let (mut cache, recovered) = open(&path);
            let kept = ends
                .iter()
                .filter(|end| **end <= length)
                .count()
                .saturating_sub(1);
            assert_eq!(recovered.records, kept, "cut at {length}");
            cache.append([5; 32], b"five".to_vec()).unwrap();
            drop(cache);
            let (cache, recovered) = open(&path);
            assert_eq!(
                recovered,
                Recovered {
                    records: kept + 1,
                    cut: 0
                },
                "cut at {length}"
            );
            assert_eq!(cache.get(&[5; 32]), Some(&b"five"[..]));
        }
    }

    #[test]
    fn a_flipped_bit_never_gives_a_wrong_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let whole = three(&path);
        let good = open(&path).0.records;
        for byte in HEADER..whole.len() {
            let mut bent = whole.clone();
            bent[byte] ^= 1 << (byte % 8);
            let (records, _) = scan(&bent, &CONTEXT).unwrap();
            assert!(records.len() < 3);
            assert!(
                records
                    .iter()
                    .all(|(key, payload)| good.get(key) == Some(payload))
            );
        }
    }

    #[test]
    fn another_context_or_kind_of_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let whole = three(&path);
        let error = format!("{:#}", Cache::open(&path, &[1; 32]).unwrap_err());
        assert!(error.contains("other inputs"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), whole);
        fs::write(&path, b"text,label").unwrap();
        let error = format!("{:#}", Cache::open(&path, &CONTEXT).unwrap_err());
        assert!(error.contains("no cache of stillglass"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"text,label");
    }

    #[test]
    fn one_writer_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let held = open(&path);
        let error = format!("{:#}", Cache::open(&path, &CONTEXT).unwrap_err());
        assert!(error.contains("another stillglass"), "{error}");
        drop(held);
        open(&path);
    }
}
