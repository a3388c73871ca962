//! A whole result as CSV, read from its Parquet file batch by batch.
//!
//! Text goes where spreadsheets open it: a cell that one would take for a formula is preceded by
//! an apostrophe. Values are written as KQL shows them. A result that does not fit is cut after a
//! row, and the cut is reported.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{
    DataType, Decimal128Type, DurationNanosecondType, Float64Type, Int64Type, Schema, TimeUnit,
    TimestampNanosecondType,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Timelike as _};
use futures::TryStreamExt as _;
use object_store::ObjectStore;
use parquet::arrow::ParquetRecordBatchStreamBuilder;

use super::stored_file::StoredFile;
use crate::run::result_file::RUN_COLUMNS;

/// A result as CSV.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvText {
    /// UTF-8 with a byte order mark, by which spreadsheets know that it is.
    pub bytes: Vec<u8>,
    /// Rows in it.
    pub rows: u64,
    /// Rows of the whole result.
    pub rows_total: u64,
}

const BYTE_ORDER_MARK: &str = "\u{feff}";
const BATCH_ROWS: usize = 1024;

/// Reads a file of the lake, up to `bytes_max` of CSV.
pub async fn read_parquet(
    store: &Arc<dyn ObjectStore>,
    file: &str,
    bytes_max: usize,
) -> anyhow::Result<CsvText> {
    let reader = StoredFile::open(Arc::clone(store), file).await?;
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
    let rows_total = u64::try_from(builder.metadata().file_metadata().num_rows())?;
    let schema = Arc::clone(builder.schema());
    let mut csv = Writer::new(&schema, bytes_max);
    let mut batches = builder.with_batch_size(BATCH_ROWS).build()?;
    while let Some(batch) = batches.try_next().await? {
        if !csv.push(&batch)? {
            break;
        }
    }
    Ok(CsvText {
        bytes: csv.text.into_bytes(),
        rows: csv.rows,
        rows_total,
    })
}

struct Writer {
    text: String,
    columns: Vec<usize>,
    bytes_max: usize,
    rows: u64,
}

impl Writer {
    fn new(schema: &Schema, bytes_max: usize) -> Self {
        let mut text = BYTE_ORDER_MARK.to_owned();
        let mut columns = Vec::new();
        for (index, field) in schema.fields().iter().enumerate() {
            // Every row repeats them; a message says them once.
            if RUN_COLUMNS.contains(&field.name().as_str()) {
                continue;
            }
            if !columns.is_empty() {
                text.push(',');
            }
            push_text(&mut text, field.name());
            columns.push(index);
        }
        text.push_str("\r\n");
        Self {
            text,
            columns,
            bytes_max,
            rows: 0,
        }
    }

    /// Adds rows as long as they fit; whether all did.
    fn push(&mut self, batch: &RecordBatch) -> Result<bool, ArrowError> {
        let schema = batch.schema();
        let options = FormatOptions::default();
        let cells: Vec<Cells<'_>> = self
            .columns
            .iter()
            .map(|index| {
                let tag = schema.field(*index).metadata().get("kql.type");
                Cells::of(batch.column(*index), tag.map(String::as_str), &options)
            })
            .collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let before = self.text.len();
            for (position, cell) in cells.iter().enumerate() {
                if position > 0 {
                    self.text.push(',');
                }
                cell.push(row, &mut self.text)?;
            }
            self.text.push_str("\r\n");
            if self.text.len() > self.bytes_max {
                self.text.truncate(before);
                return Ok(false);
            }
            self.rows += 1;
        }
        Ok(true)
    }
}

/// A column with the way its values are written.
struct Cells<'a> {
    column: &'a dyn Array,
    form: Form<'a>,
}

enum Form<'a> {
    DateTime,
    /// Nanoseconds, as a duration or as a plain number.
    TimeSpan,
    Real,
    Decimal(i8),
    /// What cannot be taken for a formula.
    Plain(ArrayFormatter<'a>),
    Text(ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    fn of(
        column: &'a dyn Array,
        tag: Option<&str>,
        options: &'a FormatOptions<'a>,
    ) -> Result<Self, ArrowError> {
        let formatter = || ArrayFormatter::try_new(column, options);
        let form = match column.data_type() {
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Form::DateTime,
            DataType::Duration(TimeUnit::Nanosecond) => Form::TimeSpan,
            DataType::Int64 if tag == Some("timespan") => Form::TimeSpan,
            DataType::Float64 => Form::Real,
            DataType::Decimal128(_, scale) if *scale >= 0 => Form::Decimal(*scale),
            ty if ty.is_integer() || *ty == DataType::Boolean => Form::Plain(formatter()?),
            _ => Form::Text(formatter()?),
        };
        Ok(Self { column, form })
    }

    fn push(&self, row: usize, text: &mut String) -> Result<(), ArrowError> {
        if self.column.is_null(row) {
            return Ok(());
        }
        match &self.form {
            Form::DateTime => {
                let ns = self
                    .column
                    .as_primitive::<TimestampNanosecondType>()
                    .value(row);
                push_datetime(text, ns);
            }
            Form::TimeSpan => {
                let ns = match self.column.data_type() {
                    DataType::Int64 => self.column.as_primitive::<Int64Type>().value(row),
                    _ => self
                        .column
                        .as_primitive::<DurationNanosecondType>()
                        .value(row),
                };
                push_timespan(text, ns);
            }
            Form::Real => {
                let value = self.column.as_primitive::<Float64Type>().value(row);
                let _ = write!(text, "{value}");
            }
            Form::Decimal(scale) => {
                let value = self.column.as_primitive::<Decimal128Type>().value(row);
                push_decimal(text, value, *scale);
            }
            Form::Plain(formatter) => {
                let _ = write!(text, "{}", formatter.value(row));
            }
            Form::Text(formatter) => push_text(text, &formatter.value(row).try_to_string()?),
        }
        Ok(())
    }
}

/// ISO 8601 with seven digits of a second and `Z`.
fn push_datetime(text: &mut String, ns: i64) {
    let at = DateTime::from_timestamp_nanos(ns);
    let ticks = at.nanosecond() / 100;
    let _ = write!(text, "{}.{ticks:07}Z", at.format("%Y-%m-%dT%H:%M:%S"));
}

/// `[-][d.]hh:mm:ss[.fffffff]`
fn push_timespan(text: &mut String, ns: i64) {
    let ticks = ns.unsigned_abs() / 100;
    let (seconds, part) = (ticks / 10_000_000, ticks % 10_000_000);
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    if ns < 0 {
        text.push('-');
    }
    if days > 0 {
        let _ = write!(text, "{days}.");
    }
    let _ = write!(text, "{hours:02}:{minutes:02}:{seconds:02}");
    if part > 0 {
        let _ = write!(text, ".{part:07}");
    }
}

/// Without the zeros that only fill up the scale.
fn push_decimal(text: &mut String, value: i128, scale: i8) {
    let divisor = 10_u128.pow(u32::from(scale.unsigned_abs()));
    let size = value.unsigned_abs();
    if value < 0 {
        text.push('-');
    }
    let _ = write!(text, "{}", size / divisor);
    if !size.is_multiple_of(divisor) {
        let digits = format!(
            "{:0width$}",
            size % divisor,
            width = scale.unsigned_abs().into()
        );
        let _ = write!(text, ".{}", digits.trim_end_matches('0'));
    }
}

/// A text as one cell: quoted where it must be, and never a formula.
fn push_text(text: &mut String, value: &str) {
    let is_formula =
        value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let needs_quotes = is_formula || value.contains(['"', ',', '\n', '\r', ';', '\0']);
    if !needs_quotes {
        text.push_str(value);
        return;
    }
    text.push('"');
    if is_formula {
        text.push('\'');
    }
    for c in value.chars() {
        match c {
            '"' => text.push_str("\"\""),
            // A cell ends here for programs written in C.
            '\0' => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        ArrayRef, BooleanArray, Decimal128Array, DurationNanosecondArray, Float64Array, Int64Array,
        StringArray, StringViewArray, TimestampNanosecondArray,
    };
    use object_store::ObjectStoreExt as _;
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn batch() -> RecordBatch {
        let at = TimestampNanosecondArray::from(vec![Some(1_767_366_000_123_456_700), None]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("Timestamp", Arc::new(at.with_timezone("+00:00"))),
            (
                "Command, line",
                Arc::new(StringViewArray::from(vec!["=cmd|' /C calc'!A0", "a\"b\nc"])),
            ),
            ("N", Arc::new(Int64Array::from(vec![-5, 7]))),
            ("R", Arc::new(Float64Array::from(vec![0.5, -2.0]))),
            (
                "D",
                Arc::new(
                    Decimal128Array::from(vec![-1_250, 3_000])
                        .with_precision_and_scale(38, 3)
                        .unwrap(),
                ),
            ),
            ("Ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            (
                "Took",
                Arc::new(DurationNanosecondArray::from(vec![
                    -90_061_000_000_100,
                    1_000_000_000,
                ])),
            ),
            ("_hunt", Arc::new(StringArray::from(vec!["h", "h"]))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
            .unwrap()
    }

    async fn stored(batch: &RecordBatch) -> Arc<dyn ObjectStore> {
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        let store = InMemory::new();
        let path = Path::parse("h/date=2026-01-02/a.parquet").unwrap();
        store.put(&path, bytes.into()).await.unwrap();
        Arc::new(store)
    }

    #[tokio::test]
    async fn values_are_written_as_kql_shows_them() {
        let store = stored(&batch()).await;
        let csv = read_parquet(&store, "h/date=2026-01-02/a.parquet", 10_000)
            .await
            .unwrap();
        let text = String::from_utf8(csv.bytes).unwrap();
        assert_eq!((csv.rows, csv.rows_total), (2, 2));
        insta::assert_snapshot!(text.trim_start_matches('\u{feff}').replace('\r', ""), @r#"
        Timestamp,"Command, line",N,R,D,Ok,Took
        2026-01-02T15:00:00.1234567Z,"'=cmd|' /C calc'!A0",-5,0.5,-1.25,true,-1.01:01:01.0000001
        ,"a""b
        c",7,-2,3,,00:00:01
        "#);
    }

    #[tokio::test]
    async fn a_cut_falls_between_rows_and_is_counted() {
        let store = stored(&batch()).await;
        let csv = read_parquet(&store, "h/date=2026-01-02/a.parquet", 150)
            .await
            .unwrap();
        assert_eq!((csv.rows, csv.rows_total), (1, 2));
        assert!(csv.bytes.len() <= 150 && csv.bytes.ends_with(b"\r\n"));
    }

    #[tokio::test]
    async fn a_missing_file_is_an_error() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        assert!(read_parquet(&store, "no/such.parquet", 150).await.is_err());
    }

    #[test]
    fn formulas_are_defused() {
        for (value, cell) in [
            ("plain", "plain"),
            ("-enc", "\"'-enc\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("a,b", "\"a,b\""),
            ("", ""),
        ] {
            let mut text = String::new();
            push_text(&mut text, value);
            assert_eq!(text, cell);
        }
    }
}
