//! `declare pattern`: names that stand for one of several tables, by constant arguments.

use super::expression::Row;
use super::scope::{Binding, Scope};
use super::{Attempt, Binder, Value, code};
use crate::hir::ExprKind;
use crate::span::Span;
use crate::syntax::ast;
use crate::types::Value as Constant;

impl<'a> Binder<'a> {
    pub(super) fn declare_pattern(
        &mut self,
        name: &'a ast::Name,
        pattern: Option<&'a ast::Pattern>,
    ) {
        for case in pattern.into_iter().flat_map(|pattern| &pattern.cases) {
            let outer = self.scope.clone();
            self.scope = outer.body();
            let _ = self.bind_body(&case.body, name.span);
            self.scope = outer;
        }
        let scope = self.scope.clone();
        self.scope
            .bind(name.text.clone(), Binding::Pattern { pattern, scope });
    }

    /// `pattern(arguments)`, or `pattern(arguments).path`.
    pub(super) fn call_pattern(
        &mut self,
        name: &ast::Name,
        pattern: Option<&'a ast::Pattern>,
        scope: &Scope<'a>,
        arguments: &'a [ast::Argument],
        path: Option<&str>,
        span: Span,
    ) -> Attempt<Value> {
        let mut given = Vec::with_capacity(arguments.len());
        for argument in arguments {
            given.push(self.constant(argument)?);
        }
        let cases = pattern.map_or([].as_slice(), |pattern| &pattern.cases);
        for case in cases {
            let values: Vec<Constant> =
                case.arguments.iter().filter_map(written_constant).collect();
            let of_case = match case.path.as_ref().and_then(written_constant) {
                Some(Constant::String(text)) => Some(text),
                _ => None,
            };
            if values != given || of_case.as_deref() != path {
                continue;
            }
            self.grow(1, span)?;
            let outer = std::mem::replace(&mut self.scope, scope.body());
            let result = self.nested(span, |binder| binder.bind_body(&case.body, span));
            self.scope = outer;
            return result;
        }
        let message = format!(
            "the pattern `{}` has no case for these arguments",
            name.text
        );
        Err(self.error(code::UNKNOWN_TABLE, span, message))
    }

    fn constant(&mut self, argument: &'a ast::Expr) -> Attempt<Constant> {
        if let ExprKind::Literal(value) = self.scalar(argument, Row::NONE)?.kind {
            return Ok(value);
        }
        let message = "the arguments of a pattern are constants";
        Err(self.error(code::NOT_CONSTANT, argument.span, message))
    }

    /// The pattern that `base` calls, for `pattern(arguments).path`.
    pub(super) fn pattern_path(
        &mut self,
        base: &'a ast::Expr,
        member: &'a ast::Expr,
        span: Span,
    ) -> Option<Attempt<Value>> {
        let ast::ExprKind::Call {
            function,
            arguments,
        } = &base.kind
        else {
            return None;
        };
        let Some(Binding::Pattern { pattern, scope }) = self.scope.find(&function.text).cloned()
        else {
            return None;
        };
        let ast::ExprKind::Name(path) = &member.kind else {
            return None;
        };
        let path = Some(&*path.text);
        Some(self.call_pattern(function, pattern, &scope, arguments, path, span))
    }
}

fn written_constant(expr: &ast::Expr) -> Option<Constant> {
    match &expr.kind {
        ast::ExprKind::Literal(literal) => Some(literal.value.clone()),
        _ => None,
    }
}
