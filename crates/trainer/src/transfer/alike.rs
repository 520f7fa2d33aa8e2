//! Words that a teacher reads alike, one of which may stand for another in a variant.

use anyhow::Result;
use rayon::prelude::*;
use std::collections::HashMap;
use stillglass_text::SEPARATOR;

use crate::product::{Matrix, add_product, unit};
use crate::teacher::{Batch, Teacher, floats_of, mean_pool};

/// Words of which one is drawn.
const NEAREST: usize = 8;

/// Fewest uses of a word that may stand for others: rarer ones teach little, and are most.
const USED: usize = 2;

/// Most tokens of a word that is like others. A text without blanks is one word.
const LONGEST: usize = 32;

/// Words that are embedded, and that are compared with all others, at a time.
const TOGETHER: usize = 256;

/// For each word the words that are most like it.
#[derive(Debug, Clone, Default)]
pub struct Alike<'a>(HashMap<&'a str, Vec<&'a str>>);

/// One word however it is spelled: as the teacher's tokens.
struct Read<'a> {
    ids: Vec<u32>,
    spelled: &'a str,
    used: usize,
}

impl<'a> Alike<'a> {
    /// Of all words of `texts`, split at white space, by the teacher's embeddings of their tokens: the nearest by the
    /// cosine of their means, less the mean of all words.
    pub fn new(texts: &[&'a str], teacher: &Teacher) -> Result<Self> {
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut places: HashMap<Vec<u32>, usize> = HashMap::new();
        let mut words: Vec<Read> = Vec::new();
        let parts = texts.iter().flat_map(|text| text.split(SEPARATOR));
        for spelled in parts.flat_map(str::split_whitespace) {
            if let Some(place) = known.get(spelled) {
                words[*place].used += 1;
                continue;
            }
            let ids = tokens(teacher, spelled)?;
            if !(1..=LONGEST).contains(&ids.len()) {
                continue;
            }
            let place = *places.entry(ids.clone()).or_insert(words.len());
            if place == words.len() {
                words.push(Read {
                    ids,
                    spelled,
                    used: 0,
                });
            }
            words[place].used += 1;
            known.insert(spelled, place);
        }
        let vectors = embedded(teacher, &words)?;
        let candidates: Vec<usize> = (0..words.len())
            .filter(|&place| words[place].used >= USED)
            .collect();
        let nearest = nearest(&vectors, teacher.config.hidden, &candidates, NEAREST);
        let spelled = |place: &usize| -> Vec<&str> {
            let nearest = nearest[*place].iter();
            nearest.map(|&other| words[other].spelled).collect()
        };
        let alike = known.iter().map(|(word, place)| (*word, spelled(place)));
        Ok(Self(alike.collect()))
    }

    /// These words and no others.
    #[cfg(test)]
    pub(super) fn of<const N: usize>(words: [(&'a str, Vec<&'a str>); N]) -> Self {
        Self(words.into())
    }

    /// The words most like one of the texts, the most alike first; none of a word that they do not have.
    pub fn to(&self, word: &str) -> &[&'a str] {
        self.0.get(word).map_or(&[], Vec::as_slice)
    }
}

/// A word's tokens as it stands inside a text, without those at the ends.
fn tokens(teacher: &Teacher, word: &str) -> Result<Vec<u32>> {
    let inside = format!(" {word}");
    let mut ids = teacher.tokenizer.encode(&inside, &[], usize::MAX)?.ids;
    ids.pop();
    ids.drain(..ids.len().min(1));
    Ok(ids)
}

/// Directions of the words from their mean, `[words, hidden]`.
fn embedded(teacher: &Teacher, words: &[Read]) -> Result<Vec<f32>> {
    let encoder = teacher.encoder.frozen();
    let hidden = teacher.config.hidden;
    let mut vectors = Vec::with_capacity(words.len() * hidden);
    for chunk in words.chunks(TOGETHER) {
        let ids: Vec<&[u32]> = chunk.iter().map(|word| word.ids.as_slice()).collect();
        let batch = Batch::new(&ids, teacher.config.padding, &teacher.device);
        let tokens = encoder.embed(batch.ids);
        vectors.extend(floats_of(mean_pool(tokens, batch.mask))?);
    }
    let mut mean = vec![0f64; hidden];
    for vector in vectors.chunks(hidden) {
        for (sum, value) in mean.iter_mut().zip(vector) {
            *sum += f64::from(*value) / words.len() as f64;
        }
    }
    for vector in vectors.chunks_mut(hidden) {
        let turned: Vec<f32> = vector
            .iter()
            .zip(&mean)
            .map(|(value, mean)| value - *mean as f32)
            .collect();
        vector.copy_from_slice(&unit(&turned));
    }
    Ok(vectors)
}

/// For each row of `vectors [rows, width]` the `count` of `candidates` whose rows have the largest product with it, the
/// largest first and itself left out; of equals the first.
fn nearest(vectors: &[f32], width: usize, candidates: &[usize], count: usize) -> Vec<Vec<usize>> {
    let others = candidates.iter();
    let others: Vec<f32> = others
        .flat_map(|place| &vectors[place * width..][..width])
        .copied()
        .collect();
    let chunks = vectors.par_chunks(TOGETHER * width).enumerate();
    let chunks = chunks.map(|(chunk, own)| {
        let rows = own.len() / width;
        let mut products = vec![0.0; rows * candidates.len()];
        add_product(
            1.0,
            Matrix::whole(own, rows, width),
            Matrix::whole(&others, candidates.len(), width).transposed(),
            &mut products,
            candidates.len(),
        );
        let of_row = |at: usize| {
            let products = &products[at * candidates.len()..][..candidates.len()];
            let mut places: Vec<usize> = (0..candidates.len())
                .filter(|&place| candidates[place] != chunk * TOGETHER + at)
                .collect();
            let order = |a: &usize, b: &usize| products[*b].total_cmp(&products[*a]).then(a.cmp(b));
            if places.len() > count {
                places.select_nth_unstable_by(count, order);
                places.truncate(count);
            }
            places.sort_unstable_by(order);
            // By reference: a list made of the old one would keep its room, which is that of all candidates.
            places.iter().map(|&place| candidates[place]).collect()
        };
        (0..rows).map(of_row).collect::<Vec<_>>()
    });
    chunks.collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::processor;
    use crate::teacher::Head;
    use std::path::Path;

    /// The definition, in f64.
    fn by_definition(
        vectors: &[f32],
        width: usize,
        candidates: &[usize],
        count: usize,
    ) -> Vec<Vec<usize>> {
        let row = |place: usize| &vectors[place * width..][..width];
        let product = |a: usize, b: usize| -> f64 {
            let terms = row(a).iter().zip(row(b));
            terms.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let all = 0..vectors.len() / width;
        all.map(|own| {
            let mut others: Vec<usize> = candidates.to_vec();
            others.retain(|&other| other != own);
            others.sort_by(|&a, &b| product(own, b).total_cmp(&product(own, a)));
            others.truncate(count);
            others
        })
        .collect()
    }

    #[test]
    fn the_nearest_are_those_of_the_definition() {
        for (rows, width, count) in [(1, 1, 3), (5, 3, 8), (257, 7, 8), (600, 17, 1)] {
            // Whole numbers, whose products are exact, and few of them equal.
            let vectors: Vec<f32> = (0..rows * width)
                .map(|i| ((i * 7919 + i / 13) % 401) as f32 - 200.0)
                .collect();
            let candidates: Vec<usize> = (0..rows).filter(|row| row % 3 != 1).collect();
            assert_eq!(
                nearest(&vectors, width, &candidates, count),
                by_definition(&vectors, width, &candidates, count),
                "{rows} rows of {width}"
            );
        }
        assert_eq!(nearest(&[], 4, &[], 2), Vec::<Vec<usize>>::new());
    }

    /// One word of more tokens than are looked at, twice.
    const LONG: &str = "木木木木木木木木木木木木木木木木木木木木木木木木木木木木木木木木木";

    #[test]
    fn words_stand_for_each_other_however_they_are_spelled() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert");
        let teacher = Teacher::load(&folder, Head::Own, &processor()).unwrap();
        let texts = [
            "the Profit rose\u{1f}profit fell",
            "PROFITS rose again",
            LONG,
            LONG,
            "profits fell, the mill rose",
        ];
        let alike = Alike::new(&texts, &teacher).unwrap();
        // "fell" and "fell," are two words, each used once, so that neither is offered.
        let mut offered = alike.to("again").to_vec();
        offered.sort_unstable();
        assert_eq!(offered, ["PROFITS", "Profit", "rose", "the"]);
        for spelled in ["Profit", "profit"] {
            let mut offered = alike.to(spelled).to_vec();
            offered.sort_unstable();
            assert_eq!(offered, ["PROFITS", "rose", "the"]);
        }
        assert_eq!(alike.to("profit"), alike.to("Profit"));
        assert!(alike.to("harbour").is_empty());
    }
}
