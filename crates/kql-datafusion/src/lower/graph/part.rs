//! Expressions over the nodes or the edges of a graph.

use datafusion::logical_expr::Expr;
use kql::builtin;
use kql::hir::{self, ExprKind, GraphPart};
use kql::types::{ScalarType, Schema};

use super::super::detached::Rows;
use super::super::window::address;
use super::super::{Lowering, Result};
use crate::error::EngineError;
use crate::function;
use crate::types::arrow_type;

/// The rows of a part. Behind their columns are what functions of patterns tell of them.
pub(super) struct Part {
    pub(super) rows: Rows,
    of: GraphPart,
    columns: Schema,
}

impl Part {
    pub(super) fn new(lowering: &Lowering<'_>, part: GraphPart, columns: &Schema) -> Result<Self> {
        let told: &[ScalarType] = match part {
            GraphPart::Nodes => &[
                ScalarType::Long,
                ScalarType::Long,
                ScalarType::String,
                ScalarType::Dynamic,
            ],
            GraphPart::Edges => &[ScalarType::Dynamic],
        };
        let own = columns.columns().iter().map(|column| column.ty);
        let types = own.chain(told.iter().copied());
        Ok(Self {
            rows: lowering.rows(types.map(arrow_type))?,
            of: part,
            columns: columns.clone(),
        })
    }

    /// A column.
    pub(super) fn column(&self, position: usize) -> Expr {
        self.rows.relation.column(position)
    }

    /// A column as a dynamic value.
    pub(super) fn dynamic(&self, position: usize) -> Expr {
        let value = self.column(position);
        match self.columns.columns()[position].ty {
            ScalarType::Dynamic => value,
            ty => function::convert(ty, ScalarType::Dynamic).call(vec![value]),
        }
    }

    /// A bag of all columns.
    pub(super) fn bag(&self) -> Option<Expr> {
        let columns = self.columns.columns();
        let mut types = Vec::with_capacity(2 * columns.len());
        let mut values = Vec::with_capacity(2 * columns.len());
        for (position, column) in columns.iter().enumerate() {
            types.extend([ScalarType::String, column.ty]);
            let name = datafusion::common::ScalarValue::Utf8View(Some(column.name.to_string()));
            values.extend([datafusion::logical_expr::lit(name), self.column(position)]);
        }
        let pack = function::scalar("bag_pack", &types, ScalarType::Dynamic)?;
        Some(pack.call(values))
    }

    /// What a function of patterns tells of the row.
    pub(super) fn told(&self, call: &hir::Expr) -> Result<Expr> {
        let ExprKind::Call { function, .. } = &call.kind else {
            return Err(EngineError::not_supported("this call", call.span));
        };
        let place = match (function.name, self.of) {
            ("node_degree_in", GraphPart::Nodes) | ("labels", GraphPart::Edges) => 0,
            ("node_degree_out", GraphPart::Nodes) => 1,
            ("node_id", GraphPart::Nodes) => 2,
            ("labels", GraphPart::Nodes) => 3,
            (name, part) => {
                let of = match part {
                    GraphPart::Nodes => "a node",
                    GraphPart::Edges => "an edge",
                };
                let what = format!("`{name}` tells nothing of {of}");
                let span = call.span;
                return Err(EngineError::Invalid { what, span });
            }
        };
        Ok(self.column(self.columns.len() + place))
    }
}

impl Lowering<'_> {
    /// A value of each row of a part.
    pub(super) fn part_value(&self, expr: &hir::Expr, part: &mut Part) -> Result<Expr> {
        for call in graph_calls([expr]) {
            let Expr::Column(column) = part.told(call)? else {
                continue;
            };
            let windows = &mut part.rows.relation.windows;
            windows.insert(address(call), column.name);
        }
        self.value(expr, &part.rows.relation)
    }
}

/// The outermost calls of functions of patterns.
pub(super) fn graph_calls<'e>(
    exprs: impl IntoIterator<Item = &'e hir::Expr>,
) -> Vec<&'e hir::Expr> {
    let mut pending: Vec<&hir::Expr> = exprs.into_iter().collect();
    let mut calls = Vec::new();
    while let Some(expr) = pending.pop() {
        if is_graph_call(expr) {
            calls.push(expr);
        } else {
            pending.extend(expr.operands());
        }
    }
    calls
}

/// Whether it is a call of a function of patterns.
pub(in crate::lower) fn is_graph_call(expr: &hir::Expr) -> bool {
    let ExprKind::Call { function, .. } = &expr.kind else {
        return false;
    };
    builtin::graph(function.name).is_some_and(|known| std::ptr::eq(known, *function))
}
