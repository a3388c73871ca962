//! Collects rows by table and writes them, sorted by time, one file a table and day.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::random::Random;

/// A row: column to value, in column order.
pub(super) type Row = Map<String, Value>;

/// Rows that are not written yet.
#[derive(Debug)]
pub(super) struct Telemetry {
    start: DateTime<Utc>,
    until: DateTime<Utc>,
    random: Random,
    report_id: u64,
    pending: BTreeMap<&'static str, Vec<(DateTime<Utc>, Row)>>,
}

impl Telemetry {
    pub(super) fn new(start: DateTime<Utc>, until: DateTime<Utc>, random: Random) -> Self {
        Self {
            start,
            until,
            random,
            report_id: 1000,
            pending: BTreeMap::new(),
        }
    }

    /// Adds a row at about `at`; the sub-second part is drawn here, and rows outside the sample's
    /// time are left out.
    pub(super) fn add(&mut self, table: &'static str, at: DateTime<Utc>, mut row: Row) {
        let tick = self.random.below(10_000_000) as i64;
        let whole = at - TimeDelta::nanoseconds(i64::from(at.timestamp_subsec_nanos()));
        let at = whole + TimeDelta::nanoseconds(tick * 100);
        if at < self.start || at >= self.until {
            return;
        }
        self.report_id += 1;
        row.shift_insert(0, "Timestamp".to_owned(), timestamp(at));
        if row.contains_key("ReportId") {
            row.insert("ReportId".to_owned(), self.report_id.into());
        }
        self.pending.entry(table).or_default().push((at, row));
    }

    /// Writes and forgets the rows before `end`; tells how many there were of each table.
    pub(super) fn write_before(
        &mut self,
        directory: &Path,
        end: DateTime<Utc>,
    ) -> std::io::Result<Vec<(&'static str, u64)>> {
        let mut written = Vec::new();
        for (table, rows) in &mut self.pending {
            rows.sort_by_key(|(at, _)| *at);
            let later = rows.split_off(rows.partition_point(|(at, _)| *at < end));
            let today = std::mem::replace(rows, later);
            let Some((first, _)) = today.first() else {
                continue;
            };
            let folder = directory
                .join(table)
                .join(format!("date={}", first.date_naive()));
            fs::create_dir_all(&folder)?;
            let mut file = BufWriter::new(fs::File::create(folder.join("events.ndjson"))?);
            for (_, row) in &today {
                serde_json::to_writer(&mut file, row)?;
                file.write_all(b"\n")?;
            }
            file.flush()?;
            written.push((*table, today.len() as u64));
        }
        Ok(written)
    }
}

/// A datetime as Defender writes it.
pub(super) fn timestamp(at: DateTime<Utc>) -> Value {
    let text = at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    // Seven digits of a second are Kusto's resolution; chrono writes nine.
    Value::String(format!("{}Z", &text[..text.len() - 3]))
}
