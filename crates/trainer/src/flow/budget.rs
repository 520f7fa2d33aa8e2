//! The stage that buys labels in rounds: `budget`.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::Result;
use rand::seq::SliceRandom;

use super::students::{BATCH, Material};
use super::{CHECKPOINTS, Labels, Run, TeacherArtefact, columns};
use crate::artefact::{Stage, StageDir, digest, hex, write_atomic};
use crate::budget::{Curve, Curves, Point, Said, Way, answered, choose, want};
use crate::checkpoint::Checkpoints;
use crate::device::PROCESSOR;
use crate::distill::{Course, Row, TransferSet, distill};
use crate::metrics::Scores;
use crate::recipe::DistillSection;
use crate::student::{Student, StudentBatch};
use crate::teacher::floats_of;
use crate::training::generator;

/// The rounds of one way and seed.
const CURVE: &str = "curve.json";

/// Share of a whole training's steps that a student of few labels takes: else it would be few steps, not few labels,
/// that it suffers from.
const LEAST_STEPS: f64 = 0.5;

impl Run<'_> {
    /// Buys labels in every way from every seed. The recipe's objective must be one of the teacher's answers alone.
    pub fn budget(&self, from: &TeacherArtefact, labels: &Labels) -> Result<Curves> {
        let recipe = &self.recipe.recipe;
        let mut material = self.material(from, labels)?;
        for row in &mut material.set.train {
            row.gold = None;
        }
        let mut curves = Vec::new();
        for seed in (0..recipe.budget.seeds as u64).map(|more| recipe.seed + more) {
            let mut learnt = HashMap::new();
            for way in Way::ALL {
                let inputs = self
                    .learnt(Stage::Budget, from, labels, seed)?
                    .with("shares", &recipe.budget.shares)?
                    .with("way", &way)?;
                let stage = StageDir::open(&self.folder, Stage::Budget, inputs, seed)?;
                if self.open(&stage, PROCESSOR)? {
                    let points = self.rounds(&material, way, seed, &stage, &mut learnt)?;
                    let curve = Curve { way, seed, points };
                    write_atomic(&stage.file(CURVE), &serde_json::to_vec_pretty(&curve)?)?;
                    stage.finish(&[CURVE], PROCESSOR)?;
                    Checkpoints::clear(&stage.file(CHECKPOINTS))?;
                }
                curves.push(serde_json::from_slice(&std::fs::read(stage.file(CURVE))?)?);
            }
        }
        Ok(Curves {
            name: recipe.name.clone(),
            curves,
        })
    }

    /// Round after round of one way. `learnt` has the students of equal labels of other ways: of the first round, and of
    /// all labels.
    fn rounds(
        &self,
        material: &Material,
        way: Way,
        seed: u64,
        stage: &StageDir,
        learnt: &mut HashMap<[u8; 32], (Point, Student)>,
    ) -> Result<Vec<Point>> {
        let all = material.set.train.len();
        let mut left: Vec<usize> = (0..all).collect();
        left.shuffle(&mut generator(seed, "labels to buy", 0));
        let (mut bought, mut points): (Vec<usize>, Vec<Point>) = (Vec::new(), Vec::new());
        let mut student: Option<Student> = None;
        for share in &self.recipe.recipe.budget.shares {
            let wanted = ((share * all as f64).round() as usize).clamp(1, all);
            let wants = match &student {
                Some(student) if way != Way::Random => {
                    wants(&material.set.train, student, way, &left)?
                }
                _ => vec![0.0; left.len()],
            };
            let chosen = choose(&left, &wants, wanted.saturating_sub(bought.len()));
            let taken: HashSet<usize> = chosen.iter().copied().collect();
            left.retain(|row| !taken.contains(row));
            bought.extend(chosen);
            // In the order of the rows, so that equal labels make equal students.
            bought.sort_unstable();
            let rows: Vec<u8> = bought.iter().flat_map(|row| row.to_le_bytes()).collect();
            let key = digest(&[&rows]);
            let (point, own) = match learnt.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(open) => {
                    // A round's own, from which one that was done comes back at once.
                    let checkpoints = stage.file(CHECKPOINTS).join(&hex(&key)[..12]);
                    open.insert(self.learn(material, &bought, seed, &checkpoints)?)
                }
            };
            self.progress.note(&format!(
                "budget: {}, seed {seed}, {} labels: test accuracy {:.4}",
                way.name(),
                point.labels,
                point.accuracy
            ));
            points.push(*point);
            student = Some(own.clone());
        }
        Ok(points)
    }

    /// A student of some labels, and its scores.
    fn learn(
        &self,
        material: &Material,
        bought: &[usize],
        seed: u64,
        checkpoints: &Path,
    ) -> Result<(Point, Student)> {
        let share = bought.len() as f64 / material.set.train.len() as f64;
        let more = (LEAST_STEPS / share).max(1.0);
        let recipe = &self.recipe.recipe;
        let whole = recipe.distill.one_run();
        let section = DistillSection {
            epochs: (whole.epochs as f64 * more).ceil() as usize,
            ..whole
        };
        let set = TransferSet {
            train: bought
                .iter()
                .map(|&row| material.set.train[row].clone())
                .collect(),
            ..material.set.clone()
        };
        let course = Course {
            set: &set,
            shape: &material.shape,
            embedding: &material.embedding,
            dropout: recipe.student.dropout,
            section: &section,
            seed,
        };
        let distilled = distill(course, checkpoints, self.progress)?;
        let student = Student::from_weights(&material.shape, &distilled.weights)?;
        let (texts, gold) = columns(&self.split().test);
        let found = self.float_logits(&student, &material.vocabulary, &texts)?;
        let scores = Scores::of_logits(&found, &gold)?;
        let point = Point {
            labels: bought.len(),
            accuracy: scores.accuracy,
            macro_f1: scores.macro_f1,
        };
        Ok((point, student))
    }
}

/// How much each of the rows that are left is wanted.
fn wants(rows: &[Row], student: &Student, way: Way, left: &[usize]) -> Result<Vec<f64>> {
    let mut wants = Vec::with_capacity(left.len());
    for chunk in left.chunks(BATCH) {
        let rows: Vec<&Row> = chunk.iter().map(|&row| &rows[row]).collect();
        for (row, said) in rows.iter().zip(said(student, &rows)?) {
            wants.push(want(way, &said, &row.logits));
        }
    }
    Ok(wants)
}

/// What a student says of some rows.
fn said(student: &Student, rows: &[&Row]) -> Result<Vec<Said>> {
    let ids: Vec<&[u32]> = rows.iter().map(|row| row.ids.as_slice()).collect();
    let output = student.forward(&StudentBatch::new(&ids));
    let [_, time, classes] = output.contributions.dims();
    let contributions = floats_of(output.contributions)?;
    let logits = floats_of(output.logits)?;
    let texts = contributions.chunks(time * classes);
    let texts = texts.zip(logits.chunks(classes)).zip(rows);
    Ok(texts
        .map(|((contributions, logits), row)| answered(logits, contributions, row.ids.len()))
        .collect())
}
