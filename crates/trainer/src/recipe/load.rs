//! From a recipe file, overrides and the environment to a checked [`Recipe`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Recipe, overrides};

/// What `init` writes: every key with its default and what it means.
pub const TEMPLATE: &str = include_str!("template.toml");

/// A recipe ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Overrides applied, variables expanded, values checked.
    pub recipe: Recipe,
    /// The same as TOML with `${NAME}` left as written and the values of variables left out, so
    /// that a published bundle shows no path of the machine that made it.
    pub portable: String,
    /// The file it was read from.
    pub path: Option<PathBuf>,
}

/// The text of the recipe at `path`.
pub fn text(path: &Path) -> Result<String> {
    let named = || format!("recipe {}", path.display());
    ensure!(
        !path.is_dir(),
        "{}: this is a folder; name the recipe in it",
        named()
    );
    let bytes = fs::read(path).with_context(|| {
        format!(
            "{}: can't read it; `stillglass init` writes a first one",
            named()
        )
    })?;
    let text = String::from_utf8(bytes);
    text.with_context(|| format!("{}: not UTF-8; save it as UTF-8", named()))
}

/// Reads, overrides, expands and checks the recipe at `path`; `sets` are `key=value`.
pub fn load(path: &Path, sets: &[String]) -> Result<Loaded> {
    let text = text(path)?;
    let named = || format!("recipe {}", path.display());
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut loaded = parse(&text, folder, sets).with_context(named)?;
    loaded.path = Some(path.into());
    Ok(loaded)
}

/// [`load`] from the recipe's text; `folder` becomes `${RECIPE_DIR}`.
pub fn parse(text: &str, folder: &Path, sets: &[String]) -> Result<Loaded> {
    let mut table = table(text)?;
    for assignment in sets {
        overrides::set(&mut table, assignment)?;
    }
    refuse_misplaced(&table)?;
    let mut portable: Recipe = typed(table.clone())?;
    portable.variables.clear();
    let given = BTreeMap::from([("RECIPE_DIR".into(), folder.display().to_string())]);
    overrides::expand(&mut table, &given)?;
    let recipe: Recipe = typed(table)?;
    recipe.validate()?;
    Ok(Loaded {
        recipe,
        portable: portable.to_toml()?,
        path: None,
    })
}

/// A recipe's text as TOML in which nothing is misplaced, whatever its keys.
pub fn table(text: &str) -> Result<Table> {
    let table = text.trim_start_matches('\u{feff}').parse();
    let table = table.map_err(|error| unreadable(&error))?;
    refuse_misplaced(&table)?;
    Ok(table)
}

impl Recipe {
    /// The whole recipe, defaults included, as TOML that [`parse`] reads back.
    pub fn to_toml(&self) -> Result<String> {
        to_toml(self)
    }
}

fn to_toml<T: Serialize>(value: &T) -> Result<String> {
    toml::to_string(value).context("recipe: can't be written as TOML")
}

/// A recipe's TOML, or what is wanted of it, with its types.
pub fn typed<T: DeserializeOwned>(table: Table) -> Result<T> {
    table
        .try_into()
        .map_err(|error: toml::de::Error| explain(&error))
}

/// Refuses lists where sections belong, whose values serde would take for the sections' keys in their order, and sections
/// where words belong, whose keys it would take for the words.
fn refuse_misplaced(table: &Table) -> Result<()> {
    for line in TEMPLATE.lines() {
        let head = line.trim_start_matches("# ");
        let head = head.split('#').next().unwrap_or_default().trim_end();
        let name = head.trim_matches(['[', ']']);
        if !head.starts_with('[') {
            continue;
        }
        let many = head.starts_with("[[");
        let is_list = match at(table, name) {
            Some(Value::Array(all)) if many => all.iter().any(Value::is_array),
            found => !many && found.is_some_and(Value::is_array),
        };
        ensure!(
            !is_list,
            "{name}: want a section, found a list; write {head} and the keys below it"
        );
    }
    let template: Table = TEMPLATE.parse().map_err(|error| unreadable(&error))?;
    for (section, keys) in template {
        for (key, value) in keys.as_table().into_iter().flatten() {
            let name = format!("{section}.{key}");
            // Of paths it is said what else they may be.
            let is_word = value.is_str() && name != "data.train";
            let is_section = at(table, &name).is_some_and(Value::is_table);
            ensure!(
                !(is_word && is_section),
                "{name}: want a string, found a section"
            );
        }
    }
    Ok(())
}

/// The value of a key in a section, their names with dots between them.
fn at<'t>(table: &'t Table, name: &str) -> Option<&'t Value> {
    let mut keys = name.split('.');
    let first = table.get(keys.next()?)?;
    keys.try_fold(first, |section, key| section.get(key))
}

/// The parser's message, in words of ours where its own are of its types.
fn unreadable(error: &toml::de::Error) -> anyhow::Error {
    let shown = error.to_string();
    let why = error.message();
    if why.contains("as i128") || why.contains("too large") {
        return anyhow!("{}", shown.replace(why, overrides::TOO_LARGE));
    }
    anyhow!("{shown}")
}

/// Says which key is meant, and the nearest known one for a misspelt key or value.
fn explain(error: &toml::de::Error) -> anyhow::Error {
    let message = error.message();
    let shown = error.to_string();
    let path = shown
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("in `")?.strip_suffix('`'));
    let mut quoted = message.split('`').skip(1).step_by(2);
    let section = |path: Option<&str>| path.map_or(String::new(), |path| format!("[{path}] "));
    if message.starts_with("unknown field") {
        let found = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        // serde's path ends with the unknown key itself in some shapes and with its section in others.
        let at = path.map(|path| {
            path.strip_suffix(found)
                .map_or(path, |p| p.trim_end_matches('.'))
        });
        let at = section(at.filter(|at| !at.is_empty()));
        let hint = near(found, &known).map_or_else(
            || format!("known keys: {}", known.join(", ")),
            |k| format!("did you mean `{k}`?"),
        );
        return anyhow!("{at}unknown key `{found}`; {hint}");
    }
    if message.starts_with("unknown variant") {
        let found = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        let hint = near(found, &known).map_or(String::new(), |k| format!("; did you mean `{k}`?"));
        let path = path.unwrap_or("value");
        return anyhow!(
            "{path} = \"{found}\": want one of {}{hint}",
            known.join(", ")
        );
    }
    if message.starts_with("missing field") {
        let missing = quoted.next().unwrap_or_default();
        let at = section(path);
        return anyhow!(
            "{at}needs the key `{missing}`; `stillglass init` writes a recipe with every key"
        );
    }
    // A number that no TOML value can be comes here as text, where text is not what is wanted.
    let text = message.strip_prefix("invalid type: string \"");
    let text = text.and_then(|rest| rest.split('"').next());
    let message = match text {
        Some(text) if overrides::is_too_large(text) => overrides::TOO_LARGE,
        _ => &in_words(message),
    };
    path.map_or_else(|| anyhow!("{message}"), |path| anyhow!("{path}: {message}"))
}

/// A message of serde's about a value of another type than Rust wants, in words that need no Rust.
fn in_words(message: &str) -> String {
    let kinds = ["invalid type: ", "invalid value: "];
    let told = kinds.iter().find_map(|kind| message.strip_prefix(kind));
    let Some((found, wanted)) = told.and_then(|told| told.rsplit_once(", expected ")) else {
        return message.into();
    };
    let wanted = match wanted {
        "usize" | "u64" | "u32" => "a whole number from 0 on",
        "f64" => "a number",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        // An enum's.
        "string only" => return "want a string".into(),
        section if section == "a map" || section.starts_with("struct ") => "a section",
        other => other,
    };
    let found = match found {
        "sequence" => "a list",
        "map" => "a section",
        other => other,
    };
    format!("want {wanted}, found {found}")
}

/// The known name within two edits (one for short names), if any.
fn near<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = if found.len() < 4 { 1 } else { 2 };
    let scored = known.iter().map(|name| (edits(found, name), *name));
    scored
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein distance, counting a swap of neighbours as one edit (optimal string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in table.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in table[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(table[i - 2][j - 2] + 1);
            }
            table[i][j] = best;
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{DistillSection, Objective, StudentSection};

    const SMALL: &str = "name = \"small\"\n[data]\ntrain = \"a.csv\"\n[teacher]\nbase = \"b\"\n";

    fn read(extra: &str, sets: &[&str]) -> Result<Loaded> {
        let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
        parse(&format!("{SMALL}{extra}"), Path::new("."), &sets)
    }

    fn fails(extra: &str, sets: &[&str]) -> String {
        format!("{:#}", read(extra, sets).unwrap_err())
    }

    #[test]
    fn defaults_fill_what_is_not_said() {
        let recipe = read("", &[]).unwrap().recipe;
        assert_eq!(recipe.student, StudentSection::default());
        assert_eq!(recipe.distill, DistillSection::default());
        assert_eq!((recipe.teacher.max_tokens, recipe.teacher.epochs), (64, 4));
        assert_eq!(recipe.data.text, "text");
    }

    #[test]
    fn the_resolved_recipe_reads_back_equal() {
        let extra = "[distill]\nobjective = \"kd-mse\"\n[student]\nhidden = 17\n";
        let recipe = read(extra, &["seed=3", "data.labels=[\"x\",\"y\"]"])
            .unwrap()
            .recipe;
        let again = parse(&recipe.to_toml().unwrap(), Path::new("."), &[])
            .unwrap()
            .recipe;
        assert_eq!(again, recipe);
        assert_eq!(again.distill.objective, Objective::KdMse);
    }

    #[test]
    fn the_template_is_a_recipe_and_says_the_defaults() {
        let template = parse(TEMPLATE, Path::new("."), &[]).unwrap().recipe;
        let plain = parse(
            "name = \"x\"\n[data]\ntrain = \"a\"\n[teacher]\nbase = \"b\"",
            Path::new("."),
            &[],
        );
        let plain = plain.unwrap().recipe;
        assert_eq!(template.label, plain.label);
        assert_eq!(template.transfer, plain.transfer);
        assert_eq!(template.student, plain.student);
        assert_eq!(template.distill, plain.distill);
        assert_eq!(
            super::super::TeacherSection {
                base: String::new(),
                ..template.teacher.clone()
            },
            super::super::TeacherSection {
                base: String::new(),
                ..plain.teacher.clone()
            }
        );
        // Every key a recipe may have is written there, in a comment where it is optional.
        let keys: Table = plain.to_toml().unwrap().parse().unwrap();
        for (section, value) in keys {
            for key in value.as_table().into_iter().flat_map(Table::keys) {
                assert!(TEMPLATE.contains(&format!("{key} = ")), "{section}.{key}");
            }
        }
    }

    #[test]
    fn a_list_is_no_section() {
        let lists = [
            ("student", "student = [64]\n"),
            ("label", "[[label]]\nfolds = 2\n"),
            ("distill.reason", "[distill]\nreason = [1]\n"),
        ];
        for (name, list) in lists {
            // Before any section, where the list stands for one itself; what is set in it is not to blame.
            for sets in [vec![], vec![format!("{name}.hidden=5")]] {
                let says = format!("{:#}", parse(list, Path::new("."), &sets).unwrap_err());
                let want = format!("{name}: want a section, found a list; write [{name}]");
                assert!(says.starts_with(&want), "{says}");
            }
        }
        let says = fails("", &["budget=[]"]);
        assert!(says.starts_with("budget: want a section"), "{says}");
        let arms = "[[compare.arms]]\nname = \"warm\"\nset = [\"distill.temperature=3.0\"]\n";
        assert_eq!(read(arms, &[]).unwrap().recipe.compare.arms.len(), 1);
        let says = fails("", &["compare.arms=[[\"warm\", []]]"]);
        let want = "compare.arms: want a section, found a list; write [[compare.arms]]";
        assert!(says.starts_with(want), "{says}");
    }

    #[test]
    fn a_section_is_no_word() {
        for (key, word) in [("teacher.pooling", "cls"), ("distill.objective", "kd")] {
            let says = fails("", &[&format!("{key}={{{word}={{}}}}")]);
            assert_eq!(says, format!("{key}: want a string, found a section"));
        }
    }

    #[test]
    fn a_misspelt_key_gets_the_near_one() {
        let says = fails("[distill]\nepoch = 3\n", &[]);
        assert!(
            says.contains("[distill] unknown key `epoch`; did you mean `epochs`?"),
            "{says}"
        );
        let says = fails("[distil]\nepochs = 3\n", &[]);
        assert!(
            says.contains("unknown key `distil`; did you mean `distill`?"),
            "{says}"
        );
        let says = fails("", &["teacher.lerning_rate=1e-4"]);
        assert!(
            says.contains("[teacher] unknown key `lerning_rate`; did you mean"),
            "{says}"
        );
        let says = fails("[student]\nzebra = 3\n", &[]);
        assert!(
            says.contains("known keys: embedding, embedding_bits, hidden"),
            "{says}"
        );
    }

    #[test]
    fn wrong_types_values_and_gaps_name_the_key() {
        let says = fails("[distill]\nobjective = \"dixtil\"\n", &[]);
        assert!(says.contains("distill.objective = \"dixtil\""), "{says}");
        assert!(says.contains("did you mean `dixtill`?"), "{says}");
        let says = fails("[distill]\nepochs = \"six\"\n", &[]);
        assert!(
            says.contains("distill.epochs: want a whole number from 0 on, found string \"six\""),
            "{says}"
        );
        for (set, want) in [
            (
                "student.hidden=[4]",
                "want a whole number from 0 on, found a list",
            ),
            (
                "student.hidden={a=1}",
                "want a whole number from 0 on, found a section",
            ),
            ("student.hidden=2.5", "found floating point `2.5`"),
            ("distill.mu=true", "want a number, found boolean `true`"),
            ("transfer.apart=1", "want true or false, found integer `1`"),
            ("data.labels=3", "want a list, found integer `3`"),
            ("distill.objective=3", "want a string"),
        ] {
            let says = fails("", &[set]);
            assert!(says.contains(want), "{says}");
        }
        let says = fails("[student]\nhidden = -4\n", &[]);
        assert!(says.contains("student.hidden"), "{says}");
        let says = format!(
            "{:#}",
            parse("name = \"x\"", Path::new("."), &[]).unwrap_err()
        );
        assert!(says.contains("needs the key `data`"), "{says}");
        let says = format!("{:#}", parse("name = ", Path::new("."), &[]).unwrap_err());
        assert!(says.contains("line 1"), "{says}");
    }

    #[test]
    fn keys_that_do_not_go_together_are_named() {
        let decoder = ["student.decoder=8", "data.reasons=[\"why\"]"];
        let argued = "data.counterfactual=\"why not\"";
        let choices = ["data.choices=\"answers\"", "data.unlabeled=\"more.jsonl\""];
        for (sets, want) in [
            (&choices[..], "data.unlabeled: a question's choices"),
            (
                &[&decoder[..], &["distill.reason.weight=0"]].concat(),
                "distill.reason.weight = 0: the decoder would learn nothing of it; raise it, or leave student.decoder at 0",
            ),
            (
                &[
                    &decoder[..],
                    &[
                        argued,
                        "distill.reason.teaching=both",
                        "distill.reason.counterfactual=0",
                    ],
                ]
                .concat(),
                "raise it, or take multi-task",
            ),
        ] {
            let says = fails("", sets);
            assert!(says.contains(want), "{says}");
        }
    }

    #[test]
    fn numbers_that_toml_can_not_hold_are_said_to_be_that() {
        let seeded = |seed: &str| parse(&format!("seed = {seed}\n{SMALL}"), Path::new("."), &[]);
        for seed in ["99999999999999999999", "18446744073709551615"] {
            let says = format!("{:#}", seeded(seed).unwrap_err());
            assert!(
                says.contains("line 1") && says.contains("larger than TOML"),
                "{says}"
            );
            let says = fails("", &[&format!("seed={seed}")]);
            assert!(says.contains("larger than TOML"), "{says}");
        }
        for (key, value) in [
            ("distill.mu", "1e400"),
            ("distill.epochs", &"9".repeat(50)),
            ("seed", "-9223372036854775809"),
        ] {
            let says = fails("", &[&format!("{key}={value}")]);
            let want = format!("{key}: a number larger than TOML");
            assert!(says.contains(&want), "{says}");
        }
        // Where text is wanted it is text.
        for text in ["99999999999999999999", "1e400"] {
            let recipe = read("", &[&format!("card.description={text}")]).unwrap();
            assert_eq!(recipe.recipe.card.description, text);
        }
        assert_eq!(
            read("", &["data.text=007"]).unwrap().recipe.data.text,
            "007"
        );
        let says = fails("", &["name=-x"]);
        assert!(says.contains("not `-` first"), "{says}");
    }

    #[test]
    fn ranges_are_all_reported_with_key_value_and_limit() {
        let says = fails(
            "[distill]\nlambda = 1.5\ntemperature = nan\n[student]\nhidden = 0\n",
            &["teacher.dropout=0.95", "name=a b"],
        );
        for part in [
            "distill.lambda = 1.5: want 0 to 1",
            "distill.temperature = NaN",
            "student.hidden = 0: want 1 to 4096",
            "teacher.dropout = 0.95",
            "name = \"a b\"",
        ] {
            assert!(says.contains(part), "{part} not in {says}");
        }
        assert!(fails("", &["data.labels=[\"one\"]"]).contains("at least two labels"));
        assert!(fails("", &["data.labels=[\"a\",\"a\"]"]).contains("twice"));
        assert!(fails("", &["data.labels=[\"a\",\" a \"]"]).contains("twice"));
        assert!(fails("", &["data.text=label"]).contains("two columns"));
        assert!(fails("", &["data.train="]).contains("data.train is empty"));
        assert!(fails("", &["data.train=[\"a\",\" \"]"]).contains("data.train is empty"));
        assert!(fails("", &["data.unlabeled=[]"]).contains("data.unlabeled is an empty list"));
        assert!(fails("", &["data.train=3"]).contains("want the path of a file, or a list"));
    }

    #[test]
    fn the_portable_text_keeps_names_not_values() {
        let text = SMALL.replace("a.csv", "${ROWS}/a.csv");
        let sets = ["variables.ROWS=/home/someone".to_owned()];
        let loaded = parse(&text, Path::new("."), &sets).unwrap();
        assert_eq!(
            loaded.recipe.data.train.paths(),
            ["/home/someone/a.csv".to_owned()]
        );
        assert!(loaded.portable.contains("${ROWS}/a.csv"));
        assert!(!loaded.portable.contains("someone"));
    }

    #[test]
    fn edit_distance_counts_swaps_once() {
        for (a, b, distance) in [
            ("", "", 0),
            ("", "ab", 2),
            ("kd", "dk", 1),
            ("seed", "sed", 1),
        ] {
            assert_eq!(edits(a, b), distance, "{a} {b}");
        }
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
