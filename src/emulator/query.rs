//! Running a query over the emulator's data: confined to a time, within a time, its rows written
//! by whoever asks as they come.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt as _;
use kql::bind::Parameters;
use kql::window::Mode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::EmulatorState;
use super::timespan::Span;
use crate::clock::Clock as _;
use crate::source::{QueryResult, QuerySpec, SourceError, Turn};
use crate::window::Window;

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) text: String,
    pub(super) span: Span,
    pub(super) timeout: Duration,
}

/// A query under way.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) started: Instant,
    deadline: Instant,
    timeout: Duration,
    _slot: OwnedSemaphorePermit,
}

/// Starts a query: its results are to be read while it runs.
pub(super) async fn start(
    state: &EmulatorState,
    asked: &Asked,
) -> Result<(Running, Vec<QueryResult>), SourceError> {
    let started = Instant::now();
    let deadline = started + asked.timeout;
    let slot = tokio::time::timeout_at(deadline, Arc::clone(&state.slots).acquire_owned());
    let slot = slot
        .await
        .map_err(|_| SourceError::Timeout(asked.timeout))?;
    let slot = slot.map_err(|error| SourceError::Failed(error.to_string()))?;
    let now = state.clock.now();
    let spec = QuerySpec {
        text: asked.text.clone(),
        parameters: Parameters::default(),
        window: window(asked.span, now),
        window_applies: asked.span != Span::default(),
        window_mode: Mode::Event,
        stats: Arc::default(),
        now: Some(now),
        timeout: asked.timeout,
        turn: Turn::of_person(),
    };
    let results = tokio::time::timeout_at(deadline, state.source.results(&spec)).await;
    let results = results.map_err(|_| SourceError::Timeout(asked.timeout))??;
    let running = Running {
        started,
        deadline,
        timeout: asked.timeout,
        _slot: slot,
    };
    Ok((running, results))
}

/// Both ends belong to a span; open ones are those of time.
fn window(span: Span, now: DateTime<Utc>) -> Window {
    let first = DateTime::from_timestamp_nanos(i64::MIN);
    let last = DateTime::from_timestamp_nanos(i64::MAX);
    let start = span.from.unwrap_or(first).clamp(first, last);
    let end = span
        .to
        .unwrap_or(if span.from.is_some() { last } else { now });
    let end = end
        .checked_add_signed(TimeDelta::nanoseconds(100))
        .unwrap_or(last);
    let end = end.clamp(first, last);
    Window::new(start, end).unwrap_or_else(|_| {
        // Of two spans that do not meet: nothing is in it.
        let end = start
            .checked_add_signed(TimeDelta::nanoseconds(1))
            .unwrap_or(last);
        Window::new(start, end).unwrap_or_else(|_| {
            Window::new(first, last).expect("the first instant lies before the last")
        })
    })
}

impl Running {
    /// The next rows of a result, unless the time is over.
    pub(super) async fn next(
        &self,
        batches: &mut SendableRecordBatchStream,
    ) -> Result<Option<RecordBatch>, SourceError> {
        let next = tokio::time::timeout_at(self.deadline, batches.next()).await;
        let next = next.map_err(|_| SourceError::Timeout(self.timeout))?;
        Ok(next.transpose()?)
    }
}
