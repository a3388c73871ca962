//! CSV rows: a header line names the columns, quotes may hold line ends, fields are text.

use std::collections::HashMap;
use std::path::Path;

use super::column::Cell;
use super::compression::Compression;
use super::sink::{Halt, RowSink};

/// Reads the rows of a file.
pub(super) fn read_csv(
    path: &Path,
    compression: Compression,
    sink: &mut RowSink<'_>,
) -> Result<(), Halt> {
    let content = match compression.open(path) {
        Ok(content) => content,
        Err(error) => return sink.unreadable(&error.to_string()),
    };
    // Rows of another length are told apart here, with their place.
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(content);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return sink.unreadable(&format!("no CSV header: {}", reason(&error))),
    };
    let mut positions = HashMap::new();
    for (position, name) in header.iter().enumerate() {
        // A byte-order mark is no part of the first name.
        let name = name.trim_start_matches('\u{feff}');
        if positions.insert(name, position).is_some() {
            return sink.unreadable("the CSV header names a column twice");
        }
    }
    let places: Vec<Option<usize>> = sink
        .columns()
        .iter()
        .map(|column| positions.get(&*column.name).copied())
        .collect();
    let mut record = csv::StringRecord::new();
    loop {
        let read = reader.read_record(&mut record);
        let line = || record_line(&record);
        match read {
            Ok(false) => break,
            Ok(true) if record.len() == header.len() => {}
            Ok(true) => {
                let what = format!(
                    "{} fields where the header has {}",
                    record.len(),
                    header.len()
                );
                sink.malformed(line(), &what)?;
                continue;
            }
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                let line = error.position().map_or(0, csv::Position::line);
                sink.malformed(line, "not UTF-8")?;
                continue;
            }
            Err(error) => {
                sink.unreadable(&reason(&error))?;
                break;
            }
        }
        let cell = |position: usize| {
            let field = places[position].and_then(|place| record.get(place));
            field.map_or(Cell::Missing, Cell::Text)
        };
        sink.push(record.as_slice().len(), cell, line)?;
    }
    sink.flush()
}

fn record_line(record: &csv::StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// What is wrong, without values.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => "no valid CSV".to_owned(),
    }
}
