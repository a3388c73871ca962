//! `range`: rows computed while they are read, so that a long range takes no memory.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use kql::hir::{self, Plan};

use super::relation::Relation;
use super::{Lowering, Result};
use crate::error::EngineError;
use crate::types::arrow_schema;

/// The numbers underneath a range; times are their nanoseconds.
#[derive(Clone, Copy, Debug)]
enum Steps {
    Empty,
    Whole { from: i64, to: i64, step: i64 },
    Real { from: f64, to: f64, step: f64 },
}

#[derive(Debug)]
struct RangeSource {
    schema: SchemaRef,
    steps: Steps,
}

impl Lowering<'_> {
    pub(super) fn range(
        &self,
        from: &hir::Expr,
        to: &hir::Expr,
        step: &hir::Expr,
        plan: &Plan,
    ) -> Result<Relation> {
        let bounds = [
            self.constant(from)?,
            self.constant(to)?,
            self.constant(step)?,
        ];
        let steps = steps(&bounds).ok_or_else(|| {
            let ty = from.ty;
            EngineError::not_supported(format!("a range of {ty}"), plan.span)
        })?;
        let schema = arrow_schema(&plan.schema);
        let source = Arc::new(RangeSource {
            schema: Arc::clone(&schema),
            steps,
        });
        let table = StreamingTable::try_new(schema, vec![source])?;
        Self::read("range", Arc::new(table), 1)
    }
}

fn steps(bounds: &[ScalarValue; 3]) -> Option<Steps> {
    if bounds.iter().any(ScalarValue::is_null) {
        return Some(Steps::Empty);
    }
    if let [
        ScalarValue::Float64(Some(from)),
        ScalarValue::Float64(Some(to)),
        ScalarValue::Float64(Some(step)),
    ] = bounds
    {
        let (from, to, step) = (*from, *to, *step);
        let finite = from.is_finite() && to.is_finite() && step.is_finite() && step != 0.0;
        return Some(if finite {
            Steps::Real { from, to, step }
        } else {
            Steps::Empty
        });
    }
    let [from, to, step] = bounds.each_ref().map(whole);
    let (from, to, step) = (from?, to?, step?);
    Some(if step == 0 {
        Steps::Empty
    } else {
        Steps::Whole { from, to, step }
    })
}

fn whole(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int32(value) => value.map(i64::from),
        ScalarValue::Int64(value)
        | ScalarValue::TimestampNanosecond(value, _)
        | ScalarValue::DurationNanosecond(value) => *value,
        _ => None,
    }
}

impl Steps {
    /// The next values, at most `limit`, and the steps after them.
    fn next(self, limit: usize) -> (ArrayRef, Self) {
        match self {
            Self::Empty => (Arc::new(Int64Array::from(Vec::<i64>::new())), Self::Empty),
            Self::Whole { from, to, step } => {
                let mut values = Vec::with_capacity(limit);
                let mut next = Some(from);
                while let Some(value) = next
                    && values.len() < limit
                    && (if step > 0 { value <= to } else { value >= to })
                {
                    values.push(value);
                    next = value.checked_add(step);
                }
                let rest = next.map_or(Self::Empty, |from| Self::Whole { from, to, step });
                (Arc::new(Int64Array::from(values)), rest)
            }
            Self::Real { from, to, step } => {
                let mut values = Vec::with_capacity(limit);
                while values.len() < limit {
                    let value = step.mul_add(values.len() as f64, from);
                    if if step > 0.0 { value > to } else { value < to } {
                        break;
                    }
                    values.push(value);
                }
                let from = step.mul_add(values.len() as f64, from);
                (
                    Arc::new(Float64Array::from(values)),
                    Self::Real { from, to, step },
                )
            }
        }
    }
}

impl PartitionStream for RangeSource {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let limit = context.session_config().batch_size();
        let schema = Arc::clone(&self.schema);
        let mut steps = self.steps;
        let batches = std::iter::from_fn(move || {
            let (values, rest) = steps.next(limit);
            steps = rest;
            (!values.is_empty()).then(|| batch(&schema, &values))
        });
        let stream = futures::stream::iter(batches);
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            stream,
        ))
    }
}

fn batch(schema: &SchemaRef, values: &ArrayRef) -> DataFusionResult<RecordBatch> {
    let column = cast(values, schema.field(0).data_type())?;
    Ok(RecordBatch::try_new(Arc::clone(schema), vec![column])?)
}
