//! Tables of other places: `cluster("c").database("d").T`, `workspace("w").T`. A catalog knows
//! tables by name alone, and so a table elsewhere has the columns of the one of its name; one of
//! which nothing is known has columns that are taken to be right.

use std::sync::Arc;

use super::expression::Row;
use super::operator::matches_wildcard;
use super::scope::Binding;
use super::table::Table;
use super::{Attempt, Binder, Reported, code};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, Place, PlaceKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{ScalarType, Value};

const KINDS: &[PlaceKind] = &[
    PlaceKind::App,
    PlaceKind::Cluster,
    PlaceKind::Database,
    PlaceKind::Resource,
    PlaceKind::Workspace,
];

impl<'a> Binder<'a> {
    /// The table or function `member` of the place `base`.
    pub(super) fn elsewhere(
        &mut self,
        base: &'a ast::Expr,
        member: &'a ast::Expr,
        span: Span,
    ) -> Attempt<Table> {
        let place = self.place(base, span)?;
        match &member.kind {
            ast::ExprKind::Missing => Err(Reported),
            ast::ExprKind::Name(name) => self.table_of(place, &name.text, name.span),
            ast::ExprKind::Call {
                function,
                arguments,
            } => match &*function.text {
                "table" | "external_table" | "materialized_view" | "stored_query_result" => {
                    let name = self.table_argument_name(function, arguments, span)?;
                    let at = arguments.first().map_or(span, |argument| argument.span);
                    self.table_of(place, &name, at)
                }
                _ => {
                    // What a function elsewhere yields, nobody here knows.
                    self.is_open = true;
                    Ok(Table::unknown(span))
                }
            },
            ast::ExprKind::Wildcard(_) | ast::ExprKind::Star => {
                let message = "a name with `*` can only stand in `union`, `search` and `find`";
                Err(self.error(code::MISPLACED, member.span, message))
            }
            _ => {
                let message = "the name of a table stands behind the place";
                Err(self.error(code::MISPLACED, member.span, message))
            }
        }
    }

    /// The tables of the place `base` that `member` names, with a wildcard or without.
    pub(super) fn tables_elsewhere(
        &mut self,
        base: &'a ast::Expr,
        member: &'a ast::Expr,
        span: Span,
    ) -> Attempt<Vec<Table>> {
        let pattern = match &member.kind {
            ast::ExprKind::Star => "*",
            ast::ExprKind::Wildcard(pattern) => &pattern.text,
            _ => {
                let table = self.elsewhere(base, member, span)?;
                return if table.open {
                    Err(Reported)
                } else {
                    Ok(vec![table])
                };
            }
        };
        let place = self.place(base, span)?;
        let mut names = self.catalog.table_names();
        names.retain(|name| matches_wildcard(pattern, name));
        if names.is_empty() {
            self.is_open = true;
            return Err(Reported);
        }
        let tables = names.into_iter();
        tables
            .map(|name| self.table_of(place.clone(), &name.into(), member.span))
            .collect()
    }

    /// A table of a place; its span is that of its name alone.
    fn table_of(&mut self, place: Place, name: &Arc<str>, span: Span) -> Attempt<Table> {
        let mut label = String::new();
        for (kind, name) in &place.steps {
            label.extend([kind.as_str(), "(\"", name, "\")."]);
        }
        label.push_str(name);
        let mut steps = place.steps.iter();
        if steps.any(|(_, name)| self.aliases.contains(name)) {
            // An alias is given to what is too far away to look at.
            self.is_open = true;
            return Ok(Table::unknown(span));
        }
        let mut table = self.catalog_table_of(name, Some(place), span)?;
        table.label = Some(label.into());
        Ok(table)
    }

    /// `cluster("c").database("d")` and the like.
    fn place(&mut self, base: &'a ast::Expr, span: Span) -> Attempt<Place> {
        let mut written = Vec::new();
        let mut rest = base;
        while let ast::ExprKind::Member { base, member } = &rest.kind {
            written.push(&**member);
            rest = base;
        }
        if let ast::ExprKind::Name(name) = &rest.kind
            && let Some(Binding::Entity(entity)) = self.scope.find(&name.text)
        {
            rest = *entity;
            while let ast::ExprKind::Member { base, member } = &rest.kind {
                written.push(&**member);
                rest = base;
            }
        }
        written.push(rest);
        let mut steps: Vec<(PlaceKind, Arc<str>)> = Vec::with_capacity(written.len());
        for step in written.into_iter().rev() {
            let step = self.step(step)?;
            let fits = match steps.last() {
                None => true,
                Some((outer, _)) => *outer == PlaceKind::Cluster && step.0 == PlaceKind::Database,
            };
            if !fits {
                let message = format!("there is no {} in such a place", step.0.as_str());
                return Err(self.error(code::MISPLACED, span, message));
            }
            steps.push(step);
        }
        if let [(PlaceKind::Cluster, _)] = &steps[..] {
            return Err(self.report(
                Diagnostic::error(
                    code::MISPLACED,
                    base.span,
                    "a cluster has databases, not tables",
                )
                .with_help("write `cluster(\"…\").database(\"…\")` in front of the table"),
            ));
        }
        Ok(Place { steps })
    }

    /// `X.$current_database` and `X.$current_cluster_endpoint` in `macro-expand`.
    pub(super) fn place_constant(
        &mut self,
        base: &'a ast::Expr,
        member: &ast::Expr,
        span: Span,
    ) -> Option<Attempt<Expr>> {
        let ast::ExprKind::Name(name) = &member.kind else {
            return None;
        };
        let wanted = match &*name.text {
            "$current_database" => PlaceKind::Database,
            "$current_cluster_endpoint" => PlaceKind::Cluster,
            _ => return None,
        };
        let place = match self.place(base, span) {
            Ok(place) => place,
            Err(reported) => return Some(Err(reported)),
        };
        let mut steps = place.steps.into_iter();
        let found = steps.find(|(kind, _)| *kind == wanted);
        let text = found.map_or_else(|| "".into(), |(_, name)| name);
        Some(Ok(Expr {
            kind: ExprKind::Literal(Value::String(text)),
            ty: ScalarType::String,
            span,
        }))
    }

    /// Whether a dotted name begins with a function that leads to another place.
    pub(super) fn leads_elsewhere(&self, base: &ast::Expr) -> bool {
        let mut first = base;
        while let ast::ExprKind::Member { base, .. } = &first.kind {
            first = base;
        }
        match &first.kind {
            ast::ExprKind::Call { function, .. } => kind(function).is_some(),
            ast::ExprKind::Name(name) => match self.scope.find(&name.text) {
                Some(Binding::Entity(entity)) => self.leads_elsewhere(entity),
                _ => false,
            },
            _ => false,
        }
    }

    fn step(&mut self, expr: &'a ast::Expr) -> Attempt<(PlaceKind, Arc<str>)> {
        let ast::ExprKind::Call {
            function,
            arguments,
        } = &expr.kind
        else {
            let message = "`cluster()`, `database()` and their like lead to a table of their own";
            return Err(self.error(code::MISPLACED, expr.span, message));
        };
        let Some(kind) = kind(function) else {
            let known = KINDS.iter().map(|kind| kind.as_str());
            let (name, span) = (&function.text, function.span);
            return Err(self.unknown(code::UNKNOWN_FUNCTION, "place", name, span, known));
        };
        let argument = match arguments.as_slice() {
            // `database()` is the one at hand.
            [] if kind == PlaceKind::Database => return Ok((kind, "".into())),
            arguments => self.only_argument(kind.as_str(), arguments, expr.span)?,
        };
        if let ast::ExprKind::Name(name) = &argument.kind
            && self.aliases.contains(&name.text)
        {
            return Ok((kind, name.text.clone()));
        }
        match self.scalar(argument, Row::NONE)?.kind {
            ExprKind::Literal(Value::String(name)) => Ok((kind, name)),
            _ => Err(self.error(
                code::NOT_CONSTANT,
                argument.span,
                format!("`{}` takes a name as a constant text", kind.as_str()),
            )),
        }
    }
}

fn kind(function: &ast::Name) -> Option<PlaceKind> {
    let mut kinds = KINDS.iter().copied();
    kinds.find(|kind| kind.as_str() == &*function.text)
}
