//! Ratings as raters' files have them: a row for each rater and item.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::plan::Key;
use super::{CONSTRUCTS, POINTS};
use crate::data::Table;

/// What the page calls the column of checks of attention.
const CHECK: &str = "check";

/// Bad rows that an error shows.
const SHOWN: usize = 5;

/// The columns of a file of ratings; capitals don't matter.
#[derive(Debug, Clone)]
pub struct Names {
    /// Who rated.
    pub rater: String,
    /// What was rated: one column, or several that say it together.
    pub item: Vec<String>,
    /// What the items are compared by: the model or method that made them.
    pub group: String,
    /// `passed` or `failed` where the row is a check of attention, else empty; the column may be missing if it is [`CHECK`].
    pub check: String,
    /// Columns of ratings; without any, those of [`CONSTRUCTS`] that are there.
    pub constructs: Vec<String>,
    /// Which group each item is of, in place of a column.
    pub key: Option<Key>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    /// Index into [`Ratings::raters`].
    pub rater: usize,
    /// Index of the item, among all items.
    pub item: usize,
    /// Index into [`Ratings::groups`].
    pub group: usize,
    /// 1 to [`POINTS`] for each construct; none where the cell is empty.
    pub values: Vec<Option<u8>>,
}

/// All rows of all files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ratings {
    /// What was rated, as the files name it.
    pub constructs: Vec<String>,
    /// What is compared, in the order of the alphabet.
    pub groups: Vec<String>,
    /// Those whose ratings count.
    pub raters: Vec<String>,
    /// Those who failed a check of attention: none of their ratings is here.
    pub inattentive: Vec<String>,
    /// How many items were rated.
    pub items: usize,
    /// The ratings.
    pub rows: Vec<Rating>,
}

/// A row with the names it was written with.
struct Row {
    place: String,
    rater: String,
    item: String,
    /// None in a check, and where a key says it.
    group: Option<String>,
    check: String,
    /// Of which study, where a column says it.
    study: Option<String>,
    values: Vec<Option<u8>>,
}

/// Where the columns are in a file.
struct Places {
    rater: usize,
    item: Vec<usize>,
    group: Option<usize>,
    check: Option<usize>,
    study: Option<usize>,
    constructs: Vec<usize>,
}

/// Reads files of ratings as one study.
pub fn read(paths: &[PathBuf], names: &Names) -> Result<Ratings> {
    let mut constructs: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    let mut bad = Vec::new();
    for path in paths {
        let found = file(path, names, &mut rows, &mut bad)?;
        let first = constructs.is_empty();
        let same = |(a, b): (&String, &String)| a.eq_ignore_ascii_case(b);
        ensure!(
            first || constructs.len() == found.len() && constructs.iter().zip(&found).all(same),
            "{}: rates {}, other files {}; name the columns with --construct",
            path.display(),
            found.join(", "),
            constructs.join(", ")
        );
        constructs = if first { found } else { constructs };
    }
    if !bad.is_empty() {
        let shown: Vec<&str> = bad.iter().take(SHOWN).map(String::as_str).collect();
        bail!("{} bad row(s); mend them\n{}", bad.len(), shown.join("\n"));
    }
    for row in &mut rows {
        if let Some(key) = names.key.as_ref() {
            let (item, place) = (&row.item, &row.place);
            ensure!(
                row.study.as_ref() == Some(&key.study),
                "{place}: this rating is of study {}, the key of {}; give the key that was written with its plan",
                row.study.as_deref().unwrap_or("unknown"),
                key.study
            );
            if !row.check.is_empty() {
                continue;
            }
            let group = key.groups.get(item);
            let group = group.with_context(|| {
                format!("{place}: item {item} is not in the key; give the key that was written with this plan")
            })?;
            row.group = Some(group.clone());
        }
    }
    collect(constructs, rows)
}

fn file(
    path: &Path,
    names: &Names,
    rows: &mut Vec<Row>,
    bad: &mut Vec<String>,
) -> Result<Vec<String>> {
    let table = Table::read(path)?;
    let places = places(&table, names).with_context(|| path.display().to_string())?;
    for line in &table.rows {
        let place = format!("{}:{}", path.display(), line.line);
        match row(&line.cells, &table.names, &places, place.clone()) {
            Ok(row) => rows.push(row),
            Err(why) => bad.push(format!("{place}: {why}")),
        }
    }
    let named = places.constructs.iter();
    Ok(named.map(|&place| table.names[place].clone()).collect())
}

fn places(table: &Table, names: &Names) -> Result<Places> {
    let constructs = if names.constructs.is_empty() {
        let found = CONSTRUCTS.iter().filter_map(|(name, _)| table.find(name));
        let found: Vec<usize> = found.collect();
        let all = CONSTRUCTS.map(|(name, _)| name);
        ensure!(
            !found.is_empty(),
            "no column is one of {}; name the columns of ratings with --construct",
            all.join(", ")
        );
        found
    } else {
        let named = names.constructs.iter();
        let named: Vec<usize> = named
            .map(|name| table.need(name, "--construct"))
            .collect::<Result<_>>()?;
        // Tests are corrected for how many there are.
        for (index, place) in named.iter().enumerate() {
            ensure!(
                !named[..index].contains(place),
                "--construct {} is there twice; name it once",
                table.names[*place]
            );
        }
        named
    };
    let item = names.item.iter().map(|name| table.need(name, "--item"));
    Ok(Places {
        rater: table.need(&names.rater, "--rater")?,
        item: item.collect::<Result<_>>()?,
        group: match names.key {
            Some(_) => None,
            None => Some(table.need(&names.group, "--group, or give the study's --key")?),
        },
        // Only the name that the page gives it may be missing: a slip would take the inattentive in.
        check: if names.check == CHECK {
            table.find(CHECK)
        } else {
            Some(table.need(&names.check, "--check")?)
        },
        study: match names.key {
            Some(_) => Some(table.need(
                "study",
                "no option: a key needs the ratings that the page saved",
            )?),
            None => None,
        },
        constructs,
    })
}

fn row(cells: &[String], names: &[String], places: &Places, place: String) -> Result<Row> {
    let filled = |column: usize| {
        let value = &cells[column];
        ensure!(!value.is_empty(), "column `{}` is empty", names[column]);
        Ok(value.clone())
    };
    let value = |&column: &usize| {
        let cell = &cells[column];
        if cell.is_empty() {
            return Ok(None);
        }
        let value = cell.parse().ok().filter(|v| (1..=POINTS).contains(v));
        value.map(Some).with_context(|| {
            let name = &names[column];
            format!("column `{name}`: {cell:?} is no whole number from 1 to {POINTS}")
        })
    };
    let check = places.check.map_or("", |column| &cells[column]);
    ensure!(
        ["", "passed", "failed"].contains(&check),
        "column `{}`: {check:?} is neither passed nor failed",
        places.check.map_or("", |column| &names[column])
    );
    let item: Vec<String> = places
        .item
        .iter()
        .map(|&column| filled(column))
        .collect::<Result<_>>()?;
    let group = places.group.filter(|_| check.is_empty()).map(filled);
    Ok(Row {
        place,
        rater: filled(places.rater)?,
        item: item.join(" · "),
        group: group.transpose()?,
        check: check.to_owned(),
        study: places.study.map(|column| cells[column].clone()),
        values: places.constructs.iter().map(value).collect::<Result<_>>()?,
    })
}

/// Names become indices, and the inattentive go.
fn collect(constructs: Vec<String>, rows: Vec<Row>) -> Result<Ratings> {
    let mut inattentive: Vec<String> = rows
        .iter()
        .filter(|row| row.check == "failed")
        .map(|row| row.rater.clone())
        .collect();
    inattentive.sort_unstable();
    inattentive.dedup();
    let counts = |row: &Row| row.check.is_empty() && !inattentive.contains(&row.rater);
    let rows: Vec<Row> = rows.into_iter().filter(counts).collect();
    ensure!(
        !rows.is_empty(),
        "no rating is left beside checks of attention; {} rater(s) failed one",
        inattentive.len()
    );
    let mut groups: Vec<String> = rows.iter().filter_map(|row| row.group.clone()).collect();
    groups.sort_unstable();
    groups.dedup();
    let (mut raters, mut items) = (Vec::new(), HashMap::new());
    let (mut rater_of, mut seen) = (HashMap::new(), HashMap::new());
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let rater = *rater_of.entry(row.rater.clone()).or_insert_with(|| {
            raters.push(row.rater.clone());
            raters.len() - 1
        });
        let next = items.len();
        // Two groups' items may have one name: that of the text they are about.
        let group = row.group.unwrap_or_default();
        let item = *items
            .entry((row.item.clone(), group.clone()))
            .or_insert(next);
        if let Some(before) = seen.insert((rater, item), row.place.clone()) {
            bail!(
                "{}: rater {} rated {} of {} already, in {before}; keep one of the two, and where two people have one \
                 name, give one of them another",
                row.place,
                row.rater,
                row.item,
                group
            );
        }
        out.push(Rating {
            rater,
            item,
            group: groups.iter().position(|g| *g == group).unwrap_or(0),
            values: row.values,
        });
    }
    Ok(Ratings {
        constructs,
        groups,
        raters,
        inattentive,
        items: items.len(),
        rows: out,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names() -> Names {
        Names {
            rater: "rater".into(),
            item: vec!["item".into()],
            group: "group".into(),
            check: "check".into(),
            constructs: Vec::new(),
            key: None,
        }
    }

    fn read_text(files: &[&str]) -> Result<Ratings> {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = files
            .iter()
            .enumerate()
            .map(|(index, text)| {
                let path = folder.path().join(format!("{index}.csv"));
                fs::write(&path, text).unwrap();
                path
            })
            .collect();
        read(&paths, &names())
    }

    #[test]
    fn files_become_one_study_without_the_inattentive() {
        let found = read_text(&[
            "rater,item,group,check,Plausibility,satisfaction\nann,1,b,,4,5\nann,x,,passed,,\nann,1,a,,2,\n",
            "\u{feff}rater\titem\tgroup\tcheck\tplausibility\tsatisfaction\nben\t1\ta\t\t1\t1\nben\tx\t\tfailed\t\t\n",
        ])
        .unwrap();
        assert_eq!(found.constructs, ["Plausibility", "satisfaction"]);
        assert_eq!(found.groups, ["a", "b"]);
        assert_eq!((found.raters.len(), found.items), (1, 2));
        assert_eq!(found.inattentive, ["ben"]);
        assert_eq!(found.rows[0].values, [Some(4), Some(5)]);
        assert_eq!(found.rows[1].values, [Some(2), None]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let says = |files: &[&str]| format!("{:#}", read_text(files).unwrap_err());
        let head = "rater,item,group,plausibility\n";
        let with = |rows: &str| says(&[&format!("{head}{rows}")]);
        assert!(
            with("ann,1,a,6\n")
                .contains("0.csv:2: column `plausibility`: \"6\" is no whole number")
        );
        assert!(with("ann,1,a,4.5\n").contains("from 1 to 5"));
        assert!(with("ann,,a,4\n").contains("column `item` is empty"));
        assert!(with("ann,1,a,4\nann,1,a,4\n").contains("0.csv:3: rater ann rated 1 of a already"));
        assert!(with("ann,1,a\n").contains("0.csv: line 2: has 3 cells"));
        assert!(with("").contains("no rows"));
        assert!(says(&["who,item,group,plausibility\nann,1,a,4\n"]).contains("--rater"));
        assert!(says(&["rater,item,group,taste\nann,1,a,4\n"]).contains("--construct"));
        let one = "rater,item,group,plausibility\na,1,g,3\n";
        let other = "rater,item,group,satisfaction\na,1,g,3\n";
        let both = "rater,item,group,plausibility,satisfaction\na,1,g,3,3\n";
        for files in [[one, other], [one, both], [both, one]] {
            assert!(
                says(&files).contains("other files plausibility"),
                "{files:?}"
            );
        }
    }
}
