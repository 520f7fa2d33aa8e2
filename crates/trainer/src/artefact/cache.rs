//! An append-only file of records by key, safe to kill at any moment.
//!
//! Header: magic, then the 32-byte context (a hash of whatever the records depend on). Each record:
//! payload length (u32, little-endian), 32-byte key, payload, first 8 bytes of the SHA-256 of those
//! three. On opening, damaged stretches are passed over: each byte after one is tried as the start of a
//! record until a check holds, so that a bent length costs no record but its own. What follows the last
//! whole record is cut off.

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

/// Longest payload looked for after damage; far over what a text's labels take.
const LONGEST: usize = 1 << 24;

/// Bytes hashed at most in looking for records after damage: some seconds.
const SEARCH: usize = 1 << 31;

/// What opening a cache found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Whole records.
    pub records: usize,
    /// Damaged records between them, which count as not there.
    pub damaged: usize,
    /// Bytes cut from a torn or damaged end.
    pub cut: u64,
}

impl Recovered {
    /// What was lost, if anything, for a person to read.
    pub fn lost(&self) -> Option<String> {
        let Self { damaged, cut, .. } = *self;
        let damaged = (damaged > 0).then(|| format!("{damaged} damaged record(s) left out"));
        let cut = (cut > 0).then(|| format!("{cut} bytes of a torn or damaged end cut off"));
        let lost: Vec<String> = damaged.into_iter().chain(cut).collect();
        (!lost.is_empty()).then(|| format!("{}; they are made again", lost.join(", ")))
    }
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
        let found = scan(&bytes, context)
            .with_context(|| format!("cache {}: delete it to start again", path.display()))?;
        file.set_len(found.whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        if found.whole == 0 {
            file.write_all(&[&MAGIC[..], context].concat())?;
            file.sync_all()?;
        }
        let recovered = Recovered {
            records: found.records.len(),
            damaged: found.damaged,
            cut: (bytes.len() - found.whole) as u64,
        };
        Ok((
            Self {
                file,
                path: path.into(),
                records: found.records,
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

/// What a file holds.
struct Scan {
    /// Whole records; a later one of the same key wins.
    records: Records,
    /// Damaged records before a whole one, but for those that a whole one of their key replaced.
    damaged: usize,
    /// Length of the file up to the end of the last whole record.
    whole: usize,
}

fn scan(bytes: &[u8], context: &[u8; 32]) -> Result<Scan> {
    let seen = &bytes[..bytes.len().min(MAGIC.len())];
    ensure!(MAGIC.starts_with(seen), "it is no cache of stillglass");
    let mut found = Scan {
        records: HashMap::new(),
        damaged: 0,
        whole: 0,
    };
    if bytes.len() < HEADER {
        return Ok(found);
    }
    ensure!(
        bytes[MAGIC.len()..HEADER] == context[..],
        "its records were made from other inputs"
    );
    found.whole = HEADER;
    let (mut next, mut bent, mut left) = (HEADER, Vec::new(), SEARCH);
    while let Some(at) = find(bytes, next, &mut left)? {
        let Some(record) = Record::at(&bytes[at..]) else {
            break;
        };
        bent.extend(keys(&bytes[next..at]));
        next = at + record.size();
        let key = record.key;
        found.records.insert(key, record.payload.to_vec());
        found.whole = next;
    }
    bent.retain(|key| !found.records.contains_key(key));
    found.damaged = bent.len();
    Ok(found)
}

/// Where the first whole record at or after `from` begins. No length of a damaged record is believed: it
/// may be what is bent, and lead past whole ones. `left` is how many bytes may still be hashed on the way.
fn find(bytes: &[u8], from: usize, left: &mut usize) -> Result<Option<usize>> {
    for at in from..bytes.len() {
        let Some(record) = Record::at(&bytes[at..]) else {
            continue;
        };
        if at > from {
            if record.payload.len() > LONGEST {
                continue;
            }
            let rest = left.checked_sub(record.size());
            *left = rest.context("it is damaged over too long a stretch to search")?;
        }
        if record.is_sound() {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Keys of the records in a damaged stretch: of all, where their lengths fill it, else of the first.
fn keys(stretch: &[u8]) -> Vec<[u8; KEY]> {
    let (mut keys, mut at) = (Vec::new(), 0);
    while let Some(record) = Record::at(&stretch[at..]) {
        keys.push(record.key);
        at += record.size();
    }
    if at < stretch.len() {
        let key = stretch.get(LENGTH..LENGTH + KEY);
        let key = key.and_then(|key| key.try_into().ok());
        return key.into_iter().collect();
    }
    keys
}

/// What lies where a record may begin and is as long as it says.
struct Record<'a> {
    key: [u8; KEY],
    payload: &'a [u8],
    /// Everything before the check.
    body: &'a [u8],
    check: &'a [u8],
}

impl<'a> Record<'a> {
    fn at(bytes: &'a [u8]) -> Option<Self> {
        let length = u32::from_le_bytes(bytes.get(..LENGTH)?.try_into().ok()?) as usize;
        let end = (LENGTH + KEY).checked_add(length)?;
        let check = bytes.get(end..end.checked_add(CHECK)?)?;
        let body = &bytes[..end];
        Some(Self {
            key: body[LENGTH..LENGTH + KEY].try_into().ok()?,
            payload: &body[LENGTH + KEY..],
            body,
            check,
        })
    }

    fn size(&self) -> usize {
        self.body.len() + CHECK
    }

    /// Whether it is what was written.
    fn is_sound(&self) -> bool {
        check(self.body) == self.check
    }
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
        let whole = Recovered {
            records: 3,
            damaged: 0,
            cut: 0,
        };
        assert_eq!((recovered, recovered.lost()), (whole, None));
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
                    damaged: 0,
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
            let records = scan(&bent, &CONTEXT).unwrap().records;
            assert!(records.len() < 3);
            assert!(
                records
                    .iter()
                    .all(|(key, payload)| good.get(key) == Some(payload))
            );
        }
    }

    #[test]
    fn a_damaged_record_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let mut bent = three(&path);
        bent[HEADER + LENGTH + KEY] ^= 1;
        fs::write(&path, &bent).unwrap();
        let (mut cache, recovered) = open(&path);
        let kept = Recovered {
            records: 2,
            damaged: 1,
            cut: 0,
        };
        assert_eq!(recovered, kept);
        let lost = recovered.lost().unwrap();
        assert!(lost.contains("1 damaged record(s)"), "{lost}");
        assert_eq!(
            (cache.get(&[1; 32]), cache.get(&[2; 32])),
            (None, Some(&b""[..]))
        );
        cache.append([1; 32], b"one".to_vec()).unwrap();
        drop(cache);
        let (cache, recovered) = open(&path);
        assert_eq!((cache.len(), recovered.lost()), (3, None));
    }

    #[test]
    fn a_bent_length_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        // Records of 64 bytes: a length with one bit more leads to where a later one begins.
        let (mut cache, _) = open(&path);
        for key in 0..40 {
            cache.append([key; 32], vec![key; 20]).unwrap();
        }
        drop(cache);
        let whole = fs::read(&path).unwrap();
        for (at, damaged, cut) in [(0, 1, 0), (7, 1, 0), (39, 0, 64)] {
            for bit in 0..8 * LENGTH {
                let mut bent = whole.clone();
                bent[HEADER + 64 * at + bit / 8] ^= 1 << (bit % 8);
                fs::write(&path, &bent).unwrap();
                let (mut cache, recovered) = open(&path);
                let kept = Recovered {
                    records: 39,
                    damaged,
                    cut,
                };
                assert_eq!(recovered, kept, "record {at}, bit {bit}");
                let key = u8::try_from(at).unwrap();
                assert_eq!(cache.get(&[key; 32]), None);
                cache.append([key; 32], vec![key; 20]).unwrap();
                drop(cache);
                let (cache, recovered) = open(&path);
                assert_eq!((cache.len(), recovered.lost()), (40, None));
            }
        }
    }

    #[test]
    fn damage_too_long_to_search_is_said_and_cuts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let mut bytes = three(&path);
        bytes[HEADER + LENGTH + KEY] ^= 1;
        let found = find(&bytes, HEADER, &mut SEARCH.clone()).unwrap();
        assert_eq!(found, Some(HEADER + 47));
        let error = find(&bytes, HEADER, &mut 43).unwrap_err().to_string();
        assert!(error.contains("too long a stretch"), "{error}");
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
