//! How good a student's reasons in words are.

use std::collections::HashSet;

use anyhow::{Context, Result};
use rand::RngExt;
use rand::seq::index::sample;
use serde::{Deserialize, Serialize};
use stillglass_text::{Tokenizer, Writer};

use super::lessons::{Start, prefix_of, speaks_answers};
use super::similarity::Similarity;
use crate::compare::Svm;
use crate::data::Example;
use crate::metrics::argmax;
use crate::recipe::Teaching;
use crate::student::{Heard, Last, Speaker, Student};
use crate::teacher::Teacher;
use crate::training::generator;
use crate::vocabulary::Vocabulary;

/// Training rows that a simulator learns from.
const SIMULATED: usize = 2000;

/// Share of a reason's words that the probe replaces.
const REPLACED: f64 = 0.5;

/// Letters by which a label is known in a reason: `contradiction` in "these contradict each other".
const STEM: usize = 6;

/// What is measured of reasons; each a mean over the rows asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReasonFigures {
    /// Test rows that reasons were asked of.
    pub rows: usize,
    /// Tokens of a reason.
    pub tokens: f64,
    /// Share of the reasons that end by themselves.
    pub ended: f64,
    /// exp of the mean surprise of the decoder by a token of people's reasons, where the data has any.
    pub perplexity: Option<f64>,
    /// F1 of the best matches between the tokens' states in the teacher, of a reason and the nearest one by people
    /// (`BERTScore`, Zhang et al. 2020, without its rescaling).
    pub similarity: Option<f64>,
    /// The same with people's reasons for another row: what any reason reaches.
    pub similarity_shuffled: Option<f64>,
    /// Share of the reasons that name the answer, and no other label.
    pub names_answer: f64,
    /// Share of the reasons that name another label.
    pub names_other: f64,
    /// How often a bag of words tells the student's answer from the reason alone: label leakage.
    pub leakage: f64,
    /// By how much a reason helps a bag of words to tell the student's answer, over rows whose reason leaks it and rows
    /// whose reason does not alike (LAS, Hase et al. 2020).
    pub las: f64,
    /// Accuracy of the answer that the decoder itself ends with, where it is taught to.
    pub answer_accuracy: Option<f64>,
    /// How often that is the answer of the label head.
    pub agrees: Option<f64>,
    /// By how much that accuracy falls when half of the reason's words are replaced at random (SCOTT, Wang et al.
    /// 2023): a decoder whose answer does not hang on its reason loses nothing.
    pub probe: Option<f64>,
}

/// A student that gives reasons, and what is needed to ask it.
pub struct Interview<'a> {
    /// The student, in float.
    pub student: &'a Student,
    /// Its pieces.
    pub vocabulary: &'a Vocabulary,
    /// How it was taught.
    pub teaching: Teaching,
    /// Names of the classes.
    pub labels: &'a [String],
    /// Most tokens of a text, and of a reason.
    pub most: [usize; 2],
    /// Whose states say how alike two reasons are.
    pub teacher: &'a Teacher,
}

/// Rows and what a student says of them.
struct Said<'a> {
    rows: Vec<&'a Example>,
    heard: Vec<Heard>,
    /// The label head's.
    answers: Vec<usize>,
    words: Vec<Vec<u32>>,
    lasts: Vec<Option<Last>>,
    texts: Vec<String>,
}

/// Asks for the reasons of `count` test rows, chosen by seed.
pub fn figures(
    asked: &Interview,
    [train, test]: [&[Example]; 2],
    count: usize,
    seed: u64,
) -> Result<ReasonFigures> {
    let tokenizer = asked.vocabulary.tokenizer()?;
    let unsayable = [Some(asked.vocabulary.unknown), asked.vocabulary.separator];
    let speaker = asked
        .student
        .speaker(unsayable.into_iter().flatten().collect());
    let speaker = speaker.context("the student has no decoder")?;
    let test = asked.say(&speaker, &tokenizer, chosen(test, count, seed))?;
    let train = asked.say(&speaker, &tokenizer, chosen(train, SIMULATED, seed))?;
    let all = test.rows.len().max(1) as f64;
    let share = |count: usize| count as f64 / all;
    let named = test.texts.iter().map(|text| named(text, asked.labels));
    let named: Vec<HashSet<usize>> = named.collect();
    let pairs = || named.iter().zip(&test.answers);
    let mut figures = ReasonFigures {
        rows: test.rows.len(),
        tokens: test.words.iter().map(Vec::len).sum::<usize>() as f64 / all,
        ended: share(test.lasts.iter().flatten().count()),
        names_answer: share(
            pairs()
                .filter(|(n, a)| n.len() == 1 && n.contains(a))
                .count(),
        ),
        names_other: share(
            pairs()
                .filter(|(n, a)| n.iter().any(|label| label != *a))
                .count(),
        ),
        ..ReasonFigures::default()
    };
    (figures.leakage, figures.las) = simulated(&train, &test, asked.labels.len());
    figures.perplexity = asked.perplexity(&speaker, &tokenizer, &test);
    if let Some([own, shuffled]) = asked.similarity(&test)? {
        (figures.similarity, figures.similarity_shuffled) = (Some(own), Some(shuffled));
    }
    if speaks_answers(asked.teaching) {
        let answers = answers(&speaker, &test, None);
        let right = |answers: &[usize]| {
            let gold = test.rows.iter().map(|row| row.label);
            share(
                gold.zip(answers)
                    .filter(|(gold, answer)| gold == *answer)
                    .count(),
            )
        };
        let pairs = answers.iter().zip(&test.answers);
        figures.agrees = Some(share(pairs.filter(|(own, head)| own == head).count()));
        let replaced = self::answers(&speaker, &test, Some(seed));
        figures.answer_accuracy = Some(right(&answers));
        figures.probe = Some(right(&answers) - right(&replaced));
    }
    Ok(figures)
}

impl Interview<'_> {
    fn say<'e>(
        &self,
        speaker: &Speaker,
        tokenizer: &Tokenizer,
        rows: Vec<&'e Example>,
    ) -> Result<Said<'e>> {
        let ids = rows
            .iter()
            .map(|row| tokenizer.encode(&row.text, self.most[0]).ids);
        let heard = self.student.hear(&ids.collect::<Vec<_>>())?;
        let answers: Vec<usize> = heard.iter().map(|heard| argmax(&heard.logits)).collect();
        let prefix = |heard: &Heard| prefix_of(self.teaching, argmax(&heard.logits));
        let said = speaker.write_all(&heard, prefix, self.most[1]);
        let (words, lasts): (Vec<_>, Vec<_>) = said.into_iter().unzip();
        let texts = words.iter().map(|words| self.text(words)).collect();
        Ok(Said {
            rows,
            heard,
            answers,
            words,
            lasts,
            texts,
        })
    }

    fn text(&self, words: &[u32]) -> String {
        let mut writer = Writer::new(self.vocabulary.lowercase);
        for &word in words {
            writer.push(&self.vocabulary.pieces[word as usize]);
        }
        writer.text().to_owned()
    }

    /// Of people's reasons, the first of each row.
    fn perplexity(&self, speaker: &Speaker, tokenizer: &Tokenizer, said: &Said) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0);
        for ((row, heard), &answer) in said.rows.iter().zip(&said.heard).zip(&said.answers) {
            let Some(reference) = row.references.first() else {
                continue;
            };
            let words = tokenizer.encode(reference, self.most[1]).ids;
            let prefix = prefix_of(self.teaching, answer);
            let surprise = speaker.surprise(heard, prefix, &words, Last::End);
            // A decoder that ends with an answer was never taught the end.
            sum += surprise[..words.len()].iter().sum::<f64>();
            count += words.len();
        }
        (count > 0).then(|| (sum / f64::from(count as u32)).exp())
    }

    /// With people's reasons for the same row, and for the next one.
    fn similarity(&self, said: &Said) -> Result<Option<[f64; 2]>> {
        let with: Vec<usize> = (0..said.rows.len())
            .filter(|&row| !said.rows[row].references.is_empty())
            .collect();
        if with.len() < 2 {
            return Ok(None);
        }
        let own: Vec<&str> = with.iter().map(|&row| said.texts[row].as_str()).collect();
        let own = Similarity::of(self.teacher, &own)?;
        let references = with.iter().map(|&row| {
            let texts: Vec<&str> = said.rows[row]
                .references
                .iter()
                .map(String::as_str)
                .collect();
            Similarity::of(self.teacher, &texts)
        });
        let references = references.collect::<Result<Vec<_>>>()?;
        let mean = |shift: usize| {
            let best = (0..with.len()).map(|row| {
                let others = &references[(row + shift) % with.len()];
                let alike = (0..others.len()).map(|other| own.f1(row, others, other));
                alike.fold(0.0, f64::max)
            });
            best.sum::<f64>() / with.len() as f64
        };
        Ok(Some([mean(0), mean(1)]))
    }
}

/// Some rows, by seed and in order; all where there are fewer.
fn chosen(rows: &[Example], count: usize, seed: u64) -> Vec<&Example> {
    // Of a question's choices reasons are taught for the right one.
    let asked = |row: &&Example| row.choice.is_none() || row.label == 1;
    let rows: Vec<&Example> = rows.iter().filter(asked).collect();
    let mut rng = generator(seed, "rows asked for reasons", 0);
    let mut chosen = sample(&mut rng, rows.len(), count.min(rows.len())).into_vec();
    chosen.sort_unstable();
    chosen.into_iter().map(|row| rows[row]).collect()
}

/// The labels that a text names, by the start of a word.
pub fn named(text: &str, labels: &[String]) -> HashSet<usize> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    let stem = |label: &str| label.to_lowercase().chars().take(STEM).collect::<String>();
    let is_named = |label: &String| {
        let stem = stem(label);
        words.iter().any(|word| word.starts_with(&stem))
    };
    (0..labels.len())
        .filter(|&label| is_named(&labels[label]))
        .collect()
}

/// The answer that the decoder gives after each reason, some of whose words are replaced by others where a seed says
/// which.
fn answers(speaker: &Speaker, said: &Said, replaced: Option<u64>) -> Vec<usize> {
    let all: Vec<u32> = said.words.concat();
    let after = said.heard.iter().zip(&said.words).enumerate();
    let after = after.map(|(row, (heard, words))| {
        let mut words = words.clone();
        if let Some(seed) = replaced {
            let mut rng = generator(seed, "words replaced", row as u64);
            for word in &mut words {
                if rng.random_bool(REPLACED) {
                    *word = all[rng.random_range(0..all.len())];
                }
            }
        }
        let following = speaker.after(heard, Start::Factual.row(), &words);
        argmax(following.answers())
    });
    after.collect()
}

/// How often a simulator tells the answers from the reasons alone, and what reasons add to the texts (LAS).
fn simulated(train: &Said, test: &Said, classes: usize) -> (f64, f64) {
    let both = |said: &Said| -> Vec<String> {
        let pairs = said.rows.iter().zip(&said.texts);
        pairs
            .map(|(row, reason)| format!("{} {reason}", row.text))
            .collect()
    };
    let texts =
        |said: &Said| -> Vec<String> { said.rows.iter().map(|row| row.text.clone()).collect() };
    let reasons = |said: &Said| said.texts.clone();
    let told = |of: &dyn Fn(&Said) -> Vec<String>| -> Vec<bool> {
        let (train_texts, test_texts) = (of(train), of(test));
        let svm = Svm::learn(&borrowed(&train_texts), &train.answers, classes);
        let sides = svm.decide(&borrowed(&test_texts));
        let pairs = sides.iter().zip(&test.answers);
        pairs
            .map(|(sides, answer)| argmax(sides) == *answer)
            .collect()
    };
    // One class alone is nothing to tell apart.
    if train.answers.iter().collect::<HashSet<_>>().len() < 2 {
        return (1.0, 0.0);
    }
    las(&told(&reasons), &told(&texts), &told(&both))
}

fn borrowed(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Share of the rows told by the reason alone; and the mean over these and the others of what the reason adds.
fn las(by_reason: &[bool], by_text: &[bool], by_both: &[bool]) -> (f64, f64) {
    let gain = |leaks: bool| {
        let rows = (0..by_reason.len()).filter(|&row| by_reason[row] == leaks);
        let gains = rows.map(|row| f64::from(i8::from(by_both[row]) - i8::from(by_text[row])));
        let gains: Vec<f64> = gains.collect();
        (!gains.is_empty()).then(|| gains.iter().sum::<f64>() / gains.len() as f64)
    };
    let gains: Vec<f64> = [gain(true), gain(false)].into_iter().flatten().collect();
    let leaks = by_reason.iter().filter(|leaks| **leaks).count();
    let mean = gains.iter().sum::<f64>() / gains.len().max(1) as f64;
    (leaks as f64 / by_reason.len().max(1) as f64, mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_known_by_the_start_of_a_word() {
        let labels = ["entailment", "neutral", "contradiction", "no"].map(String::from);
        let of = |text: &str| {
            let mut found: Vec<usize> = named(text, &labels).into_iter().collect();
            found.sort_unstable();
            found
        };
        assert_eq!(of("So it is ENTAILED, not neutrally."), [0, 1, 3]);
        assert_eq!(of("These contradict. Uncontradicted."), [2]);
        assert!(of("").is_empty());
    }

    #[test]
    fn what_a_reason_adds_counts_alike_where_it_leaks_and_where_not() {
        let [y, n] = [true, false];
        // Three rows leak: one is told by both and not by the text; one does not, and is lost.
        let found = las(&[y, y, y, n], &[n, y, y, y], &[y, y, y, n]);
        assert!((found.0 - 0.75).abs() < 1e-12);
        assert!((found.1 - (1.0 / 3.0 - 1.0) / 2.0).abs() < 1e-12);
        assert_eq!(las(&[y], &[n], &[y]), (1.0, 1.0));
        assert_eq!(las(&[], &[], &[]), (0.0, 0.0));
    }
}
