//! Every term of every objective against its definition in f64, written without tensors.

use burn::tensor::{Tensor, TensorData};
use stillglass::device;
use stillglass::objective::{Targets, loss};
use stillglass::recipe::{DistillSection, Divergence, Objective};
use stillglass::student::StudentOutput;
use stillglass::teacher::floats_of;

use crate::{section, sections, targets};

/// f32 against f64 over a handful of sums.
const TOLERANCE: f64 = 1e-5;

const ROWS: usize = 5;
const TIME: usize = 5;
const CLASSES: usize = 3;
const WIDTH: usize = 4;

/// What a student might say of the batch: `logits[row][class]`, `contributions[row][token][class]`,
/// `scores[row][token]`.
struct Said {
    logits: Vec<Vec<f64>>,
    contributions: Vec<Vec<Vec<f64>>>,
    scores: Vec<Vec<f64>>,
    /// Attention weights `[row][token]` and states `[row][token][width]`.
    weights: Vec<Vec<f64>>,
    states: Vec<Vec<Vec<f64>>>,
}

fn said() -> Said {
    let wave = |i: usize| (1.3 * i as f64 + 0.4).sin();
    Said {
        logits: (0..ROWS)
            .map(|r| (0..CLASSES).map(|c| 2.0 * wave(r * CLASSES + c)).collect())
            .collect(),
        contributions: (0..ROWS)
            .map(|r| {
                let token = |t| {
                    (0..CLASSES)
                        .map(|c| wave(100 + (r * TIME + t) * CLASSES + c))
                        .collect()
                };
                (0..TIME).map(token).collect()
            })
            .collect(),
        scores: (0..ROWS)
            .map(|r| (0..TIME).map(|t| wave(500 + r * TIME + t)).collect())
            .collect(),
        weights: (0..ROWS)
            .map(|r| (0..TIME).map(|t| wave(700 + r * TIME + t).abs()).collect())
            .collect(),
        states: (0..ROWS)
            .map(|r| {
                let token = |t| {
                    (0..WIDTH)
                        .map(|w| wave(900 + (r * TIME + t) * WIDTH + w))
                        .collect()
                };
                (0..TIME).map(token).collect()
            })
            .collect(),
    }
}

fn softmax(z: &[f64], temperature: f64) -> Vec<f64> {
    let powers: Vec<f64> = z.iter().map(|z| (z / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn wide(row: &[f32]) -> Vec<f64> {
    row.iter().map(|&v| f64::from(v)).collect()
}

/// Mean over the rows with a gold label of −log q(gold), or with a share of every class's.
fn cross_entropy(said: &Said, targets: &Targets, smoothing: f64) -> f64 {
    let rows = targets.gold.iter().zip(&said.logits);
    let losses: Vec<f64> = rows
        .filter_map(|(gold, logits)| {
            let log: Vec<f64> = softmax(logits, 1.0).iter().map(|q| -q.ln()).collect();
            gold.map(|gold| (1.0 - smoothing) * log[gold] + smoothing * mean(&log))
        })
        .collect();
    mean(&losses)
}

/// How far the student is from the teacher in each row.
fn divergences(said: &Said, targets: &Targets, section: &DistillSection) -> Vec<f64> {
    let rows = targets.logits.iter().zip(&said.logits);
    let kl = |p: &[f64], q: &[f64]| p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum::<f64>();
    rows.map(|(teacher, student)| {
        let p = softmax(&wide(teacher), section.temperature);
        let q = softmax(student, section.temperature);
        let middle: Vec<f64> = p.iter().zip(&q).map(|(p, q)| 0.5 * (p + q)).collect();
        match section.divergence {
            Divergence::Forward => kl(&p, &q),
            Divergence::Reverse => kl(&q, &p),
            Divergence::JensenShannon => 0.5 * (kl(&p, &middle) + kl(&q, &middle)),
        }
    })
    .collect()
}

/// The direction of a row's weighted mean of states.
fn pooled(said: &Said, row: usize) -> Vec<f64> {
    let sum = |w: usize| {
        (0..TIME)
            .map(|t| said.weights[row][t] * said.states[row][t][w])
            .sum()
    };
    direction(&(0..WIDTH).map(sum).collect::<Vec<f64>>())
}

fn direction(values: &[f64]) -> Vec<f64> {
    let length = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let unit = |v: &f64| if length > 0.0 { v / length } else { 0.0 };
    values.iter().map(unit).collect()
}

/// Tung & Mori 2019, eq. 4, over the rows with a reason, none beside itself.
fn meaning_distance(said: &Said, targets: &Targets) -> f64 {
    let rows: Vec<usize> = (0..ROWS)
        .filter(|&row| targets.meanings[row].is_some())
        .collect();
    let alike = |vectors: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let row = |(own, a): (usize, &Vec<f64>)| {
            let others = vectors.iter().enumerate();
            let cosines: Vec<f64> = others
                .map(|(other, b)| if other == own { 0.0 } else { dot(a, b) })
                .collect();
            direction(&cosines)
        };
        vectors.iter().enumerate().map(row).collect()
    };
    let students: Vec<Vec<f64>> = rows.iter().map(|&row| pooled(said, row)).collect();
    let meant = rows.iter().flat_map(|&row| &targets.meanings[row]);
    let meant: Vec<Vec<f64>> = meant.map(|meaning| direction(&wide(meaning))).collect();
    let pairs = alike(&students)
        .concat()
        .into_iter()
        .zip(alike(&meant).concat());
    pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / (rows.len() * rows.len()) as f64
}

/// The choices of each question against each other: what the gold labels say of them, and the teacher.
fn choices(section: &DistillSection, said: &Said, targets: &Targets) -> f64 {
    let gaps = |logits: &dyn Fn(usize) -> Vec<f64>, rows: &[usize]| -> Vec<f64> {
        rows.iter()
            .map(|&row| logits(row)[1] - logits(row)[0])
            .collect()
    };
    let student = |row: usize| said.logits[row].clone();
    let teacher = |row: usize| wide(&targets.logits[row]);
    let (mut entropies, mut divergences) = (Vec::new(), Vec::new());
    for rows in &targets.questions {
        let right = rows.iter().position(|&row| targets.gold[row] == Some(1));
        if let Some(right) = right {
            entropies.push(-softmax(&gaps(&student, rows), 1.0)[right].ln());
        }
        let p = softmax(&gaps(&teacher, rows), section.temperature);
        let q = softmax(&gaps(&student, rows), section.temperature);
        divergences.push(p.iter().zip(&q).map(|(p, q)| p * (p / q).ln()).sum::<f64>());
    }
    if targets.questions.is_empty() {
        return 0.0;
    }
    let scale = section.temperature * section.temperature;
    let (gold, taught) = (mean(&entropies), scale * mean(&divergences));
    match section.objective {
        Objective::Labels => gold,
        Objective::KdMse => taught,
        Objective::Kd | Objective::Multiview => {
            (1.0 - section.lambda) * gold + section.lambda * taught
        }
        Objective::Dixtill => (1.0 - section.alpha) * gold + section.alpha * taught,
    }
}

/// Khosla et al. 2020, eq. 2, at temperature 0.1.
fn contrast(said: &Said, targets: &Targets) -> f64 {
    let units: Vec<Vec<f64>> = (0..ROWS).map(|row| pooled(said, row)).collect();
    let near = |a: usize, b: usize| {
        let dot: f64 = units[a].iter().zip(&units[b]).map(|(a, b)| a * b).sum();
        (dot / 0.1).exp()
    };
    let class = |row: usize| {
        let logits = &targets.logits[row];
        let answer = (0..CLASSES)
            .max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
            .unwrap();
        targets.gold[row].unwrap_or(answer)
    };
    let anchors = (0..ROWS).filter_map(|anchor| {
        let others = (0..ROWS).filter(|&other| other != anchor);
        let all: f64 = others.clone().map(|other| near(anchor, other)).sum();
        let same = others.filter(|&other| class(other) == class(anchor));
        let logs: Vec<f64> = same
            .map(|other| -(near(anchor, other) / all).ln())
            .collect();
        (!logs.is_empty()).then(|| mean(&logs))
    });
    mean(&anchors.collect::<Vec<f64>>())
}

/// ½(1 − cos(a, b)); two vectors of which one is nothing have no direction in common.
fn half_distance(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    0.5 * (1.0
        - if lengths > 0.0 {
            dot(a, b) / lengths
        } else {
            0.0
        })
}

/// A row's token values summed to its words.
fn by_word(values: impl Fn(usize) -> f64, owners: &[usize], words: usize) -> Vec<f64> {
    let mut sums = vec![0.0; words];
    for (token, &word) in owners.iter().enumerate() {
        sums[word] += values(token);
    }
    sums
}

/// The rows that are explained, of which the teacher is sure enough: index and attributions `[class][word]`.
fn explained(targets: &Targets, confident: f64) -> Vec<(usize, Vec<Vec<f64>>)> {
    let rows = targets.attributions.iter().enumerate();
    let sure = |row: usize| {
        let p = softmax(&wide(&targets.logits[row]), 1.0);
        p.into_iter().fold(0.0, f64::max) >= confident
    };
    rows.filter_map(|(row, attribution)| {
        let attribution = attribution.as_ref().filter(|_| sure(row))?;
        Some((row, attribution.iter().map(|class| wide(class)).collect()))
    })
    .collect()
}

/// Distance of the attention scores to the attributions of the class the teacher predicts.
fn attention_distance(said: &Said, targets: &Targets) -> f64 {
    let rows = explained(targets, 0.0)
        .into_iter()
        .map(|(row, attribution)| {
            let logits = &targets.logits[row];
            let class = (0..CLASSES)
                .max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
                .unwrap();
            let scores = |token: usize| said.scores[row][token];
            let student = by_word(scores, &targets.words[row], attribution[class].len());
            half_distance(&attribution[class], &student)
        });
    mean(&rows.collect::<Vec<_>>())
}

/// Distance of the contributions to the attributions, both less their mean over classes.
fn contribution_distance(said: &Said, targets: &Targets, confident: f64) -> f64 {
    let rows = explained(targets, confident)
        .into_iter()
        .map(|(row, attribution)| {
            let words = attribution[0].len();
            let teacher = |class: usize, word: usize| {
                attribution[class][word]
                    - mean(&attribution.iter().map(|a| a[word]).collect::<Vec<_>>())
            };
            let student = |class: usize, token: usize| {
                let all = &said.contributions[row][token];
                all[class] - mean(all)
            };
            let distances = (0..CLASSES).map(|class| {
                let a: Vec<f64> = (0..words).map(|word| teacher(class, word)).collect();
                let s = by_word(|token| student(class, token), &targets.words[row], words);
                half_distance(&a, &s)
            });
            mean(&distances.collect::<Vec<_>>())
        });
    mean(&rows.collect::<Vec<_>>())
}

/// Distance of what words give to the gold label, less the mean over classes, to those that people named.
fn rationale_distance(said: &Said, targets: &Targets) -> f64 {
    let rows = targets
        .rationales
        .iter()
        .enumerate()
        .filter_map(|(row, named)| {
            let named = named.as_ref().filter(|named| named.contains(&1.0));
            let (named, gold) = (wide(named?), targets.gold[row]?);
            let own = |token: usize| {
                let all = &said.contributions[row][token];
                all[gold] - mean(all)
            };
            Some(half_distance(
                &named,
                &by_word(own, &targets.words[row], named.len()),
            ))
        });
    mean(&rows.collect::<Vec<f64>>())
}

/// The objectives, and what else a recipe may ask.
fn definition(section: &DistillSection, said: &Said, targets: &Targets) -> f64 {
    let t = section.temperature;
    let gold = cross_entropy(said, targets, section.smoothing);
    let kd = || {
        let divergence = t * t * mean(&divergences(said, targets, section));
        (1.0 - section.lambda) * gold + section.lambda * divergence
    };
    let objective = match section.objective {
        Objective::Labels => gold,
        Objective::Kd => kd(),
        Objective::KdMse => {
            let pairs = targets
                .logits
                .iter()
                .flatten()
                .zip(said.logits.iter().flatten());
            let squares = pairs.map(|(&teacher, student)| (f64::from(teacher) - student).powi(2));
            mean(&squares.collect::<Vec<_>>())
        }
        Objective::Dixtill => {
            let saturating = divergences(said, targets, section)
                .iter()
                .map(|d| 1.0 - (-d).exp())
                .collect::<Vec<_>>();
            (1.0 - section.alpha) * gold
                + section.alpha * (mean(&saturating) + attention_distance(said, targets))
        }
        Objective::Multiview => {
            kd() + section.mu * contribution_distance(said, targets, section.confident)
        }
    };
    objective
        + section.contrastive * contrast(said, targets)
        + section.rationale * rationale_distance(said, targets)
        + section.reason.meaning * meaning_distance(said, targets)
        + choices(section, said, targets)
}

/// `[row][token][width]` as the student lays its states, `[token][row][width]`.
fn by_time(states: &[Vec<Vec<f64>>]) -> Vec<f32> {
    let steps = (0..TIME).flat_map(|t| states.iter().flat_map(move |row| &row[t]));
    steps.map(|v| *v as f32).collect()
}

fn tensors(said: &Said) -> StudentOutput {
    let device = device::open("cpu").unwrap();
    let narrow = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect::<Vec<f32>>();
    let flat = narrow(said.contributions.concat().concat());
    StudentOutput {
        logits: Tensor::from_data(
            TensorData::new(narrow(said.logits.concat()), [ROWS, CLASSES]),
            &device,
        ),
        contributions: Tensor::from_data(TensorData::new(flat, [ROWS, TIME, CLASSES]), &device),
        scores: Tensor::from_data(
            TensorData::new(narrow(said.scores.concat()), [ROWS, TIME]),
            &device,
        ),
        weights: Tensor::from_data(
            TensorData::new(narrow(said.weights.concat()), [ROWS, TIME]),
            &device,
        ),
        states: Tensor::from_data(
            TensorData::new(by_time(&said.states), [TIME * ROWS, WIDTH]),
            &device,
        ),
    }
}

#[test]
fn every_objective_is_its_definition() {
    let (said, mut targets) = (said(), targets());
    let questions = std::mem::take(&mut targets.questions);
    let alone = sections().into_iter().map(|section| (section, Vec::new()));
    let asked = sections()
        .into_iter()
        .map(|section| (section, questions.clone()));
    for (section, questions) in alone.chain(asked) {
        targets.questions = questions;
        let total = loss(&tensors(&said), &targets, &section).total;
        let found = f64::from(floats_of(total).unwrap()[0]);
        let want = definition(&section, &said, &targets);
        assert!(
            (found - want).abs() < TOLERANCE,
            "{section:?}: {found}, by definition {want}"
        );
    }
}

/// A word that the teacher's limit cut off is nothing to copy.
#[test]
fn words_that_the_teacher_did_not_read_do_not_count() {
    let said = said();
    let mut targets = targets();
    let before = definition(&section(Objective::Multiview), &said, &targets);
    targets.words[2].extend([3, 4]);
    let total = loss(&tensors(&said), &targets, &section(Objective::Multiview)).total;
    let found = f64::from(floats_of(total).unwrap()[0]);
    assert!(
        (found - before).abs() < TOLERANCE,
        "{found}, before {before}"
    );
}

/// A student that says exactly what the teacher says loses nothing to it.
#[test]
fn a_perfect_copy_has_no_distance() {
    let device = device::open("cpu").unwrap();
    let mut targets = targets();
    targets.questions.clear();
    let mut contributions = vec![0f32; 5 * 5 * 3];
    for (row, attribution) in targets.attributions.iter().enumerate() {
        let Some(attribution) = attribution else {
            continue;
        };
        let words = &targets.words[row];
        for (token, &word) in words.iter().enumerate() {
            let tokens = words.iter().filter(|&&other| other == word).count() as f32;
            for class in 0..3 {
                contributions[(row * 5 + token) * 3 + class] =
                    2.0 * attribution[class][word] / tokens;
            }
        }
    }
    let tensor = |values: Vec<f32>, dims: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(values, dims), &device)
    };
    let output = StudentOutput {
        logits: tensor(targets.logits.concat(), [5, 3]),
        contributions: Tensor::from_data(TensorData::new(contributions, [5, 5, 3]), &device),
        scores: tensor(vec![0.5; 25], [5, 5]),
        weights: tensor(vec![0.2; 25], [5, 5]),
        states: tensor(vec![0.5; 100], [25, 4]),
    };
    let terms = |objective| -> Vec<(&str, f32)> {
        let terms = loss(&output, &targets, &section(objective)).terms;
        terms
            .into_iter()
            .map(|(name, term)| (name, floats_of(term).unwrap()[0]))
            .collect()
    };
    let of = |objective, name| {
        terms(objective)
            .into_iter()
            .find(|(found, _)| *found == name)
            .unwrap()
            .1
    };
    assert!(of(Objective::Kd, "distillation").abs() < 1e-6);
    assert!(of(Objective::KdMse, "logit error").abs() < 1e-6);
    assert!(of(Objective::Dixtill, "distillation").abs() < 1e-6);
    // The empty text has nothing to agree on: half a distance, a third of the explained rows.
    assert!((of(Objective::Multiview, "explanation") - 0.5 / 3.0).abs() < 1e-4);
}
