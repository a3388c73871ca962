//! Functions that put values or columns into a bag: `bag_pack`, `bag_pack_columns`, `pack_all`.

use std::sync::Arc;

use super::expression::Row;
use super::special::builtin as builtin_call;
use super::{Attempt, Binder, Reported, code};
use crate::builtin;
use crate::hir::{Expr, ExprKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{ScalarType, Value as Constant};

impl<'a> Binder<'a> {
    pub(super) fn bag_pack(
        &mut self,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let mut bound = self.arguments(arguments, row)?;
        if bound.is_empty() || bound.len() % 2 == 1 {
            let message = format!(
                "`{}` takes pairs of a name and a value, {} arguments given",
                function.text,
                bound.len()
            );
            return Err(self.error(code::ARGUMENT_COUNT, span, message));
        }
        let declared = builtin::scalar("bag_pack")
            .expect("it is declared")
            .signatures;
        for pair in 0..bound.len() / 2 {
            let own = bound[2 * pair..2 * pair + 2].to_vec();
            let (_, own) = self.fit(&function.text, declared, own, span)?;
            bound.splice(2 * pair..2 * pair + 2, own);
        }
        Ok(builtin_call("bag_pack", bound, ScalarType::Dynamic, span))
    }

    pub(super) fn bag_pack_columns(
        &mut self,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        if arguments.is_empty() {
            let message = "`bag_pack_columns` takes at least 1 argument, 0 given";
            return Err(self.error(code::ARGUMENT_COUNT, span, message));
        }
        let mut packed = Vec::with_capacity(arguments.len() * 2);
        for argument in arguments {
            let ast::ExprKind::Name(name) = &argument.kind else {
                let message = "`bag_pack_columns` takes names of columns";
                return Err(self.error(code::ARGUMENT_TYPE, argument.span, message));
            };
            packed.push(text(Arc::clone(&name.text), argument.span));
            packed.push(self.scalar(argument, row)?);
        }
        Ok(builtin_call("bag_pack", packed, ScalarType::Dynamic, span))
    }

    /// `pack_all()` is `bag_pack` of all columns. `pack_all(true)` keeps its own name, so that
    /// the engine leaves out nulls: its arguments are `true` and then names and values.
    pub(super) fn pack_all(
        &mut self,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let arguments = self.arguments(arguments, Row::NONE)?;
        let Some(table) = row.table else {
            let message = "`pack_all` packs the columns of a row, and there is none here";
            return Err(self.error(code::MISPLACED, span, message));
        };
        if table.open || !table.broken.is_empty() {
            return Err(Reported);
        }
        let mut packed = Vec::with_capacity(table.schema().len() * 2 + 1);
        let ignore_null = match arguments.as_slice() {
            [] => false,
            [
                Expr {
                    kind: ExprKind::Literal(Constant::Bool(flag)),
                    ..
                },
            ] => *flag,
            [other] => {
                let message = "the argument of `pack_all` is `true` or `false`";
                return Err(self.error(code::NOT_CONSTANT, other.span, message));
            }
            _ => {
                let message = format!(
                    "`pack_all` takes 0 to 1 arguments, {} given",
                    arguments.len()
                );
                return Err(self.error(code::ARGUMENT_COUNT, span, message));
            }
        };
        if ignore_null {
            packed.extend(arguments);
        }
        for (index, column) in table.schema().columns().iter().enumerate() {
            packed.push(text(Arc::clone(&column.name), span));
            packed.push(table.column(index, span));
        }
        let function = if ignore_null { "pack_all" } else { "bag_pack" };
        Ok(builtin_call(function, packed, ScalarType::Dynamic, span))
    }
}

fn text(value: Arc<str>, span: Span) -> Expr {
    Expr {
        kind: ExprKind::Literal(Constant::String(value)),
        ty: ScalarType::String,
        span,
    }
}
