//! `instructions`: what forward passes take, counted by valgrind's callgrind, beside what was recorded.
//!
//! Instructions and not time, because their number is the same on a busy machine: a few per cent more are
//! a regression and no noise. Counts hold for one instruction set and one compiler, so each set has a
//! record of its own, and what another compiler makes is not held against the code.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::cargo::cargo;
use crate::setup;
use crate::size::grouped;
use crate::step::{capture, run, step};
use crate::test::Outcome;
use crate::workspace::Workspace;

/// The recorded counts.
const RECORDS: &str = "tests/instructions.json";

/// What to do after a deliberate change.
const RENEW: &str = "cargo xtask instructions --renew";

/// Per cent that a count may be from the recorded one.
const LIMIT: usize = 5;

/// The function of `crates/runtime/examples/forward.rs` that is counted, however the compiler mangles it.
const COUNTED: &str = "*counted_pass*";

/// A forward pass.
struct Case {
    model: &'static str,
    bundle: &'static str,
    tokens: usize,
}

const CASES: [Case; 4] = [
    Case {
        model: "student",
        bundle: "web/models/finance.glass",
        tokens: 8,
    },
    Case {
        model: "student",
        bundle: "web/models/finance.glass",
        tokens: 32,
    },
    Case {
        model: "student",
        bundle: "web/models/finance.glass",
        tokens: 128,
    },
    // No more, for callgrind takes seconds over it.
    Case {
        model: "teacher",
        bundle: "web/models/finance-teacher.glass",
        tokens: 8,
    },
];

impl Case {
    fn name(&self) -> String {
        format!("{} of {} tokens", self.model, self.tokens)
    }
}

/// What the cases took on one instruction set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    /// The compiler's version.
    rustc: String,
    /// Instructions of one pass, by the case's name.
    counts: BTreeMap<String, usize>,
}

/// The record of each instruction set, as `x86_64 avx2`.
type Records = BTreeMap<String, Record>;

/// What to do with the counts.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Record them, after a deliberate change or on an instruction set that has none
    #[arg(long)]
    renew: bool,
}

/// Checks the counts, or renews them.
pub(crate) fn command(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.renew {
        return renew(workspace);
    }
    match check(workspace)? {
        Outcome::Passed => println!("    none is more than {LIMIT} % from its record"),
        Outcome::Noted(note) => println!("    {note}"),
        Outcome::Skipped(reason) => println!("    SKIPPED: {reason}"),
    }
    Ok(())
}

/// Counts and compares; fails where a case takes more than it may.
pub(crate) fn check(workspace: &Workspace) -> Result<Outcome> {
    if !setup::has_valgrind() {
        let reason =
            "valgrind is not installed; on Debian `sudo apt-get install valgrind` brings it";
        return Ok(Outcome::Skipped(reason.into()));
    }
    let records = read(workspace)?;
    let (set, found) = count_all(workspace)?;
    let recorded = records.get(&set);
    print(&set, recorded, &found);
    match recorded {
        Some(recorded) => judge(recorded, &found),
        None => Ok(Outcome::Skipped(format!(
            "{RECORDS} has no counts for {set}; `{RENEW}` adds them"
        ))),
    }
}

/// Records the counts of this machine's instruction set and leaves those of others.
fn renew(workspace: &Workspace) -> Result<()> {
    let mut records = read(workspace)?;
    let (set, found) = count_all(workspace)?;
    let recorded = records.insert(set.clone(), found.clone());
    print(&set, recorded.as_ref(), &found);
    let text = serde_json::to_string_pretty(&records)?;
    fs::write(workspace.path(RECORDS), text + "\n")?;
    println!("    {RECORDS}: written");
    Ok(())
}

/// The recorded counts; none without a file.
fn read(workspace: &Workspace) -> Result<Records> {
    let path = workspace.path(RECORDS);
    if !path.exists() {
        return Ok(Records::new());
    }
    let text = fs::read_to_string(path).context(RECORDS)?;
    serde_json::from_str(&text).with_context(|| {
        format!("{RECORDS} cannot be read; mend it, or delete it and run `{RENEW}`")
    })
}

/// Builds the example and counts every case; the instruction set it ran on, and what it took.
fn count_all(workspace: &Workspace) -> Result<(String, Record)> {
    let line = "build --quiet --profile counting --package stillglass-runtime --example forward";
    step("build the forward pass", || {
        run(&mut cargo(workspace, line))
    })?;
    let rustc = version(&capture(Command::new("rustc").arg("--version"))?)?;
    let counted = step("count its instructions", || {
        let named = |case: &Case| Ok((case.name(), count(workspace, case)?));
        CASES.iter().map(named).collect::<Result<Vec<_>>>()
    })?;
    let set = format!("{} {}", std::env::consts::ARCH, counted[0].1.set);
    let counts = counted.into_iter();
    let counts = counts.map(|(name, count)| (name, count.instructions));
    let counts = counts.collect();
    Ok((set, Record { rustc, counts }))
}

/// `rustc 1.95.0 (59807616e 2026-04-14)` → `1.95.0`.
fn version(line: &str) -> Result<String> {
    let word = line.split(' ').nth(1);
    Ok(word
        .with_context(|| format!("`rustc --version` says {line:?}, which names no version"))?
        .into())
}

/// What callgrind saw of one pass.
#[derive(Debug, PartialEq)]
struct Count {
    /// The instruction set, as the kernels call it.
    set: String,
    instructions: usize,
}

fn count(workspace: &Workspace, case: &Case) -> Result<Count> {
    let mut command = Command::new("valgrind");
    command
        // Nothing from the environment or a file of its own.
        .args(["--command-line-only=yes", "--tool=callgrind"])
        // Not as the difference of two runs: start-up reads a bundle, which costs more than a pass.
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg("--callgrind-out-file=/dev/null")
        .arg(workspace.target("counting/examples/forward"))
        .arg(workspace.path(case.bundle))
        .arg(case.tokens.to_string());
    let output = command
        .output()
        .context("cannot start valgrind; on Debian `sudo apt-get install valgrind` brings it")?;
    let [said, log] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    if !output.status.success() {
        bail!("valgrind ended with {}: {}", output.status, log.trim());
    }
    parse(&said, &log)
}

/// Reads what the example said and what valgrind wrote.
fn parse(said: &str, log: &str) -> Result<Count> {
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    let (_, instructions) =
        collected.with_context(|| format!("callgrind says no count: {}", log.trim()))?;
    let instructions = instructions
        .trim()
        .parse()
        .with_context(|| format!("callgrind's count {instructions:?}"))?;
    if instructions == 0 {
        bail!("callgrind saw no call of `{COUNTED}`; name the function that the example calls");
    }
    Ok(Count {
        set: said.trim().to_owned(),
        instructions,
    })
}

/// What comes of a record and the counts found.
fn judge(recorded: &Record, found: &Record) -> Result<Outcome> {
    let cases = |record: &Record| record.counts.keys().cloned().collect::<Vec<_>>().join(", ");
    let [wanted, counted] = [recorded, found].map(cases);
    if wanted != counted {
        bail!("{RECORDS} records {wanted}, counted were {counted}; run `{RENEW}`");
    }
    let changes = |out: fn(usize, usize) -> bool| -> Vec<String> {
        let pairs = recorded.counts.iter().zip(found.counts.values());
        pairs
            .filter(|((_, before), now)| out(**before, **now))
            .map(|((name, &before), &now)| format!("{name} {}", change(before, now)))
            .collect()
    };
    let more = changes(|before, now| now * 100 > before * (100 + LIMIT)).join(", ");
    let fewer = changes(|before, now| now * 100 < before * (100 - LIMIT)).join(", ");
    let same = recorded.rustc == found.rustc;
    let compilers = format!(
        "counts are of rustc {}, this is {}",
        recorded.rustc, found.rustc
    );
    if !more.is_empty() && same {
        bail!(
            "more instructions than recorded: {more}; find what costs them, or after a deliberate change \
             run `{RENEW}`"
        );
    }
    if !more.is_empty() {
        // Whose they are, only the recorded compiler can tell.
        return Ok(Outcome::Skipped(format!(
            "{compilers}, which may be why it takes more: {more}; compare with `cargo +{} xtask \
             instructions`, then `{RENEW}`",
            recorded.rustc
        )));
    }
    if !fewer.is_empty() {
        return Ok(Outcome::Noted(format!(
            "fewer instructions, keep them with `{RENEW}`: {fewer}"
        )));
    }
    if !same {
        return Ok(Outcome::Noted(format!("{compilers}; `{RENEW}`")));
    }
    Ok(Outcome::Passed)
}

/// `1,000 → 1,100 (+10.0 %)`.
fn change(before: usize, now: usize) -> String {
    let percent = (now as f64 / before as f64 - 1.0) * 100.0;
    format!("{} → {} ({percent:+.1} %)", grouped(before), grouped(now))
}

fn print(set: &str, recorded: Option<&Record>, found: &Record) {
    println!("    instructions of a pass, {set}, rustc {}", found.rustc);
    for (name, &now) in &found.counts {
        let before = recorded.and_then(|record| record.counts.get(name));
        let words = before.map_or_else(|| grouped(now), |&before| change(before, now));
        println!("    {name:<24}{words}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(rustc: &str, counts: &[(&str, usize)]) -> Record {
        let counts = counts.iter().map(|&(name, count)| (name.into(), count));
        Record {
            rustc: rustc.into(),
            counts: counts.collect(),
        }
    }

    /// What comes of 1,000 recorded instructions and so many now.
    fn of(now: usize, rustc: &str) -> String {
        let recorded = record("1.95.0", &[("a", 1000), ("b", 1000)]);
        match judge(&recorded, &record(rustc, &[("a", 1000), ("b", now)])) {
            Ok(Outcome::Passed) => "passed".into(),
            Ok(Outcome::Noted(note)) => format!("noted: {note}"),
            Ok(Outcome::Skipped(reason)) => format!("skipped: {reason}"),
            Err(error) => format!("failed: {error}"),
        }
    }

    #[test]
    fn the_limit_itself_passes_and_one_more_fails() {
        assert_eq!(of(1000, "1.95.0"), "passed");
        assert_eq!(of(1050, "1.95.0"), "passed");
        assert_eq!(of(950, "1.95.0"), "passed");
        let failed = of(1051, "1.95.0");
        assert!(
            failed
                .starts_with("failed: more instructions than recorded: b 1,000 → 1,051 (+5.1 %);")
                && failed.ends_with("run `cargo xtask instructions --renew`"),
            "{failed}"
        );
    }

    #[test]
    fn fewer_are_to_be_kept() {
        let noted = of(949, "1.95.0");
        assert!(noted.starts_with("noted: fewer"), "{noted}");
        assert!(
            noted.ends_with("--renew`: b 1,000 → 949 (-5.1 %)"),
            "{noted}"
        );
    }

    #[test]
    fn fewer_in_one_case_do_not_pay_for_another() {
        let recorded = record("1.95.0", &[("a", 1000), ("b", 1000)]);
        let error = judge(&recorded, &record("1.95.0", &[("a", 100), ("b", 2000)])).unwrap_err();
        assert!(
            error.to_string().contains("recorded: b 1,000 → 2,000"),
            "{error}"
        );
    }

    #[test]
    fn another_compiler_is_named_and_may_be_why() {
        assert_eq!(
            of(1000, "1.96.0"),
            "noted: counts are of rustc 1.95.0, this is 1.96.0; `cargo xtask instructions --renew`"
        );
        let skipped = of(1051, "1.96.0");
        assert!(
            skipped.starts_with("skipped: counts are of rustc 1.95.0"),
            "{skipped}"
        );
        assert!(
            skipped.contains("b 1,000 → 1,051 (+5.1 %); compare with `cargo +1.95.0 "),
            "{skipped}"
        );
        assert!(of(949, "1.96.0").starts_with("noted: fewer"));
    }

    #[test]
    fn cases_are_those_recorded() {
        let (two, one) = (record("1", &[("a", 1), ("b", 1)]), record("1", &[("a", 1)]));
        for (recorded, found, words) in [
            (&two, &one, "records a, b, counted were a; run"),
            (&one, &two, "records a, counted were a, b; run"),
        ] {
            let error = judge(recorded, found).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_count_is_read_or_its_lack_said() {
        let log = |count| format!("==7== Events    : Ir\n==7== Collected : {count}\n==7== \n");
        let want = Count {
            set: "avx2".into(),
            instructions: 1_196_033,
        };
        assert_eq!(parse("avx2\n", &log("1196033")).unwrap(), want);
        for (log, words) in [
            (log("0"), "saw no call"),
            (log("many"), "count \"many\""),
            ("==7== killed".into(), "says no count: ==7== killed"),
        ] {
            let error = parse("avx2\n", &log).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_compilers_version_is_its_second_word() {
        assert_eq!(
            version("rustc 1.95.0 (59807616e 2026-04-14)").unwrap(),
            "1.95.0"
        );
        assert!(version("rustc").is_err());
    }

    #[test]
    fn records_are_of_the_cases_that_are_counted() {
        let records = read(&Workspace::find().unwrap()).unwrap();
        let cases: Vec<_> = CASES.iter().map(Case::name).collect();
        assert!(!records.is_empty());
        for (set, record) in records {
            let mut recorded: Vec<_> = record.counts.into_keys().collect();
            recorded.sort_by_key(|name| cases.iter().position(|case| case == name));
            assert_eq!(recorded, cases, "{set}; run `{RENEW}`");
        }
    }
}
