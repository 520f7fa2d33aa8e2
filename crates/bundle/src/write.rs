//! A bundle to bytes, after the same checks as reading.

use std::borrow::Cow;
use std::collections::HashMap;

use safetensors::tensor::{Dtype, View};

use crate::error::{Error, clip};
use crate::header::KEY;
use crate::read::{DIGITS, hash};
use crate::tensors::{self, Layout, Tensor};
use crate::{Bundle, Dense, Manifest, Quantized, StudentShape, limits, vocabulary};

impl Bundle {
    /// Writes the bundle and its hash. What this returns, [`Bundle::read`] takes, and gives back the
    /// same bundle with `manifest.sha256` filled in.
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        self.manifest.check()?;
        vocabulary::check(&self.vocabulary, self.manifest.architecture.vocabulary)?;
        let words = self.vocabulary.join("\n").into_bytes();
        let table = self.table(words.len());
        self.check_shapes(&table)?;
        self.student.check_values()?;

        let manifest = Manifest {
            sha256: "0".repeat(DIGITS),
            ..self.manifest.clone()
        };
        let text = serde_json::to_string(&manifest)
            .map_err(|error| Error::Manifest(clip(&error.to_string())))?;
        let metadata = HashMap::from([(KEY.to_owned(), text)]);
        let mut bytes = safetensors::serialize(self.tensors(&table, words), Some(metadata))
            .map_err(|error| Error::Header(clip(&error.to_string())))?;
        seal(&mut bytes)?;
        Ok(bytes)
    }

    /// The architecture's tensors for this bundle.
    fn table(&self, words: usize) -> Vec<Tensor> {
        let shape: &StudentShape = &self.manifest.architecture;
        tensors::table(shape, self.manifest.labels.len(), words)
    }

    /// Compares what the weights are with what the architecture wants.
    fn check_shapes(&self, table: &[Tensor]) -> Result<(), Error> {
        for (name, matrix) in self.student.matrices() {
            let Quantized {
                rows,
                columns,
                values,
                scales,
            } = matrix;
            expect(table, name, Dtype::I8, &[*rows, *columns], values.len())?;
            expect(
                table,
                &format!("{name}.scale"),
                Dtype::F32,
                &[scales.len()],
                scales.len(),
            )?;
        }
        for (name, values) in self.student.floats() {
            let Dense { rows, columns, .. } = self.student.classifier;
            let shape: &[usize] = match name {
                "classifier.weight" => &[rows, columns],
                _ => &[values.len()],
            };
            expect(table, name, Dtype::F32, shape, values.len())?;
        }
        Ok(())
    }

    /// Every tensor's bytes, little-endian.
    fn tensors(&self, table: &[Tensor], words: Vec<u8>) -> Vec<(String, Stored)> {
        let mut data: HashMap<String, Vec<u8>> = HashMap::new();
        data.insert(tensors::VOCABULARY.to_owned(), words);
        let floats = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
        for (name, matrix) in self.student.matrices() {
            let values = matrix.values.iter().map(|q| q.cast_unsigned()).collect();
            data.insert(name.to_owned(), values);
            data.insert(format!("{name}.scale"), floats(&matrix.scales));
        }
        for (name, values) in self.student.floats() {
            data.insert(name.to_owned(), floats(values));
        }
        let stored = table.iter().map(|tensor| Stored {
            dtype: tensor.layout.dtype,
            shape: tensor.layout.shape.iter().map(|d| *d as usize).collect(),
            data: data.remove(&tensor.name).unwrap_or_default(),
        });
        table.iter().map(|t| t.name.clone()).zip(stored).collect()
    }
}

/// Checks one tensor's type, shape and number of values against the table.
fn expect(
    table: &[Tensor],
    name: &str,
    dtype: Dtype,
    shape: &[usize],
    values: usize,
) -> Result<(), Error> {
    let found = Layout {
        dtype,
        shape: shape.iter().map(|d| *d as u64).collect(),
    };
    let Some(tensor) = table.iter().find(|tensor| tensor.name == name) else {
        return Err(Error::TensorUnexpected(name.to_owned()));
    };
    let full = shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
    if found == tensor.layout && full == Some(values) {
        return Ok(());
    }
    Err(Error::TensorLayout {
        name: name.to_owned(),
        want: tensor.layout.to_string(),
        found: format!("{found} of {values} values"),
    })
}

/// Puts the hash in the place of the zeros, after checking that a reader will accept the header.
fn seal(bytes: &mut [u8]) -> Result<(), Error> {
    let (size, _) = bytes.split_first_chunk::<8>().ok_or(Error::Empty)?;
    let size = u64::from_le_bytes(*size);
    if size > limits::HEADER_BYTES {
        return Err(Error::HeaderSize(size));
    }
    // The field is the manifest's last, and nothing after the manifest has as many zeros.
    let zeros = "0".repeat(DIGITS);
    let header = &bytes[8..8 + size as usize];
    let place = header
        .windows(DIGITS)
        .rposition(|window| window == zeros.as_bytes());
    let at = 8 + place.ok_or_else(|| Error::HashText(zeros.clone()))?;
    let digits = hash(bytes, at);
    bytes[at..at + DIGITS].copy_from_slice(digits.as_bytes());
    Ok(())
}

/// A tensor on its way into the container.
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.data)
    }

    fn data_len(&self) -> usize {
        self.data.len()
    }
}
