//! The bytes of a file of `externaldata` as rows of text, of JSON or of Parquet's types. What the
//! query's columns make of them is not known here.

use std::io::{Cursor, Read};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewBuilder};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use flate2::read::MultiGzDecoder;
use kql::types::{Column, ScalarType, Schema};

use crate::function::json;
use crate::types::arrow_schema;

/// Rows of a batch.
const ROWS: usize = 8192;
/// Memory of a value of text beside the text.
const VALUE_BYTES: usize = 16;
/// How many times its bytes the rows of a file may take in memory.
const MEMORY_FACTOR: usize = 16;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Values between delimiters, quoted where need be.
    Delimited(u8),
    /// A row per line that is not empty.
    Lines,
    /// One row.
    Whole,
    /// A JSON object per line.
    JsonLines,
    /// JSON objects, alone or in arrays.
    Json,
    /// Parquet.
    Parquet,
}

impl Format {
    /// The format of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "csv" => Self::Delimited(b','),
            "tsv" => Self::Delimited(b'\t'),
            "scsv" => Self::Delimited(b';'),
            "psv" => Self::Delimited(b'|'),
            "sohsv" => Self::Delimited(1),
            "txt" => Self::Lines,
            "raw" => Self::Whole,
            "json" => Self::JsonLines,
            "multijson" | "singlejson" => Self::Json,
            "parquet" => Self::Parquet,
            _ => return None,
        })
    }

    /// The name of the format that the end of a file's name tells; csv, if it tells none.
    pub(crate) fn name_of_file(written: &str) -> &str {
        let path = written.split(['?', ';', '#']).next().unwrap_or(written);
        let path = path
            .strip_suffix(".gz")
            .or(path.strip_suffix(".zip"))
            .unwrap_or(path);
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.rsplit_once('.') {
            Some((_, "log")) => "txt",
            Some((_, ending)) if Self::of(&ending.to_ascii_lowercase()).is_some() => ending,
            _ => "csv",
        }
    }
}

/// How to read a file.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) format: Format,
    /// How many columns of text are wanted.
    pub(crate) texts: usize,
    pub(crate) ignores_first: bool,
    /// Most bytes after decompression.
    pub(crate) bytes_max: usize,
}

/// Why a file is not read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It says more than is allowed.
    TooLarge,
    /// What is wrong with it.
    Malformed(String),
}

impl Unreadable {
    fn of(error: &dyn std::fmt::Display) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// The rows of a file: columns of text called by their numbers, one dynamic column, or those of
/// the Parquet file.
pub(crate) fn decode(bytes: Vec<u8>, reading: &Reading) -> Result<Vec<RecordBatch>, Unreadable> {
    let bytes = decompressed(bytes, reading.bytes_max)?;
    if reading.format == Format::Parquet {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))
            .and_then(|builder| builder.with_batch_size(ROWS).build());
        let reader = reader.map_err(|error| Unreadable::of(&error))?;
        let mut batches = Vec::new();
        let mut size = 0;
        for batch in reader {
            let batch = batch.map_err(|error| Unreadable::of(&error))?;
            size += batch.get_array_memory_size();
            if size > reading.memory_max() {
                return Err(Unreadable::TooLarge);
            }
            batches.push(batch);
        }
        return Ok(batches);
    }
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut rows = Rows::new(&reading.columns(), reading.memory_max());
    match reading.format {
        Format::Delimited(delimiter) => {
            let mut reader = csv::ReaderBuilder::new()
                .delimiter(delimiter)
                .has_headers(reading.ignores_first)
                .flexible(true)
                .from_reader(text.as_bytes());
            let mut record = csv::StringRecord::new();
            while reader
                .read_record(&mut record)
                .map_err(|error| Unreadable::of(&error))?
            {
                rows.add(record.iter())?;
            }
        }
        Format::Lines => {
            let lines = text.lines().skip(usize::from(reading.ignores_first));
            for line in lines.filter(|line| !line.is_empty()) {
                rows.add(std::iter::once(line))?;
            }
        }
        Format::Whole => rows.add(std::iter::once(text))?,
        Format::JsonLines | Format::Json => {
            let by_line = reading.format == Format::JsonLines && is_by_line(text);
            read_json(text, by_line, &mut rows)?;
        }
        Format::Parquet => {}
    }
    rows.finish()
}

impl Reading {
    /// Most memory that the rows may take.
    fn memory_max(&self) -> usize {
        self.bytes_max.saturating_mul(MEMORY_FACTOR)
    }

    /// The columns of the rows, for all formats but Parquet.
    pub(crate) fn columns(&self) -> Schema {
        let ty = match self.format {
            Format::Json | Format::JsonLines => return Schema::new(vec![record_column()]),
            _ => ScalarType::String,
        };
        let columns = (0..self.texts.max(1)).map(|at| Column::new(at.to_string(), ty));
        columns.collect()
    }
}

fn record_column() -> Column {
    Column::new("0", ScalarType::Dynamic)
}

/// Batches of text in the making.
struct Rows {
    schema: Schema,
    builders: Vec<StringViewBuilder>,
    memory: usize,
    memory_max: usize,
    count: usize,
    batches: Vec<RecordBatch>,
}

impl Rows {
    fn new(schema: &Schema, memory_max: usize) -> Self {
        Self {
            builders: schema
                .columns()
                .iter()
                .map(|_| StringViewBuilder::new())
                .collect(),
            schema: schema.clone(),
            memory: 0,
            memory_max,
            count: 0,
            batches: Vec::new(),
        }
    }

    /// Adds a row; values that are missing are empty, those that are too many are left out.
    fn add<'t>(&mut self, values: impl Iterator<Item = &'t str>) -> Result<(), Unreadable> {
        let values = values.map(Some).chain(std::iter::repeat(None));
        for (builder, value) in self.builders.iter_mut().zip(values) {
            builder.append_value(value.unwrap_or(""));
        }
        self.count += 1;
        self.memory += self.builders.len() * VALUE_BYTES;
        if self.memory > self.memory_max {
            return Err(Unreadable::TooLarge);
        }
        if self.count == ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Unreadable> {
        let columns = self.builders.iter_mut();
        let columns = columns
            .map(|builder| Arc::new(builder.finish()) as ArrayRef)
            .collect();
        let batch = RecordBatch::try_new(arrow_schema(&self.schema), columns);
        self.batches
            .push(batch.map_err(|error| Unreadable::of(&error))?);
        self.count = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<RecordBatch>, Unreadable> {
        if self.count > 0 {
            self.flush()?;
        }
        Ok(self.batches)
    }
}

/// Whether the text has a JSON value per line, as its first line tells.
fn is_by_line(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_none_or(|line| {
        line.trim_start().starts_with('{')
            && json::write_compact(line, &mut String::new()).is_some()
    })
}

fn read_json(text: &str, by_line: bool, rows: &mut Rows) -> Result<(), Unreadable> {
    let mut record = String::new();
    if by_line {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            record.clear();
            // A line that is no JSON is a record without any of the columns.
            let is_json = json::write_compact(line, &mut record).is_some();
            rows.add(std::iter::once(if is_json {
                record.as_str()
            } else {
                "{}"
            }))?;
        }
        return Ok(());
    }
    let values =
        serde_json::Deserializer::from_str(text).into_iter::<&serde_json::value::RawValue>();
    for value in values {
        let value = value.map_err(|error| Unreadable::of(&error))?;
        record.clear();
        if json::write_compact(value.get(), &mut record).is_none() {
            return Err(Unreadable::Malformed("it nests too deep".to_owned()));
        }
        match json::elements(&record) {
            Some(elements) => {
                for element in elements {
                    rows.add(std::iter::once(element))?;
                }
            }
            None => rows.add(std::iter::once(record.as_str()))?,
        }
    }
    Ok(())
}

/// The bytes of the file inside of a compressed one, which its first bytes tell.
fn decompressed(bytes: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, Unreadable> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return read_capped(MultiGzDecoder::new(&bytes[..]), bytes_max);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        let archive = zip::ZipArchive::new(Cursor::new(&bytes));
        let mut archive = archive.map_err(|error| Unreadable::of(&error))?;
        let mut content = Vec::new();
        for at in 0..archive.len() {
            let file = archive
                .by_index(at)
                .map_err(|error| Unreadable::of(&error))?;
            if file.is_file() {
                let room = bytes_max - content.len();
                content.extend(read_capped(file, room)?);
            }
        }
        return Ok(content);
    }
    Ok(bytes)
}

fn read_capped(mut reader: impl Read, bytes_max: usize) -> Result<Vec<u8>, Unreadable> {
    let mut content = Vec::new();
    let limit = (bytes_max as u64).saturating_add(1);
    let read = reader.by_ref().take(limit).read_to_end(&mut content);
    read.map_err(|error| Unreadable::of(&error))?;
    if content.len() > bytes_max {
        return Err(Unreadable::TooLarge);
    }
    Ok(content)
}
