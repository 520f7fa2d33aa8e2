//! The verbs that need a recipe.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{CompareOptions, General, RecipeOptions, print};
use crate::artefact::{VERSION, digest, hex, open_run, write_atomic};
use crate::budget::Curves;
use crate::check;
use crate::compare::{self, Choice, Comparison, Table};
use crate::export::Fidelity;
use crate::flow::{Run, SUMMARY, StudentReport, TeacherArtefact, check_ahead};
use crate::progress::{Progress, duration};
use crate::recipe::{Objective, Sampler};
use crate::{data, device, recipe};

/// The run's report, a page beside its bundle.
const REPORT: &str = "report.html";

/// Wall time of one stage; one that was done before takes next to none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Timed {
    stage: String,
    seconds: f64,
}

/// The times in an earlier `run.json`, and what they were of.
#[derive(Deserialize)]
struct Earlier {
    key: String,
    stages: Vec<Timed>,
}

/// What `run` and `export` leave in `run.json`.
#[derive(Debug, Serialize)]
struct Summary {
    bundle: PathBuf,
    report: PathBuf,
    bytes: u64,
    /// What quantization changed on validation and on test rows.
    fidelity: [Fidelity; 2],
    teacher: TeacherArtefact,
    students: Vec<StudentReport>,
    seed: u64,
    data_hash: String,
    version: &'static str,
    device: String,
    /// Hash of recipe, rows and device: what the times are of.
    key: String,
    /// Wall time of each stage, over every run of this key that came to its end.
    stages: Vec<Timed>,
    /// Largest resident memory of this process, where the system tells.
    peak_memory_bytes: Option<u64>,
}

fn load(general: &General, options: &RecipeOptions) -> Result<recipe::Loaded> {
    load_with(general, options, &[])
}

/// The recipe with more keys changed than the command line says.
fn load_with(
    general: &General,
    options: &RecipeOptions,
    more: &[String],
) -> Result<recipe::Loaded> {
    let mut sets = options.sets.clone();
    sets.extend(general.seed.map(|seed| format!("seed={seed}")));
    sets.extend(
        options
            .skip_bad_rows
            .map(|rows| format!("data.skip_bad_rows={rows}")),
    );
    sets.extend_from_slice(more);
    recipe::load(&options.recipe, &sets)
}

pub(super) fn check(general: &General, options: &RecipeOptions) -> Result<()> {
    let recipe = load(general, options)?;
    device::open(&general.device)?;
    let arms = compare::check(&recipe, &|sets| load_with(general, options, sets))?;
    let folder = options.runs.join(&recipe.recipe.name);
    let findings = check::check(&recipe, &arms, &folder)?;
    print(general, &findings, |findings| {
        findings.text(&options.recipe)
    })
}

/// Everything up to the first stage: recipe, device, data, and the run's folder to ourselves.
fn prepare<'a>(
    general: &General,
    options: &RecipeOptions,
    progress: &'a Progress,
) -> Result<Run<'a>> {
    let recipe = load(general, options)?;
    let device = device::open(&general.device)?;
    let data = data::load(&recipe.recipe.data)?;
    // The base may still be on the hub.
    check_ahead(&recipe, &data.split, None)?;
    for skipped in &data.report.skipped {
        progress.note(&format!("left out {skipped}"));
    }
    for warning in check::warnings(&data.report) {
        progress.note(&format!("note: {warning}"));
    }
    let folder = options.runs.join(&recipe.recipe.name);
    check::check_outputs(&recipe.recipe, &folder)?;
    Ok(Run {
        lock: open_run(&folder)?,
        recipe,
        data,
        folder,
        device,
        device_name: general.device.clone(),
        progress,
    })
}

pub(super) fn teach(general: &General, options: &RecipeOptions, progress: &Progress) -> Result<()> {
    let run = prepare(general, options, progress)?;
    let teacher = run.teach()?;
    print(general, &teacher, |teacher| {
        teacher.folder.display().to_string()
    })
}

/// What `label` says when it is done.
#[derive(Debug, Serialize)]
struct Labelled {
    train: usize,
    explained: usize,
    validation: usize,
    transfer: usize,
}

pub(super) fn label(general: &General, options: &RecipeOptions, progress: &Progress) -> Result<()> {
    let run = prepare(general, options, progress)?;
    let labels = run.label(&run.teach()?)?;
    let labelled = Labelled {
        train: labels.train.len(),
        explained: labels.explained.len(),
        validation: labels.validation_explained.len(),
        transfer: labels.transfer.len(),
    };
    print(general, &labelled, |l| {
        format!(
            "{} training texts and {} variants labelled; {} training and {} validation texts explained",
            l.train, l.transfer, l.explained, l.validation
        )
    })
}

pub(super) fn distill(
    general: &General,
    options: &RecipeOptions,
    progress: &Progress,
) -> Result<()> {
    let run = prepare(general, options, progress)?;
    let teacher = run.teach()?;
    let labels = run.label(&teacher)?;
    let students = run.distill(&teacher, &labels)?;
    let reports: Vec<StudentReport> = students.into_iter().map(|student| student.report).collect();
    print(general, &reports, |reports| {
        reports.iter().map(line).collect()
    })
}

pub(super) fn run(general: &General, options: &RecipeOptions, progress: &Progress) -> Result<()> {
    let run = prepare(general, options, progress)?;
    let recipe = run.recipe.recipe.to_toml()?;
    let parts = [
        recipe.as_bytes(),
        run.data.hash.as_bytes(),
        general.device.as_bytes(),
    ];
    let key = hex(&digest(&parts));
    let mut clock = Clock::new(&run.folder.join(SUMMARY), &key);
    let teacher = run.teach()?;
    clock.lap("teach");
    let labels = run.label(&teacher)?;
    clock.lap("label");
    let students = run.distill(&teacher, &labels)?;
    clock.lap("distill");
    let bundle = run.export(&teacher, &students)?;
    clock.lap("export");
    let report = compare::report(&run, &teacher, &labels, &students)?;
    write_atomic(&run.folder.join(REPORT), report.as_bytes())?;
    let summary = Summary {
        bundle: bundle.path,
        report: run.folder.join(REPORT),
        bytes: bundle.bytes,
        fidelity: [bundle.validation, bundle.test],
        teacher,
        students: students.into_iter().map(|student| student.report).collect(),
        seed: run.recipe.recipe.seed,
        data_hash: run.data.hash.clone(),
        version: VERSION,
        device: general.device.clone(),
        stages: clock.with_earlier(),
        key,
        peak_memory_bytes: peak_memory(),
    };
    write_atomic(
        &run.folder.join(SUMMARY),
        &serde_json::to_vec_pretty(&summary)?,
    )?;
    print(general, &summary, Summary::text)
}

pub(super) fn compare(
    general: &General,
    options: &CompareOptions,
    progress: &Progress,
) -> Result<()> {
    let run = prepare(general, &options.recipe, progress)?;
    let load = |sets: &[String]| load_with(general, &options.recipe, sets);
    let mut comparison = Comparison::new(run, &load)?;
    for folder in &options.merge {
        let taken = comparison.merge(folder)?;
        progress.note(&format!("{}: {taken} run(s) taken", folder.display()));
    }
    let choice = if options.report {
        Choice::Nothing
    } else {
        Choice::Chosen {
            only: options.only.clone(),
            shard: options.shard.unwrap_or((1, 1)),
        }
    };
    let table = comparison.run(&choice)?;
    print(general, &table, Table::markdown)
}

/// Where the budget's curves lie in the run's folder.
const BUDGET: &str = "budget";

pub(super) fn budget(
    general: &General,
    options: &RecipeOptions,
    progress: &Progress,
) -> Result<()> {
    let mut run = prepare(general, options, progress)?;
    // A budget is about what the teacher is asked, and about nothing else.
    let distill = &mut run.recipe.recipe.distill;
    distill.objective = Objective::Kd;
    distill.lambda = 1.0;
    distill.transfer = false;
    // Who may not see gold labels learns nothing along, and where there are no variants there is no way to choose.
    distill.online = 0;
    if distill.sampler == Sampler::Bandit {
        distill.sampler = Sampler::Natural;
    }
    // Reasons and words that people named come from elsewhere, and know the gold label.
    distill.reason.meaning = 0.0;
    distill.rationale = 0.0;
    run.recipe.recipe.student.decoder = 0;
    let teacher = run.teach()?;
    let labels = run.label(&teacher)?;
    let curves = run.budget(&teacher, &labels)?;
    let folder = run.folder.join(BUDGET);
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for (name, text) in [
        ("budget.json", serde_json::to_string_pretty(&curves)?),
        ("budget.md", curves.markdown()),
        ("report.html", curves.html()?),
    ] {
        write_atomic(&folder.join(name), text.as_bytes())?;
    }
    progress.note(&folder.join("report.html").display().to_string());
    print(general, &curves, Curves::markdown)
}

struct Clock {
    /// What the stages took before, where that was of the same recipe, rows and device.
    earlier: Vec<Timed>,
    stages: Vec<Timed>,
    started: Instant,
}

impl Clock {
    /// Starts now, after what stands in an earlier `run.json` of the same `key`.
    fn new(path: &Path, key: &str) -> Self {
        let text = std::fs::read(path).unwrap_or_default();
        let earlier: Option<Earlier> = serde_json::from_slice(&text).ok();
        let earlier = earlier.filter(|earlier| earlier.key == key);
        Self {
            earlier: earlier.map_or(Vec::new(), |earlier| earlier.stages),
            stages: Vec::new(),
            started: Instant::now(),
        }
    }

    fn lap(&mut self, stage: &str) {
        let now = Instant::now();
        let seconds = (now - self.started).as_secs_f64();
        self.stages.push(Timed {
            stage: stage.into(),
            seconds,
        });
        self.started = now;
    }

    /// The stages with what they took before.
    fn with_earlier(mut self) -> Vec<Timed> {
        for before in self.earlier {
            for stage in self
                .stages
                .iter_mut()
                .filter(|stage| stage.stage == before.stage)
            {
                stage.seconds += before.seconds;
            }
        }
        self.stages
    }
}

fn line(report: &StudentReport) -> String {
    format!(
        "student of seed {}: test accuracy {:.4}, macro-F1 {:.4}, MCC {:.4}; agreement with the \
         teacher: cosine {:.3} (random {:.3}), top {} {:.3} (random {:.3})\n",
        report.seed,
        report.test.accuracy,
        report.test.macro_f1,
        report.test.mcc,
        report.agreement.agreement.cosine,
        report.agreement.random.cosine,
        report.agreement.top,
        report.agreement.agreement.feature,
        report.agreement.random.feature,
    )
}

impl Summary {
    fn text(&self) -> String {
        let students: String = self.students.iter().map(line).collect();
        let stages: Vec<String> = self
            .stages
            .iter()
            .map(|t| format!("{} {}", t.stage, duration(t.seconds)))
            .collect();
        let memory = self.peak_memory_bytes.map_or(String::new(), |bytes| {
            format!(", {} MB of memory at most", bytes / 1_000_000)
        });
        format!(
            "{students}{}: {} bytes; quantization changes {:.2} % of validation labels\n{}\n{}{memory}\n",
            self.bundle.display(),
            self.bytes,
            100.0 * self.fidelity[0].labels_changed,
            self.report.display(),
            stages.join(", ")
        )
    }
}

/// Largest resident memory so far (Linux).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
