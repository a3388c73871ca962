//! Drives the decoding of a body: reads it, has chunks of rows decoded on other threads, a few at
//! once, and gives what comes of it in order.

use std::collections::VecDeque;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::columns::Plan;
use super::rows::{Chunk, decode_chunk};
use super::split::{Job, Splitter};
use super::store::Store;
use super::{DecodeError, DecodeOptions, Event, Failure, Summary};

/// Most chunks that are decoded or wait to be taken at the same time, whatever the processors:
/// they and their batches are what decoding holds in memory.
const IN_FLIGHT_MAX: usize = 8;

/// Most events that wait to be taken.
const EVENTS_WAITING_MAX: usize = 1;

/// Decodes the body of a response as it arrives, in a task of its own that ends with the stream.
///
/// Rows may be out before a failure is seen: whoever takes them drops them if the stream ends with
/// an error, or its [`Summary`] has a failure. Dropping the stream stops everything.
pub fn decode<E: Send + 'static>(
    body: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    options: DecodeOptions,
) -> impl Stream<Item = Result<Event, Failure<E>>> + Send + 'static {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let driver = Driver {
        body: Box::pin(body),
        is_body_read: false,
        splitter: Splitter::new(options),
        in_flight: VecDeque::new(),
        in_flight_max: (processors + 1).min(IN_FLIGHT_MAX),
        store: None,
        replaying: None,
        rows: 0,
    };
    // Reading, which may mean to decrypt and to inflate, goes on while batches are worked on.
    let started = async move {
        let (sender, receiver) = mpsc::channel(EVENTS_WAITING_MAX);
        let task = AbortOnDropHandle::new(tokio::spawn(driver.run(sender)));
        stream::unfold(Some((receiver, task)), |running| async {
            let (mut receiver, task) = running?;
            match receiver.recv().await {
                Some(Ok(Event::End(summary))) => Some((Ok(Event::End(summary)), None)),
                Some(Ok(event)) => Some((Ok(event), Some((receiver, task)))),
                Some(Err(failure)) => Some((Err(failure), None)),
                None => Some((Err(Failure::Decode(DecodeError::Stopped)), None)),
            }
        })
    };
    started.flatten_stream()
}

struct Driver<E> {
    body: Pin<Box<dyn Stream<Item = Result<Bytes, E>> + Send>>,
    is_body_read: bool,
    splitter: Splitter,
    in_flight: VecDeque<InFlight>,
    in_flight_max: usize,
    store: Option<Store>,
    /// The rows of the store are read with this plan now, as rows behind so many others.
    replaying: Option<(Arc<Plan>, u64)>,
    rows: u64,
}

/// An event to come.
enum InFlight {
    Ready(Box<Event>),
    Decoding(AbortOnDropHandle<Result<RecordBatch, DecodeError>>),
}

impl InFlight {
    /// Waits for the event. May be stopped waiting for.
    async fn event(&mut self) -> Result<Event, DecodeError> {
        match self {
            Self::Ready(event) => Ok(Event::clone(event)),
            Self::Decoding(handle) => {
                let batch = handle.await.map_err(|_| DecodeError::Stopped)??;
                Ok(Event::Batch(batch))
            }
        }
    }
}

impl<E> Driver<E> {
    /// Sends all events, up to the last, to whoever takes them.
    async fn run(mut self, sender: mpsc::Sender<Result<Event, Failure<E>>>) {
        loop {
            let event = self.next().await;
            let is_last = matches!(event, Ok(Event::End(_)) | Err(_));
            if sender.send(event).await.is_err() || is_last {
                return;
            }
        }
    }

    async fn next(&mut self) -> Result<Event, Failure<E>> {
        let event = self.next_uncounted().await?;
        if let Event::Batch(batch) = &event {
            self.rows += batch.num_rows() as u64;
        }
        Ok(event)
    }

    async fn next_uncounted(&mut self) -> Result<Event, Failure<E>> {
        loop {
            // What comes behind a replay may write to the store that it reads, or empty it.
            if self.replaying.is_none() {
                self.start_jobs().await?;
            }
            if let Some((plan, rows_before)) = &self.replaying {
                let (plan, rows_before) = (Arc::clone(plan), *rows_before);
                match self.replay(plan, rows_before).await? {
                    Some(batch) => return Ok(Event::Batch(batch)),
                    None => continue,
                }
            }
            let is_full = self.in_flight.len() >= self.in_flight_max;
            let may_read = !is_full && !self.is_body_read && self.splitter.jobs.is_empty();
            let Some(first) = self.in_flight.front_mut() else {
                if self.is_body_read {
                    return Ok(Event::End(self.summary()));
                }
                let piece = self.body.next().await;
                self.take(piece)?;
                continue;
            };
            tokio::select! {
                biased;
                event = first.event() => {
                    self.in_flight.pop_front();
                    return Ok(event?);
                }
                piece = self.body.next(), if may_read => self.take(piece)?,
            }
        }
    }

    fn take(&mut self, piece: Option<Result<Bytes, E>>) -> Result<(), Failure<E>> {
        if let Some(piece) = piece {
            self.splitter.push(&piece.map_err(Failure::Body)?)?;
        } else {
            self.is_body_read = true;
            self.splitter.finish()?;
        }
        Ok(())
    }

    /// Starts what the splitter asks for, as far as there is room.
    async fn start_jobs(&mut self) -> Result<(), DecodeError> {
        while let Some(job) = self.splitter.jobs.pop_front() {
            let is_full = self.in_flight.len() >= self.in_flight_max;
            match job {
                Job::Decode { .. } if is_full => {
                    self.splitter.jobs.push_front(job);
                    break;
                }
                Job::Replay { .. } if !self.in_flight.is_empty() => {
                    self.splitter.jobs.push_front(job);
                    break;
                }
                Job::Table { name, plan } => {
                    let table = Event::Table {
                        name,
                        schema: plan.schema.clone(),
                        arrow: Arc::clone(&plan.arrow),
                    };
                    self.in_flight.push_back(InFlight::Ready(Box::new(table)));
                }
                Job::Decode { plan, chunk } => {
                    let decoding = tokio::task::spawn_blocking(move || decode_chunk(&plan, &chunk));
                    let decoding = AbortOnDropHandle::new(decoding);
                    self.in_flight.push_back(InFlight::Decoding(decoding));
                }
                Job::Store(chunk) => self.keep(chunk).await?,
                Job::Replay { plan, rows_before } => {
                    self.replaying = Some((plan, rows_before));
                    break;
                }
                Job::Discard => self.store = None,
            }
        }
        Ok(())
    }

    async fn keep(&mut self, chunk: Chunk) -> Result<(), DecodeError> {
        let mut store = self.store.take().unwrap_or_else(Store::new);
        let written = tokio::task::spawn_blocking(move || {
            store.write(&chunk)?;
            Ok::<_, DecodeError>(store)
        });
        self.store = Some(written.await.map_err(|_| DecodeError::Stopped)??);
        Ok(())
    }

    /// The next batch of the rows that came before their columns.
    async fn replay(
        &mut self,
        plan: Arc<Plan>,
        rows_before: u64,
    ) -> Result<Option<RecordBatch>, DecodeError> {
        let Some(mut store) = self.store.take() else {
            self.replaying = None;
            return Ok(None);
        };
        let read = tokio::task::spawn_blocking(move || {
            let Some(mut chunk) = store.read()? else {
                return Ok(None);
            };
            chunk.first_row += rows_before;
            let batch = decode_chunk(&plan, &chunk)?;
            Ok::<_, DecodeError>(Some((store, batch)))
        });
        let read = read.await.map_err(|_| DecodeError::Stopped)??;
        Ok(read.map(|(store, batch)| {
            self.store = Some(store);
            batch
        }))
    }

    fn summary(&mut self) -> Summary {
        let mut summary = std::mem::take(&mut self.splitter.summary);
        summary.rows = self.rows;
        summary
    }
}
