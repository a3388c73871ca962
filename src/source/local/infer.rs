//! What a file says about its columns: Parquet exactly, the text formats by their first rows.
//!
//! Of a text file the first [`SAMPLE_ROWS`] rows are looked at. A column of whole numbers is
//! `long`, of other numbers `real`, of ISO 8601 times `datetime`, of objects and arrays
//! `dynamic`; a mixture, and a column without values, is `string`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arrow::datatypes::{DataType, SchemaRef};
use kql::types::{Column, ScalarType};
use kql_datafusion::parquet::file_schema;
use kql_datafusion::types::kql_type;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::ParquetMetaData;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::column::parse_datetime;
use super::discover::{Format, InputFile};
use super::lines::first_objects;
use super::prune::time_range;

/// Rows of a text file that are looked at.
const SAMPLE_ROWS: usize = 1_000;
/// Files whose summaries are remembered.
const FILES_REMEMBERED_MAX: usize = 100_000;
/// Memory of the footers that are remembered; beyond it they are read anew.
const FOOTER_BYTES_MAX: usize = 256 << 20;

/// What is known of a file without reading its rows.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) columns: Vec<Column>,
    pub(super) parquet: Option<ParquetSummary>,
}

impl Summary {
    /// Memory of the footer that is kept.
    fn footer_bytes(&self) -> usize {
        let parquet = self.parquet.as_ref();
        let footer = parquet.and_then(|parquet| parquet.metadata.as_ref());
        footer.map_or(0, |footer| footer.memory_size())
    }
}

/// What the footer of a Parquet file says.
#[derive(Debug)]
pub(super) struct ParquetSummary {
    /// Its columns, with all text as string views.
    pub(super) schema: SchemaRef,
    /// Least and greatest instant of columns that hold times, in nanoseconds since 1970.
    pub(super) time_ranges: BTreeMap<String, (i64, i64)>,
    /// The footer itself; dropped where many are known.
    pub(super) metadata: Option<Arc<ParquetMetaData>>,
}

/// Summaries of files, for as long as the files do not change.
#[derive(Debug, Default)]
pub(super) struct Summaries {
    known: Mutex<HashMap<PathBuf, Known>>,
    /// Memory of the footers that are kept.
    footer_bytes: AtomicUsize,
}

#[derive(Debug)]
struct Known {
    bytes: u64,
    modified: Option<SystemTime>,
    summary: Arc<Summary>,
}

impl Summaries {
    /// The summary of a file, if it was looked at before and has not changed.
    pub(super) fn known(&self, file: &InputFile) -> Option<Arc<Summary>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&file.path)?;
        let is_same = known.bytes == file.bytes && known.modified == file.modified;
        is_same.then(|| Arc::clone(&known.summary))
    }

    /// The summary of a file; the error says what is wrong with it, without its path.
    pub(super) fn of(&self, file: &InputFile) -> Result<Arc<Summary>, String> {
        if let Some(summary) = self.known(file) {
            return Ok(summary);
        }
        let mut summary = summarise(file)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= FILES_REMEMBERED_MAX {
            known.clear();
            self.footer_bytes.store(0, Ordering::Relaxed);
        }
        let bytes = summary.footer_bytes();
        if self.footer_bytes.load(Ordering::Relaxed) + bytes <= FOOTER_BYTES_MAX {
            self.footer_bytes.fetch_add(bytes, Ordering::Relaxed);
        } else if let Some(parquet) = &mut summary.parquet {
            parquet.metadata = None;
        }
        let summary = Arc::new(summary);
        let entry = Known {
            bytes: file.bytes,
            modified: file.modified,
            summary: Arc::clone(&summary),
        };
        if let Some(before) = known.insert(file.path.clone(), entry) {
            let bytes = before.summary.footer_bytes();
            self.footer_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        Ok(summary)
    }
}

fn summarise(file: &InputFile) -> Result<Summary, String> {
    let columns = match file.format {
        Format::Parquet => return parquet_summary(file),
        Format::Lines | Format::Json => {
            let mut guesses = Guesses::default();
            first_objects(&file.path, file.compression, SAMPLE_ROWS, |object| {
                // A malformed row is reported when it is read.
                if let Ok(fields) = serde_json::from_slice::<Fields<'_>>(object) {
                    for (name, guess) in &fields.0 {
                        guesses.add(name, guess.0);
                    }
                }
            })?;
            guesses.columns()
        }
        Format::Csv => csv_columns(file)?,
    };
    Ok(Summary {
        columns,
        parquet: None,
    })
}

fn parquet_summary(file: &InputFile) -> Result<Summary, String> {
    let content = File::open(&file.path).map_err(|error| error.to_string())?;
    let loaded = ArrowReaderMetadata::load(&content, ArrowReaderOptions::new());
    let loaded = loaded.map_err(|error| format!("no readable Parquet file ({error})"))?;
    let schema = Arc::clone(loaded.schema());
    let mut time_ranges = BTreeMap::new();
    let mut columns = Vec::new();
    for field in schema.fields() {
        let ty = kql_type(field).unwrap_or(match field.data_type() {
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => ScalarType::String,
            _ => ScalarType::Dynamic,
        });
        columns.push(Column::new(field.name().as_str(), ty));
        if let Some(range) = time_range(loaded.metadata(), &schema, field.name()) {
            time_ranges.insert(field.name().clone(), range);
        }
    }
    Ok(Summary {
        columns,
        parquet: Some(ParquetSummary {
            schema: file_schema(&schema),
            time_ranges,
            metadata: Some(Arc::clone(loaded.metadata())),
        }),
    })
}

fn csv_columns(file: &InputFile) -> Result<Vec<Column>, String> {
    let content = file.compression.open(&file.path);
    let content = content.map_err(|error| error.to_string())?;
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(content);
    let header = reader
        .headers()
        .map_err(|_| "no readable CSV header".to_owned())?
        .clone();
    let names: Vec<&str> = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}'))
        .collect();
    let mut guesses = Guesses::default();
    for name in &names {
        guesses.add(name, None);
    }
    for record in reader.records().take(SAMPLE_ROWS) {
        let Ok(record) = record else { break };
        for (name, text) in names.iter().zip(&record) {
            guesses.add(name, guess_text(text));
        }
    }
    Ok(guesses.columns())
}

/// The columns so far, each with what its values have in common; `None`: there was none.
#[derive(Default)]
struct Guesses {
    columns: Vec<(String, Option<ScalarType>)>,
    positions: HashMap<String, usize>,
    /// Where the next field stands, if its row has the same fields as the others.
    next: usize,
}

impl Guesses {
    fn add(&mut self, name: &str, ty: Option<ScalarType>) {
        let expected = self.columns.get(self.next);
        let position = match expected {
            Some((expected, _)) if expected == name => Some(self.next),
            _ => self.positions.get(name).copied(),
        };
        let position = position.unwrap_or_else(|| {
            let position = self.columns.len();
            self.columns.push((name.to_owned(), None));
            self.positions.insert(name.to_owned(), position);
            position
        });
        let (_, known) = &mut self.columns[position];
        *known = match (*known, ty) {
            (Some(known), Some(ty)) => Some(common_type(known, ty)),
            (known, ty) => known.or(ty),
        };
        self.next = position + 1;
    }

    fn columns(self) -> Vec<Column> {
        let columns = self.columns.into_iter();
        columns
            .map(|(name, ty)| Column::new(name, ty.unwrap_or(ScalarType::String)))
            .collect()
    }
}

/// The type that holds the values of both.
pub(super) fn common_type(left: ScalarType, right: ScalarType) -> ScalarType {
    use ScalarType::{Dynamic, Int, Long, Real};
    match (left, right) {
        (left, right) if left == right => left,
        (Dynamic, _) | (_, Dynamic) => Dynamic,
        (Int, Long) | (Long, Int) => Long,
        (Int | Long, Real) | (Real, Int | Long) => Real,
        _ => ScalarType::String,
    }
}

/// The fields of a JSON object, each with what its value says of its column.
struct Fields<'j>(Vec<(Cow<'j, str>, Guess)>);

impl<'j> Deserialize<'j> for Fields<'j> {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'j> Visitor<'j> for FieldsVisitor {
            type Value = Fields<'j>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(64);
                while let Some((Name(name), guess)) = map.next_entry()? {
                    fields.push((name, guess));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// A name that is borrowed from the text where it has no escapes.
#[derive(Deserialize)]
struct Name<'j>(#[serde(borrow)] Cow<'j, str>);

/// The type that a JSON value suggests; none for null and for empty text.
struct Guess(Option<ScalarType>);

impl<'j> Deserialize<'j> for Guess {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GuessVisitor).map(Self)
    }
}

struct GuessVisitor;

impl<'j> Visitor<'j> for GuessVisitor {
    type Value = Option<ScalarType>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Some(ScalarType::Bool))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Some(ScalarType::Long))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        let is_long = i64::try_from(number).is_ok();
        Ok(Some(if is_long {
            ScalarType::Long
        } else {
            ScalarType::Real
        }))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Some(ScalarType::Real))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(match text {
            "" => None,
            text if is_time(text) => Some(ScalarType::DateTime),
            _ => Some(ScalarType::String),
        })
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(ScalarType::Dynamic))
    }

    fn visit_map<A: MapAccess<'j>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(ScalarType::Dynamic))
    }
}

fn guess_text(text: &str) -> Option<ScalarType> {
    if text.is_empty() {
        return None;
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    // `007` and `+49` are names, not amounts.
    let is_plain = digits == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c));
    Some(if is_plain && digits.parse::<i64>().is_ok() {
        ScalarType::Long
    } else if (is_plain || digits.starts_with("0.")) && digits.parse::<f64>().is_ok() {
        ScalarType::Real
    } else if matches!(text, "true" | "false" | "True" | "False") {
        ScalarType::Bool
    } else if is_time(text) {
        ScalarType::DateTime
    } else {
        ScalarType::String
    })
}

/// Whether text is a time in ISO 8601, and not merely something that could be read as one.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 19
        && bytes[4] == b'-'
        && matches!(bytes[10], b'T' | b' ')
        && parse_datetime(text).is_ok()
}
