//! The .glass bundle: manifest, typed tensors and vocabulary; bytes in, bytes out.
