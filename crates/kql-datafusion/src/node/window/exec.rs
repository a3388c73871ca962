//! Runs window functions in one ordered pass. Batches go out as soon as the rows that `next`
//! looks at have come in.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;

use super::evaluate::{Evaluation, Lookahead, next_values};
use super::{Call, Function};

/// The rows of `input` with the values of the calls, in the order in which they come.
pub(super) fn run(
    calls: &[Call],
    input: SendableRecordBatchStream,
    schema: SchemaRef,
    context: &TaskContext,
) -> Result<SendableRecordBatchStream> {
    let input_schema = input.schema();
    let calls = calls
        .iter()
        .map(|call| RunningCall::new(call, &input_schema))
        .collect::<Result<Vec<_>>>()?;
    let pass = Pass {
        lookahead: calls.iter().map(RunningCall::lookahead).max().unwrap_or(0),
        calls,
        schema: Arc::clone(&schema),
        rows: 0,
        waiting: VecDeque::new(),
        waiting_rows: 0,
        waiting_bytes: 0,
        input,
        input_ended: false,
        reservation: MemoryConsumer::new("window functions").register(context.memory_pool()),
    };
    let batches = futures::stream::try_unfold(pass, |mut pass| async move {
        let batch = pass.next().await?;
        Ok(batch.map(|batch| (batch, pass)))
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
}

/// A call with the places of its arguments.
struct RunningCall {
    arguments: Vec<usize>,
    restart: Option<usize>,
    kind: Kind,
}

enum Kind {
    /// Follows from the rows so far.
    Evaluated(Evaluation),
    /// Is taken from the rows to come.
    Ahead(Lookahead),
}

impl RunningCall {
    fn new(call: &Call, schema: &SchemaRef) -> Result<Self> {
        let place = |name: &String| schema.index_of(name).map_err(DataFusionError::from);
        let kind = match &call.function {
            Function::Next { offset, default } => Kind::Ahead(Lookahead {
                offset: *offset,
                default: default.clone(),
            }),
            function => Kind::Evaluated(Evaluation::new(function)),
        };
        Ok(Self {
            arguments: call.arguments.iter().map(place).collect::<Result<_>>()?,
            restart: call.restart.as_ref().map(place).transpose()?,
            kind,
        })
    }

    fn lookahead(&self) -> usize {
        match &self.kind {
            Kind::Evaluated(_) => 0,
            Kind::Ahead(ahead) => ahead.offset,
        }
    }
}

/// A batch whose values from the rows to come are missing.
struct Waiting {
    batch: RecordBatch,
    /// One per call; `None` for those that look ahead.
    values: Vec<Option<ArrayRef>>,
    first_row: i64,
}

/// One pass over the rows.
struct Pass {
    calls: Vec<RunningCall>,
    schema: SchemaRef,
    /// How many rows have come in.
    rows: i64,
    lookahead: usize,
    waiting: VecDeque<Waiting>,
    waiting_rows: usize,
    waiting_bytes: usize,
    input: SendableRecordBatchStream,
    input_ended: bool,
    reservation: MemoryReservation,
}

impl Pass {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(first) = self.waiting.front() {
                let behind = self.waiting_rows - first.batch.num_rows();
                if self.input_ended || behind >= self.lookahead {
                    return self.complete().map(Some);
                }
            }
            if self.input_ended {
                return Ok(None);
            }
            match self.input.try_next().await? {
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => self.take(batch)?,
                None => self.input_ended = true,
            }
        }
    }

    /// Takes a batch in and computes what follows from the rows so far.
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        let mut values = Vec::with_capacity(self.calls.len());
        for call in &mut self.calls {
            let Kind::Evaluated(evaluation) = &mut call.kind else {
                values.push(None);
                continue;
            };
            let arguments: Vec<&ArrayRef> =
                call.arguments.iter().map(|at| batch.column(*at)).collect();
            let restart: Option<&BooleanArray> =
                call.restart.map(|at| batch.column(at).as_boolean());
            values.push(Some(evaluation.values(
                &arguments,
                restart,
                batch.num_rows(),
            )?));
        }
        let first_row = self.rows;
        self.rows += batch.num_rows() as i64;
        self.waiting_rows += batch.num_rows();
        self.waiting_bytes += batch.get_array_memory_size();
        self.waiting.push_back(Waiting {
            batch,
            values,
            first_row,
        });
        self.account()
    }

    /// The first batch that waits, with all its values.
    fn complete(&mut self) -> Result<RecordBatch> {
        let Some(first) = self.waiting.front() else {
            return internal_err!("no batch waits");
        };
        let rows = first.batch.num_rows();
        let mut columns = first.batch.columns().to_vec();
        for (call, value) in self.calls.iter().zip(&first.values) {
            columns.push(match (&call.kind, value) {
                (_, Some(value)) => Arc::clone(value),
                (Kind::Ahead(ahead), None) => {
                    let column = call.arguments[0];
                    let batches = self.waiting.iter();
                    next_values(ahead, batches.map(|w| w.batch.column(column)), rows)?
                }
                (Kind::Evaluated(_), None) => return internal_err!("a value was not computed"),
            });
        }
        let positions = first.first_row..first.first_row + rows as i64;
        columns.push(Arc::new(Int64Array::from_iter_values(positions)));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        if let Some(done) = self.waiting.pop_front() {
            self.waiting_rows -= rows;
            self.waiting_bytes -= done.batch.get_array_memory_size();
        }
        self.account()?;
        Ok(batch)
    }

    /// Puts what is kept on the query's account.
    fn account(&mut self) -> Result<()> {
        let states: usize = self
            .calls
            .iter()
            .map(|call| match &call.kind {
                Kind::Evaluated(evaluation) => evaluation.memory_size(),
                Kind::Ahead(_) => 0,
            })
            .sum();
        self.reservation.try_resize(self.waiting_bytes + states)
    }
}
