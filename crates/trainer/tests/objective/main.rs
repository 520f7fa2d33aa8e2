//! The objectives on one small batch: their values and their gradients.

mod gradients;
mod values;

use stillglass::objective::Targets;
use stillglass::recipe::{DistillSection, Divergence, Objective};
use stillglass::student::Shape;

const SHAPE: Shape = Shape {
    vocabulary: 11,
    embedding: 5,
    hidden: 3,
    attention: 4,
    classes: 3,
    rounded: false,
    shared: None,
    decoder: None,
    layers: None,
};

/// Every objective, then what else a recipe may ask of them.
fn sections() -> Vec<DistillSection> {
    let plain = [
        Objective::Labels,
        Objective::Kd,
        Objective::KdMse,
        Objective::Dixtill,
        Objective::Multiview,
    ];
    let with = |objective, change: fn(&mut DistillSection)| {
        let mut section = section(objective);
        change(&mut section);
        section
    };
    let mut all: Vec<DistillSection> = plain.map(section).into();
    all.extend([
        with(Objective::Kd, |s| s.divergence = Divergence::Reverse),
        with(Objective::Kd, |s| s.divergence = Divergence::JensenShannon),
        with(Objective::Dixtill, |s| s.divergence = Divergence::Reverse),
        with(Objective::Labels, |s| s.smoothing = 0.2),
        with(Objective::Multiview, |s| s.confident = 0.6),
        with(Objective::Kd, |s| s.contrastive = 0.5),
        with(Objective::Multiview, |s| s.rationale = 0.7),
        with(Objective::Kd, |s| s.reason.meaning = 0.8),
    ]);
    all
}

fn rows() -> Vec<Vec<u32>> {
    vec![
        vec![1, 2, 3, 4, 5],
        vec![6],
        vec![7, 8, 9],
        vec![],
        vec![10, 0, 1, 1],
    ]
}

/// Rows with and without gold labels and attributions, words of several tokens, an empty text.
fn targets() -> Targets {
    let attribution = |words: usize, offset: f32| {
        Some(
            (0..3)
                .map(|class| {
                    (0..words)
                        .map(|word| ((class * 7 + word * 3) as f32 * 0.7 + offset).sin())
                        .collect()
                })
                .collect(),
        )
    };
    Targets {
        gold: vec![Some(0), None, Some(2), Some(1), None],
        logits: vec![
            vec![2.0, -1.0, 0.5],
            vec![0.1, 0.2, 0.3],
            vec![-1.0, 0.0, 3.0],
            vec![0.0, 1.0, 0.0],
            vec![1.5, 1.0, -2.0],
        ],
        attributions: vec![
            attribution(3, 0.1),
            None,
            attribution(3, 0.9),
            attribution(0, 0.0),
            None,
        ],
        rationales: vec![
            Some(vec![0.0, 1.0, 1.0]),
            Some(vec![1.0]),
            None,
            Some(vec![]),
            None,
        ],
        meanings: vec![
            Some(vec![0.8, 0.6]),
            None,
            Some(vec![-0.3, 0.2]),
            Some(vec![0.1, 2.0]),
            Some(vec![0.5, 0.4]),
        ],
        // Of different numbers of choices, the second with no right one.
        questions: vec![vec![0, 2, 3], vec![4, 1]],
        words: vec![
            vec![0, 0, 1, 2, 2],
            vec![0],
            vec![0, 1, 2],
            vec![],
            vec![0, 1, 1, 2],
        ],
    }
}

fn section(objective: Objective) -> DistillSection {
    DistillSection {
        objective,
        temperature: 2.0,
        ..DistillSection::default()
    }
}
