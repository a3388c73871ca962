//! `union`: one column per name and type, nulls where a leg has none.

use std::sync::Arc;

use super::columns::matches_wildcard;
use super::unite::{Source, unite};
use crate::bind::scope::Binding;
use crate::bind::table::Table;
use crate::bind::{Attempt, Binder, Reported, code};
use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::ast;

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
        let columns: usize = legs.iter().map(|leg| leg.schema().len()).sum();
        self.grow(legs.len() + columns / 8, span)?;
        let source = source_column.map(|name| Source {
            column: name.text,
            unnamed: "union_arg",
        });
        let common = self.common(&legs, inner, source.as_ref());
        let mut table = unite(legs, &common, source.as_ref(), span);
        table.broken = broken;
        table.untyped = untyped;
        table.plan.schema = table.plan.schema.opened(further);
        Ok(table)
    }

    /// The tables that one item of a union stands for.
    pub(super) fn legs(&mut self, item: &'a ast::Expr, fuzzy: bool) -> Attempt<Vec<Table>> {
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
            ast::ExprKind::Member { base, member } if self.leads_elsewhere(base) => {
                self.tables_elsewhere(base, member, item.span)
            }
            _ if fuzzy && self.leaves_out(item) => Ok(Vec::new()),
            _ => {
                let table = self.table(item)?;
                if table.open {
                    return Err(Reported);
                }
                Ok(vec![table])
            }
        }
    }

    /// Whether there is no table that an expression starts with, so that a fuzzy union goes on
    /// without it, with a warning.
    pub(super) fn leaves_out(&mut self, item: &'a ast::Expr) -> bool {
        let Some((what, name)) = self.missing_source(item) else {
            return false;
        };
        let message = format!(
            "there is no {what} `{}`; the union leaves it out",
            name.text
        );
        self.warn(code::FUZZY, name.span, message);
        true
    }

    /// The table or function a pipeline starts with, where there is none of that name.
    fn missing_source<'e>(&self, expr: &'e ast::Expr) -> Option<(&'static str, &'e ast::Name)> {
        match &expr.kind {
            ast::ExprKind::Parenthesized(inner) => self.missing_source(inner),
            ast::ExprKind::Pipe { source, .. } => self.missing_source(source),
            ast::ExprKind::Name(name) => (self.scope.find(&name.text).is_none()
                && self.catalog.table(&name.text).is_none()
                && !self.catalog.is_open(&name.text))
            .then_some(("table", name)),
            ast::ExprKind::Call { function, .. } => (self.scope.find(&function.text).is_none()
                && !self.is_function(&function.text))
            .then_some(("function", function)),
            _ => None,
        }
    }

    /// The tables, and the views of the query, that match a pattern.
    pub(super) fn wildcard(
        &mut self,
        pattern: &str,
        span: Span,
        fuzzy: bool,
    ) -> Attempt<Vec<Table>> {
        let mut names = self.catalog.table_names();
        names.retain(|name| matches_wildcard(pattern, name));
        let views: Vec<Arc<str>> = self
            .scope
            .names()
            .filter(|(name, binding)| {
                matches!(binding, Binding::Function { function, .. } if function.view)
                    && matches_wildcard(pattern, name)
            })
            .map(|(name, _)| Arc::clone(name))
            .collect();
        names.retain(|name| !views.iter().any(|view| **view == **name));
        let mut legs = Vec::with_capacity(names.len() + views.len());
        for name in names {
            legs.push(self.catalog_table(&name.into(), span)?);
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
