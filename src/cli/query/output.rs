//! A result written as a table, JSON, CSV or Parquet, batch by batch as it arrives.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use comfy_table::{ContentArrangement, Table, presets};
use futures::StreamExt as _;
use kql::types::Schema;
use kql_datafusion::json;
use parquet::arrow::ArrowWriter;

use crate::source::{QueryResult, SourceError};

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table for people, at most 1,000 rows
    Table,
    /// One JSON array of objects; of several tables an array of {"table", "rows"}
    Json,
    /// One JSON object a row; of several tables {"table", "row"}
    Ndjson,
    /// Comma-separated values with a header; of several tables a file each
    Csv,
    /// A Parquet file with KQL's types in its metadata; of several tables a file each
    Parquet,
}

/// Most rows that a table shows; the rest is counted.
const TABLE_ROWS_MAX: u64 = 1_000;

/// Writes all rows of `result` to `out`.
pub(super) async fn write<W: Write + Send>(
    result: QueryResult,
    format: Format,
    out: W,
) -> anyhow::Result<()> {
    write_framed(result, format, &Frame::NONE, out).await
}

/// What stands around each row of NDJSON.
pub(super) struct Frame {
    pub(super) before: String,
    pub(super) behind: &'static str,
}

impl Frame {
    const NONE: Self = Self {
        before: String::new(),
        behind: "",
    };
}

/// The same, with a frame around the rows where the format is NDJSON.
pub(super) async fn write_framed<W: Write + Send>(
    mut result: QueryResult,
    format: Format,
    frame: &Frame,
    out: W,
) -> anyhow::Result<()> {
    let mut writer = Writer::new(format, &result.schema, &result.batches.schema(), frame, out)?;
    let mut rows = 0;
    while let Some(batch) = result.batches.next().await {
        let batch = batch.map_err(SourceError::from)?;
        writer.write(&batch, rows)?;
        rows += batch.num_rows() as u64;
    }
    writer.finish(rows)
}

struct Writer<'s, W: Write> {
    schema: &'s Schema,
    frame: &'s Frame,
    kind: Kind<W>,
}

enum Kind<W: Write> {
    Table { table: Table, out: W },
    Json(W),
    Ndjson(W),
    Csv(Box<csv::Writer<W>>),
    Parquet(Box<ArrowWriter<W>>),
}

impl<'s, W: Write + Send> Writer<'s, W> {
    fn new(
        format: Format,
        schema: &'s Schema,
        stored: &SchemaRef,
        frame: &'s Frame,
        mut out: W,
    ) -> anyhow::Result<Self> {
        let names = || {
            schema
                .columns()
                .iter()
                .map(|column| column.name.to_string())
        };
        let kind = match format {
            Format::Table => {
                let mut table = Table::new();
                table.load_preset(presets::UTF8_FULL_CONDENSED);
                table.set_content_arrangement(ContentArrangement::Dynamic);
                table.set_header(names());
                Kind::Table { table, out }
            }
            Format::Json => {
                out.write_all(b"[")?;
                Kind::Json(out)
            }
            Format::Ndjson => Kind::Ndjson(out),
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(out);
                csv.write_record(names())?;
                Kind::Csv(Box::new(csv))
            }
            Format::Parquet => {
                let writer = ArrowWriter::try_new(out, Arc::clone(stored), None);
                Kind::Parquet(Box::new(
                    writer.context("cannot write this result as Parquet")?,
                ))
            }
        };
        Ok(Self {
            schema,
            frame,
            kind,
        })
    }

    /// Writes a batch; `rows` were written before it.
    fn write(&mut self, batch: &RecordBatch, rows: u64) -> anyhow::Result<()> {
        let schema = self.schema;
        let texts = |row: usize| {
            let columns = schema.columns().iter().zip(batch.columns());
            columns.map(move |(column, array)| json::text(array, column.ty, row))
        };
        match &mut self.kind {
            Kind::Table { table, .. } => {
                let room = TABLE_ROWS_MAX.saturating_sub(rows);
                for row in 0..batch.num_rows().min(room as usize) {
                    table.add_row(texts(row).map(|text| printable(&text)));
                }
            }
            Kind::Json(out) => {
                let mut text = String::new();
                for row in 0..batch.num_rows() {
                    let first = rows == 0 && row == 0;
                    text.push_str(if first { "\n" } else { ",\n" });
                    json::write_object(batch, schema, row, &mut text);
                }
                out.write_all(text.as_bytes())?;
            }
            Kind::Ndjson(out) => {
                let mut text = String::new();
                for row in 0..batch.num_rows() {
                    text.push_str(&self.frame.before);
                    json::write_object(batch, schema, row, &mut text);
                    text.push_str(self.frame.behind);
                    text.push('\n');
                }
                out.write_all(text.as_bytes())?;
            }
            Kind::Csv(csv) => {
                for row in 0..batch.num_rows() {
                    csv.write_record(texts(row))?;
                }
            }
            Kind::Parquet(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    fn finish(self, rows: u64) -> anyhow::Result<()> {
        match self.kind {
            Kind::Table { table, mut out } => {
                if !self.schema.is_empty() {
                    writeln!(out, "{table}")?;
                }
                let shown = rows.min(TABLE_ROWS_MAX);
                match rows {
                    1 => writeln!(out, "1 row")?,
                    _ if shown < rows => writeln!(
                        out,
                        "{rows} rows, the first {shown} shown; --format ndjson prints all"
                    )?,
                    _ => writeln!(out, "{rows} rows")?,
                }
            }
            Kind::Json(mut out) => {
                out.write_all(if rows == 0 { b"]\n" } else { b"\n]\n" })?;
                out.flush()?;
            }
            Kind::Ndjson(mut out) => out.flush()?,
            Kind::Csv(mut csv) => csv.flush()?,
            Kind::Parquet(writer) => {
                writer.close()?;
            }
        }
        Ok(())
    }
}

/// A cell without what could move the cursor, recolour the terminal or hide in it.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() && letter != '\n' {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}
