//! `--set section.key=value` and `${NAME}`, applied to the recipe's TOML before it is typed.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail, ensure};
use toml::{Table, Value};

/// Names of the deepest key, such as `distill.reason.meaning`.
const DEEPEST: usize = 3;

/// Applies one `--set a.b=value`; the value is TOML where it parses as such, else a plain string.
pub(super) fn set(table: &mut Table, assignment: &str) -> Result<()> {
    let (path, value) = assignment
        .split_once('=')
        .ok_or_else(|| anyhow!("--set {assignment}: want key=value, such as distill.epochs=3"))?;
    let path = path.trim();
    ensure!(
        !path.is_empty() && path.split('.').all(|key| !key.is_empty()),
        "--set {assignment}: `{path}` is no key; want section.key, such as distill.epochs"
    );
    let depth = path.split('.').count();
    ensure!(
        depth <= DEEPEST,
        "--set: a key of {depth} names; no key of a recipe has more than {DEEPEST}"
    );
    let (sections, key) = path
        .rsplit_once('.')
        .map_or((None, path), |(s, k)| (Some(s), k));
    let mut inner = table;
    for section in sections
        .into_iter()
        .flat_map(|sections| sections.split('.'))
    {
        inner = inner
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .ok_or_else(|| anyhow!("--set {assignment}: `{section}` is a value, not a section"))?;
    }
    ensure!(
        !matches!(inner.get(key), Some(Value::Table(_))),
        "--set {assignment}: `{path}` is a section; set a key in it, such as {path}.key=value"
    );
    let value = value.trim();
    inner.insert(key.into(), parse_value(value, path));
    Ok(())
}

/// What is wrong with 2^63 and 1e400.
pub(super) const TOO_LARGE: &str = "a number larger than TOML holds (9223372036854775807, or 1.7e308 with \
                                    a point or exponent)";

/// Whether `text` is a number that no TOML value can be.
pub(super) fn is_too_large(text: &str) -> bool {
    let unsigned = text.trim_start_matches(['+', '-']);
    let digits = unsigned.starts_with(|c: char| c.is_ascii_digit());
    let whole = unsigned.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<i64>().is_err();
    digits && (whole || text.parse::<f64>().is_ok_and(f64::is_infinite))
}

/// A number that is too large is text: only the key's type says whether it may be one. A variable is
/// always text, so that `variables.YEAR=2024` needs no quotes.
fn parse_value(text: &str, path: &str) -> Value {
    let typed = format!("value = {text}").parse::<Table>().ok();
    let typed = typed
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"));
    match typed {
        Some(value @ Value::String(_)) => value,
        Some(value) if !path.starts_with("variables.") && !is_too_large(text) => value,
        _ => Value::String(text.into()),
    }
}

/// Replaces `${NAME}` in every string outside `[variables]`.
///
/// A name is looked up in `given` (`RECIPE_DIR`), then `[variables]`, then the environment; a
/// variable's own value may use `given` and the environment. `$${` stands for a plain `${`.
pub(super) fn expand(table: &mut Table, given: &BTreeMap<String, String>) -> Result<()> {
    let outside = |name: &str| {
        given
            .get(name)
            .cloned()
            .or_else(|| std::env::var(name).ok())
    };
    let mut known = BTreeMap::new();
    if let Some(Value::Table(variables)) = table.get("variables") {
        for (name, value) in variables {
            let Some(text) = value.as_str() else {
                bail!(
                    "variables.{name}: want a string, found {}",
                    value.type_str()
                );
            };
            let path = format!("variables.{name}");
            known.insert(name.clone(), expand_text(text, &path, &outside)?);
        }
    }
    let lookup = |name: &str| known.get(name).cloned().or_else(|| outside(name));
    for (section, value) in table
        .iter_mut()
        .filter(|(section, _)| *section != "variables")
    {
        expand_value(value, section, &lookup)?;
    }
    Ok(())
}

fn expand_value(
    value: &mut Value,
    path: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<()> {
    match value {
        Value::String(text) => *text = expand_text(text, path, lookup)?,
        Value::Table(table) => {
            for (key, inner) in table.iter_mut() {
                expand_value(inner, &format!("{path}.{key}"), lookup)?;
            }
        }
        Value::Array(items) => {
            for item in items {
                expand_value(item, path, lookup)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn expand_text(text: &str, path: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &from[2..];
            continue;
        }
        out.push_str(before);
        let Some(end) = from.find('}') else {
            bail!(
                "{path} = \"{text}\": `${{` without `}}`; write `$${{` for the characters themselves"
            );
        };
        let name = &from[2..end];
        let value = lookup(name).ok_or_else(|| {
            anyhow!(
                "{path} = \"{text}\": no variable `{name}`; put it under [variables], pass \
                 --set variables.{name}=VALUE, or set it in the environment"
            )
        })?;
        out.push_str(&value);
        rest = &from[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn set_types_its_value() {
        let mut t = table("seed = 1\n[distill]\nepochs = 6");
        for assignment in [
            "seed=7",
            "distill.epochs = 3",
            "distill.learning_rate=1e-3",
            "data.train=some/file.csv",
            "data.labels=[\"b\", \"a\"]",
            "card.name=\"quoted\"",
            "variables.YEAR=2024",
            "variables.ID=99999999999999999999",
            "data.text=a = b",
        ] {
            set(&mut t, assignment).unwrap();
        }
        assert_eq!(t["seed"], Value::Integer(7));
        assert_eq!(t["distill"]["epochs"], Value::Integer(3));
        assert_eq!(t["distill"]["learning_rate"], Value::Float(1e-3));
        assert_eq!(t["data"]["train"].as_str(), Some("some/file.csv"));
        assert_eq!(t["data"]["labels"].as_array().unwrap().len(), 2);
        assert_eq!(t["card"]["name"].as_str(), Some("quoted"));
        assert_eq!(t["variables"]["YEAR"].as_str(), Some("2024"));
        assert_eq!(t["data"]["text"].as_str(), Some("a = b"));
    }

    #[test]
    fn set_refuses_what_is_no_assignment() {
        let mut t = table("seed = 1\n[data]\ntext = \"t\"");
        for (assignment, says) in [
            ("seed", "want key=value"),
            ("=3", "is no key"),
            ("data..text=3", "is no key"),
            ("seed.deeper=3", "is a value, not a section"),
            ("data.a.b.c=3", "a key of 4 names"),
            ("data=3", "is a section"),
        ] {
            let error = set(&mut t, assignment).unwrap_err().to_string();
            assert!(error.contains(says), "{assignment}: {error}");
        }
    }

    #[test]
    fn a_value_cannot_smuggle_in_another_key() {
        let mut t = Table::new();
        set(&mut t, "name=1\nseed = 2").unwrap();
        assert_eq!(t["name"].as_str(), Some("1\nseed = 2"));
        assert!(!t.contains_key("seed"));
    }

    #[test]
    fn variables_expand_everywhere_but_in_their_own_section() {
        let mut t = table(
            "[variables]\nROOT = \"${RECIPE_DIR}/rows\"\n\
             [data]\ntrain = \"${ROOT}/a.csv\"\nlabels = [\"${ROOT}\", \"$${kept}\"]",
        );
        let given = BTreeMap::from([("RECIPE_DIR".to_owned(), "here".to_owned())]);
        expand(&mut t, &given).unwrap();
        assert_eq!(t["data"]["train"].as_str(), Some("here/rows/a.csv"));
        assert_eq!(t["data"]["labels"][0].as_str(), Some("here/rows"));
        assert_eq!(t["data"]["labels"][1].as_str(), Some("${kept}"));
        assert_eq!(t["variables"]["ROOT"].as_str(), Some("${RECIPE_DIR}/rows"));
    }

    #[test]
    fn a_missing_variable_says_the_three_ways_to_give_it() {
        let mut t = table("[data]\ntrain = \"${STILLGLASS_NO_SUCH}/a.csv\"");
        let error = expand(&mut t, &BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("data.train"), "{error}");
        assert!(
            error.contains("--set variables.STILLGLASS_NO_SUCH="),
            "{error}"
        );
        let mut t = table("name = \"${open\"");
        assert!(
            expand(&mut t, &BTreeMap::new())
                .unwrap_err()
                .to_string()
                .contains("without `}`")
        );
    }
}
