//! The teacher: a BERT-class classifier read from a Hugging Face directory or hub id.

mod config;
mod encoder;
mod fits;
mod frozen;
mod hub;
mod slices;
mod tokenizer;
mod weights;

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use std::path::Path;

use crate::recipe::Pooling;

pub use config::{Config, Family};
pub use encoder::{Batch, Encoder, Fresh, mean_pool};
pub use frozen::Frozen;
pub(crate) use frozen::{Network, TOKENS_TOGETHER};
pub use hub::{check_folder, is_id, locate};
pub(crate) use slices::{Keep, Slices};
pub use tokenizer::{Encoded, TeacherTokenizer};
pub(crate) use weights::{Names, Part};
pub use weights::{Weights, floats_of};

/// Files of a teacher's directory.
pub const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// An encoder, its head, its tokenizer and the device they are on.
pub struct Teacher {
    /// Sizes, labels and head.
    pub config: Config,
    /// Weights.
    pub encoder: Encoder,
    /// Tokenizer.
    pub tokenizer: TeacherTokenizer,
    /// Where the weights are.
    pub device: Device,
}

/// What to put on top of an encoder.
#[derive(Debug, Clone, Copy)]
pub enum Head<'a> {
    /// The head that the directory holds.
    Own,
    /// One with these labels and this pooling: the directory's own if it is that, else a new one.
    New(&'a [String], Pooling),
}

impl Teacher {
    /// Token ids of texts, special ones included: at most `most` of a text, and no more than there are positions for.
    pub fn ids<T: AsRef<str>>(
        &self,
        texts: impl IntoIterator<Item = T>,
        most: usize,
    ) -> Result<Vec<Vec<u32>>> {
        let most = most.min(self.config.max_length());
        let encode = |text: T| Ok(self.tokenizer.encode(text.as_ref(), &[], most)?.ids);
        texts.into_iter().map(encode).collect()
    }

    /// Reads a directory that holds [`FILES`].
    pub fn load(directory: &Path, head: Head, device: &Device) -> Result<Self> {
        let in_directory = || format!("teacher {}", directory.display());
        let mut config = Config::read(directory)?;
        let mut fresh = Fresh::Nothing;
        if let Head::New(labels, pooling) = head {
            let own = config.labels == labels && config.pooling == pooling;
            fresh = if own { Fresh::Missing } else { Fresh::Logits };
            config = config.with_head(labels, pooling);
        }
        let tokenizer = TeacherTokenizer::read(directory)?;
        let path = directory.join(FILES[2]);
        let weights =
            std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let weights = Weights::read(&weights).with_context(in_directory)?;
        let encoder = Encoder::load(&config, &weights, fresh, device).with_context(in_directory)?;
        let (piece, id) = tokenizer.last_piece().with_context(in_directory)?;
        ensure!(
            (id as usize) < config.vocabulary,
            "{}: tokenizer.json gives {piece:?} the id {id}, config.json's vocab_size is {}; take both files of one checkpoint",
            in_directory(),
            config.vocabulary
        );
        Ok(Self {
            config,
            encoder,
            tokenizer,
            device: device.clone(),
        })
    }

    /// The three files of this teacher as bytes, by name.
    pub fn files(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        Ok(vec![
            (FILES[0], self.config.to_json().into_bytes()),
            (FILES[1], self.tokenizer.json().as_bytes().to_vec()),
            (FILES[2], self.encoder.weights(&self.config)?.write()?),
        ])
    }

    /// Errors unless the teacher's labels are `labels`, in this order.
    pub fn expect_labels(&self, labels: &[String]) -> Result<()> {
        ensure!(
            self.config.labels == labels,
            "the teacher's labels are {:?}, the data's are {labels:?}; set data.labels in the recipe \
             to the teacher's order",
            self.config.labels
        );
        Ok(())
    }
}
