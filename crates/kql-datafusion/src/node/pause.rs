//! Lets other tasks have their turn. Where a batch costs much, DataFusion's own rule, a pause after
//! so many batches, lets a query keep its thread for seconds; then nobody can stop it. Sources
//! and nodes that multiply rows therefore pause by the clock.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};

use super::step::StepExec;
use crate::watch::Watch;

/// How long a stream is read without a pause.
const TURN: Duration = Duration::from_millis(10);

/// Puts a [`PauseExec`] above all sources, and above joins and steps, which may multiply rows.
#[derive(Debug)]
pub(crate) struct InsertPauses;

impl PhysicalOptimizerRule for InsertPauses {
    fn name(&self) -> &'static str {
        "kql_insert_pauses"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            if plan.children().is_empty() || plan.is::<StepExec>() || is_join(&*plan) {
                return Ok(Transformed::yes(Arc::new(PauseExec { input: plan })));
            }
            Ok(Transformed::no(plan))
        })
        .data()
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether a plan is a join, of which a few rows may become very many.
fn is_join(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<HashJoinExec>()
        || plan.is::<NestedLoopJoinExec>()
        || plan.is::<CrossJoinExec>()
        || plan.is::<SortMergeJoinExec>()
}

/// The rows of its input, with pauses. No filter above may run below.
#[derive(Debug)]
pub(super) struct PauseExec {
    pub(super) input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for PauseExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "KqlPauseExec")
    }
}

impl ExecutionPlan for PauseExec {
    fn name(&self) -> &'static str {
        "KqlPauseExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("a pause has one input");
        };
        Ok(Arc::new(Self { input }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let watch = Watch::of(context.session_config().options()).cloned();
        Ok(Box::pin(Pauses {
            input: self.input.execute(partition, context)?,
            watch,
            turn: Instant::now(),
        }))
    }
}

struct Pauses {
    input: SendableRecordBatchStream,
    watch: Option<Watch>,
    /// When the last pause was.
    turn: Instant,
}

impl Stream for Pauses {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(Err(error)) = self.watch.as_ref().map(Watch::check) {
            return Poll::Ready(Some(Err(error)));
        }
        if self.turn.elapsed() > TURN {
            self.turn = Instant::now();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = self.input.poll_next_unpin(context);
        if polled.is_pending() {
            self.turn = Instant::now();
        }
        polled
    }
}

impl RecordBatchStream for Pauses {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
