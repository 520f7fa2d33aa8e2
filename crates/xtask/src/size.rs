//! `size`: what a page loads, raw and compressed, against its budgets. A KB is 1,000 bytes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use brotli::CompressorWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::entry;
use crate::step::step;
use crate::workspace::Workspace;

/// The most that the wasm module and its JavaScript may weigh together, brotli, in bytes: 150,000 until students gave
/// reasons in words, which took ten thousand more, and 165,000 until they read behind their teacher's layers.
const CODE_BROTLI: usize = 167_000;
/// The most that the JavaScript of the npm package's core may weigh, brotli, in bytes.
const CORE_BROTLI: usize = 15_000;
/// The most that a committed student may weigh, in bytes.
const STUDENT_RAW: usize = 900_000;
/// The most that a committed student may weigh after brotli, in bytes.
const STUDENT_BROTLI: usize = 750_000;
/// Committed students that read behind layers of their teacher.
const LAYERED: [&str; 1] = ["nli.glass"];
/// The most that such a one may weigh, in bytes; the page keeps no larger file (`maximumFileSizeToCacheInBytes`).
const LAYERED_RAW: usize = 4_000_000;
/// The most that a committed teacher, which a page brings only when asked, may weigh, in bytes.
const TEACHER_RAW: usize = 12_500_000;

/// The module.
const MODULE: &str = "stillglass_bg.wasm";
/// What a page loads to classify in a worker.
const CORE: [&str; 2] = ["index.js", "worker.js"];
/// What else the package offers, each with what it shares with the core.
const SUBPATHS: [&str; 6] = [
    "client.js",
    "element.js",
    "react.js",
    "metrics.js",
    "pipeline.js",
    "inline.js",
];

/// The bytes of one file, or of several together, as they are and compressed at the highest level.
#[derive(Clone, Debug, PartialEq)]
struct Weight {
    name: String,
    raw: usize,
    gzip: usize,
    brotli: usize,
}

/// Prints every weight and fails above a budget.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    step("weigh what a page loads", || {
        let code = weigh_code(workspace)?;
        let models = workspace.path("web/models");
        let teachers = teachers(&models.join("index.json"))?;
        let bundles = weigh(&files(&models, &["glass"])?)?;
        let dist = workspace.package().join("dist");
        let subpaths: Vec<_> = SUBPATHS
            .iter()
            .map(|name| weigh_entries(&dist, name, &[*name]))
            .collect::<Result<_>>()?;
        print(&[&code[..], &subpaths, &bundles].concat());
        if bundles.is_empty() {
            println!("    web/models holds no bundle yet");
        }
        let excesses = excesses(&code, &bundles, &teachers);
        if !excesses.is_empty() {
            bail!("over budget: {}", excesses.join("; "));
        }
        let wrong = misstated(&bundles, &teachers);
        if !wrong.is_empty() {
            bail!("web/models/index.json: {}", wrong.join("; "));
        }
        println!(
            "    within budget: core JS {CORE_BROTLI} brotli, wasm + JS {CODE_BROTLI} brotli, a student \
             {STUDENT_RAW} raw and {STUDENT_BROTLI} brotli, one behind layers {LAYERED_RAW} raw, a teacher {TEACHER_RAW} raw"
        );
        Ok(())
    })
}

/// Prints the weights of the module and its JavaScript, and their sum.
pub(crate) fn print_module(workspace: &Workspace) -> Result<()> {
    print(&weigh_code(workspace)?);
    Ok(())
}

/// The weights of the module, of the JavaScript beside it, and of both together.
fn weigh_code(workspace: &Workspace) -> Result<[Weight; 3]> {
    let dist = workspace.package().join("dist");
    let module = fs::read(dist.join(MODULE))
        .with_context(|| format!("{} lacks {MODULE}; run `cargo xtask wasm`", dist.display()))?;
    let module = weight(MODULE, &module)?;
    let core = weigh_entries(&dist, "core JS", &CORE)?;
    let sum = total("wasm + JS", &[module.clone(), core.clone()]);
    Ok([module, core, sum])
}

/// The weight of all scripts that the entries load.
fn weigh_entries(dist: &Path, name: &str, entries: &[&str]) -> Result<Weight> {
    let scripts: Vec<_> = entry::loaded(dist, entries)?.into_iter().collect();
    Ok(total(name, &weigh(&scripts)?))
}

/// The files that `index.json` names as teachers, each with the bytes that it promises.
fn teachers(index: &Path) -> Result<BTreeMap<String, u64>> {
    let text = fs::read(index).with_context(|| format!("cannot read {}", index.display()))?;
    let index: Value =
        serde_json::from_slice(&text).with_context(|| format!("{}", index.display()))?;
    let models = index["models"].as_array().into_iter().flatten();
    let teacher = |model: &Value| {
        let teacher = &model["teacher"];
        let file = teacher["file"].as_str()?.to_owned();
        Some((file, teacher["bytes"].as_u64().unwrap_or(0)))
    };
    Ok(models.filter_map(teacher).collect())
}

/// The teachers whose files are not there, or not of the bytes that the page tells its readers.
fn misstated(bundles: &[Weight], teachers: &BTreeMap<String, u64>) -> Vec<String> {
    let check = |(name, promised): (&String, &u64)| {
        let Some(bundle) = bundles.iter().find(|bundle| bundle.name == *name) else {
            return Some(format!("teacher {name} is not in web/models"));
        };
        let found = bundle.raw as u64;
        (found != *promised).then(|| {
            format!("teacher {name} has {found} bytes, `bytes` says {promised}; correct it")
        })
    };
    teachers.iter().filter_map(check).collect()
}

/// The files of a folder with one of the extensions, by name; none if there is no folder.
fn files(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let wanted = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    };
    let mut files: Vec<_> = entries
        .iter()
        .map(fs::DirEntry::path)
        .filter(wanted)
        .collect();
    files.sort();
    Ok(files)
}

fn weigh(files: &[PathBuf]) -> Result<Vec<Weight>> {
    let weigh = |path: &PathBuf| {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        weight(&name, &bytes)
    };
    files.iter().map(weigh).collect()
}

fn weight(name: &str, bytes: &[u8]) -> Result<Weight> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    // Quality 11 and a 4 MiB window: what servers use for files compressed ahead of time.
    let mut brotli = CompressorWriter::new(Vec::new(), 4096, 11, 22);
    brotli.write_all(bytes)?;
    Ok(Weight {
        name: name.to_owned(),
        raw: bytes.len(),
        gzip: gzip.finish()?.len(),
        brotli: brotli.into_inner().len(),
    })
}

fn total(name: &str, weights: &[Weight]) -> Weight {
    let sum = |part: fn(&Weight) -> usize| weights.iter().map(part).sum();
    Weight {
        name: name.into(),
        raw: sum(|weight| weight.raw),
        gzip: sum(|weight| weight.gzip),
        brotli: sum(|weight| weight.brotli),
    }
}

/// What exceeds its budget, in words.
fn excesses(
    [_, core, sum]: &[Weight; 3],
    bundles: &[Weight],
    teachers: &BTreeMap<String, u64>,
) -> Vec<String> {
    let code = [
        (core, "brotli", core.brotli, CORE_BROTLI),
        (sum, "brotli", sum.brotli, CODE_BROTLI),
    ];
    let bundles = bundles.iter().flat_map(|bundle| {
        if LAYERED.contains(&bundle.name.as_str()) {
            return vec![(bundle, "raw", bundle.raw, LAYERED_RAW)];
        }
        if teachers.contains_key(&bundle.name) {
            return vec![(bundle, "raw", bundle.raw, TEACHER_RAW)];
        }
        vec![
            (bundle, "raw", bundle.raw, STUDENT_RAW),
            (bundle, "brotli", bundle.brotli, STUDENT_BROTLI),
        ]
    });
    code.into_iter()
        .chain(bundles)
        .filter(|(_, _, found, most)| found > most)
        .map(|(weight, form, found, most)| {
            format!("{} has {found} bytes {form}, budget {most}", weight.name)
        })
        .collect()
}

fn print(weights: &[Weight]) {
    println!(
        "    {:<24}{:>11}{:>11}{:>11}",
        "bytes", "raw", "gzip", "brotli"
    );
    for weight in weights {
        let columns = [weight.raw, weight.gzip, weight.brotli].map(grouped);
        println!(
            "    {:<24}{:>11}{:>11}{:>11}",
            weight.name, columns[0], columns[1], columns[2]
        );
    }
}

/// `1234567` → `1,234,567`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn of(name: &str, raw: usize, brotli: usize) -> Weight {
        Weight {
            name: name.into(),
            raw,
            gzip: raw,
            brotli,
        }
    }

    #[test]
    fn compressed_sizes_are_those_of_complete_streams() {
        let bytes = b"bullish, bearish or neutral; ".repeat(100);
        let weight = weight("words", &bytes).unwrap();
        assert_eq!(weight.raw, bytes.len());
        let mut stream = Vec::new();
        brotli::CompressorReader::new(&bytes[..], 4096, 11, 22)
            .read_to_end(&mut stream)
            .unwrap();
        assert_eq!(weight.brotli, stream.len());
        assert!(
            weight.brotli < weight.gzip && weight.gzip < 200,
            "{weight:?}"
        );
    }

    #[test]
    fn budgets_hold_at_the_limit_and_break_above() {
        let teachers = [("t.glass".to_owned(), 0)].into();
        let code = |core, sum| {
            let module = of(MODULE, 999_999, 999_999);
            [
                module,
                of("core JS", 999_999, core),
                of("wasm + JS", 999_999, sum),
            ]
        };
        let bundles = [
            of("finance.glass", STUDENT_RAW, STUDENT_BROTLI),
            of("t.glass", TEACHER_RAW, TEACHER_RAW),
            of("nli.glass", LAYERED_RAW, LAYERED_RAW),
        ];
        let within = code(CORE_BROTLI, CODE_BROTLI);
        assert_eq!(excesses(&within, &bundles, &teachers), Vec::<String>::new());
        let bundles = [
            of("a.glass", STUDENT_RAW + 1, 0),
            of("b.glass", 0, STUDENT_BROTLI + 1),
            of("t.glass", TEACHER_RAW + 1, 0),
            of("nli.glass", LAYERED_RAW + 1, 0),
        ];
        let found = excesses(&code(CORE_BROTLI + 1, CODE_BROTLI + 1), &bundles, &teachers);
        assert_eq!(found.len(), 6, "{found:?}");
        assert_eq!(found[0], "core JS has 15001 bytes brotli, budget 15000");
        assert_eq!(found[1], "wasm + JS has 167001 bytes brotli, budget 167000");
        assert!(
            found[2].starts_with("a.glass has 900001 bytes raw"),
            "{found:?}"
        );
        assert_eq!(found[4], "t.glass has 12500001 bytes raw, budget 12500000");
        assert_eq!(found[5], "nli.glass has 4000001 bytes raw, budget 4000000");
    }

    #[test]
    fn what_the_page_says_of_a_teacher_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("index.json");
        let text = r#"{ "models": [
            { "file": "a.glass", "teacher": { "file": "t.glass", "bytes": 7 } },
            { "file": "b.glass" },
            { "file": "c.glass", "teacher": { "file": "u.glass", "bytes": 9 } } ] }"#;
        fs::write(&index, text).unwrap();
        let teachers = teachers(&index).unwrap();
        let bundles = [
            of("a.glass", 1, 1),
            of("t.glass", 7, 7),
            of("u.glass", 9, 9),
        ];
        assert_eq!(misstated(&bundles, &teachers), Vec::<String>::new());
        let found = misstated(&[of("t.glass", 8, 8)], &teachers);
        assert_eq!(
            found,
            [
                "teacher t.glass has 8 bytes, `bytes` says 7; correct it",
                "teacher u.glass is not in web/models"
            ]
        );
        fs::write(&index, "{").unwrap();
        assert!(super::teachers(&index).is_err());
    }

    #[test]
    fn sums_every_column() {
        let sum = total("both", &[of("a", 3, 1), of("b", 40, 20)]);
        assert_eq!(sum, of("both", 43, 21));
    }

    #[test]
    fn lists_only_the_wanted_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.glass", "a.glass", "a.json"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let names: Vec<_> = weigh(&files(folder.path(), &["glass"]).unwrap()).unwrap();
        let names: Vec<_> = names.iter().map(|weight| weight.name.as_str()).collect();
        assert_eq!(names, ["a.glass", "b.glass"]);
        assert!(
            files(&folder.path().join("absent"), &["glass"])
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn groups_digits_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
