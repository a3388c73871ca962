//! Calls of window functions. They look at other rows than their own, so the table must be
//! serialized: sorted, or declared to be in order. Restarts and offsets are checked here; the
//! engine computes the values.

use super::aggregate::constant_long;
use super::call::is_constant;
use super::expression::Row;
use super::{Attempt, Binder, code};
use crate::builtin::Scalar;
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind};
use crate::span::Span;
use crate::syntax::ast;

impl<'a> Binder<'a> {
    pub(super) fn window_call(
        &mut self,
        scalar: &'static Scalar,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let bound = self.arguments(arguments, row)?;
        if !row.table.is_some_and(super::table::Table::is_serialized) {
            let message = format!("`{}` needs rows in a known order", function.text);
            return Err(self.report(
                Diagnostic::error(code::NOT_SERIALIZED, span, message)
                    .with_help("add `| serialize` or `| sort by` in front of this operator"),
            ));
        }
        let call = self.builtin_call(scalar, function, bound, span)?;
        if let ExprKind::Call { arguments, .. } = &call.kind
            && matches!(scalar.name, "prev" | "next")
        {
            self.check_neighbour(function, arguments)?;
        }
        Ok(call)
    }

    /// The column, offset and default of `prev` and `next`.
    fn check_neighbour(&mut self, function: &ast::Name, arguments: &[Expr]) -> Attempt<()> {
        let name = &function.text;
        if !matches!(arguments[0].kind, ExprKind::Column(_)) {
            let message = format!("argument 1 of `{name}` must be a column");
            return Err(self.report(
                Diagnostic::error(code::ARGUMENT_TYPE, arguments[0].span, message)
                    .with_help("compute the column with `extend` first"),
            ));
        }
        if let Some(offset) = arguments.get(1)
            && constant_long(offset.clone()).is_some_and(|offset| offset < 1)
        {
            let message = format!("`{name}` looks at least 1 row away");
            return Err(self.error(code::NOT_CONSTANT, offset.span, message));
        }
        if let Some(default) = arguments.get(2)
            && !is_constant(default)
        {
            let message = format!("the default of `{name}` must be a constant");
            return Err(self.error(code::NOT_CONSTANT, default.span, message));
        }
        Ok(())
    }
}
