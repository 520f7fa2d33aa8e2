//! Writes the bundles that `cargo xtask bench` measures, `FOLDER/NAME/model.glass` each: students and a
//! teacher with made-up weights, of the shapes that are compared and of those that grow.
//!
//! `cargo run --package stillglass-tests --example bench_bundles -- STUDENT.glass FOLDER`; the words are
//! those of that student's vocabulary, which is measured too.

#[allow(dead_code)] // what only the tests use
#[path = "../tests/student/made_up.rs"]
mod made_up;
#[allow(dead_code)]
#[path = "../tests/gpu/made_up_teacher.rs"]
mod made_up_teacher;

use std::collections::HashSet;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use made_up::{Draw, Numbers, PLAIN, Sizes, bundle_of};
use made_up_teacher::{SHAPE, teacher_of};
use stillglass_bundle::{Bundle, TeacherShape, WeightFormat};

/// Weights so large that a text moves its logits, so small that no gate is saturated.
const LIVELY: Draw = Draw {
    scale: |numbers, columns| 3.0 * (PLAIN.scale)(numbers, columns),
    ..PLAIN
};

/// `MiniLM-L6`.
const MINILM: TeacherShape = TeacherShape {
    hidden: 384,
    layers: 6,
    heads: 12,
    intermediate: 1536,
    positions: 512,
    ..SHAPE
};
/// Its pieces.
const MINILM_VOCABULARY: usize = 30_522;

/// Embedding, hidden and attention sizes of the students that grow, beside the one that is compared.
const WIDTHS: [usize; 4] = [32, 64, 128, 256];
/// Pieces of the students whose vocabulary grows.
const VOCABULARIES: [usize; 4] = [2_000, 8_000, 32_000, 128_000];
/// What other sizes have while the vocabulary grows.
const WIDTH: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(student), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("name a student's bundle and the folder to write to".into());
    };
    let student = Bundle::read(&fs::read(student)?)?;
    let words = student.vocabulary.clone();
    let mut bundles = vec![
        ("finance".to_owned(), student),
        ("minilm".to_owned(), minilm(&words)),
    ];
    for width in WIDTHS {
        let size = words.len();
        bundles.push((format!("student-{width}"), made_up(&words, size, width)));
    }
    for size in VOCABULARIES {
        bundles.push((format!("pieces-{size}"), made_up(&words, size, WIDTH)));
    }
    for (name, bundle) in bundles {
        let place = folder.join(name);
        fs::create_dir_all(&place)?;
        fs::write(place.join("model.glass"), bundle.write()?)?;
    }
    Ok(())
}

/// A student of so many pieces, all other sizes `width`.
fn made_up(words: &[String], size: usize, width: usize) -> Bundle {
    let sizes = Sizes {
        embedding: width,
        hidden: width,
        attention: width,
        labels: 3,
        max_tokens: 512,
    };
    bundle_of(grown(words.to_vec(), size), 5, sizes, &LIVELY)
}

fn minilm(words: &[String]) -> Bundle {
    let specials = ["[UNK]", "[CLS]", "[SEP]", "[PAD]"].map(str::to_owned);
    let others = words
        .iter()
        .filter(|word| !specials.contains(word))
        .cloned();
    let vocabulary = specials.iter().cloned().chain(others).collect();
    let vocabulary = grown(vocabulary, MINILM_VOCABULARY);
    teacher_of(vocabulary, 5, MINILM, WeightFormat::Int8)
}

/// A vocabulary cut or filled up to a size: cut to pieces from all of it, since an order has words at its end only; what
/// fills it up looks like words.
fn grown(mut vocabulary: Vec<String>, size: usize) -> Vec<String> {
    if size < vocabulary.len() {
        let from_all = (0..size).map(|at| vocabulary[at * vocabulary.len() / size].clone());
        return from_all.collect();
    }
    let mut numbers = Numbers(11);
    let mut known: HashSet<String> = vocabulary.iter().cloned().collect();
    while vocabulary.len() < size {
        let length = 5 + numbers.below(6);
        let word: String = (0..length).map(|at| letter(at, &mut numbers)).collect();
        if known.insert(word.clone()) {
            vocabulary.push(word);
        }
    }
    vocabulary
}

/// A consonant or a vowel, in turn.
fn letter(at: usize, numbers: &mut Numbers) -> char {
    let letters: &[u8] = [&b"bcdfghklmnprstvz"[..], b"aeiou"][at % 2];
    char::from(letters[numbers.below(letters.len())])
}
