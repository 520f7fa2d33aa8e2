//! What `quantize` is given, read before it begins: a mistake shows at once, and not after the work.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use stillglass_bundle::Card;

use super::{QuantizeOptions, Which};
use crate::artefact::{VERSION, check_target, same_file};
use crate::data::{Columns, Format, Sheet, expanded};
use crate::evaluate::labelled;
use crate::progress::Progress;
use crate::recipe::{self, CardSection};
use crate::teacher::{FILES, check_folder};
use crate::{export, input};

/// Name of the column of texts where no option says otherwise.
const TEXT: &str = "text";

/// All that is read of files, the teacher's aside.
pub(super) struct Given {
    /// What the bundle says about itself, figures aside.
    pub(super) card: Card,
    /// The training texts; none without `--data`.
    pub(super) texts: Vec<String>,
    /// Labelled rows by the path they came from.
    pub(super) scored: Vec<(String, Sheet)>,
}

impl Given {
    /// Reads them; errors too where the options contradict each other, or the bundle could not be written.
    pub(super) fn read(options: &QuantizeOptions, progress: &Progress) -> Result<Self> {
        check_pieces(options)?;
        check_folder(&options.teacher)?;
        check_output(options)?;
        let card = card(options)?;
        let texts = options.data.as_deref();
        let texts = texts.map(|path| texts_of(options, path, progress));
        let sheet = |path: &String| Ok((path.clone(), sheet(options, path, progress)?));
        Ok(Self {
            card,
            texts: texts.transpose()?.unwrap_or_default(),
            scored: options.evaluate.iter().map(sheet).collect::<Result<_>>()?,
        })
    }

    /// Errors where rows have labels that the teacher has not.
    pub(super) fn check_labels(&self, options: &QuantizeOptions, labels: &[String]) -> Result<()> {
        self.scored.iter().try_for_each(|(path, sheet)| {
            labelled(labels, input::name(path), sheet, options.skip_bad_rows).map(drop)
        })
    }
}

fn check_pieces(options: &QuantizeOptions) -> Result<()> {
    match (options.vocabulary, options.min_count) {
        (_, Some(0)) => {
            bail!("--min-count 0: want 1 or more; --vocabulary full keeps pieces that no text uses")
        }
        (Which::Full, Some(count)) => bail!(
            "--min-count {count}: --vocabulary full keeps every piece; leave one of the two out"
        ),
        (Which::Pruned, _) if options.data.is_none() => bail!(
            "--vocabulary pruned: name the training texts with --data, or keep all pieces with \
             --vocabulary full"
        ),
        _ => Ok(()),
    }
}

/// Errors where the bundle can't be written, or would take the place of something that is read.
fn check_output(options: &QuantizeOptions) -> Result<()> {
    let output = &options.output;
    let teacher = FILES.iter().map(|name| options.teacher.join(name));
    let named = options.data.iter().chain(&options.evaluate);
    let mut inputs = teacher
        .chain(named.map(PathBuf::from))
        .chain(options.recipe.clone());
    if let Some(input) = inputs.find(|input| same_file(input, output)) {
        bail!(
            "--output {}: the bundle would take the place of {}, which is read to make it; name another file",
            output.display(),
            input.display()
        );
    }
    check_target(output).with_context(|| format!("--output {}", output.display()))
}

/// The texts of a file, labels aside.
fn texts_of(options: &QuantizeOptions, path: &str, progress: &Progress) -> Result<Vec<String>> {
    let columns = Columns {
        text: options.text_column.as_deref().unwrap_or(TEXT),
        text2: options.text2_column.as_deref(),
        choices: options.choices_column.as_deref(),
        label: None,
        ..Columns::default()
    };
    // Any sheet whose header has another name for the texts would pass for plain lines.
    let ending = Path::new(path).extension();
    let plain = ending.is_some_and(|ending| ending.eq_ignore_ascii_case("txt"));
    let format = match options.text_column {
        None if plain => Format::DetectOrLines,
        _ => Format::Detect,
    };
    let sheet = rows(options, path, format, &columns, progress)?;
    if sheet.format == Format::Lines {
        progress.note(&format!("each line of {path} is read as a text"));
    }
    let texts: Vec<String> = sheet.rows.into_iter().map(|row| row.text).collect();
    ensure!(
        texts.iter().any(|text| !text.trim().is_empty()),
        "{}: no text in it; want rows with the column `{}`",
        input::name(path),
        columns.text
    );
    Ok(texts)
}

/// The rows of a file with their labels.
fn sheet(options: &QuantizeOptions, path: &str, progress: &Progress) -> Result<Sheet> {
    let columns = Columns {
        text: options.text_column.as_deref().unwrap_or(TEXT),
        text2: options.text2_column.as_deref(),
        choices: options.choices_column.as_deref(),
        label: Some(&options.label_column),
        ..Columns::default()
    };
    rows(options, path, Format::Detect, &columns, progress)
}

fn rows(
    options: &QuantizeOptions,
    path: &str,
    format: Format,
    columns: &Columns<'_>,
    progress: &Progress,
) -> Result<Sheet> {
    let (mut sheet, bad) = input::rows(path, format, columns, options.skip_bad_rows)?;
    for bad in bad {
        progress.note(&format!("left out {bad}"));
    }
    sheet.rows = sheet.rows.into_iter().flat_map(expanded).collect();
    Ok(sheet)
}

/// What the bundle says about itself, figures aside.
fn card(options: &QuantizeOptions) -> Result<Card> {
    /// The one table of a recipe that matters here.
    #[derive(Deserialize)]
    struct Recipe {
        #[serde(default)]
        card: CardSection,
    }
    let (mut section, mut text) = (CardSection::default(), String::new());
    if let Some(path) = &options.recipe {
        let named = || format!("recipe {}", path.display());
        text = recipe::text(path)?;
        let table = recipe::table(&text).with_context(named)?;
        section = recipe::typed::<Recipe>(table).with_context(named)?.card;
    }
    Ok(Card {
        name: match section.name.as_str() {
            "" => "Teacher".into(),
            name => format!("{name} (teacher)"),
        },
        description: section.description,
        recipe: text,
        data: section.data,
        data_licence: section.data_licence,
        metrics: Vec::new(),
        base_model: section.base_model,
        base_licence: section.base_licence,
        date: export::today(),
        trainer_version: VERSION.into(),
    })
}
