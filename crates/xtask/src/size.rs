//! `size`: what a page loads, raw and compressed, against its budgets. A KB is 1,000 bytes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use brotli::CompressorWriter;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::entry;
use crate::step::step;
use crate::workspace::Workspace;

/// The most that the wasm module and its JavaScript may weigh together, brotli, in bytes.
const CODE_BROTLI: usize = 165_000;
/// The most that the JavaScript of the npm package's core may weigh, brotli, in bytes.
const CORE_BROTLI: usize = 15_000;
/// The most that a committed bundle may weigh, in bytes.
const BUNDLE_RAW: usize = 900_000;
/// The most that a committed bundle may weigh after brotli, in bytes.
const BUNDLE_BROTLI: usize = 750_000;

/// The module.
const MODULE: &str = "stillglass_bg.wasm";
/// What a page loads to classify in a worker.
const CORE: [&str; 2] = ["index.js", "worker.js"];
/// What else the package offers, each with what it shares with the core.
const SUBPATHS: [&str; 5] = [
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
        let bundles = weigh(&files(&workspace.path("web/models"), &["glass"])?)?;
        let dist = workspace.package().join("dist");
        let subpaths: Vec<_> = SUBPATHS
            .iter()
            .map(|name| weigh_entries(&dist, name, &[*name]))
            .collect::<Result<_>>()?;
        print(&[&code[..], &subpaths, &bundles].concat());
        if bundles.is_empty() {
            println!("    web/models holds no bundle yet");
        }
        let excesses = excesses(&code, &bundles);
        if !excesses.is_empty() {
            bail!("over budget: {}", excesses.join("; "));
        }
        println!(
            "    within budget: core JS {CORE_BROTLI} brotli, wasm + JS {CODE_BROTLI} brotli, a bundle \
             {BUNDLE_RAW} raw and {BUNDLE_BROTLI} brotli"
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
fn excesses([_, core, sum]: &[Weight; 3], bundles: &[Weight]) -> Vec<String> {
    let code = [
        (core, "brotli", core.brotli, CORE_BROTLI),
        (sum, "brotli", sum.brotli, CODE_BROTLI),
    ];
    let bundles = bundles.iter().flat_map(|bundle| {
        [
            (bundle, "raw", bundle.raw, BUNDLE_RAW),
            (bundle, "brotli", bundle.brotli, BUNDLE_BROTLI),
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
fn grouped(number: usize) -> String {
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
        let code = |core, sum| {
            let module = of(MODULE, 999_999, 999_999);
            [
                module,
                of("core JS", 999_999, core),
                of("wasm + JS", 999_999, sum),
            ]
        };
        let bundle = of("finance.glass", BUNDLE_RAW, BUNDLE_BROTLI);
        let within = code(CORE_BROTLI, CODE_BROTLI);
        assert_eq!(excesses(&within, &[bundle]), Vec::<String>::new());
        let bundles = [
            of("a.glass", BUNDLE_RAW + 1, 0),
            of("b.glass", 0, BUNDLE_BROTLI + 1),
        ];
        let found = excesses(&code(CORE_BROTLI + 1, CODE_BROTLI + 1), &bundles);
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(found[0], "core JS has 15001 bytes brotli, budget 15000");
        assert_eq!(found[1], "wasm + JS has 165001 bytes brotli, budget 165000");
        assert!(
            found[2].starts_with("a.glass has 900001 bytes raw"),
            "{found:?}"
        );
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
