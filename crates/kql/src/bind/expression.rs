//! Scalar expressions, and those that may be scalars or tables.

use std::cell::RefCell;
use std::sync::Arc;

use super::aggregate::Aggregation;
use super::scope::Binding;
use super::table::{Table, is_untyped};
use super::{Attempt, Binder, Reported, Value, code, coerce};
use crate::builtin;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::hir::{BinaryOp, Expr, ExprKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{ScalarType, Schema, Value as Constant};

/// Most columns that an unknown name is compared with one by one.
const COMPARED_MAX: usize = 1_000;

/// What a scalar expression may read.
#[derive(Clone, Copy, Default)]
pub(super) struct Row<'t> {
    /// The table whose row it sees.
    pub(super) table: Option<&'t Table>,
    /// Where aggregates go, in `summarize`. Columns may then only stand inside of aggregates.
    pub(super) aggregation: Option<&'t RefCell<Aggregation>>,
    /// The states that steps of `scan` may call by name.
    pub(super) states: Option<&'t States>,
}

/// The rows that `scan` remembers: in the table at hand, one copy of `row` for each step follows
/// the row itself.
pub(super) struct States {
    pub(super) row: Schema,
    /// Names of the steps in order.
    pub(super) steps: Vec<Arc<str>>,
}

impl<'t> Row<'t> {
    /// Outside of any table.
    pub(super) const NONE: Row<'static> = Row {
        table: None,
        aggregation: None,
        states: None,
    };

    /// A row of `table`.
    pub(super) fn of(table: &'t Table) -> Self {
        Self {
            table: Some(table),
            aggregation: None,
            states: None,
        }
    }
}

impl<'a> Binder<'a> {
    /// An expression that must be a scalar.
    pub(super) fn scalar(&mut self, expr: &'a ast::Expr, row: Row<'_>) -> Attempt<Expr> {
        match self.value(expr, row)? {
            Value::Scalar(scalar) => Ok(scalar),
            Value::Table(table) if table.open => Err(Reported),
            Value::Table(_) => Err(self.report(
                Diagnostic::error(
                    code::TABLE_OR_SCALAR,
                    expr.span,
                    "a table stands where a single value is expected",
                )
                .with_help("`toscalar()` takes the first value of a table"),
            )),
        }
    }

    /// The condition of `where`. A single `=` in it compares bools, as the parser has warned;
    /// anywhere else it is no comparison.
    pub(super) fn kept(&mut self, expr: &'a ast::Expr, row: Row<'_>) -> Attempt<Expr> {
        let bound = self.predicate(expr, row)?;
        if let ast::ExprKind::Binary {
            op: ast::Operator::Binary(BinaryOp::Equal),
            op_span,
            right,
            ..
        } = &expr.kind
            && op_span.end - op_span.start == 1
            && self.scalar(right, row)?.ty != ScalarType::Bool
        {
            let message = "`=` does not compare";
            return Err(self.report(
                Diagnostic::error(code::SINGLE_EQUAL, *op_span, message)
                    .with_help("use `==` to compare"),
            ));
        }
        Ok(bound)
    }

    /// A scalar that must be of type bool.
    pub(super) fn predicate(&mut self, expr: &'a ast::Expr, row: Row<'_>) -> Attempt<Expr> {
        let bound = self.scalar(expr, row)?;
        if bound.ty == ScalarType::Bool || is_untyped(&bound) {
            return Ok(coerce::convert(bound, ScalarType::Bool));
        }
        let diagnostic = Diagnostic::error(
            code::NOT_BOOL,
            expr.span,
            format!("the condition is of type {}, not bool", bound.ty),
        );
        Err(self.report(match bound.ty {
            ScalarType::Dynamic => diagnostic.with_help("convert it with `tobool()` or compare it"),
            _ => diagnostic.with_help("compare it with a value"),
        }))
    }

    /// An expression that may be a scalar or a table.
    pub(super) fn value(&mut self, expr: &'a ast::Expr, row: Row<'_>) -> Attempt<Value> {
        self.nested(expr.span, |binder| binder.value_here(expr, row))
    }

    fn value_here(&mut self, expr: &'a ast::Expr, row: Row<'_>) -> Attempt<Value> {
        let span = expr.span;
        let scalar = match &expr.kind {
            ast::ExprKind::Missing => return Err(Reported),
            ast::ExprKind::Literal(literal) => Expr {
                kind: ExprKind::Literal(literal.value.clone()),
                ty: literal.ty,
                span,
            },
            ast::ExprKind::Name(name) => return self.name_value(name, row),
            ast::ExprKind::Parenthesized(inner) => return self.value(inner, row),
            ast::ExprKind::Call {
                function,
                arguments,
            } => return self.call(function, arguments, span, row),
            ast::ExprKind::Unary { op, operand } => self.unary(*op, operand, span, row)?,
            ast::ExprKind::Binary { .. } => self.binary(expr, row)?,
            ast::ExprKind::In {
                op,
                op_span,
                value,
                list,
            } => self.membership(*op, *op_span, value, list, span, row)?,
            ast::ExprKind::Between {
                negated,
                op_span,
                value,
                low,
                high,
            } => self.between(*negated, *op_span, [value, low, high], span, row)?,
            ast::ExprKind::Member { base, member } => {
                return self.member(base, member, span, row);
            }
            ast::ExprKind::Index { base, index } => self.index(base, index, span, row)?,
            ast::ExprKind::Pipe { .. }
            | ast::ExprKind::Source(_)
            | ast::ExprKind::DataTable { .. }
            | ast::ExprKind::ExternalData { .. }
            | ast::ExprKind::Wildcard(_) => return self.table(expr).map(Value::Table),
            ast::ExprKind::Star => {
                let message = "`*` for all columns is not supported yet here";
                return Err(self.error(code::FORM_UNSUPPORTED, span, message));
            }
            ast::ExprKind::EntityGroup(_) => return Err(self.misplaced_group(span)),
            ast::ExprKind::Side(_) => {
                let message = "`$left` and `$right` stand only in the conditions of a join";
                return Err(self.error(code::MISPLACED, span, message));
            }
            ast::ExprKind::TypeOf(_) | ast::ExprKind::TypeOfTable { .. } => {
                return Err(self.error(code::MISPLACED, span, "`typeof` cannot stand here"));
            }
            ast::ExprKind::Named { .. } => {
                return Err(self.report(
                    Diagnostic::error(code::MISPLACED, span, "a name cannot be given here")
                        .with_help("to compare, write `==`"),
                ));
            }
        };
        Ok(Value::Scalar(scalar))
    }

    /// A name: a column of the row, else what the scope or the catalog has.
    fn name_value(&mut self, name: &'a ast::Name, row: Row<'_>) -> Attempt<Value> {
        if let Some(table) = row.table {
            if table.untyped.contains(&name.text)
                && row.aggregation.is_none()
                && let Some(column) = table.further(&name.text, name.span)
            {
                return Ok(Value::Scalar(column));
            }
            if let Some(index) = table.schema().index_of(&name.text) {
                if row.aggregation.is_some() {
                    return Err(self.outside_aggregate(name));
                }
                return Ok(Value::Scalar(table.column(index, name.span)));
            }
            if table.broken.contains(&name.text) {
                return Err(Reported);
            }
        }
        match self.scope.find(&name.text) {
            Some(Binding::Scalar {
                expr,
                reads_row,
                size,
            }) => {
                if *reads_row && row.table.is_some() {
                    let message = format!(
                        "`{}` is a value of the caller's row and cannot be used inside of a table",
                        name.text
                    );
                    return Err(self.error(code::MISPLACED, name.span, message));
                }
                let size = *size;
                let mut expr = expr.clone();
                expr.span = name.span;
                self.grow(size, name.span)?;
                return Ok(Value::Scalar(expr));
            }
            Some(Binding::Table { .. } | Binding::Pattern { .. } | Binding::Entity(_)) => {
                return self.table_by_name(name).map(Value::Table);
            }
            Some(Binding::Function { function, scope }) => {
                let (function, scope) = (*function, scope.clone());
                return self.call_function(name, function, &scope, None, &[], name.span, row);
            }
            Some(Binding::Entities(_)) => return Err(self.misplaced_group(name.span)),
            Some(Binding::Broken) => return Err(Reported),
            None => {}
        }
        if row.table.is_some_and(|table| table.open) {
            return Err(Reported);
        }
        if self.catalog.table(&name.text).is_some() || self.catalog.function(&name.text).is_some() {
            return self.table_by_name(name).map(Value::Table);
        }
        if let Some(column) = row
            .table
            .and_then(|table| table.further(&name.text, name.span))
        {
            if row.aggregation.is_some() {
                return Err(self.outside_aggregate(name));
            }
            return Ok(Value::Scalar(column));
        }
        Err(self.unknown_name(name, row))
    }

    fn outside_aggregate(&mut self, name: &ast::Name) -> Reported {
        self.report(
            Diagnostic::error(
                code::AGGREGATE_PLACE,
                name.span,
                format!("the column `{}` stands outside of an aggregate", name.text),
            )
            .with_help(format!(
                "aggregate it, as in `max({0})`, or group by it: `by {0}`",
                name.text
            )),
        )
    }

    fn unknown_name(&mut self, name: &ast::Name, row: Row<'_>) -> Reported {
        let Some(table) = row.table else {
            let similar = self.catalog.similar_table(&name.text);
            let scope: Vec<Arc<str>> = self.scope.names().map(|(name, _)| name.clone()).collect();
            let candidates = similar.iter().map(String::as_str);
            let candidates = candidates.chain(scope.iter().map(|name| &**name));
            return self.unknown(
                code::UNKNOWN_NAME,
                "name",
                &name.text,
                name.span,
                candidates,
            );
        };
        let columns = table.schema().clone();
        self.unknown_column(name, &columns)
    }

    /// Reports that a row has no such column.
    pub(super) fn unknown_column(&mut self, name: &ast::Name, schema: &Schema) -> Reported {
        let diagnostic = Diagnostic::error(
            code::UNKNOWN_NAME,
            name.span,
            format!("unknown column `{}`", name.text),
        );
        let same_but_for_case = schema
            .columns()
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(&name.text));
        if let Some(column) = same_but_for_case {
            return self.report(diagnostic.with_help(format!(
                "did you mean `{}`? names are case-sensitive",
                column.name
            )));
        }
        if let Some(split) = split_by_type(&name.text, schema) {
            return self.report(diagnostic.with_help(format!(
                "the tables have it in several types, as {split}: convert it in each of them"
            )));
        }
        if let Some(help) = no_column(&name.text) {
            return self.report(diagnostic.with_help(help));
        }
        let scope: Vec<Arc<str>> = self.scope.names().map(|(name, _)| name.clone()).collect();
        let similar = self.similar_column(&name.text, schema);
        let candidates = similar.iter().chain(&scope).map(|name| &**name);
        let help = match did_you_mean(&name.text, candidates) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if (1..=20).contains(&schema.len()) => {
                format!("the columns here are {}", listed(schema))
            }
            None => return self.report(diagnostic),
        };
        self.report(diagnostic.with_help(help))
    }

    /// The column that `name` was probably meant to be. Remembered, because queries that are
    /// written for other columns name the same ones many times, and a union of all tables has
    /// thousands of columns to compare with.
    fn similar_column(&mut self, name: &Arc<str>, schema: &Schema) -> Option<Arc<str>> {
        if let Some((known, similar)) = self.similar_columns.get(name)
            && known.is_same(schema)
        {
            return similar.clone();
        }
        // Of very many columns, those that begin with another letter are left aside: who mistypes
        // a name gets its beginning right, and the comparison would take longer than all else.
        let initial = |name: &str| name.as_bytes().first().map(u8::to_ascii_lowercase);
        let own = initial(name);
        let is_narrow = schema.len() <= COMPARED_MAX;
        let columns = schema.columns().iter().map(|column| &*column.name);
        let candidates = columns.filter(|column| is_narrow || initial(column) == own);
        let similar: Option<Arc<str>> = did_you_mean(name, candidates).map(Into::into);
        let entry = (schema.clone(), similar.clone());
        self.similar_columns.insert(Arc::clone(name), entry);
        similar
    }

    fn unary(
        &mut self,
        op: ast::UnaryOp,
        operand: &'a ast::Expr,
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let operand = self.scalar(operand, row)?;
        let ty = match operand.ty {
            ScalarType::Int => ScalarType::Long,
            ScalarType::Long | ScalarType::Real | ScalarType::Decimal | ScalarType::TimeSpan => {
                operand.ty
            }
            _ if is_untyped(&operand) => operand.ty,
            other => {
                let sign = match op {
                    ast::UnaryOp::Minus => '-',
                    ast::UnaryOp::Plus => '+',
                };
                let message = format!("`{sign}` is not defined for type {other}");
                return Err(self.error(code::OPERAND_TYPES, span, message));
            }
        };
        let operand = coerce::convert(operand, ty);
        if op == ast::UnaryOp::Plus {
            return Ok(operand);
        }
        let kind = match &operand.kind {
            ExprKind::Literal(Constant::Long(value)) => {
                ExprKind::Literal(Constant::Long(value.wrapping_neg()))
            }
            ExprKind::Literal(Constant::Real(value)) => ExprKind::Literal(Constant::Real(-value)),
            ExprKind::Literal(Constant::TimeSpan(value)) => {
                ExprKind::Literal(Constant::TimeSpan(value.wrapping_neg()))
            }
            _ => ExprKind::Negate(Box::new(operand)),
        };
        Ok(Expr { kind, ty, span })
    }
}

fn listed(schema: &Schema) -> String {
    let names: Vec<String> = schema
        .columns()
        .iter()
        .map(|column| format!("`{}`", column.name))
        .collect();
    names.join(", ")
}

/// The columns that a union made of one name with several types: `` `a_long` and `a_string` ``.
fn split_by_type(name: &str, schema: &crate::types::Schema) -> Option<String> {
    let columns = schema.columns().iter();
    let split: Vec<String> = columns
        .filter(|column| {
            let rest = column.name.strip_prefix(name);
            let ty = rest.and_then(|rest| rest.strip_prefix('_'));
            ty == Some(column.ty.as_str())
        })
        .map(|column| format!("`{}`", column.name))
        .collect();
    (split.len() > 1).then(|| split.join(" and "))
}

/// What to write instead of a name that is never a column.
fn no_column(name: &str) -> Option<String> {
    if name == "null" {
        return Some("use `isnull(…)`, or `isempty(…)` for texts".to_owned());
    }
    let is_function = builtin::aggregate(name).is_some() || builtin::scalar(name).is_some();
    is_function.then(|| format!("`{name}` is a function: write `{name}(…)`"))
}
