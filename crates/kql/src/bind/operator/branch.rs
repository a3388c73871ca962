//! `fork` and `facet`: several results from one table, which is computed once.

use std::sync::Arc;

use crate::bind::table::Table;
use crate::bind::{Attempt, Binder, Reported, code};
use crate::builtin;
use crate::hir::{AggregateCall, NamedResult, PlanKind, SortKey};
use crate::span::Span;
use crate::syntax::ast::{self, OperatorKind};
use crate::types::{Column, ScalarType, Schema};

impl<'a> Binder<'a> {
    /// `fork (operators) Name=(operators)`
    pub(super) fn fork(
        &mut self,
        table: Table,
        branches: &'a [ast::ForkBranch],
        span: Span,
    ) -> Table {
        let shared = self.share(table, span);
        let mut results = Vec::with_capacity(branches.len());
        for branch in branches {
            let table = self.branch(shared.clone(), &branch.subquery);
            let last = branch.subquery.operators.last().map(|last| &last.kind);
            let name = match (&branch.name, last) {
                (Some(name), _) | (None, Some(OperatorKind::As { name, .. })) => Some(name),
                _ => None,
            };
            results.push(NamedResult {
                name: name.map(|name| Arc::clone(&name.text)),
                plan: table.plan,
            });
        }
        Table::new(PlanKind::Several { results }, Schema::default(), span)
    }

    /// `facet by columns with (operators)`
    pub(super) fn facet(
        &mut self,
        table: Table,
        by: &'a [ast::Name],
        with: Option<&'a ast::Subquery>,
        span: Span,
    ) -> Table {
        let shared = self.share(table, span);
        let mut results = Vec::with_capacity(by.len() + 1);
        for name in by {
            if let Ok(counts) = self.value_counts(&shared, name) {
                results.push(NamedResult {
                    name: None,
                    plan: counts.plan,
                });
            }
        }
        if let Some(with) = with {
            let table = self.branch(shared, with);
            results.push(NamedResult {
                name: None,
                plan: table.plan,
            });
        }
        Table::new(PlanKind::Several { results }, Schema::default(), span)
    }

    fn branch(&mut self, rows: Table, subquery: &'a ast::Subquery) -> Table {
        for operator in &subquery.operators {
            if matches!(
                operator.kind,
                OperatorKind::Fork(_) | OperatorKind::Facet { .. } | OperatorKind::GetSchema { .. }
            ) {
                let message = format!("`{}` cannot stand in here", operator.keyword.text);
                self.error(code::MISPLACED, operator.keyword.span, message);
            }
        }
        self.subquery(rows, subquery)
    }

    /// How often each value of a column occurs.
    fn value_counts(&mut self, table: &Table, name: &ast::Name) -> Attempt<Table> {
        let column = self.named_column(table, name)?;
        self.refuse_dynamic(&column, "group")?;
        let count = AggregateCall {
            function: builtin::aggregate("count").expect("count is declared"),
            arguments: Vec::new(),
            outputs: vec![ScalarType::Long],
            span: name.span,
        };
        let schema = Schema::new(vec![
            Column::new(Arc::clone(&name.text), column.ty),
            Column::new(format!("count_{}", name.text), ScalarType::Long),
        ]);
        let counts = table
            .clone()
            .then(schema, name.span, |input| PlanKind::Aggregate {
                input,
                keys: vec![column],
                aggregates: vec![count],
            });
        let key = SortKey {
            expr: counts.column(1, name.span),
            descending: true,
            nulls_first: false,
        };
        Ok(counts.then_same(name.span, |input| PlanKind::Sort {
            input,
            keys: vec![key],
        }))
    }

    /// The column of a table by its name.
    pub(super) fn named_column(
        &mut self,
        table: &Table,
        name: &ast::Name,
    ) -> Attempt<crate::hir::Expr> {
        match table.schema().index_of(&name.text) {
            Some(index) => Ok(table.column(index, name.span)),
            None if table.may_have(&name.text) => Err(Reported),
            None => Err(self.unknown_column(name, table.schema())),
        }
    }
}
