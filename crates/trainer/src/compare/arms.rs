//! What is compared: every arm of the table, and which seeds it is run from.

use anyhow::{Result, bail, ensure};

use super::pruning::Cut;
use crate::recipe::Recipe;

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// Its name, as `--only` has it.
    pub name: String,
    /// What is done.
    pub work: Work,
    /// How many seeds it is run from, counted up from the recipe's.
    pub seeds: usize,
    /// Whether the recipe asks for it rather than every comparison.
    pub ablation: bool,
}

/// What an arm does.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Answers the most frequent class.
    Majority,
    /// The baseline of words and characters.
    Svm,
    /// Distils a student by the recipe with these keys changed, and quantizes it.
    Student(Vec<String>),
    /// The fine-tuned teacher as it is.
    Teacher,
    /// The teacher's bundle, every weight of 8 bits.
    Quantized,
    /// The teacher with something taken out.
    Pruned(Cut),
}

impl Work {
    /// Whether words are taken out of texts to see what its answers hang on. Not of teachers made smaller: each
    /// text takes thousands of a teacher's answers, and their explanations are hardly others than the teacher's.
    pub fn is_tried(&self) -> bool {
        matches!(self, Self::Student(_) | Self::Teacher)
    }
}

/// The recipe's student as it stands there, which its own arms are held against.
pub(super) const RECIPE: &str = "recipe";

/// Objectives by name, and what they change of the recipe.
const OBJECTIVES: [(&str, &[&str]); 5] = [
    ("labels", &[]),
    ("kd", &[]),
    ("kd-mse", &[]),
    // As it was published.
    (
        "dixtill",
        &[
            "distill.alpha=0.9",
            "distill.temperature=5.0",
            "label.target=probability",
        ],
    ),
    ("multiview", &[]),
];

/// What a recipe may add to an objective, which is then no longer what it is called.
const PLAIN: [&str; 9] = [
    "distill.divergence=forward",
    "distill.smoothing=0.0",
    "distill.mu_warmup=0.0",
    "distill.confident=0.0",
    "distill.rationale=0.0",
    "distill.contrastive=0.0",
    "distill.reason.meaning=0.0",
    "distill.online=0",
    "distill.sampler=natural",
];

/// Every arm of a recipe's comparison, in the order of the table.
pub fn arms(recipe: &Recipe) -> Result<Vec<Arm>> {
    let section = &recipe.compare;
    let arm = |name: &str, work, seeds| Arm {
        name: name.into(),
        work,
        seeds,
        ablation: false,
    };
    // A base that is taken as it is has no seed.
    let teachers = if recipe.teacher.epochs == 0 {
        1
    } else {
        section.teachers
    };
    let teacher = |name: &str, work| arm(name, work, teachers);
    let mut arms = vec![arm("majority", Work::Majority, 1), arm("svm", Work::Svm, 1)];
    for transfer in [false, true] {
        for (objective, sets) in OBJECTIVES {
            let own = [
                format!("distill.objective={objective}"),
                format!("distill.transfer={transfer}"),
            ];
            let sets = PLAIN.iter().chain(sets).map(ToString::to_string);
            let sets = own.into_iter().chain(sets);
            let with = if transfer { "+transfer" } else { "" };
            let name = format!("{objective}{with}");
            arms.push(arm(&name, Work::Student(sets.collect()), section.seeds));
        }
    }
    arms.extend([
        teacher("teacher", Work::Teacher),
        teacher("teacher-int8", Work::Quantized),
        teacher("teacher-half-heads", Work::Pruned(Cut::HalfTheHeads)),
        teacher("teacher-one-head", Work::Pruned(Cut::AllHeadsButOne)),
        teacher("teacher-pruned-50", Work::Pruned(Cut::Weights(0.5))),
        teacher("teacher-pruned-80", Work::Pruned(Cut::Weights(0.8))),
    ]);
    arms.push(arm(RECIPE, Work::Student(Vec::new()), section.seeds));
    for own in &section.arms {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_+.".contains(c);
        ensure!(
            (1..=64).contains(&own.name.len()) && own.name.chars().all(plain),
            "compare.arms: {:?} is no name; want 1 to 64 letters, digits, `-`, `_`, `+` or `.`",
            own.name
        );
        ensure!(
            arms.iter().all(|arm| arm.name != own.name),
            "compare.arms: `{}` is there twice, or is the name of an arm that every comparison has",
            own.name
        );
        check_sets(&own.name, &own.set)?;
        arms.push(Arm {
            name: own.name.clone(),
            work: Work::Student(own.set.clone()),
            seeds: section.seeds,
            ablation: true,
        });
    }
    Ok(arms)
}

/// An arm is another way to the same task, not another task.
fn check_sets(name: &str, sets: &[String]) -> Result<()> {
    for set in sets {
        let key = set.split('=').next().unwrap_or_default().trim();
        let section = key.split('.').next().unwrap_or_default();
        let known = ["teacher", "label", "transfer", "student", "distill"].contains(&section);
        if !known || ["teacher.base", "teacher.revision", "distill.runs"].contains(&key) {
            bail!(
                "compare.arms: `{name}` sets {set}; an arm may change keys of teacher (but its base), label, \
                 transfer, student and distill (but its runs)"
            );
        }
    }
    Ok(())
}

/// One run of one arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell<'a> {
    /// The arm.
    pub arm: &'a Arm,
    /// Seed of what is trained.
    pub seed: u64,
}

/// Which of all runs a process does.
#[derive(Debug, Clone)]
pub enum Choice {
    /// None: what has been done is enough.
    Nothing,
    /// Some, or all.
    Chosen {
        /// Names of arms; all where there is none.
        only: Vec<String>,
        /// Every `.1`-th run of these, beginning with the `.0`-th, counted from 1.
        shard: (usize, usize),
    },
}

/// Every run of the arms: all arms' first seeds, then their second ones, so that a table that is filled in pieces
/// soon has a figure in every row.
pub fn cells(arms: &[Arm], seed: u64) -> Vec<Cell<'_>> {
    let most = arms.iter().map(|arm| arm.seeds).max().unwrap_or(0);
    let rounds = (0..most).flat_map(|run| arms.iter().map(move |arm| (run, arm)));
    rounds
        .filter(|(run, arm)| *run < arm.seeds)
        .map(|(run, arm)| Cell {
            arm,
            seed: seed + run as u64,
        })
        .collect()
}

impl Choice {
    /// The runs that are chosen; an error where a name is no arm's.
    pub fn of<'a>(&self, cells: &[Cell<'a>], arms: &[Arm]) -> Result<Vec<Cell<'a>>> {
        let Self::Chosen { only, shard } = self else {
            return Ok(Vec::new());
        };
        for name in only {
            ensure!(
                arms.iter().any(|arm| arm.name == *name),
                "--only {name}: no such arm; the arms are {}",
                names(arms)
            );
        }
        let named = |cell: &Cell| only.is_empty() || only.contains(&cell.arm.name);
        let chosen: Vec<Cell> = cells.iter().copied().filter(named).collect();
        let (first, step) = *shard;
        let chosen: Vec<Cell> = chosen.into_iter().skip(first - 1).step_by(step).collect();
        ensure!(
            !chosen.is_empty(),
            "--shard {first}/{step}: there are fewer runs than that; nothing is left for this one"
        );
        Ok(chosen)
    }
}

/// The arms' names, for a person to read.
pub fn names(arms: &[Arm]) -> String {
    let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
    names.join(", ")
}

/// `i/n` of `--shard`.
pub fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/');
    let numbers = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match numbers {
        Some((i, n)) if (1..=n).contains(&i) => Ok((i, n)),
        _ => Err("want i/n with i from 1 to n, such as 1/4".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::parse;
    use std::path::Path;

    fn recipe(extra: &str) -> Recipe {
        let text = format!(
            "name = \"x\"\nseed = 7\n[data]\ntrain = \"a\"\n[teacher]\nbase = \"b\"\n{extra}"
        );
        parse(&text, Path::new("."), &[]).unwrap().recipe
    }

    #[test]
    fn shards_share_out_every_run_once() {
        let arms = arms(&recipe("[compare]\nseeds = 3\nteachers = 2\n")).unwrap();
        let all = cells(&arms, 7);
        let of = |shard| {
            let choice = Choice::Chosen {
                only: Vec::new(),
                shard,
            };
            choice.of(&all, &arms).unwrap()
        };
        let mut shared: Vec<Cell> = (1..=4).flat_map(|i| of((i, 4))).collect();
        assert_eq!(shared.len(), all.len());
        let place = |cell: &Cell| all.iter().position(|other| other == cell).unwrap();
        shared.sort_by_key(place);
        shared.dedup();
        assert_eq!(shared, all);
        assert_eq!(all[0].seed, 7);
        assert_eq!(all.iter().filter(|cell| cell.seed == 9).count(), 11);
    }

    #[test]
    fn a_name_that_is_no_arms_is_told_the_arms() {
        let arms = arms(&recipe("")).unwrap();
        let choice = Choice::Chosen {
            only: vec!["kdd".into()],
            shard: (1, 1),
        };
        let says = choice.of(&cells(&arms, 0), &arms).unwrap_err().to_string();
        assert!(
            says.contains("the arms are majority, svm, labels, kd"),
            "{says}"
        );
        for bad in ["", "0/2", "3/2", "1", "a/b", "1/0"] {
            assert!(shard(bad).is_err(), "{bad}");
        }
        assert_eq!(shard("2/3"), Ok((2, 3)));
    }

    #[test]
    fn own_arms_change_the_way_and_not_the_task() {
        let own = |name: &str, set: &str| {
            let extra = format!("[[compare.arms]]\nname = \"{name}\"\nset = [\"{set}\"]\n");
            arms(&recipe(&extra))
        };
        let arms = own("warm", "distill.temperature=3.0").unwrap();
        assert!(arms.last().unwrap().ablation);
        for (name, set) in [
            ("warm", "seed=3"),
            ("warm", "teacher.base=x"),
            (" ", "distill.mu=1.0"),
            ("warm", "data.train=x"),
            ("kd", "distill.mu=1"),
        ] {
            assert!(own(name, set).is_err(), "{name} {set}");
        }
    }
}
