//! Which files a folder holds, and to which table each belongs. Nothing is opened here.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::NaiveDate;

use super::compression::Compression;
use crate::run::result_file::is_result_file_name;

/// Deepest folder below a table's; it stops links that lead back up.
const DEPTH_MAX: usize = 24;

/// A file of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InputFile {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) compression: Compression,
    pub(super) bytes: u64,
    pub(super) modified: Option<SystemTime>,
    /// The day that a folder `date=YYYY-MM-DD` above it names.
    pub(super) day: Option<NaiveDate>,
}

/// How a file's rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Parquet,
    /// One JSON object a line.
    Lines,
    /// JSON objects one after the other, or an array of them.
    Json,
    Csv,
}

/// A folder's tables with their files, in order of their paths.
pub(super) type TableFiles = BTreeMap<String, Vec<InputFile>>;

/// The tables below `root`, or the one that `root` is if it is a file.
pub(super) fn discover(root: &Path) -> Result<TableFiles, String> {
    let mut tables = TableFiles::new();
    let metadata = fs::metadata(root).map_err(|error| failure(root, &error))?;
    if metadata.is_file() {
        let Some((table, file)) = input_file(root, &metadata, None) else {
            return Err(format!(
                "{}: no format that huntd reads; it reads .parquet, .ndjson, .jsonl, .json and \
                 .csv, the text formats also with .gz or .zst",
                root.display()
            ));
        };
        tables.insert(table, vec![file]);
        return Ok(tables);
    }
    for (path, metadata) in visible_entries(root)? {
        if metadata.is_dir() {
            let name = file_name(&path).to_owned();
            let files = tables.entry(name).or_default();
            collect(&path, None, 0, files)?;
        } else if let Some((table, file)) = input_file(&path, &metadata, None) {
            tables.entry(table).or_default().push(file);
        }
    }
    for files in tables.values_mut() {
        files.sort_by(|left, right| left.path.cmp(&right.path));
    }
    Ok(tables)
}

fn collect(
    folder: &Path,
    day: Option<NaiveDate>,
    depth: usize,
    files: &mut Vec<InputFile>,
) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!(
            "{}: more than {DEPTH_MAX} folders deep; does a link lead back up?",
            folder.display()
        ));
    }
    for (path, metadata) in visible_entries(folder)? {
        if metadata.is_dir() {
            let date = file_name(&path).strip_prefix("date=");
            let named = date.and_then(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d").ok());
            collect(&path, named.or(day), depth + 1, files)?;
        } else if let Some((_, file)) = input_file(&path, &metadata, day) {
            files.push(file);
        }
    }
    Ok(())
}

/// What a folder holds, without hidden and temporary entries.
fn visible_entries(folder: &Path) -> Result<Vec<(PathBuf, fs::Metadata)>, String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failure(folder, &error))? {
        let path = entry.map_err(|error| failure(folder, &error))?.path();
        let name = file_name(&path);
        // `#` marks a file that an object store is still writing.
        if name.is_empty() || name.starts_with(['.', '_', '#']) || name.contains('#') {
            continue;
        }
        match fs::metadata(&path) {
            Ok(metadata) => found.push((path, metadata)),
            // Removed since it was listed, or a link that leads nowhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failure(&path, &error)),
        }
    }
    Ok(found)
}

/// The table and the description of a file, if its extension is one that is read.
fn input_file(
    path: &Path,
    metadata: &fs::Metadata,
    day: Option<NaiveDate>,
) -> Option<(String, InputFile)> {
    let name = file_name(path);
    let (name, compression) = Compression::split(name);
    let (stem, extension) = name.rsplit_once('.')?;
    let format = match extension.to_ascii_lowercase().as_str() {
        "parquet" if compression == Compression::None => Format::Parquet,
        "ndjson" | "jsonl" => Format::Lines,
        "json" => Format::Json,
        "csv" => Format::Csv,
        _ => return None,
    };
    // A result of huntd's own lake lies in the folder of its window's start, whatever the days
    // of its rows are.
    let day = if is_result_file_name(name) { None } else { day };
    let file = InputFile {
        path: path.to_owned(),
        format,
        compression,
        bytes: metadata.len(),
        modified: metadata.modified().ok(),
        day,
    };
    Some((stem.to_owned(), file))
}

/// Names that are not Unicode are treated as hidden.
fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("")
}

fn failure(path: &Path, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder; check the source's `path`".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied; let this user read it".to_owned(),
        _ => error.to_string(),
    };
    format!("{}: {advice}", path.display())
}
