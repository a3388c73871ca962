//! A request being answered: a task reads the rows and writes the bytes, a few pieces ahead of
//! the client. Dropping the answer, as a lost connection does, ends the task and its query.
//!
//! The status is sent with the first piece. An error before it is a plain error answer, one behind
//! it is told inside the answer.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use kql::hir::Render;
use kql::types::Schema;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::cell;
use super::data_set::{DataSet, Form, Summary};
use super::error::ApiError;
use super::identity::Identity;
use super::options::Options;
use super::running::{Registration, Stop};
use crate::clock::SharedClock;
use crate::source::{QueryResult, QueryStats};

/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait for the client.
const PIECES: usize = 2;

/// A result on its way.
pub(super) struct Rows {
    pub(super) name: Option<Arc<str>>,
    pub(super) schema: Schema,
    pub(super) render: Option<Render>,
    pub(super) batches: SendableRecordBatchStream,
    pub(super) stats: Option<Arc<QueryStats>>,
}

impl Rows {
    /// A result of a source; its statistics are told if they are wanted.
    pub(super) fn of(result: QueryResult, tells_stats: bool) -> Self {
        Self {
            name: result.name,
            schema: result.schema,
            render: result.render,
            batches: result.batches,
            stats: tells_stats.then_some(result.stats),
        }
    }
}

/// What asks for the results of a request.
pub(super) type Preparation = BoxFuture<'static, Result<Vec<Rows>, ApiError>>;

/// How to answer a request.
pub(super) struct Job {
    pub(super) identity: Identity,
    pub(super) form: Form,
    pub(super) options: Options,
    pub(super) clock: SharedClock,
    pub(super) registration: Registration,
    pub(super) _slot: OwnedSemaphorePermit,
}

/// An answer whose first piece is there.
pub(super) struct Answer {
    pieces: mpsc::Receiver<Bytes>,
    task: AbortOnDropHandle<()>,
}

impl Answer {
    /// Begins to answer, up to the first piece.
    pub(super) async fn begin(job: Job, prepare: Preparation) -> Result<Self, ApiError> {
        let (head, begun) = oneshot::channel();
        let (sender, pieces) = mpsc::channel(PIECES);
        let limits = Limits::of(&job);
        let output = Output {
            buffer: Vec::with_capacity(PIECE_BYTES),
            head: Some(head),
            pieces: sender,
        };
        let task = AbortOnDropHandle::new(tokio::spawn(work(job, prepare, output)));
        // The task may be busy; whoever waits is told in time nevertheless.
        match limits.within(begun).await? {
            Ok(Ok(())) => Ok(Self { pieces, task }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ApiError::internal("the request was broken off by a defect")),
        }
    }

    pub(super) fn into_response(self) -> Response {
        let pieces = futures::stream::unfold(Some(self), async |answer| {
            let mut answer = answer?;
            if let Some(piece) = answer.pieces.recv().await {
                return Some((Ok(piece), Some(answer)));
            }
            // An answer that was not written to its end must not look as if it were.
            let error = answer.task.await.err()?;
            Some((Err(std::io::Error::other(error)), None))
        });
        // What compresses answers asks again at their end.
        let pieces = pieces.fuse();
        let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        (json, Body::from_stream(pieces)).into_response()
    }
}

/// When a request ends before it is done.
struct Limits {
    seconds: f64,
    deadline: Instant,
    stop: Stop,
}

impl Limits {
    fn of(job: &Job) -> Self {
        Self {
            seconds: job.options.timeout.as_secs_f64(),
            deadline: Instant::now() + job.options.timeout,
            stop: job.registration.stop.clone(),
        }
    }

    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, ApiError> {
        tokio::select! {
            biased;
            reason = self.stop.cancelled() => Err(ApiError::cancelled(&reason)),
            () = tokio::time::sleep_until(self.deadline) => Err(ApiError::timeout(self.seconds)),
            done = work => Ok(done),
        }
    }
}

/// Where the pieces go.
struct Output {
    buffer: Vec<u8>,
    /// Who waits for the first piece, while it has not been sent.
    head: Option<oneshot::Sender<Result<(), ApiError>>>,
    pieces: mpsc::Sender<Bytes>,
}

/// Nobody waits for the answer any more.
struct Gone;

impl Output {
    fn has_begun(&self) -> bool {
        self.head.is_none()
    }

    async fn send(&mut self) -> Result<(), Gone> {
        if let Some(head) = self.head.take() {
            head.send(Ok(())).map_err(|_| Gone)?;
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES));
        self.pieces.send(piece.into()).await.map_err(|_| Gone)
    }
}

async fn work(job: Job, prepare: Preparation, mut output: Output) {
    if let Err(Stopped::Failed(error)) = write(&job, prepare, &mut output).await
        && let Some(head) = output.head.take()
    {
        // Nobody may wait any more.
        let _: Result<(), Result<(), ApiError>> = head.send(Err(error));
    }
}

/// Why writing ended.
enum Stopped {
    Gone,
    /// Before the first piece.
    Failed(ApiError),
}

impl From<Gone> for Stopped {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<ApiError> for Stopped {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

async fn write(job: &Job, prepare: Preparation, output: &mut Output) -> Result<(), Stopped> {
    let begun = Instant::now();
    let limits = Limits::of(job);
    let results = limits.within(prepare).await??;
    let renders = results.iter().map(|result| result.render.clone()).collect();
    let mut set = DataSet::new(
        job.form,
        job.identity.clone(),
        job.options.placement,
        renders,
    );
    let mut summary = Summary {
        at: job.clock.now(),
        seconds: 0.0,
        results: Vec::new(),
        skipped_inputs: 0,
        failure: None,
    };
    set.begin(&mut output.buffer);
    for result in results {
        let stats = result.stats.clone();
        let (rows, bytes, failure) = table(job, &limits, &mut set, result, output).await?;
        summary.results.push((rows, bytes));
        if let Some(stats) = stats {
            summary.skipped_inputs += stats.skipped_inputs.load(Ordering::Relaxed);
        }
        if failure.is_some() {
            summary.failure = failure;
            break;
        }
    }
    summary.at = job.clock.now();
    summary.seconds = begun.elapsed().as_secs_f64();
    set.finish(&mut output.buffer, &summary);
    output.send().await?;
    Ok(())
}

/// Writes a result: how many rows and bytes, and why not all.
async fn table(
    job: &Job,
    limits: &Limits,
    set: &mut DataSet,
    result: Rows,
    output: &mut Output,
) -> Result<(u64, u64, Option<ApiError>), Stopped> {
    let options = &job.options;
    let (mut rows, mut bytes) = (0_u64, 0_u64);
    let mut batches = result.batches;
    let mut text = Vec::new();
    set.begin_table(&mut output.buffer, result.name, &result.schema);
    let failure = 'result: loop {
        let error = match limits.within(batches.next()).await {
            Ok(None) => {
                let missing = result.stats.as_ref().and_then(|stats| stats.missing());
                break missing.map(|missing| ApiError::incomplete(&missing));
            }
            Ok(Some(Ok(batch))) => {
                for row in 0..batch.num_rows() {
                    if options.take == Some(rows) {
                        break 'result None;
                    }
                    if let Some(most) = options.records_max.filter(|most| *most == rows) {
                        break 'result Some(ApiError::truncated(&format!("{most} records")));
                    }
                    text.clear();
                    let columns = batch.columns();
                    cell::write_row(&mut text, &result.schema, columns, row, options.dynamic);
                    bytes += text.len() as u64;
                    if let Some(most) = options.bytes_max.filter(|most| bytes > *most) {
                        break 'result Some(ApiError::truncated(&format!("{most} bytes")));
                    }
                    set.begin_row(&mut output.buffer);
                    output.buffer.extend_from_slice(&text);
                    rows += 1;
                    if output.buffer.len() >= PIECE_BYTES {
                        output.send().await?;
                    }
                }
                continue;
            }
            Ok(Some(Err(error))) => ApiError::of_source(error.into()),
            Err(error) => error,
        };
        // Where nothing has been sent, the error is the whole answer.
        if !output.has_begun() {
            return Err(error.into());
        }
        break Some(error);
    };
    set.end_table(&mut output.buffer, failure.as_ref());
    Ok((rows, bytes, failure))
}
