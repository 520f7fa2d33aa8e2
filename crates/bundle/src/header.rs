//! The safetensors header: parsed with nothing lost, and spelt in the one canonical way.
//!
//! The `safetensors` crate writes the file; it does not read it here. Its reader keeps the last of two
//! equal names, and (0.8.0) adds up offsets unchecked, so that a header whose sum wraps around passes
//! and panics when the tensor is sliced.

use std::fmt;

use safetensors::Dtype;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::error::{Error, clip};
use crate::limits;
use crate::sniff::sniff;
use crate::tensors::{Layout, Tensor};

/// Bytes of the length in front of the header.
const PREFIX: usize = 8;
/// The metadata key that holds the manifest.
pub(crate) const KEY: &str = "stillglass";

/// A file cut into its three parts.
pub(crate) struct Parts<'a> {
    /// The header's text, padding included.
    pub(crate) header: &'a str,
    /// The header, parsed.
    pub(crate) parsed: Header,
    /// The tensors' bytes.
    pub(crate) region: &'a [u8],
}

/// A parsed header, in the order of the file, duplicates kept.
#[derive(Default)]
pub(crate) struct Header {
    metadata: Vec<(String, String)>,
    pub(crate) tensors: Vec<(String, Entry)>,
}

/// What the header says of one tensor.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    dtype: Dtype,
    shape: Vec<u64>,
    pub(crate) data_offsets: (u64, u64),
}

impl Entry {
    pub(crate) fn layout(&self) -> Layout {
        Layout {
            dtype: self.dtype,
            shape: self.shape.clone(),
        }
    }
}

impl Header {
    /// The manifest's text.
    pub(crate) fn manifest(&self) -> Result<&str, Error> {
        let mut found = None;
        for (key, value) in &self.metadata {
            if key == KEY && found.replace(value).is_some() {
                return Err(Error::MetadataKey(clip(key)));
            }
        }
        let text = found.ok_or(Error::PlainSafetensors(self.tensors.len()))?;
        match self.metadata.iter().find(|(key, _)| key != KEY) {
            Some((key, _)) => Err(Error::MetadataKey(clip(key))),
            None => Ok(text),
        }
    }
}

/// Cuts a file into length, header and tensors, and parses the header.
pub(crate) fn split(bytes: &[u8]) -> Result<Parts<'_>, Error> {
    let size = size(bytes)?;
    let found = bytes.len() as u64;
    let want = PREFIX as u64 + size;
    // `want` is at most a megabyte, and fits a `usize` once the file is as long.
    let (Some(header), Some(region)) =
        (bytes.get(PREFIX..want as usize), bytes.get(want as usize..))
    else {
        return Err(Error::Truncated { want, found });
    };
    let header =
        std::str::from_utf8(header).map_err(|error| Error::HeaderUtf8(error.valid_up_to()))?;
    let parsed = serde_json::from_str(header).map_err(|error| broken(&error))?;
    Ok(Parts {
        header,
        parsed,
        region,
    })
}

/// What the parser says against the header.
fn broken(error: &serde_json::Error) -> Error {
    Error::Header(clip(&error.to_string()))
}

/// The header's size in bytes, if the file can be safetensors at all; otherwise says what it is.
fn size(bytes: &[u8]) -> Result<u64, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    let size = bytes
        .first_chunk::<PREFIX>()
        .map(|n| u64::from_le_bytes(*n));
    let opened = bytes.get(PREFIX) == Some(&b'{');
    match size {
        Some(size) if opened && size <= limits::HEADER_BYTES => return Ok(size),
        _ => {}
    }
    if let Some(kind) = sniff(bytes) {
        return Err(Error::Foreign(kind));
    }
    match size {
        Some(size) if opened => Err(Error::HeaderSize(size)),
        _ if bytes.len() <= PREFIX => Err(Error::Truncated {
            want: PREFIX as u64 + 1,
            found: bytes.len() as u64,
        }),
        _ => {
            let start = &bytes[..bytes.len().min(12)];
            Err(Error::Unrecognised(hexadecimal(start)))
        }
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    bytes
        .iter()
        .flat_map(|b| [digit(b >> 4), digit(b & 15)])
        .collect()
}

/// The one spelling of a header, with its length in front: the `safetensors` writer's (a test
/// compares them), which pads with spaces to a multiple of eight.
pub(crate) fn spell(manifest: &str, tensors: &[Tensor]) -> Result<Vec<u8>, Error> {
    // Not `serde_json::Value`: it would bring the printing of floats into the wasm module.
    let manifest = serde_json::to_string(manifest).map_err(|error| broken(&error))?;
    let tensors: String = tensors.iter().map(spell_tensor).collect();
    let mut text = format!("{{\"__metadata__\":{{\"{KEY}\":{manifest}}}{tensors}}}");
    let padding = text.len().next_multiple_of(PREFIX) - text.len();
    text.push_str(&" ".repeat(padding));
    Ok([&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat())
}

/// One entry of the header, with the comma before it.
fn spell_tensor(tensor: &Tensor) -> String {
    let Tensor {
        name,
        layout,
        begin,
        end,
    } = tensor;
    let shape: Vec<String> = layout.shape.iter().map(u64::to_string).collect();
    let (dtype, shape) = (layout.dtype, shape.join(","));
    format!(r#","{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{begin},{end}]}}"#)
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors by name")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Header, M::Error> {
        let mut header = Header::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "__metadata__" {
                header.metadata.extend(map.next_value::<Metadata>()?.0);
            } else {
                header.tensors.push((key, map.next_value()?));
            }
        }
        Ok(header)
    }
}

/// The metadata's keys and values, duplicates kept.
struct Metadata(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetadataVisitor)
    }
}

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts by name")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Metadata, M::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Metadata(pairs))
    }
}
