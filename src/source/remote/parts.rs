//! A window in parts: what comes back incomplete is not taken; its part is halved, down to a
//! floor, as long as the parts of the query make the whole. What cannot be halved is truncated,
//! and the report says so.
//!
//! Rows go on in the order of the parts, one part after the other, while the next one is fetched.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt as _};
use kql::types::{Schema, TICKS_AT_UNIX_EPOCH};
use kql_datafusion::types::arrow_schema;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::attempt::{Answered, Incomplete};
use super::prepare::Prepared;
use super::{Inner, merge};
use crate::run::report::{Call, Part, PartOutcome, SourceReport};
use crate::source::spool::Spooled;
use crate::source::{QueryStats, SourceError, kusto_ticks};
use crate::window::Window;

/// A result that begins.
pub(super) type Started = (
    Schema,
    SchemaRef,
    BoxStream<'static, Result<RecordBatch, SourceError>>,
);

/// The parts of one query's window.
pub(super) struct Parts {
    inner: Arc<Inner>,
    prepared: Prepared,
    stats: Arc<QueryStats>,
    density: Option<Density>,
    /// Columns of the parts so far.
    columns: Option<Schema>,
}

/// How many rows and bytes there are in a time, by the parts taken last.
#[derive(Clone, Copy, Debug)]
struct Density {
    rows_a_second: f64,
    bytes_a_second: f64,
}

/// Rows of a part that was taken.
struct Taken {
    schema: Schema,
    arrow: SchemaRef,
    rows: Spooled,
}

type Sender = mpsc::Sender<Result<Taken, SourceError>>;

/// The parts that the task fetches, which ends with this.
struct Coming {
    receiver: mpsc::Receiver<Result<Taken, SourceError>>,
    task: JoinSet<()>,
}

impl Coming {
    /// The next part; none after the last. That a task ends by a panic is no end of the parts.
    async fn next(&mut self) -> Option<Result<Taken, SourceError>> {
        if let Some(next) = self.receiver.recv().await {
            return Some(next);
        }
        let broken = self.task.join_next().await?.err()?;
        let message = format!("fetching was broken off: {broken}");
        Some(Err(SourceError::Failed(message)))
    }
}

impl Parts {
    pub(super) fn new(inner: Arc<Inner>, prepared: Prepared, stats: Arc<QueryStats>) -> Self {
        let window = prepared.window();
        stats.tell(|report| {
            let mut begun = SourceReport::new(window);
            begun.notes.extend(prepared.note.clone());
            *report = Some(begun);
        });
        Self {
            inner,
            prepared,
            stats,
            density: None,
            columns: None,
        }
    }

    /// Fetches the first part, which tells the columns, and goes on while its rows are read.
    pub(super) async fn start(self) -> Result<Started, SourceError> {
        let steps = self.prepared.parting.as_ref();
        let steps = steps.map_or_else(Vec::new, |parting| parting.steps.clone());
        let expected = self.prepared.expected();
        // One part lies ready while another is read and a third one fetched.
        let (sender, receiver) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(self.fetch(sender));
        let mut coming = Coming { receiver, task };
        let Some(first) = coming.next().await else {
            // Every part was refused whole, which the report tells.
            return match expected {
                Some(schema) => {
                    let arrow = arrow_schema(&schema);
                    Ok((schema, arrow, futures::stream::empty().boxed()))
                }
                None => Err(SourceError::Limit(
                    "the service gave no row of any part of the window; narrow the query or \
                     shorten the window"
                        .to_owned(),
                )),
            };
        };
        let first = first?;
        let (schema, arrow) = (first.schema.clone(), Arc::clone(&first.arrow));
        if !steps.is_empty() {
            let mut bytes = first.rows.bytes;
            let mut all = vec![first.rows];
            while let Some(next) = coming.next().await {
                let next = next?.rows;
                bytes += next.bytes;
                merge::check_size(bytes)?;
                all.push(next);
            }
            if let [_] = all.as_slice()
                && let Some(only) = all.pop()
            {
                let rows = rows(only, Arc::clone(&arrow));
                return Ok((schema, arrow, rows));
            }
            return merge::merged(schema, &arrow, all, &steps).await;
        }
        let rest = futures::stream::unfold(coming, |mut coming| async {
            let next = coming.next().await?;
            Some((next, coming))
        });
        let parts = futures::stream::iter([Ok(first)]).chain(rest);
        let all = parts.flat_map(|part| match part {
            Ok(taken) => rows(taken.rows, taken.arrow),
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        });
        Ok((schema, arrow, all.boxed()))
    }

    async fn fetch(mut self, sender: Sender) {
        let window = self.prepared.window();
        if let Err(error) = self.cover(window, Vec::new(), &sender).await {
            // Whoever read the rows may have stopped.
            let _ = sender.send(Err(error)).await;
        }
    }

    /// Fetches a part of the window, at a place in the tree of parts.
    fn cover<'p>(
        &'p mut self,
        window: Window,
        place: Vec<usize>,
        sender: &'p Sender,
    ) -> BoxFuture<'p, Result<(), SourceError>> {
        Box::pin(async move {
            let halves = self.halves(window);
            if let (Some(halves), Some(foreseen)) = (halves, self.foreseen(window)) {
                return self.split(halves, place, foreseen, sender).await;
            }
            let asked = self.ask(window, &place, halves.is_some()).await;
            let mut answered = match asked {
                Ok(answered) => answered,
                Err(error) => {
                    self.note(&place, |part| {
                        part.outcome = PartOutcome::Failed;
                        part.reason = Some(error.to_string());
                    });
                    return Err(error);
                }
            };
            match (answered.incomplete.take(), halves) {
                (None, _) => {
                    self.learn(window, answered.counted.rows, answered.counted.bytes);
                    self.note(&place, |part| {
                        part.outcome = PartOutcome::Complete;
                        part.rows = answered.counted.rows;
                    });
                    self.take(answered, sender).await
                }
                (Some(incomplete), Some(halves)) if self.unknown_column(&answered).is_none() => {
                    self.crowd(window, &incomplete);
                    let reason = incomplete.reason;
                    drop(answered.rows);
                    self.split(halves, place, reason, sender).await
                }
                (Some(incomplete), _) => {
                    let why = match self.unknown_column(&answered) {
                        Some(column) if halves.is_some() => format!(
                            "parts cannot be merged, as the answer has a column `{column}` that is \
                             not known of its tables; declare them in `catalog.tables`"
                        ),
                        _ => self.whole_because(window),
                    };
                    self.note(&place, |part| {
                        part.outcome = PartOutcome::Truncated;
                        part.rows = answered.counted.rows;
                        part.reason = Some(format!("{}; {why}", incomplete.reason));
                    });
                    self.take(answered, sender).await
                }
            }
        })
    }

    async fn split(
        &mut self,
        halves: [Window; 2],
        place: Vec<usize>,
        reason: String,
        sender: &Sender,
    ) -> Result<(), SourceError> {
        self.note(&place, |part| {
            part.outcome = PartOutcome::Split;
            part.reason = Some(reason);
            part.parts = halves.map(Part::new).to_vec();
        });
        for (index, half) in halves.into_iter().enumerate() {
            let mut below = place.clone();
            below.push(index);
            self.cover(half, below, sender).await?;
        }
        self.note(&place, |part| {
            part.rows = part.parts.iter().map(|part| part.rows).sum();
        });
        Ok(())
    }

    async fn ask(
        &self,
        window: Window,
        place: &[usize],
        can_split: bool,
    ) -> Result<Answered, SourceError> {
        let tell = |call: Call| self.call(place, call);
        let mut deadline = self.prepared.deadline();
        // Parts that were taken would be lost.
        if self.columns.is_none() {
            let begin_by = self.prepared.turn().begin_by;
            deadline = [deadline, begin_by].into_iter().flatten().min();
        }
        self.inner
            .ask(&self.prepared, window, can_split, deadline, &tell)
            .await
    }

    /// Hands the rows on. Columns of later parts must be those of the first.
    async fn take(&mut self, answered: Answered, sender: &Sender) -> Result<(), SourceError> {
        self.stats.tell(|report| {
            let Some(report) = report else { return };
            for note in answered.notes {
                if !report.notes.contains(&note) {
                    report.notes.push(note);
                }
            }
        });
        // A part of which nothing could be had has no columns, either.
        let (Some((schema, arrow)), Some(rows)) = (answered.columns, answered.rows) else {
            return Ok(());
        };
        match &self.columns {
            None => self.columns = Some(schema.clone()),
            Some(first) if *first == schema => {}
            Some(_) => {
                return Err(SourceError::Unavailable(format!(
                    "{}: the columns of the answer changed between two parts of the window; \
                     it is asked again",
                    self.inner.api.title()
                )));
            }
        }
        let taken = Taken {
            schema,
            arrow,
            rows,
        };
        // Nobody reads any more: the task is about to be stopped.
        let _ = sender.send(Ok(taken)).await;
        Ok(())
    }

    /// A column of an answer that the query is not known to have, where parts would have to be
    /// merged: that is told of columns by their places.
    fn unknown_column(&self, answered: &Answered) -> Option<String> {
        let parting = self.prepared.parting.as_ref()?;
        if parting.steps.is_empty() {
            return None;
        }
        let (schema, _) = answered.columns.as_ref()?;
        let expected = self.prepared.expected();
        let expected = expected.as_ref().map_or(&[][..], Schema::columns);
        let told = schema.columns().iter().enumerate();
        let mut unknown = told.filter(|(place, column)| {
            let known = expected.get(*place);
            known.is_none_or(|known| known.name != column.name)
        });
        let missing = expected.get(schema.len());
        let found = unknown.next().map(|(_, column)| column).or(missing);
        found.map(|column| column.name.to_string())
    }

    /// The halves of a window, if it may be cut and neither becomes shorter than the floor. Where
    /// bins say where it may be cut, the halves may be unequal.
    fn halves(&self, window: Window) -> Option<[Window; 2]> {
        let parting = self.prepared.parting.as_ref()?;
        let floor = self.inner.config.split_floor.delta();
        let middle = kusto_ticks(window.start() + window.length() / 2);
        let cut_at = |ticks: i64| {
            let cut = instant(ticks)?;
            let left = Window::new(window.start(), cut).ok()?;
            let right = Window::new(cut, window.end()).ok()?;
            (left.length() >= floor && right.length() >= floor).then_some([left, right])
        };
        match parting.alignment {
            None => cut_at(middle),
            Some(alignment) => {
                let before = alignment.floor(middle);
                cut_at(before).or_else(|| cut_at(before.checked_add(alignment.step)?))
            }
        }
    }

    /// Why a window is not cut any further.
    fn whole_because(&self, window: Window) -> String {
        if self.prepared.parting.is_none() {
            return format!(
                "the window cannot be run in parts: {}",
                self.prepared.whole_because
            );
        }
        let floor = self.inner.config.split_floor;
        let length = window.length().num_milliseconds() as f64 / 1000.0;
        format!(
            "parts of {length} s are not cut further (`split_floor` is {floor}, and bins of the \
             query are not cut)"
        )
    }

    /// Why an answer would not be complete, judging by the parts before: saves the call.
    fn foreseen(&self, window: Window) -> Option<String> {
        let density = self.density?;
        let seconds = seconds(window.length());
        let limits = self.inner.limits();
        let rows = density.rows_a_second * seconds;
        if rows >= limits.rows as f64 {
            return Some(format!(
                "about {rows:.0} rows are expected, by the part before"
            ));
        }
        let bytes = density.bytes_a_second * seconds;
        let most = limits.bytes? as f64;
        (bytes >= most).then(|| format!("about {bytes:.0} bytes are expected, by the part before"))
    }

    fn learn(&mut self, window: Window, rows: u64, bytes: u64) {
        let seconds = seconds(window.length());
        self.density = Some(Density {
            rows_a_second: rows as f64 / seconds,
            bytes_a_second: bytes as f64 / seconds,
        });
    }

    /// A part that was too large: neighbours as long are, too, whatever was thought.
    fn crowd(&mut self, window: Window, incomplete: &Incomplete) {
        if incomplete.is_too_large {
            let limits = self.inner.limits();
            self.learn(window, limits.rows, limits.bytes.unwrap_or_default());
        }
    }

    /// Changes what is told of a part.
    fn note(&self, place: &[usize], change: impl FnOnce(&mut Part)) {
        self.stats.tell(|report| {
            let mut part = report.as_mut().map(|report| &mut report.root);
            for index in place {
                part = part.and_then(|part| part.parts.get_mut(*index));
            }
            if let Some(part) = part {
                change(part);
            }
        });
    }

    fn call(&self, place: &[usize], call: Call) {
        let mut is_listed = false;
        self.stats.tell(|report| {
            if let Some(report) = report {
                is_listed = report.calls() < crate::run::report::CALLS_MAX as u64;
                report.calls_omitted += u64::from(!is_listed);
            }
        });
        if is_listed {
            self.note(place, |part| part.calls.push(call));
        }
    }
}

/// The rows of a part that was taken.
fn rows(rows: Spooled, arrow: SchemaRef) -> BoxStream<'static, Result<RecordBatch, SourceError>> {
    let rows = rows.into_stream(arrow);
    rows.map(|batch| batch.map_err(SourceError::from)).boxed()
}

fn seconds(length: TimeDelta) -> f64 {
    (length.num_milliseconds() as f64 / 1000.0).max(0.001)
}

fn instant(ticks: i64) -> Option<DateTime<Utc>> {
    let since_epoch = ticks.checked_sub(TICKS_AT_UNIX_EPOCH)?;
    let nanoseconds = since_epoch.checked_mul(100)?;
    Some(DateTime::from_timestamp_nanos(nanoseconds))
}
