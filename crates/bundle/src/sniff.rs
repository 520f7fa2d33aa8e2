//! Names a file that is no safetensors file, from how it begins.

use std::fmt;

/// A kind of file that turns up where a bundle was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// A Python pickle, as older `torch.save` wrote.
    Pickle,
    /// A zip archive, as `torch.save` writes.
    Zip,
    /// A gzip file.
    Gzip,
    /// A Zstandard file.
    Zstandard,
    /// A web page.
    Html,
    /// A Git LFS pointer.
    LfsPointer,
    /// JSON text.
    Json,
    /// A GGUF model.
    Gguf,
    /// An HDF5 file.
    Hdf5,
    /// A `NumPy` array.
    Numpy,
    /// A TensorFlow Lite model.
    Tflite,
    /// An ONNX model.
    Onnx,
}

/// Kinds that are known by their first bytes alone.
const MAGIC: [(&[u8], Foreign); 9] = [
    (b"PK\x03\x04", Foreign::Zip),
    (b"PK\x05\x06", Foreign::Zip),
    (b"\x1f\x8b", Foreign::Gzip),
    (b"\x28\xb5\x2f\xfd", Foreign::Zstandard),
    (b"version https://git-lfs", Foreign::LfsPointer),
    (b"GGUF", Foreign::Gguf),
    (b"\x89HDF\r\n", Foreign::Hdf5),
    (b"\x93NUMPY", Foreign::Numpy),
    (b"\x08\x07\x12", Foreign::Onnx),
];

/// Names the file if it is one of the known kinds.
///
/// Call it only when the bytes cannot be safetensors: a header of 640 bytes begins as a pickle does.
pub(crate) fn sniff(bytes: &[u8]) -> Option<Foreign> {
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(*kind);
    }
    if bytes.get(4..8) == Some(b"TFL3") {
        return Some(Foreign::Tflite);
    }
    // Protocol byte 2 to 5, then any opcode; protocols 0 and 1 have no mark of their own.
    if matches!(bytes, [0x80, 2..=5, ..]) {
        return Some(Foreign::Pickle);
    }
    let text = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bytes)
        .trim_ascii_start();
    match text.first() {
        Some(b'<') => Some(Foreign::Html),
        Some(b'{' | b'[') => Some(Foreign::Json),
        _ => None,
    }
}

impl fmt::Display for Foreign {
    /// What was found, then what to do about it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pickle => {
                "a Python pickle, which is never opened because it can run code; \
                 distil its model with `stillglass run` and use the .glass file that writes"
            }
            Self::Zip => {
                "a zip archive (PyTorch's .pt and .bin files are zips of pickles); \
                 unpack it if a .glass file is inside, otherwise export one with `stillglass run`"
            }
            Self::Gzip => "a gzip file; unpack it, or serve it with `Content-Encoding: gzip`",
            Self::Zstandard => "a Zstandard file; unpack it, or serve it with `Content-Encoding: zstd`",
            Self::Html => {
                "a web page, most likely an error or login page in place of the download; \
                 open the address in a browser and check it"
            }
            Self::LfsPointer => {
                "a Git LFS pointer, which stands for the file without holding it; run `git lfs pull`"
            }
            Self::Json => {
                "JSON text, most likely a server's error message or a model's config.json; \
                 look inside, and use the .glass file itself"
            }
            Self::Gguf => "a GGUF model; export a .glass file with `stillglass run`",
            Self::Hdf5 => "an HDF5 file, as Keras writes; export a .glass file with `stillglass run`",
            Self::Numpy => "a NumPy array; export a .glass file with `stillglass run`",
            Self::Tflite => "a TensorFlow Lite model; export a .glass file with `stillglass run`",
            Self::Onnx => "an ONNX model; export a .glass file with `stillglass run`",
        })
    }
}
