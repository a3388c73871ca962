//! Several tables of one query (`fork`, `facet`): one below the other, or a file each where the
//! format holds only one.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::output::{self, Format, Frame};
use crate::source::QueryResult;

/// Writes the results of a query to `output`, or to stdout.
pub(super) async fn write(
    mut results: Vec<QueryResult>,
    format: Format,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    let is_one = results.len() == 1;
    match (output, results.pop()) {
        (Some(path), Some(only)) if is_one => output::write(only, format, create(path)?).await,
        (None, Some(only)) if is_one => {
            output::write(only, format, BufWriter::new(std::io::stdout())).await
        }
        (output, last) => {
            results.extend(last);
            write_several(results, format, output).await
        }
    }
}

async fn write_several(
    results: Vec<QueryResult>,
    format: Format,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    match (output, format) {
        (Some(path), Format::Csv | Format::Parquet) => write_files(results, format, path).await,
        (None, Format::Csv | Format::Parquet) => bail!(
            "the query yields {} tables and this format holds one; name a file with --output, to \
             get a file of each, or take another --format",
            results.len()
        ),
        (Some(path), _) => write_stream(results, format, create(path)?).await,
        (None, _) => write_stream(results, format, BufWriter::new(std::io::stdout())).await,
    }
}

async fn write_stream(
    results: Vec<QueryResult>,
    format: Format,
    mut out: impl Write + Send,
) -> anyhow::Result<()> {
    for (position, result) in results.into_iter().enumerate() {
        let name = name(&result, position);
        let quoted = Value::from(name.as_str());
        match format {
            Format::Json => {
                let before = if position == 0 { "[" } else { ",\n" };
                write!(out, "{before}{{\"table\":{quoted},\"rows\":")?;
                output::write(result, format, &mut out).await?;
                write!(out, "}}")?;
            }
            Format::Ndjson => {
                let frame = Frame {
                    before: format!("{{\"table\":{quoted},\"row\":"),
                    behind: "}",
                };
                output::write_framed(result, format, &frame, &mut out).await?;
            }
            _ => {
                let before = if position == 0 { "" } else { "\n" };
                writeln!(out, "{before}{}", output::printable(&name))?;
                output::write(result, format, &mut out).await?;
            }
        }
    }
    if format == Format::Json {
        writeln!(out, "]")?;
    }
    out.flush()?;
    Ok(())
}

/// Writes `out.Name.csv` for each table, if `out.csv` was asked for.
async fn write_files(
    results: Vec<QueryResult>,
    format: Format,
    output: &Path,
) -> anyhow::Result<()> {
    let mut taken = HashSet::new();
    for (position, result) in results.into_iter().enumerate() {
        let mut name = file_name(&name(&result, position));
        // Names of files may differ in more than the letter case.
        if !taken.insert(name.to_lowercase()) {
            name = format!("{name}_{position}");
            taken.insert(name.to_lowercase());
        }
        let path = of_table(output, &name);
        output::write(result, format, create(&path)?).await?;
    }
    Ok(())
}

/// What a table is called: as the query says, or by its position, as the Kusto endpoint does.
pub(super) fn name(result: &QueryResult, position: usize) -> String {
    match &result.name {
        Some(name) => name.to_string(),
        None => unnamed(position),
    }
}

/// What the table of this position is called that has no name.
pub(super) fn unnamed(position: usize) -> String {
    format!("Table_{position}")
}

/// A name without what has a meaning in paths.
fn file_name(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    name.chars()
        .map(|letter| if is_plain(letter) { letter } else { '_' })
        .collect()
}

fn of_table(output: &Path, name: &str) -> PathBuf {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    let extension = output.extension().unwrap_or_default().to_string_lossy();
    let dot = if extension.is_empty() { "" } else { "." };
    output.with_file_name(format!("{stem}.{name}{dot}{extension}"))
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let describe = || format!("cannot write {}", path.display());
    Ok(BufWriter::new(File::create(path).with_context(describe)?))
}
