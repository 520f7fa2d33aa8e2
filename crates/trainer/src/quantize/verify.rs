//! Compares a quantized teacher, run by the runtime, with the float teacher it was made from.

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use stillglass_bundle::WeightFormat;
use stillglass_runtime::{Method, Model};

use super::{Kept, Storage};
use crate::agreement::cosine;
use crate::attribution::{Explainer, place_of, was_read};
use crate::export::changes;
use crate::recipe::Target;
use crate::teacher::{Frozen, Teacher};

/// Texts run through the float teacher at a time.
const BATCH: usize = 32;

/// What quantization changed: the bundle against the float teacher, both reading the bundle's tokens.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Fidelity {
    /// Texts compared.
    pub texts: usize,
    /// Share of texts with another label.
    pub labels_changed: f64,
    /// 99th percentile of the absolute change of a probability.
    pub probability_change_p99: f64,
}

/// The most that quantization may change: share of labels, and 99th percentile of a probability.
fn allowed(storage: Storage) -> (f64, f64) {
    match (storage.weights, storage.embeddings) {
        (WeightFormat::Int8, WeightFormat::Int8) => (0.01, 0.05),
        _ => (0.03, 0.2),
    }
}

/// Compares the bundle, run by the runtime, with the float teacher on the same tokens. Errors when
/// they differ by more than rounding can explain.
pub fn verify(
    model: &Model,
    teacher: &Teacher,
    kept: &Kept,
    storage: Storage,
    texts: &[&str],
) -> Result<Fidelity> {
    let old = |id: u32| kept.old[id as usize];
    let most = model.manifest().max_tokens;
    let ids: Vec<Vec<u32>> = texts
        .iter()
        .map(|text| {
            let inside = model.tokenizer().encode(text, most).ids;
            let ends = std::iter::once(kept.first).chain(inside);
            ends.chain([kept.last]).map(old).collect()
        })
        .collect();
    let float = Frozen::new(teacher)?.logits(&ids, BATCH, |_| ())?;
    let changes = changes(&model.classify(texts, None)?, &float);
    let fidelity = Fidelity {
        texts: texts.len(),
        labels_changed: changes.labels,
        probability_change_p99: changes.percentile,
    };
    let (labels, probability) = allowed(storage);
    ensure!(
        changes.labels <= labels && changes.percentile <= probability,
        "quantize: {:.2} % of {} labels change (at most {:.2} %), and probabilities by {:.4} at the 99th \
         percentile (at most {probability}); use --bits 8, or --embedding-bits 8, or name training texts \
         with --data",
        100.0 * changes.labels,
        texts.len(),
        100.0 * labels,
        changes.percentile,
    );
    Ok(fidelity)
}

/// Logits of the float teacher on its own tokens.
pub fn float_logits(
    teacher: &Teacher,
    texts: &[&str],
    done: impl Fn(usize) + Sync,
) -> Result<Vec<Vec<f32>>> {
    let ids = teacher.ids(texts, usize::MAX)?;
    Frozen::new(teacher)?.logits(&ids, BATCH, done)
}

/// How alike the words' weights are, by integrated gradients of the bundle and of the float teacher.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Likeness {
    /// Texts compared; those without a word are left out.
    pub texts: usize,
    /// Median over them of the cosine, from -1 to 1.
    pub cosine: f64,
    /// The least of them.
    pub least: f64,
}

/// Explains texts with both. `None` where no text has a word.
///
/// A text's cosine is over its words' weights for all classes; the float teacher reads its own tokens, at
/// as many nodes as the bundle took.
pub fn likeness(
    model: &Model,
    teacher: &Teacher,
    texts: &[&str],
    mut done: impl FnMut(usize),
) -> Result<Option<Likeness>> {
    let frozen = Frozen::new(teacher)?;
    let mut cosines = Vec::new();
    for text in texts {
        cosines.extend(alike(model, &frozen, text)?);
        done(1);
    }
    cosines.sort_by(f64::total_cmp);
    Ok(cosines.first().map(|&least| Likeness {
        texts: cosines.len(),
        cosine: cosines[cosines.len() / 2],
        least,
    }))
}

/// The cosine of one text's explanations; `None` where one of them is zero.
fn alike(model: &Model, frozen: &Frozen, text: &str) -> Result<Option<f64>> {
    let mut answers = model.classify(&[text], Some(Method::IntegratedGradients))?;
    let answer = answers.pop().context("the runtime gave no answer")?;
    let found = answer
        .explanation
        .context("the runtime gave no explanation")?;
    let words = model.tokenizer().words(text);
    let most = model.manifest().max_tokens + 2;
    let encoded = frozen.teacher.tokenizer.encode(text, &words, most)?;
    let explainer = Explainer::new(frozen, found.nodes, Target::Logit, found.nodes)?;
    let mut float = explainer.explain(&[&encoded], &[encoded.words_read(words.len())])?;
    let float = float
        .pop()
        .context("the teacher gave no explanation")?
        .words;
    // Of a text that is too long the one may read more than the other.
    let both = found.words.iter();
    let both = both.map(|word| (word, place_of(&words, word.bytes.start)));
    let both = both.filter(|(_, place)| was_read(&float, *place));
    let gave = both.flat_map(|(word, place)| {
        let classes = word.weights.iter().zip(&float);
        classes.map(move |(own, float)| (f64::from(*own), f64::from(float[place])))
    });
    let (own, float): (Vec<f64>, Vec<f64>) = gave.unzip();
    Ok(cosine(&own, &float))
}
