//! `search`: the rows of some or all tables in which something is found, with the name of their
//! table in front.

use super::unite::{Source, unite};
use crate::bind::binary::{balanced, connective};
use crate::bind::expression::Row;
use crate::bind::table::Table;
use crate::bind::{Attempt, Binder, Reported, code};
use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, Expr, ExprKind, PlanKind};
use crate::span::Span;
use crate::syntax::ast::{self, OperatorKind};
use crate::types::{ScalarType, Schema, Value};

/// The column that names the table of a row.
const TABLE_COLUMN: &str = "$table";

impl<'a> Binder<'a> {
    /// `search` in the given tables, in those piped into it, or in all there are.
    pub(in crate::bind) fn search(
        &mut self,
        piped: Option<Table>,
        operator: &'a ast::TableOperator,
    ) -> Attempt<Table> {
        let OperatorKind::Search {
            properties,
            tables,
            predicate,
        } = &operator.kind
        else {
            return Err(Reported);
        };
        let span = operator.span;
        let mut case_sensitive = false;
        for property in self.properties(properties, &["kind"]) {
            let kinds = ["default", "case_insensitive", "case_sensitive"];
            case_sensitive = self.property_word(property, &kinds)? == "case_sensitive";
        }
        let legs = self.searched(piped, tables, operator)?;
        let columns: usize = legs.iter().map(|leg| leg.schema().len()).sum();
        self.grow(legs.len() + columns / 8, span)?;
        let source = Source {
            column: TABLE_COLUMN.into(),
            unnamed: "search_arg",
        };
        let common = self.common(&legs, false, Some(&source));
        let all = unite(legs, &common, Some(&source), span);
        let outer = std::mem::replace(&mut self.case_sensitive, case_sensitive);
        let found = self.found(predicate, common.read.clone(), span);
        self.case_sensitive = outer;
        let mut predicate = match found {
            Ok(predicate) => predicate,
            Err(Reported) => return Ok(all),
        };
        shift(&mut predicate);
        Ok(all.then_same(span, |input| PlanKind::Filter { input, predicate }))
    }

    /// The tables that `search` and `find` look into.
    pub(super) fn searched(
        &mut self,
        piped: Option<Table>,
        tables: &'a [ast::Expr],
        operator: &ast::TableOperator,
    ) -> Attempt<Vec<Table>> {
        let keyword = &operator.keyword;
        if let Some(piped) = piped {
            if tables.is_empty() {
                return if piped.open {
                    Err(Reported)
                } else {
                    Ok(vec![piped])
                };
            }
            let message = format!("`{} in (…)` stands only at the start", keyword.text);
            return Err(self.error(code::MISPLACED, keyword.span, message));
        }
        if tables.is_empty() {
            return self.wildcard("*", keyword.span, false);
        }
        let mut legs = Vec::with_capacity(tables.len());
        let mut failed = false;
        for table in tables {
            match self.legs(table, false) {
                Ok(found) => legs.extend(found),
                Err(Reported) => failed = true,
            }
        }
        if failed { Err(Reported) } else { Ok(legs) }
    }

    /// The predicate of `search` or `find` over rows of these columns.
    pub(super) fn found(
        &mut self,
        predicate: &'a ast::Expr,
        columns: Schema,
        span: Span,
    ) -> Attempt<Expr> {
        let row_of = Table::new(PlanKind::Rows, columns, span);
        self.sought(predicate, Row::of(&row_of))
    }

    /// A text is looked for in all columns; everything else is a condition.
    fn sought(&mut self, expr: &'a ast::Expr, row: Row<'_>) -> Attempt<Expr> {
        match &expr.kind {
            ast::ExprKind::Binary { op, .. } if connective(*op).is_some() => {
                self.nested(expr.span, |binder| binder.sought_all(expr, row))
            }
            ast::ExprKind::Parenthesized(inner) => {
                self.nested(expr.span, |binder| binder.sought(inner, row))
            }
            ast::ExprKind::Star => Ok(Expr {
                kind: ExprKind::Literal(Value::Bool(true)),
                ty: ScalarType::Bool,
                span: expr.span,
            }),
            ast::ExprKind::Literal(_) | ast::ExprKind::Name(_) => {
                let bound = self.scalar(expr, row)?;
                match &bound.kind {
                    ExprKind::Literal(Value::String(_)) => self.term_anywhere(bound, row),
                    _ => self.bool_or_report(bound),
                }
            }
            _ => {
                let bound = self.scalar(expr, row)?;
                self.bool_or_report(bound)
            }
        }
    }

    /// A run of `and` or of `or` with texts among its conditions.
    fn sought_all(&mut self, expr: &'a ast::Expr, row: Row<'_>) -> Attempt<Expr> {
        let mut rest = vec![expr];
        let mut operands = Vec::new();
        let ast::ExprKind::Binary { op: written, .. } = &expr.kind else {
            return Err(Reported);
        };
        while let Some(next) = rest.pop() {
            match &next.kind {
                ast::ExprKind::Binary {
                    op, left, right, ..
                } if op == written => rest.extend([&**right, &**left]),
                _ => operands.push(self.sought(next, row)),
            }
        }
        let operands = operands.into_iter().collect::<Attempt<Vec<_>>>()?;
        let op = connective(*written).unwrap_or(BinaryOp::And);
        Ok(balanced(op, operands))
    }

    fn bool_or_report(&mut self, bound: Expr) -> Attempt<Expr> {
        match bound.ty {
            ScalarType::Bool => Ok(bound),
            ScalarType::Dynamic => self.condition(BinaryOp::And, bound),
            ty => Err(self.report(
                Diagnostic::error(
                    code::NOT_BOOL,
                    bound.span,
                    format!("the condition is of type {ty}, not bool"),
                )
                .with_help("look for a text in quotes, or compare the value"),
            )),
        }
    }
}

/// Makes an expression over columns read those of a row with one more column in front.
pub(super) fn shift(expr: &mut Expr) {
    match &mut expr.kind {
        ExprKind::Column(index) => *index += 1,
        // The form of a text that is sought in thousands of columns, without a list of operands
        // for each.
        ExprKind::Binary { left, right, .. } => {
            shift(left);
            shift(right);
        }
        _ => {
            for operand in expr.operands_mut() {
                shift(operand);
            }
        }
    }
}
