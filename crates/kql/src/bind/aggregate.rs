//! Calls of aggregates, collected while the expressions of `summarize` are bound.

use std::cell::RefCell;
use std::sync::Arc;

use super::call::{self, widened};
use super::expression::Row;
use super::several::NamedOutput;
use super::table::{OutputName, Table};
use super::{Attempt, Binder, Reported, code, coerce, name};
use crate::builtin::{self, Aggregate, ResultType};
use crate::diagnostic::Diagnostic;
use crate::hir::{AggregateCall, Expr, ExprKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{ScalarType, Value as Constant};

/// The aggregates of one `summarize` so far.
#[derive(Default)]
pub(super) struct Aggregation {
    /// Number of group keys, which come first in the output.
    pub(super) keys: usize,
    /// Columns of the input that are group keys as they are: those `*` leaves out.
    pub(super) key_columns: Vec<Arc<str>>,
    pub(super) calls: Vec<AggregateCall>,
    /// Types of all outputs of the calls.
    pub(super) outputs: Vec<ScalarType>,
}

impl Aggregation {
    /// Adds a call and gives its outputs as columns of the aggregated table.
    fn add(&mut self, call: AggregateCall) -> Vec<Expr> {
        let first = self.keys + self.outputs.len();
        self.outputs.extend(&call.outputs);
        let span = call.span;
        let columns = call.outputs.iter().enumerate();
        let columns = columns
            .map(|(index, ty)| Expr {
                kind: ExprKind::Column(first + index),
                ty: *ty,
                span,
            })
            .collect();
        self.calls.push(call);
        columns
    }
}

impl<'a> Binder<'a> {
    /// An aggregate somewhere inside of an expression.
    pub(super) fn aggregate_in_expression(
        &mut self,
        aggregate: &'static Aggregate,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Attempt<Expr> {
        let (Some(aggregation), Some(table)) = (row.aggregation, row.table) else {
            return Err(self.report(
                Diagnostic::error(
                    code::AGGREGATE_PLACE,
                    span,
                    format!("the aggregate `{}` cannot stand here", function.text),
                )
                .with_help("aggregates stand in `summarize`, and not inside of one another"),
            ));
        };
        if yields_many(aggregate) {
            let outputs =
                self.many_outputs(aggregate, function, arguments, span, table, aggregation)?;
            let mut outputs = outputs.into_iter();
            if let (Some((_, only)), None) = (outputs.next(), outputs.next()) {
                return Ok(only);
            }
            let message = format!(
                "`{}` yields several columns and cannot be part of an expression",
                function.text
            );
            return Err(self.error(code::AGGREGATE_PLACE, span, message));
        }
        let call = self.aggregate_call(aggregate, function, arguments, span, table)?;
        let as_given = match (aggregate.signatures[0].result, &call.arguments[..]) {
            (ResultType::OfArgument(0), [argument, ..]) => match &argument.kind {
                // What is computed in long has the type of the column.
                ExprKind::Convert(given) if given.ty == ScalarType::Int => Some(given.ty),
                _ => None,
            },
            _ => None,
        };
        let output = aggregation.borrow_mut().add(call).remove(0);
        Ok(as_given.map_or(output.clone(), |ty| coerce::convert(output, ty)))
    }

    /// An aggregate that yields one column.
    fn aggregate_call(
        &mut self,
        aggregate: &'static Aggregate,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        table: &Table,
    ) -> Attempt<AggregateCall> {
        let bound = self.arguments(arguments, Row::of(table))?;
        if aggregate.name == "count" && bound.len() == 1 {
            self.report(
                Diagnostic::warning(
                    code::IGNORED,
                    arguments[0].span,
                    "`count` counts rows, whatever its argument",
                )
                .with_help("write `count()`, or `countif()` for the rows with a condition"),
            );
        }
        let (signature, mut arguments) =
            self.fit(&function.text, aggregate.signatures, bound, span)?;
        if aggregate.name == "count" {
            arguments.clear();
        }
        let output = match signature.result {
            ResultType::Is(ty) => ty,
            ResultType::WidenedArgument(index) => widened(arguments[index].ty),
            ResultType::OfArgument(index) | ResultType::CommonFrom(index) => arguments[index].ty,
            ResultType::Array | ResultType::Bag | ResultType::Columns(_) => ScalarType::Dynamic,
            ResultType::Special => match arguments[0].ty {
                ScalarType::Int | ScalarType::Long => ScalarType::Real,
                other => other,
            },
        };
        Ok(AggregateCall {
            function: aggregate,
            arguments,
            outputs: vec![output],
            span,
        })
    }

    /// `arg_max`, `arg_min`, `take_any` and `percentiles`, with the name of each column.
    pub(super) fn many_outputs(
        &mut self,
        aggregate: &'static Aggregate,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        table: &Table,
        aggregation: &RefCell<Aggregation>,
    ) -> Attempt<Vec<NamedOutput>> {
        if let Some(single) = single_of(aggregate) {
            return self.percentiles(single, function, arguments, span, table, aggregation);
        }
        let prefix = match &*function.text {
            "any" => Some("any".to_owned()),
            "argmax" | "argmin" => {
                let first = arguments
                    .first()
                    .and_then(name::derived)
                    .unwrap_or_default();
                Some(format!("{}_{first}", &function.text[3..]))
            }
            _ => None,
        };
        let ordered = aggregate.name != "take_any";
        let mut names = Vec::new();
        let mut bound = Vec::new();
        let mut failed = false;
        for (index, argument) in arguments.iter().enumerate() {
            let misplaced = match &*function.text {
                "any" => arguments.len() > 1,
                _ => ordered && index == 0,
            };
            if misplaced && matches!(argument.kind, ast::ExprKind::Star) {
                let message = format!("`*` cannot stand here in `{}`", function.text);
                self.error(code::MISPLACED, argument.span, message);
                failed = true;
                continue;
            }
            if matches!(argument.kind, ast::ExprKind::Star) {
                if table.open || !table.broken.is_empty() {
                    failed = true;
                    continue;
                }
                let given: Vec<&str> = arguments.iter().filter_map(plain_name).collect();
                for (column, other) in table.schema().columns().iter().enumerate() {
                    let is_key = aggregation.borrow().key_columns.contains(&other.name);
                    if !is_key && !given.contains(&&*other.name) {
                        names.push(derived_name(prefix.as_deref(), &other.name));
                        bound.push(table.column(column, argument.span));
                    }
                }
                continue;
            }
            let (given, value) = match &argument.kind {
                ast::ExprKind::Named { names, value, .. } => (names.first(), &**value),
                _ => (None, argument),
            };
            let Ok(value_bound) = self.scalar(value, Row::of(table)) else {
                failed = true;
                continue;
            };
            let own = name::derived(value);
            names.push(match (given, own) {
                (Some(given), _) => OutputName::Declared(Arc::clone(&given.text)),
                (None, _) if index == 0 && ordered && prefix.is_some() => {
                    OutputName::Derived(prefix.clone().unwrap_or_default().into())
                }
                (None, Some(own)) => derived_name(prefix.as_deref(), &own.into()),
                (None, None) if index == 0 && ordered => {
                    OutputName::Derived(format!("{}_", &aggregate.name[4..]).into())
                }
                (None, None) => {
                    let stem = match arguments.first().and_then(name::derived) {
                        Some(first) if ordered => format!("{}_{first}", &aggregate.name[4..]),
                        _ if ordered => aggregate.name[4..].to_owned(),
                        _ => "any".to_owned(),
                    };
                    OutputName::Derived(format!("{stem}_arg{index}").into())
                }
            });
            bound.push(value_bound);
        }
        if failed {
            return Err(Reported);
        }
        let (_, bound) = self.fit(&function.text, aggregate.signatures, bound, span)?;
        let call = AggregateCall {
            function: aggregate,
            outputs: bound.iter().map(|argument| argument.ty).collect(),
            arguments: bound,
            span,
        };
        let outputs = aggregation.borrow_mut().add(call);
        Ok(names.into_iter().zip(outputs).collect())
    }

    /// `percentiles(x, 5, 50)` is `percentile(x, 5)` and `percentile(x, 50)`; so with weights.
    fn percentiles(
        &mut self,
        single: &'static Aggregate,
        function: &'a ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        table: &Table,
        aggregation: &RefCell<Aggregation>,
    ) -> Attempt<Vec<NamedOutput>> {
        let bound = self.arguments(arguments, Row::of(table))?;
        let several = single.name != &*function.text;
        let before = single.signatures[0].parameters.len() - 1;
        let Some((values, ranks)) = bound
            .split_at_checked(before)
            .filter(|(_, ranks)| !ranks.is_empty() && (several || ranks.len() == 1))
        else {
            let weight = if before > 1 { ", a weight" } else { "" };
            let ranks = if several {
                "one or more percentages"
            } else {
                "a percentage"
            };
            let message = format!("`{}` takes a value{weight} and {ranks}", function.text);
            return Err(self.error(code::ARGUMENT_COUNT, span, message));
        };
        let mut outputs = Vec::with_capacity(ranks.len());
        let own = arguments
            .first()
            .and_then(name::derived)
            .unwrap_or_default();
        for (rank, written) in ranks.iter().zip(&arguments[before..]) {
            let with_rank = [values, std::slice::from_ref(rank)].concat();
            let (_, mut fitted) = self.fit(&function.text, single.signatures, with_rank, span)?;
            let ty = percentile_type(fitted[0].ty);
            call::convert_all(&mut fitted[..1], ty);
            let call = AggregateCall {
                function: single,
                outputs: vec![ty],
                arguments: fitted,
                span,
            };
            let output = aggregation.borrow_mut().add(call).remove(0);
            let name = format!("percentile_{own}_{}", rank_text(rank, written));
            outputs.push((OutputName::Derived(name.into()), output));
        }
        Ok(outputs)
    }
}

/// Whether an aggregate makes several columns, or one with a name of its own making.
pub(super) fn yields_many(aggregate: &Aggregate) -> bool {
    matches!(
        aggregate.name,
        "arg_max"
            | "arg_min"
            | "take_any"
            | "percentile"
            | "percentiles"
            | "percentilew"
            | "percentilesw"
    )
}

/// The aggregate that computes one column of one that makes several percentiles.
fn single_of(aggregate: &Aggregate) -> Option<&'static Aggregate> {
    builtin::aggregate(match aggregate.name {
        "percentile" | "percentiles" => "percentile",
        "percentilew" | "percentilesw" => "percentilew",
        _ => return None,
    })
}

/// Type of a percentile of values of a type.
fn percentile_type(values: ScalarType) -> ScalarType {
    match values {
        ScalarType::Decimal => ScalarType::Real,
        other => widened(other),
    }
}

/// The name of a bare column.
fn plain_name(expr: &ast::Expr) -> Option<&str> {
    match &expr.kind {
        ast::ExprKind::Name(name) => Some(&name.text),
        ast::ExprKind::Parenthesized(inner) => plain_name(inner),
        _ => None,
    }
}

/// How a percentage shows in the name of its column. The value of a `let` shows, that of an
/// expression does not.
fn rank_text(rank: &Expr, written: &ast::Expr) -> String {
    match (&rank.kind, &written.kind) {
        (ExprKind::Literal(value), ast::ExprKind::Name(_)) => name::rank_of(value),
        _ => name::rank_text(written),
    }
}

fn derived_name(prefix: Option<&str>, own: &Arc<str>) -> OutputName {
    OutputName::Derived(match prefix {
        Some(prefix) => format!("{prefix}_{own}").into(),
        None => Arc::clone(own),
    })
}

/// Whether an expression over an aggregated table is a constant zero or text and the like.
pub(super) fn constant_long(expr: Expr) -> Option<i64> {
    match coerce::convert(expr, ScalarType::Long).kind {
        ExprKind::Literal(Constant::Long(value)) => Some(value),
        _ => None,
    }
}
