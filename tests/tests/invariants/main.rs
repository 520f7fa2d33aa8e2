//! The edges between the crates, and what each of them must not know.
//!
//! Every check is a function of what cargo or the folders say, so that it can be shown to fail: each
//! test runs it on the workspace and on an example that breaks the rule.

mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use source::file_system_words;

/// Which workspace crates each crate may name. A crate that is not listed breaks the rule.
const EDGES: [(&str, &[&str]); 9] = [
    ("stillglass-bundle", &[]),
    ("stillglass-text", &[]),
    ("stillglass-kernels", &[]),
    ("stillglass-device", &[]),
    (
        "stillglass-runtime",
        &[
            "stillglass-bundle",
            "stillglass-text",
            "stillglass-kernels",
            "stillglass-device",
        ],
    ),
    (
        "stillglass",
        &[
            "stillglass-bundle",
            "stillglass-text",
            "stillglass-kernels",
            "stillglass-runtime",
        ],
    ),
    // The bundle's reader is what JavaScript hands its bytes to.
    (
        "stillglass-wasm",
        &["stillglass-runtime", "stillglass-bundle"],
    ),
    ("xtask", &[]),
    (
        "stillglass-tests",
        &[
            "stillglass-bundle",
            "stillglass-text",
            "stillglass-kernels",
            "stillglass-runtime",
        ],
    ),
];

/// Crates through which Rust speaks to JavaScript.
const JAVASCRIPT: [&str; 6] = [
    "console_error_panic_hook",
    "js-sys",
    "serde-wasm-bindgen",
    "wasm-bindgen",
    "wasm-bindgen-futures",
    "web-sys",
];

/// Files of `crates/kernels/src` that need no shader, and why.
const WITHOUT_SHADER: [(&str, &str); 8] = [
    ("lib", "the crate's root"),
    ("shader", "what all shaders have in common"),
    ("elementary", "functions inside kernels; WGSL has its own"),
    ("int16", "on the GPU activations stay f32"),
    ("panels", "weights as the CPU reads them"),
    ("residual", "on the GPU the layer norm adds"),
    ("sigmoid", "opens the gates of the trainer's LSTM"),
    ("tanh", "on the GPU an activation of the linear layers"),
];

/// How the names begin of what only the trainer needs: Burn, its compute language, its kernels; the
/// tokenizers of any teacher, which would weigh more than the rest of the module.
const TRAINING: [&str; 4] = ["burn", "cubecl", "cubek", "tokenizers"];

#[test]
fn crates_name_only_the_crates_below_them() {
    assert_eq!(forbidden_edges(&metadata()), Vec::<String>::new());

    let broken = packages(&json!({
        "stillglass-bundle": ["stillglass-text", "serde"],
        "stillglass-extra": [],
        "stillglass-wasm": ["stillglass-runtime", "stillglass"],
    }));
    let found = forbidden_edges(&broken);
    let want = [
        "stillglass-bundle names stillglass-text",
        "stillglass-extra is not in the map of edges",
        "stillglass-wasm names stillglass",
    ];
    assert_eq!(found, want);
}

#[test]
fn only_the_crates_at_the_border_know_javascript() {
    let border = ["stillglass-device", "stillglass-wasm"];
    assert_eq!(users(&metadata(), &JAVASCRIPT), border);

    let broken =
        packages(&json!({ "stillglass-runtime": ["web-sys"], "stillglass-wasm": ["js-sys"] }));
    assert_eq!(
        users(&broken, &JAVASCRIPT),
        ["stillglass-runtime", "stillglass-wasm"]
    );
}

#[test]
fn what_only_the_trainer_needs_never_reaches_the_browser() {
    let browser = tree(&[
        "--package=stillglass-wasm",
        "--target=wasm32-unknown-unknown",
        "--edges=normal,build",
    ]);
    assert!(browser.contains("stillglass-runtime"), "{browser:?}");
    assert_eq!(beginning(&browser, &TRAINING), Vec::<&str>::new());

    // The trainer is the example that would break it.
    let trainer = tree(&["--package=stillglass", "--edges=normal,build"]);
    let found = beginning(&trainer, &TRAINING);
    for name in ["burn", "tokenizers"] {
        assert!(found.contains(&name), "{trainer:?}");
    }
}

#[test]
fn kernels_know_no_wgpu() {
    let kernels = tree(&["--package=stillglass-kernels", "--all-features"]);
    assert!(kernels.contains("stillglass-kernels"), "{kernels:?}");
    assert_eq!(beginning(&kernels, &["wgpu"]), Vec::<&str>::new());

    let broken = crates("stillglass-kernels v0.1.0 (/here)\nwgpu-types v30.0.0\nlibm v0.2.0 (*)\n");
    assert_eq!(beginning(&broken, &["wgpu"]), ["wgpu-types"]);
}

#[test]
fn the_bundle_knows_no_file_system() {
    let sources = sources(&root().join("crates/bundle/src"));
    assert!(sources.len() > 1, "{sources:?}");
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        assert_eq!(
            file_system_words(&source),
            Vec::<String>::new(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn every_shader_has_a_twin_and_every_twin_a_shader() {
    let shaders = stems(&root().join("shaders"), "wgsl");
    let kernels = stems(&root().join("crates/kernels/src"), "rs");
    assert_eq!(alone(&shaders, &kernels), Vec::<String>::new());

    let shaders = ["gelu", "softmax", "softmax.f16"].map(String::from).into();
    let kernels = [
        "linear",
        "softmax",
        "lib",
        "shader",
        "elementary",
        "int16",
        "panels",
        "residual",
        "sigmoid",
        "tanh",
    ];
    let kernels = kernels.map(String::from).into();
    assert_eq!(
        alone(&shaders, &kernels),
        ["gelu has no twin", "linear has no shader"]
    );
    let found = alone(&shaders, &["gelu", "softmax"].map(String::from).into());
    assert_eq!(found[0], "elementary is no file of kernels any more");
}

/// Every edge between workspace crates, of any kind, that [`EDGES`] does not list.
fn forbidden_edges(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().unwrap();
    let members: BTreeSet<&str> = packages.iter().map(name).collect();
    let mut found = Vec::new();
    for package in packages {
        let Some((_, allowed)) = EDGES.iter().find(|(crate_, _)| *crate_ == name(package)) else {
            found.push(format!("{} is not in the map of edges", name(package)));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap().iter().map(name) {
            if (members.contains(dependency) || dependency.starts_with("stillglass"))
                && !allowed.contains(&dependency)
            {
                found.push(format!("{} names {dependency}", name(package)));
            }
        }
    }
    found
}

/// The workspace crates that name one of the crates themselves.
fn users<'a>(metadata: &'a Value, crates: &[&str]) -> Vec<&'a str> {
    let packages = metadata["packages"].as_array().unwrap();
    let names_one = |package: &&Value| {
        let dependencies = package["dependencies"].as_array().unwrap();
        dependencies
            .iter()
            .any(|dependency| crates.contains(&name(dependency)))
    };
    packages.iter().filter(names_one).map(name).collect()
}

/// The crates of a tree whose names begin with one of the words.
fn beginning<'a>(tree: &'a BTreeSet<String>, words: &[&str]) -> Vec<&'a str> {
    let begins = |name: &&str| words.iter().any(|word| name.starts_with(word));
    tree.iter().map(String::as_str).filter(begins).collect()
}

/// The shaders and twins that stand alone. A variant, as `softmax.f16`, has its kernel's twin.
fn alone(shaders: &BTreeSet<String>, kernels: &BTreeSet<String>) -> Vec<String> {
    let kernel = |shader: &String| shader.split('.').next().unwrap().to_owned();
    let shaders: BTreeSet<String> = shaders.iter().map(kernel).collect();
    let excused: BTreeSet<String> = WITHOUT_SHADER.map(|(name, _)| name.to_owned()).into();
    let missing = excused
        .difference(kernels)
        .map(|name| format!("{name} is no file of kernels any more"));
    let twinless = shaders
        .difference(kernels)
        .map(|name| format!("{name} has no twin"));
    let unshaded = kernels
        .iter()
        .filter(|name| !shaders.contains(*name) && !excused.contains(*name));
    missing
        .chain(twinless)
        .chain(unshaded.map(|name| format!("{name} has no shader")))
        .collect()
}

/// Every Rust file under a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let rust = files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"));
    rust.chain(folders.iter().flat_map(|folder| sources(folder)))
        .collect()
}

/// The names, without extension, of a folder's files with that extension; none without the folder.
fn stems(folder: &Path, extension: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|end| end == extension));
    wanted
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// What `cargo metadata` says of the workspace's own crates.
fn metadata() -> Value {
    serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version=1"])).unwrap()
}

/// The crates that `cargo tree` finds with these arguments.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    crates(&cargo(&[&["tree", "--prefix=none"], arguments].concat()))
}

/// The first words of the lines of `cargo tree --prefix=none`.
fn crates(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .filter_map(|line| line.split(' ').next())
        .map(String::from)
        .collect()
}

fn cargo(arguments: &[&str]) -> String {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Metadata made by hand: for each package the names of its dependencies.
fn packages(dependencies: &Value) -> Value {
    let named = |name: &Value| json!({ "name": name });
    let package = |(name, names): (&String, &Value)| json!({ "name": name, "dependencies": names.as_array().unwrap().iter().map(named).collect::<Vec<_>>() });
    json!({ "packages": dependencies.as_object().unwrap().iter().map(package).collect::<Vec<_>>() })
}

fn name(value: &Value) -> &str {
    value["name"].as_str().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}
