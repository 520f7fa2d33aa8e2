//! A bundle to bytes, after the same checks as reading.

use std::borrow::Cow;
use std::collections::HashMap;

use safetensors::tensor::View;

use crate::error::{Error, clip};
use crate::header::KEY;
use crate::matrix::pack;
use crate::read::{DIGITS, hash};
use crate::tensors::{self, Dtype, Layout, Tensor};
use crate::{
    Bundle, DecoderWeights, Dense, Direction, EncoderWeights, Linear, Manifest, Matrix, Norm,
    Quantization, Quantized, StudentWeights, TeacherWeights, WeightFormat, Weights, limits, values,
    vocabulary,
};

impl Bundle {
    /// Writes the bundle and its hash. What this returns, [`Bundle::read`] takes, and gives back the
    /// same bundle with `manifest.sha256` filled in.
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        self.manifest.check()?;
        vocabulary::check(&self.vocabulary, self.manifest.architecture.vocabulary())?;
        let words = self.vocabulary.join("\n").into_bytes();
        let table = tensors::table(&self.manifest, words.len());
        let tensors = self.tensors(&table, words)?;

        let manifest = Manifest {
            sha256: "0".repeat(DIGITS),
            ..self.manifest.clone()
        };
        let metadata = HashMap::from([(KEY.to_owned(), manifest.to_json()?)]);
        let mut bytes = safetensors::serialize(tensors, Some(metadata))
            .map_err(|error| Error::Header(clip(&error.to_string())))?;
        seal(&mut bytes)?;
        Ok(bytes)
    }

    /// Every tensor in the table's order, checked: its type, its shape, its values.
    fn tensors(&self, table: &[Tensor], words: Vec<u8>) -> Result<Vec<(String, Stored)>, Error> {
        let kind = self.manifest.kind;
        let mut stored = self.weights.stored(self.manifest.quantization);
        stored.add(tensors::VOCABULARY, Dtype::U8, &[words.len()], words);
        for (name, tensor) in &stored.0 {
            let Some(want) = table.iter().find(|tensor| tensor.name == *name) else {
                let name = name.clone();
                return Err(Error::TensorUnexpected { name, kind });
            };
            tensor.expect(want)?;
        }
        let find = |want: &Tensor| {
            let mut all = stored.0.iter();
            let (_, found) = all
                .find(|(name, _)| *name == want.name)
                .ok_or_else(|| Error::TensorMissing(want.name.clone()))?;
            values::check(kind, want, &found.data)?;
            Ok((want.name.clone(), found.clone()))
        };
        table.iter().map(find).collect()
    }
}

impl Weights {
    fn stored(&self, quantization: Quantization) -> Stack {
        let mut stack = Stack(Vec::new());
        match self {
            Self::Student(weights) => stack.student(weights, quantization),
            Self::Teacher(weights) => stack.teacher(weights),
        }
        stack
    }
}

/// Tensors by name, in no order.
struct Stack(Vec<(String, Stored)>);

impl Stack {
    fn add(&mut self, name: &str, dtype: Dtype, shape: &[usize], data: Vec<u8>) {
        let shape = shape.to_vec();
        self.0
            .push((name.to_owned(), Stored { dtype, shape, data }));
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.add(name, Dtype::F32, shape, data);
    }

    fn vector(&mut self, name: &str, values: &[f32]) {
        self.floats(name, &[values.len()], values);
    }

    fn int8(&mut self, name: &str, matrix: &Quantized) {
        let data = matrix.values.iter().map(|q| q.cast_unsigned()).collect();
        self.add(name, Dtype::I8, &[matrix.rows, matrix.columns], data);
        self.vector(&format!("{name}.scale"), &matrix.scales);
    }

    fn matrix(&mut self, name: &str, matrix: &Matrix) {
        match matrix {
            Matrix::Int8(matrix) => self.int8(name, matrix),
            Matrix::Int4(matrix) => {
                let shape = [matrix.rows, matrix.columns / 2];
                self.add(name, Dtype::U8, &shape, matrix.values.clone());
                let shape = [matrix.rows, matrix.columns / limits::GROUP];
                self.floats(&format!("{name}.scale"), &shape, &matrix.scales);
            }
        }
    }

    fn linear(&mut self, name: &str, linear: &Linear) {
        self.matrix(name, &linear.weight);
        self.vector(&format!("{name}.bias"), &linear.bias);
    }

    fn norm(&mut self, name: &str, norm: &Norm) {
        self.vector(&format!("{name}.norm.weight"), &norm.weight);
        self.vector(&format!("{name}.norm.bias"), &norm.bias);
    }

    fn direction(&mut self, name: &str, direction: &Direction) {
        self.int8(&format!("{name}.input"), &direction.input);
        self.int8(&format!("{name}.recurrent"), &direction.recurrent);
        self.vector(&format!("{name}.bias"), &direction.bias);
    }

    fn dense(&mut self, name: &str, dense: &Dense) {
        let shape = [dense.rows, dense.columns];
        self.floats(&format!("{name}.weight"), &shape, &dense.weight);
        self.vector(&format!("{name}.bias"), &dense.bias);
    }

    fn student(&mut self, weights: &StudentWeights, quantization: Quantization) {
        let table = &weights.embedding;
        if quantization.embeddings == Some(WeightFormat::Int4) {
            let shape = [table.rows, table.columns / 2];
            self.add("embedding", Dtype::U8, &shape, pack(&table.values));
            self.vector("embedding.scale", &table.scales);
        } else {
            self.int8("embedding", table);
        }
        if !weights.shared.is_empty() {
            self.vector("embedding.shared", &weights.shared);
        }
        self.direction("lstm.forward", &weights.forward);
        self.direction("lstm.backward", &weights.backward);
        self.int8("attention.projection", &weights.attention.projection);
        self.vector("attention.bias", &weights.attention.bias);
        self.vector("attention.vector", &weights.attention.vector);
        self.dense("classifier", &weights.classifier);
        if let Some(decoder) = &weights.decoder {
            self.decoder(decoder);
        }
        if let Some(encoder) = &weights.encoder {
            self.encoder(tensors::ENCODER, encoder);
        }
    }

    fn decoder(&mut self, weights: &DecoderWeights) {
        self.int8("decoder.start", &weights.start);
        let width = weights.start.rows;
        let shape = [weights.prefix.len() / width.max(1), width];
        self.floats("decoder.prefix", &shape, &weights.prefix);
        self.direction("decoder.lstm", &weights.lstm);
        self.int8("decoder.query", &weights.query);
        self.int8("decoder.combine", &weights.combine);
        self.vector("decoder.combine.bias", &weights.combine_bias);
        self.dense("decoder.gate", &weights.gate);
        self.vector("decoder.word.bias", &weights.word_bias);
        self.dense("decoder.end", &weights.end);
    }

    fn encoder(&mut self, prefix: &str, weights: &EncoderWeights) {
        let embedding = format!("{prefix}embedding");
        self.matrix(&format!("{embedding}.word"), &weights.word);
        self.matrix(&format!("{embedding}.position"), &weights.position);
        if !weights.types.is_empty() {
            let columns = weights.word.columns();
            let rows = weights.types.len() / columns.max(1);
            let types = format!("{embedding}.type");
            self.floats(&types, &[rows, columns], &weights.types);
        }
        self.norm(&embedding, &weights.norm);
        for (index, layer) in weights.layers.iter().enumerate() {
            let attention = format!("{prefix}layer.{index}.attention");
            self.linear(&format!("{attention}.query"), &layer.query);
            self.linear(&format!("{attention}.key"), &layer.key);
            self.linear(&format!("{attention}.value"), &layer.value);
            self.linear(&format!("{attention}.output"), &layer.output);
            self.norm(&attention, &layer.attention_norm);
            let feedforward = format!("{prefix}layer.{index}.feedforward");
            self.linear(&format!("{feedforward}.input"), &layer.expand);
            self.linear(&format!("{feedforward}.output"), &layer.contract);
            self.norm(&feedforward, &layer.feedforward_norm);
        }
    }

    fn teacher(&mut self, weights: &TeacherWeights) {
        self.encoder("", &weights.encoder);
        if let Some(dense) = &weights.dense {
            self.linear("head.dense", dense);
        }
        self.dense("classifier", &weights.classifier);
    }
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
#[derive(Clone)]
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Stored {
    /// Compares type, shape and number of values with what the architecture wants.
    fn expect(&self, want: &Tensor) -> Result<(), Error> {
        let found = Layout {
            dtype: self.dtype,
            shape: self.shape.iter().map(|d| *d as u64).collect(),
        };
        if found == want.layout && want.layout.bytes() == self.data.len() as u64 {
            return Ok(());
        }
        let values = self.data.len() as u64 / self.dtype.size();
        Err(Error::TensorLayout {
            name: want.name.clone(),
            want: want.layout.to_string(),
            found: format!("{found} of {values} values"),
        })
    }
}

impl View for Stored {
    fn dtype(&self) -> safetensors::Dtype {
        match self.dtype {
            Dtype::F32 => safetensors::Dtype::F32,
            Dtype::I8 => safetensors::Dtype::I8,
            Dtype::U8 => safetensors::Dtype::U8,
        }
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
