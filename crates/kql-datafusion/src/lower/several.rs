//! Calls of several values: `(a, b) = series_fft(x)`. Each value of the call is an expression of
//! its own that holds the call; they are equal, so that the optimizer computes it once.

use datafusion::logical_expr::{Expr, lit};
use kql::hir::{self, ExprKind};
use kql::types::ScalarType;

use super::relation::Relation;
use super::{Lowering, Result};
use crate::error::EngineError;
use crate::function;

impl Lowering<'_> {
    /// The value of a call at an index.
    pub(super) fn element(
        &self,
        call: &hir::Expr,
        index: usize,
        ty: ScalarType,
        input: &Relation,
    ) -> Result<Expr> {
        let ExprKind::Call { function, .. } = &call.kind else {
            return Err(EngineError::not_supported("a value of this", call.span));
        };
        if let Some(columns) = function.columns() {
            let results = columns.iter().map(|(_, ty)| *ty).collect();
            let tuple = self.opened(call, input, |name, types| {
                function::tuple(name, types, results)
            })?;
            return Ok(function::field(index, ty).call(vec![tuple]));
        }
        // Such as the arrays of `array_sort_asc`: one array that holds them.
        let values = self.value(call, input)?;
        let index = lit(index as i64);
        let value = function::index(ScalarType::Long).call(vec![values, index]);
        Ok(match ty {
            ScalarType::Dynamic => value,
            ty => function::convert(ScalarType::Dynamic, ty).call(vec![value]),
        })
    }
}
