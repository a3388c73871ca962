//! Plugins whose columns depend on the rows. What is behind such a call can only be bound once it
//! has run, so a query with open calls is run in passes: each computes the calls whose input is
//! fully known, keeps what they need on the query's account, and has the text bound again with the
//! columns they turned out to have. The last pass finds no open call.
//!
//! A call without rows tells nothing of its columns. Its schema stays open, so that a query does
//! not fail for an hour in which nothing happened: names behind it are read as null.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::execution::memory_pool::MemoryReservation;
use kql::bind::KnownColumns;
use kql::hir::{Expr, ExprKind, Plan, PlanKind, PluginCall};

use super::plugin::Call;
use super::prepare::Shared;
use super::{Lowering, Result};
use crate::error::EngineError;
use crate::plugin::bag_unpack::Origin;

/// What earlier passes computed.
#[derive(Default)]
pub(crate) struct Computed {
    /// The columns of calls, for the binder.
    pub(crate) columns: KnownColumns,
    /// What the calls need to yield their rows.
    pub(super) calls: HashMap<PluginCall, Kept>,
    /// Tables that several parts of the query share. They are bound before the calls that read
    /// them, so binding again numbers them the same.
    pub(super) shared: HashMap<u32, Shared>,
    pub(super) reservations: Vec<MemoryReservation>,
    /// Whether there were calls without rows, whose columns nobody knows.
    pub(super) has_empty_calls: bool,
}

/// A table that an open call keeps.
pub(super) struct Kept {
    pub(super) table: Arc<dyn TableProvider>,
    /// Whether the numbers of its rows are its last column.
    pub(super) ordered: bool,
    /// Its columns without that.
    pub(super) width: usize,
    /// For `bag_unpack`, which reads the bags of its input: where its columns are from.
    pub(super) origins: Option<Vec<Origin>>,
}

impl Lowering<'_> {
    /// Computes the open calls below `root` whose input has none; whether there were any.
    pub(super) async fn compute_open_calls(&mut self, root: &Plan) -> Result<bool> {
        let mut ready = Vec::new();
        self.open_calls(root, &mut HashMap::new(), &mut ready);
        for plan in &ready {
            let Some(call) = Call::of(plan) else { continue };
            let Some(id) = call.id else { continue };
            if self.computed.calls.contains_key(&id) {
                continue;
            }
            if reads_outer_rows(plan) {
                let what = format!(
                    "`{}` without declared columns in a subquery over parts of a table",
                    call.function.name
                );
                return Err(EngineError::not_supported(what, plan.span));
            }
            let (columns, kept) = self.compute_open_call(&call).await?;
            self.computed.has_empty_calls |= columns.is_open();
            self.computed.columns.insert(id, columns);
            self.computed.calls.insert(id, kept);
        }
        Ok(!ready.is_empty())
    }

    /// Whether an expression reads a column of a call that had no rows.
    pub(super) fn reads_unknown_column(&self, expr: &Expr) -> bool {
        if !self.computed.has_empty_calls {
            return false;
        }
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            if matches!(expr.kind, ExprKind::Further(_)) {
                return true;
            }
            pending.extend(expr.operands());
        }
        false
    }

    /// Whether a plan holds open calls, and those of them that can be computed now. `shared` keeps
    /// tables that many parts of the query read from being searched many times.
    fn open_calls<'p>(
        &self,
        plan: &'p Plan,
        shared: &mut HashMap<u32, bool>,
        ready: &mut Vec<&'p Plan>,
    ) -> bool {
        if let PlanKind::Shared { id, .. } = &*plan.kind
            && let Some(is_open) = shared.get(id)
        {
            return *is_open;
        }
        let mut parts = self.below(plan);
        plan.each_expression(|expr| parts.extend(expr.table()));
        let mut is_open = false;
        for part in parts {
            is_open |= self.open_calls(part, shared, ready);
        }
        if let PlanKind::Shared { id, .. } = &*plan.kind {
            shared.insert(*id, is_open);
        }
        let is_call = Call::of(plan)
            .and_then(|call| call.id)
            .is_some_and(|id| !self.computed.calls.contains_key(&id));
        if is_call && !is_open {
            ready.push(plan);
        }
        is_open || is_call
    }
}

/// Whether a plan reads the rows that an operator around it hands to it.
fn reads_outer_rows(plan: &Plan) -> bool {
    match &*plan.kind {
        PlanKind::Rows => true,
        PlanKind::Shared { input, .. } => reads_outer_rows(input),
        // The last of its inputs is a subquery over parts of the first.
        PlanKind::Partition(partition) => reads_outer_rows(&partition.input),
        PlanKind::MvApply(apply) => reads_outer_rows(&apply.input),
        _ => plan.inputs().into_iter().any(reads_outer_rows),
    }
}
