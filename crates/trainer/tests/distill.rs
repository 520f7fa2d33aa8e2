//! Distillation as a whole: it learns, and what goes wrong stops it without losing what it had.

use std::path::Path;

use stillglass::distill::{Course, Distilled, Row, TransferSet, distill};
use stillglass::progress::Progress;
use stillglass::recipe::{DistillSection, Objective, Sampler};
use stillglass::student::Shape;

const SHAPE: Shape = Shape {
    vocabulary: 12,
    embedding: 6,
    hidden: 5,
    attention: 4,
    classes: 2,
    rounded: false,
    shared: None,
    decoder: None,
    layers: None,
};

/// Token 3 says class 0, token 7 class 1; the others say nothing.
fn row(index: u32) -> Row {
    let class = (index % 2) as usize;
    let telling = if class == 0 { 3 } else { 7 };
    let mut ids = vec![index % 3, 4 + index % 2, 8 + index % 4];
    ids.insert((index % 4) as usize, telling);
    let sign = if class == 0 { 1.0 } else { -1.0 };
    let shares: Vec<f32> = ids
        .iter()
        .map(|&id| f32::from(u8::from(id == telling)) * sign)
        .collect();
    Row {
        words: (0..ids.len()).collect(),
        ids,
        gold: Some(class),
        logits: vec![2.0 * sign, -2.0 * sign],
        attribution: Some(vec![
            shares.clone(),
            shares.iter().map(|share| -share).collect(),
        ]),
        group: Some(class),
        rationale: None,
        reasons: Vec::new(),
        meaning: None,
        features: None,
        question: None,
    }
}

fn set() -> TransferSet {
    TransferSet {
        train: (0..64).map(row).collect(),
        validation: (64..96).map(row).collect(),
        groups: vec!["one".into(), "two".into()],
    }
}

fn train(
    set: &TransferSet,
    objective: Objective,
    epochs: usize,
    folder: &Path,
) -> anyhow::Result<Distilled> {
    let section = DistillSection {
        objective,
        epochs,
        ..plain()
    };
    train_by(&section, set, folder)
}

fn plain() -> DistillSection {
    DistillSection {
        batch: 8,
        learning_rate: 0.02,
        ..DistillSection::default()
    }
}

fn train_by(
    section: &DistillSection,
    set: &TransferSet,
    folder: &Path,
) -> anyhow::Result<Distilled> {
    let embedding: Vec<f32> = (0..72).map(|i| (i as f32 * 1.7).sin()).collect();
    let course = Course {
        set,
        shape: &SHAPE,
        embedding: &embedding,
        dropout: 0.1,
        section,
        seed: 5,
    };
    distill(course, folder, &Progress::quiet())
}

/// Leaves what a process leaves that is killed in the last of its epochs; there is something to go on from.
fn stopped(folder: &Path, epochs: usize) {
    std::fs::remove_dir_all(folder.join(format!("epoch-{epochs}"))).unwrap();
    let left = std::fs::read_dir(folder).unwrap().filter_map(Result::ok);
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("epoch-"));
    assert!(left.count() > 0);
}

#[test]
fn every_objective_learns_a_telling_word() {
    for objective in [
        Objective::Labels,
        Objective::Kd,
        Objective::KdMse,
        Objective::Dixtill,
        Objective::Multiview,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let distilled = train(&set(), objective, 6, folder.path()).unwrap();
        let best = &distilled.history[distilled.best - 1];
        assert!(best.accuracy > 0.95, "{objective:?}: {best:?}");
    }
}

#[test]
fn every_sampler_learns_and_goes_on_where_it_was() {
    for sampler in [Sampler::Uniform, Sampler::Ddk, Sampler::DdkUnsmoothed] {
        let section = |epochs| DistillSection {
            sampler,
            sampler_every: 3,
            epochs,
            ..plain()
        };
        let folder = tempfile::tempdir().unwrap();
        let whole = train_by(&section(6), &set(), folder.path()).unwrap();
        let best = &whole.history[whole.best - 1];
        assert!(best.accuracy > 0.95, "{sampler:?}: {best:?}");
        // A look every third of six times eight steps.
        assert_eq!(whole.mixture.course.len(), 16);
        assert!(whole.mixture.shares.iter().all(|share| *share > 0.0));
        stopped(folder.path(), 6);
        let again = train_by(&section(6), &set(), folder.path()).unwrap();
        assert_eq!(again.mixture, whole.mixture);
        assert!(again.weights.write().unwrap() == whole.weights.write().unwrap());
    }
}

#[test]
fn a_bandit_draws_one_way_at_a_time_and_goes_on_where_it_was() {
    let mut set = set();
    set.groups = ["texts", "mask", "crop"].map(str::to_owned).to_vec();
    for (index, row) in set.train.iter_mut().enumerate() {
        row.group = Some(index % 3);
    }
    let own = set.train.iter().filter(|row| row.group == Some(0)).count();
    let own = own as f32 / set.train.len() as f32;
    let section = |epochs| DistillSection {
        sampler: Sampler::Bandit,
        sampler_every: 3,
        epochs,
        ..plain()
    };
    let folder = tempfile::tempdir().unwrap();
    let whole = train_by(&section(6), &set, folder.path()).unwrap();
    assert!(whole.history[whole.best - 1].accuracy > 0.95);
    assert_eq!(whole.mixture.names, set.groups);
    assert_eq!(whole.mixture.course.len(), 16);
    for (_, likely) in &whole.mixture.course {
        assert!((likely[0] - own).abs() < 1e-6 && likely[1..].iter().all(|share| *share > 0.0));
        assert!((likely.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
    // One way is drawn from until the next look.
    let drawn = whole.mixture.shares[1..]
        .iter()
        .filter(|share| **share > 0.0);
    assert_eq!(drawn.count(), 1);
    stopped(folder.path(), 6);
    let again = train_by(&section(6), &set, folder.path()).unwrap();
    assert_eq!(again.mixture, whole.mixture);
    assert!(again.weights.write().unwrap() == whole.weights.write().unwrap());
}

#[test]
fn a_teacher_that_learns_along_goes_on_where_it_was() {
    let mut set = set();
    for row in &mut set.train {
        row.features = Some(row.logits.iter().map(|value| value * 0.5 + 0.1).collect());
    }
    let section = |epochs| DistillSection {
        online: 3,
        epochs,
        ..plain()
    };
    let folder = tempfile::tempdir().unwrap();
    let whole = train_by(&section(4), &set, folder.path()).unwrap();
    let own = |epoch: usize| {
        let mut terms = whole.history[epoch].terms.iter();
        terms.find(|(name, _)| name == "teacher's own").unwrap().1
    };
    assert!(own(3) < own(0));
    let alone = tempfile::tempdir().unwrap();
    let frozen = train(&set, Objective::Kd, 4, alone.path()).unwrap();
    assert!(frozen.weights.write().unwrap() != whole.weights.write().unwrap());
    stopped(folder.path(), 4);
    let again = train_by(&section(4), &set, folder.path()).unwrap();
    assert!(again.weights.write().unwrap() == whole.weights.write().unwrap());
}

#[test]
fn a_broken_loss_stops_by_name_and_keeps_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    train(&set(), Objective::Kd, 1, folder.path()).unwrap();
    let mut broken = set();
    broken.train[20].logits[0] = f32::INFINITY;
    let error = train(&broken, Objective::Kd, 3, folder.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("distillation") && error.contains("learning_rate"),
        "{error}"
    );
    assert!(folder.path().join("epoch-1/student.safetensors").is_file());
    let distilled = train(&set(), Objective::Kd, 2, folder.path()).unwrap();
    assert_eq!(distilled.history.len(), 2);
}

#[test]
fn a_damaged_checkpoint_is_not_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let whole = train(&set(), Objective::Kd, 3, folder.path()).unwrap();
    let path = folder.path().join("epoch-3/last-step.safetensors");
    let whole_bytes = std::fs::read(&path).unwrap();
    let mut bent = whole_bytes.clone();
    *bent.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bent).unwrap();
    let again = train(&set(), Objective::Kd, 3, folder.path()).unwrap();
    let written = |distilled: &Distilled| distilled.weights.write().unwrap();
    assert!(written(&again) == written(&whole));
    assert!(std::fs::read(&path).unwrap() == whole_bytes);
}
