//! The safetensors header: parsed with nothing lost, and spelt in the one canonical way.
//!
//! The `safetensors` crate writes the file; it does not read it here. Its reader keeps the last of two
//! equal names, and (0.8.0) adds up offsets unchecked, so that a header whose sum wraps around passes
//! and panics when the tensor is sliced.

use crate::error::{Error, clip};
use crate::json::{Fault, Json, quote};
use crate::limits;
use crate::sniff::sniff;
use crate::tensors::Tensor;

/// Bytes of the length in front of the header.
pub(crate) const PREFIX: usize = 8;
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
pub(crate) struct Entry {
    pub(crate) dtype: String,
    pub(crate) shape: Vec<u64>,
    /// First byte and byte after the last, in the tensor region.
    pub(crate) place: (u64, u64),
}

impl Entry {
    fn parse(value: Json<'_>) -> Result<Self, Fault> {
        let mut fields = value.fields()?;
        let dtype = fields.need("dtype", Json::text);
        let shape = fields.need("shape", wholes);
        let place = fields.need("data_offsets", wholes);
        fields.end()?;
        match place[..] {
            [begin, end] => Ok(Self {
                dtype,
                shape,
                place: (begin, end),
            }),
            _ => Err(Fault(format!(
                "data_offsets: want 2 numbers, found {}",
                place.len()
            ))),
        }
    }
}

/// A list of whole numbers.
fn wholes(list: Json<'_>) -> Result<Vec<u64>, Fault> {
    list.list()?.into_iter().map(Json::whole).collect()
}

impl Header {
    fn parse(text: &str) -> Result<Self, Fault> {
        let mut header = Self::default();
        for field in Json::parse("header", text)?.fields()?.rest() {
            let name = field.key()?;
            if name == "__metadata__" {
                for field in field.fields()?.rest() {
                    header.metadata.push((field.key()?, field.text()?));
                }
            } else {
                header.tensors.push((name, Entry::parse(field)?));
            }
        }
        Ok(header)
    }

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
    let parsed = Header::parse(header).map_err(|Fault(what)| Error::Header(clip(&what)))?;
    Ok(Parts {
        header,
        parsed,
        region,
    })
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
pub(crate) fn spell(manifest: &str, tensors: &[Tensor]) -> Vec<u8> {
    let manifest = quote(manifest);
    let tensors: String = tensors.iter().map(spell_tensor).collect();
    let mut text = format!("{{\"__metadata__\":{{\"{KEY}\":{manifest}}}{tensors}}}");
    let padding = text.len().next_multiple_of(PREFIX) - text.len();
    text.push_str(&" ".repeat(padding));
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
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
    let (dtype, shape) = (layout.dtype.name(), shape.join(","));
    format!(r#","{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{begin},{end}]}}"#)
}
