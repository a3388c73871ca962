//! `union`: one column per name and type, nulls where a leg has none.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::columns::matches_wildcard;
use crate::bind::scope::Binding;
use crate::bind::table::{Table, free_name, missing};
use crate::bind::{Attempt, Binder, Reported, code};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, PlanKind, UnionInput};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{Column, ScalarType, Schema, Value};

impl<'a> Binder<'a> {
    pub(in crate::bind) fn union(
        &mut self,
        piped: Option<Table>,
        properties: &'a [ast::Property],
        tables: &'a [ast::Expr],
        span: Span,
    ) -> Attempt<Table> {
        let mut inner = false;
        let mut source_column = None;
        let mut fuzzy = false;
        let known = ["kind", "withsource", "with_source", "isfuzzy"];
        for property in self.properties(properties, &known) {
            match &*property.name.text {
                "kind" => {
                    let word = self.property_word(property, &["inner", "outer"]);
                    inner = matches!(word, Ok("inner"));
                }
                "isfuzzy" => {
                    let word = self.property_word(property, &["true", "false"]);
                    fuzzy = matches!(word, Ok("true"));
                }
                _ => source_column = self.property_name(property).ok(),
            }
        }
        let mut legs: Vec<Table> = piped.into_iter().collect();
        let mut failed = legs.iter().any(|leg| leg.open);
        for table in tables {
            match self.legs(table, fuzzy) {
                Ok(found) => legs.extend(found),
                Err(Reported) => failed = true,
            }
        }
        if failed {
            return Err(Reported);
        }
        if legs.is_empty() {
            let message = "the union has no table";
            return Err(self.error(code::UNKNOWN_TABLE, span, message));
        }
        let mut broken: Vec<Arc<str>> = Vec::new();
        let mut untyped: Vec<Arc<str>> = Vec::new();
        for leg in &legs {
            broken.extend(leg.broken.iter().cloned());
            untyped.extend(leg.untyped.iter().cloned());
        }
        let further = !inner && legs.iter().any(|leg| leg.schema().is_open());
        let widest = legs.iter().map(|leg| leg.schema().len()).max().unwrap_or(0);
        self.grow(legs.len() * (1 + widest / 8), span)?;
        let source_column = source_column.map(|name| name.text);
        let mut table = united(legs, inner, source_column.as_ref(), span);
        table.broken = broken;
        table.untyped = untyped;
        table.plan.schema = table.plan.schema.opened(further);
        Ok(table)
    }

    /// The tables that one item of a union stands for.
    fn legs(&mut self, item: &'a ast::Expr, fuzzy: bool) -> Attempt<Vec<Table>> {
        match &item.kind {
            ast::ExprKind::Parenthesized(inner)
                if matches!(
                    inner.kind,
                    ast::ExprKind::Name(_) | ast::ExprKind::Wildcard(_)
                ) =>
            {
                self.legs(inner, fuzzy)
            }
            ast::ExprKind::Star => self.wildcard("*", item.span, fuzzy),
            ast::ExprKind::Wildcard(pattern) => self.wildcard(&pattern.text, pattern.span, fuzzy),
            _ if fuzzy && let Some(name) = self.missing_source(item) => {
                let message = format!("there is no table `{}`; the union leaves it out", name.text);
                self.warn(code::FUZZY, name.span, message);
                Ok(Vec::new())
            }
            _ => {
                let table = self.table(item)?;
                if table.open {
                    return Err(Reported);
                }
                Ok(vec![table])
            }
        }
    }

    /// The table a pipeline starts with, where there is none of that name.
    fn missing_source<'e>(&self, expr: &'e ast::Expr) -> Option<&'e ast::Name> {
        match &expr.kind {
            ast::ExprKind::Parenthesized(inner) => self.missing_source(inner),
            ast::ExprKind::Pipe { source, .. } => self.missing_source(source),
            ast::ExprKind::Name(name) => (self.scope.find(&name.text).is_none()
                && self.catalog.table(&name.text).is_none()
                && !self.catalog.is_open(&name.text))
            .then_some(name),
            _ => None,
        }
    }

    /// The tables, and the views of the query, that match a pattern.
    fn wildcard(&mut self, pattern: &str, span: Span, fuzzy: bool) -> Attempt<Vec<Table>> {
        let mut names: BTreeSet<Arc<str>> = self
            .catalog
            .table_names()
            .into_iter()
            .filter(|name| matches_wildcard(pattern, name))
            .map(Arc::from)
            .collect();
        let views: Vec<Arc<str>> = self
            .scope
            .names()
            .filter(|(name, binding)| {
                matches!(binding, Binding::Function { function, .. } if function.view)
                    && matches_wildcard(pattern, name)
            })
            .map(|(name, _)| Arc::clone(name))
            .collect();
        for view in &views {
            names.remove(view);
        }
        let mut legs = Vec::new();
        for name in names {
            legs.push(self.catalog_table(&name, span)?);
        }
        for view in views {
            legs.push(self.view(&view, span)?);
        }
        if legs.is_empty() {
            let diagnostic = if fuzzy {
                Diagnostic::warning
            } else {
                Diagnostic::error
            };
            let message = format!("no table matches `{pattern}`");
            let reported = self.report(diagnostic(code::UNKNOWN_TABLE, span, message));
            if !fuzzy {
                return Err(reported);
            }
        }
        Ok(legs)
    }
}

/// The rows of all legs under common columns.
fn united(legs: Vec<Table>, inner: bool, source: Option<&Arc<str>>, span: Span) -> Table {
    let mut variants: Vec<(Arc<str>, Vec<ScalarType>)> = Vec::new();
    for leg in &legs {
        for column in leg.schema().columns() {
            match variants.iter_mut().find(|(name, _)| *name == column.name) {
                Some((_, types)) if types.contains(&column.ty) => {}
                Some((_, types)) => types.push(column.ty),
                None => variants.push((Arc::clone(&column.name), vec![column.ty])),
            }
        }
    }
    let mut columns: Vec<Column> = Vec::new();
    let mut origins: Vec<(Arc<str>, ScalarType)> = Vec::new();
    if let Some(source) = source {
        columns.push(Column::new(Arc::clone(source), ScalarType::String));
    }
    for (name, types) in &variants {
        for ty in types {
            let in_all = legs.iter().all(|leg| {
                leg.schema()
                    .column(name)
                    .is_some_and(|column| column.ty == *ty)
            });
            if inner && !in_all {
                continue;
            }
            let wanted = if types.len() == 1 {
                Arc::clone(name)
            } else {
                format!("{name}_{ty}").into()
            };
            let name = Arc::clone(name);
            // A name made of name and type gives way to the columns that are called so.
            let free = free_name(&wanted, |free| {
                columns.iter().any(|column| *column.name == *free)
                    || (types.len() > 1
                        && variants
                            .iter()
                            .any(|(other, types)| types.len() == 1 && **other == *free))
            });
            columns.push(Column::new(free, *ty));
            origins.push((name, *ty));
        }
    }
    let inputs = legs
        .into_iter()
        .enumerate()
        .map(|(number, leg)| {
            let label = leg
                .label
                .clone()
                .unwrap_or_else(|| format!("union_arg{number}").into());
            let mut exprs: Vec<Expr> = Vec::with_capacity(origins.len() + 1);
            if source.is_some() {
                exprs.push(Expr {
                    kind: ExprKind::Literal(Value::String(label)),
                    ty: ScalarType::String,
                    span,
                });
            }
            exprs.extend(origins.iter().map(|(name, ty)| {
                let index = leg.schema().index_of(name);
                match index.map(|index| leg.column(index, span)) {
                    Some(column) if column.ty == *ty => column,
                    _ => missing(*ty, span),
                }
            }));
            UnionInput {
                plan: leg.plan,
                columns: exprs,
            }
        })
        .collect();
    Table::new(PlanKind::Union { inputs }, Schema::new(columns), span)
}
