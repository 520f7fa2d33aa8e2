//! Bytes to a bundle, checked once and for all.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::error::{Error, Misplaced, clip};
use crate::header::{self, Entry, Parts, hexadecimal};
use crate::matrix::unpack;
use crate::tensors::{self, Dtype, Layout, Tensor};
use crate::twice::first_twice;
use crate::{
    Activation, Architecture, Attention, Bundle, DecoderWeights, Dense, Direction, EncoderShape,
    EncoderWeights, Layer, Linear, Manifest, Matrix, Norm, Packed, Quantized, StudentShape,
    StudentWeights, TeacherShape, TeacherWeights, Weights, limits, values, vocabulary,
};

/// Digits of a SHA-256.
pub(crate) const DIGITS: usize = 64;

impl Bundle {
    /// Reads a bundle, making every check there is; see the crate's documentation.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        Self::checked(bytes, None)
    }

    /// The same for who has computed the file's hash already: `found` is the SHA-256, in lower-case hexadecimal, of
    /// the file with the digit 0 at all of [`Bundle::digits`].
    pub fn read_hashed(bytes: &[u8], found: &str) -> Result<Self, Error> {
        Self::checked(bytes, Some(found))
    }

    /// Where in the file the digits of its own hash stand; none if its header cannot be read.
    pub fn digits(bytes: &[u8]) -> Option<Range<usize>> {
        let parts = header::split(bytes).ok()?;
        let manifest = Manifest::parse(parts.parsed.manifest().ok()?).ok()?;
        let at = digits_at(&manifest.sha256, parts.header).ok()?;
        Some(at..at + DIGITS)
    }

    fn checked(bytes: &[u8], found: Option<&str>) -> Result<Self, Error> {
        let parts = header::split(bytes)?;
        let text = parts.parsed.manifest()?;
        let manifest = Manifest::parse(text)?;
        let table = placed(&manifest, &parts)?;
        check_spelling(&header::spell(text, &table), bytes)?;
        let at = digits_at(&manifest.sha256, parts.header)?;
        let found = found.map_or_else(|| hash(bytes, at), str::to_owned);
        check_hash(&manifest.sha256, found)?;

        let region = Region {
            table,
            bytes: parts.region,
        };
        for tensor in &region.table {
            values::check(manifest.kind, tensor, region.bytes(&tensor.name)?)?;
        }
        let words = region.bytes(tensors::VOCABULARY)?;
        Ok(Self {
            vocabulary: vocabulary::parse(words, manifest.architecture.vocabulary())?,
            weights: match &manifest.architecture {
                Architecture::Student(shape) => Weights::Student(region.student(shape)?),
                Architecture::Teacher(shape) => Weights::Teacher(region.teacher(shape)?),
            },
            manifest,
        })
    }
}

/// The architecture's tensors, after checking that the header has just those, in their places, and
/// that the file ends where the last one does.
fn placed(manifest: &Manifest, parts: &Parts<'_>) -> Result<Vec<Tensor>, Error> {
    let listed = &parts.parsed.tensors;
    let names = listed.iter().map(|(name, _)| name.as_str());
    if let Some(twice) = first_twice(names) {
        return Err(Error::TensorTwice(clip(twice.text)));
    }
    let find = |name: &str| listed.iter().find(|(listed, _)| listed == name);
    let (_, words) = find(tensors::VOCABULARY)
        .ok_or_else(|| Error::TensorMissing(tensors::VOCABULARY.into()))?;
    // Bounds the sum of all tensors; a piece has at most this many bytes and a line break.
    let most = manifest.architecture.vocabulary() * (limits::PIECE_BYTES + 1);
    let words = match words.shape[..] {
        [bytes] if bytes <= most as u64 => bytes as usize,
        _ => most,
    };
    let table = tensors::table(manifest, words);
    if let Some((name, _)) = listed
        .iter()
        .find(|(n, _)| table.iter().all(|t| t.name != *n))
    {
        return Err(Error::TensorUnexpected {
            name: clip(name),
            kind: manifest.kind,
        });
    }
    for tensor in &table {
        let (_, entry) =
            find(&tensor.name).ok_or_else(|| Error::TensorMissing(tensor.name.clone()))?;
        check_entry(tensor, entry)?;
    }
    check_end(table.last().map_or(0, |tensor| tensor.end), parts)?;
    Ok(table)
}

/// Checks that the tensors end where the file does.
fn check_end(want: u64, parts: &Parts<'_>) -> Result<(), Error> {
    let found = parts.region.len() as u64;
    if found < want {
        let before = 8 + parts.header.len() as u64;
        return Err(Error::Truncated {
            want: before + want,
            found: before + found,
        });
    }
    if found > want {
        return Err(Error::Trailing(found - want));
    }
    Ok(())
}

/// Compares what the header says of a tensor with what the architecture wants.
fn check_entry(tensor: &Tensor, entry: &Entry) -> Result<(), Error> {
    let Layout { dtype, shape } = &tensor.layout;
    if entry.dtype != dtype.name() || entry.shape != *shape {
        return Err(Error::TensorLayout {
            name: tensor.name.clone(),
            want: tensor.layout.to_string(),
            found: tensors::show(&clip(&entry.dtype), &entry.shape),
        });
    }
    let (begin, end) = entry.place;
    let fault = if (begin, end) == (tensor.begin, tensor.end) {
        return Ok(());
    } else if end < begin {
        Misplaced::Reversed
    } else if begin > tensor.begin {
        Misplaced::Hole
    } else if begin < tensor.begin {
        Misplaced::Overlap
    } else {
        Misplaced::Length
    };
    Err(Error::TensorPlace {
        name: tensor.name.clone(),
        fault,
        want: (tensor.begin, tensor.end),
        found: (begin, end),
    })
}

/// Compares the start of the file with the one spelling of its header.
fn check_spelling(spelt: &[u8], bytes: &[u8]) -> Result<(), Error> {
    match spelt.iter().zip(bytes).position(|(a, b)| a != b) {
        Some(at) => Err(Error::HeaderSpelling(at)),
        None => Ok(()),
    }
}

/// Where in the file the digits of its hash stand.
fn digits_at(want: &str, header: &str) -> Result<usize, Error> {
    let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let windows = header.as_bytes().windows(DIGITS);
    let is = |window: &[u8]| window == want.as_bytes();
    match windows.clone().position(is) {
        Some(at)
            if windows.rev().position(is) == Some(header.len() - DIGITS - at)
                && want.bytes().all(digit) =>
        {
            Ok(header::PREFIX + at)
        }
        _ => Err(Error::HashText(clip(want))),
    }
}

/// Compares the file's hash with the manifest's.
fn check_hash(want: &str, found: String) -> Result<(), Error> {
    if found == want {
        return Ok(());
    }
    Err(Error::Hash {
        want: want.to_owned(),
        found,
    })
}

/// SHA-256 of the file with the digits at `at` taken as zeros, in lower-case hexadecimal.
pub(crate) fn hash(bytes: &[u8], at: usize) -> String {
    let mut hasher = Sha256::new();
    hasher.update(&bytes[..at]);
    hasher.update([b'0'; DIGITS]);
    hasher.update(&bytes[at + DIGITS..]);
    hexadecimal(&hasher.finalize())
}

/// The tensors' bytes, by name.
struct Region<'a> {
    table: Vec<Tensor>,
    bytes: &'a [u8],
}

impl Region<'_> {
    fn student(&self, shape: &StudentShape) -> Result<StudentWeights, Error> {
        Ok(StudentWeights {
            embedding: self.embedding()?,
            shared: if shape.shared {
                self.floats("embedding.shared")?
            } else {
                Vec::new()
            },
            forward: self.direction("lstm.forward")?,
            backward: self.direction("lstm.backward")?,
            attention: Attention {
                projection: self.quantized("attention.projection")?,
                bias: self.floats("attention.bias")?,
                vector: self.floats("attention.vector")?,
            },
            classifier: self.dense("classifier")?,
            decoder: match shape.decoder {
                Some(_) => Some(Box::new(self.decoder()?)),
                None => None,
            },
            encoder: match &shape.encoder {
                Some(shape) => Some(Box::new(self.encoder(tensors::ENCODER, shape)?)),
                None => None,
            },
        })
    }

    /// The same integers, whether they fill a byte or half of one.
    fn embedding(&self) -> Result<Quantized, Error> {
        const NAME: &str = "embedding";
        if self.tensor(NAME)?.layout.dtype == Dtype::I8 {
            return self.quantized(NAME);
        }
        let (rows, bytes) = self.sides(NAME)?;
        Ok(Quantized {
            rows,
            columns: 2 * bytes,
            values: self.bytes(NAME)?.iter().flat_map(|b| unpack(*b)).collect(),
            scales: self.floats("embedding.scale")?,
        })
    }

    fn decoder(&self) -> Result<DecoderWeights, Error> {
        Ok(DecoderWeights {
            start: self.quantized("decoder.start")?,
            prefix: self.floats("decoder.prefix")?,
            lstm: self.direction("decoder.lstm")?,
            query: self.quantized("decoder.query")?,
            combine: self.quantized("decoder.combine")?,
            combine_bias: self.floats("decoder.combine.bias")?,
            gate: self.dense("decoder.gate")?,
            word_bias: self.floats("decoder.word.bias")?,
            end: self.dense("decoder.end")?,
        })
    }

    fn teacher(&self, shape: &TeacherShape) -> Result<TeacherWeights, Error> {
        let dense = shape.dense != Activation::None;
        Ok(TeacherWeights {
            encoder: self.encoder("", &shape.encoder())?,
            dense: dense.then(|| self.linear("head.dense")).transpose()?,
            classifier: self.dense("classifier")?,
        })
    }

    fn encoder(&self, prefix: &str, shape: &EncoderShape) -> Result<EncoderWeights, Error> {
        let embedding = format!("{prefix}embedding");
        Ok(EncoderWeights {
            word: self.matrix(&format!("{embedding}.word"))?,
            position: self.matrix(&format!("{embedding}.position"))?,
            types: if shape.types > 0 {
                self.floats(&format!("{embedding}.type"))?
            } else {
                Vec::new()
            },
            norm: self.norm(&embedding)?,
            layers: (0..shape.layers)
                .map(|index| self.layer(&format!("{prefix}layer.{index}")))
                .collect::<Result<_, _>>()?,
        })
    }

    fn layer(&self, name: &str) -> Result<Layer, Error> {
        let linear = |part: &str| self.linear(&format!("{name}.{part}"));
        let norm = |part: &str| self.norm(&format!("{name}.{part}"));
        Ok(Layer {
            query: linear("attention.query")?,
            key: linear("attention.key")?,
            value: linear("attention.value")?,
            output: linear("attention.output")?,
            attention_norm: norm("attention")?,
            expand: linear("feedforward.input")?,
            contract: linear("feedforward.output")?,
            feedforward_norm: norm("feedforward")?,
        })
    }

    fn linear(&self, name: &str) -> Result<Linear, Error> {
        Ok(Linear {
            weight: self.matrix(name)?,
            bias: self.floats(&format!("{name}.bias"))?,
        })
    }

    fn norm(&self, name: &str) -> Result<Norm, Error> {
        Ok(Norm {
            weight: self.floats(&format!("{name}.norm.weight"))?,
            bias: self.floats(&format!("{name}.norm.bias"))?,
        })
    }

    fn dense(&self, name: &str) -> Result<Dense, Error> {
        let weight = format!("{name}.weight");
        let (rows, columns) = self.sides(&weight)?;
        Ok(Dense {
            rows,
            columns,
            weight: self.floats(&weight)?,
            bias: self.floats(&format!("{name}.bias"))?,
        })
    }

    fn direction(&self, name: &str) -> Result<Direction, Error> {
        Ok(Direction {
            input: self.quantized(&format!("{name}.input"))?,
            recurrent: self.quantized(&format!("{name}.recurrent"))?,
            bias: self.floats(&format!("{name}.bias"))?,
        })
    }

    fn quantized(&self, name: &str) -> Result<Quantized, Error> {
        let (rows, columns) = self.sides(name)?;
        let values = self.bytes(name)?;
        Ok(Quantized {
            rows,
            columns,
            values: values.iter().map(|b| b.cast_signed()).collect(),
            scales: self.floats(&format!("{name}.scale"))?,
        })
    }

    /// In the format that the table has it in.
    fn matrix(&self, name: &str) -> Result<Matrix, Error> {
        if self.tensor(name)?.layout.dtype == Dtype::I8 {
            return self.quantized(name).map(Matrix::Int8);
        }
        let (rows, bytes) = self.sides(name)?;
        Ok(Matrix::Int4(Packed {
            rows,
            columns: 2 * bytes,
            values: self.bytes(name)?.to_vec(),
            scales: self.floats(&format!("{name}.scale"))?,
        }))
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>, Error> {
        let (values, _) = self.bytes(name)?.as_chunks::<4>();
        Ok(values.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn sides(&self, name: &str) -> Result<(usize, usize), Error> {
        match self.tensor(name)?.layout.shape[..] {
            [rows, columns] => Ok((rows as usize, columns as usize)),
            _ => Err(Error::TensorMissing(name.to_owned())),
        }
    }

    fn bytes(&self, name: &str) -> Result<&[u8], Error> {
        let tensor = self.tensor(name)?;
        self.bytes
            .get(tensor.begin as usize..tensor.end as usize)
            .ok_or_else(|| Error::TensorMissing(name.to_owned()))
    }

    fn tensor(&self, name: &str) -> Result<&Tensor, Error> {
        let found = self.table.iter().find(|tensor| tensor.name == name);
        found.ok_or_else(|| Error::TensorMissing(name.to_owned()))
    }
}
