//! A teacher's first layers before a student, quantized as its bundle will have them.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use stillglass_bundle::{EncoderShape, WeightFormat, limits};
use stillglass_runtime::FirstLayers;

use super::Source;
use crate::recipe::StudentSection;
use crate::teacher::{Config, Family, Names, Teacher, TeacherTokenizer};
use crate::vocabulary::{Vocabulary, check_width};

/// What is said where a teacher's pieces cannot be a student's.
const OF_ANOTHER_KIND: &str = "student.layers: a student shares its pieces with the layers before it, which are those of a \
                               bert or distilbert teacher with a WordPiece vocabulary; leave it at 0";

/// What students hang on of the base from which their teacher begins, without its weights.
pub struct Outline {
    config: Config,
    tokenizer: TeacherTokenizer,
}

impl Outline {
    /// Reads it in the base's folder. Errors where no student could read texts as such a teacher does.
    pub fn read(directory: &Path) -> Result<Self> {
        let (config, tokenizer) = (Config::read(directory)?, TeacherTokenizer::read(directory)?);
        let within = || format!("teacher {}", directory.display());
        tokenizer.special().with_context(within)?;
        Vocabulary::of_tokenizer(&tokenizer).with_context(within)?;
        Ok(Self { config, tokenizer })
    }

    /// Errors where no student of these sizes could start from such a teacher, whatever that learns. Answers the layers
    /// before the student, and how they are stored, where there are any.
    pub fn check(&self, section: &StudentSection) -> Result<Option<(EncoderShape, WeightFormat)>> {
        check_sizes(&self.config, section)?;
        if section.layers == 0 {
            return Ok(None);
        }
        check_tokenizer(&self.tokenizer)?;
        Ok(Some((shape(&self.config, section), format(section))))
    }
}

/// How the layers are stored.
fn format(section: &StudentSection) -> WeightFormat {
    match section.layer_bits {
        4 => WeightFormat::Int4,
        _ => WeightFormat::Int8,
    }
}

fn check_sizes(config: &Config, section: &StudentSection) -> Result<()> {
    check_width(section.embedding, config.hidden)?;
    let (count, most) = (section.layers, config.max_length().saturating_sub(2));
    if count == 0 {
        return Ok(());
    }
    ensure!(config.family != Family::Roberta, "{OF_ANOTHER_KIND}");
    ensure!(
        count <= config.layers,
        "student.layers is {count}, of {} that the teacher has; lower it",
        config.layers
    );
    ensure!(
        section.max_tokens <= most,
        "student.max_tokens is {}, and the teacher's layers have places for {most}; lower it",
        section.max_tokens
    );
    for size in [config.hidden, config.intermediate] {
        ensure!(
            section.layer_bits != 4 || size.is_multiple_of(limits::GROUP),
            "student.layer_bits: 4 bits want the teacher's widths to be multiples of {}, and one is {size}; set it to 8",
            limits::GROUP
        );
    }
    Ok(())
}

/// Errors where a student behind a teacher's layers could not read texts as these have learnt to.
fn check_tokenizer(tokenizer: &TeacherTokenizer) -> Result<()> {
    tokenizer.word_pieces()?.context(OF_ANOTHER_KIND)?;
    tokenizer
        .check_for_bundle()
        .context("student.layers: the student's bundle could not read texts for the layers")
}

/// Of the layers before a student.
fn shape(config: &Config, section: &StudentSection) -> EncoderShape {
    EncoderShape {
        hidden: config.hidden,
        layers: section.layers,
        heads: config.heads,
        intermediate: config.intermediate,
        positions: section.max_tokens + 2,
        types: config.token_types,
        epsilon: config.layer_norm_eps as f32,
    }
}

/// A teacher's first layers for a student with this vocabulary, of as many bits as the recipe wants.
pub fn first_layers(
    teacher: &Teacher,
    vocabulary: &Vocabulary,
    section: &StudentSection,
) -> Result<FirstLayers> {
    let config = &teacher.config;
    check_sizes(config, section)?;
    check_tokenizer(&teacher.tokenizer)?;
    let pieces = teacher.tokenizer.word_pieces()?.unwrap_or_default();
    let ids: HashMap<&str, u32> = pieces.iter().map(String::as_str).zip(0..).collect();
    let id = |piece: &String| {
        let id = ids.get(piece.as_str()).copied();
        id.with_context(|| format!("student.layers: the teacher has no piece {piece}"))
    };
    let (first, last) = teacher.tokenizer.special()?;
    let mut rows = vocabulary
        .pieces
        .iter()
        .map(id)
        .collect::<Result<Vec<_>>>()?;
    rows.extend([first, last]);
    let (shape, format) = (shape(config, section), format(section));
    let source = Source {
        weights: teacher.encoder.weights(config)?,
        names: Names::classifier(config.family),
        embeddings: format,
        format,
        shape,
        inputs: None,
    };
    Ok(FirstLayers::new(shape, source.encoder(&rows)?))
}
