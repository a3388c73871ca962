//! `project`, `extend` and the operators that keep, drop, rename or reorder columns.

use std::sync::Arc;

use crate::bind::several::names_of;
use crate::bind::table::{Outputs, Table};
use crate::bind::{Attempt, Binder, Reported, code};
use crate::hir::{Expr, PlanKind};
use crate::span::Span;
use crate::syntax::ast::{self, ReorderDirection};
use crate::types::{Column, Schema};

impl<'a> Binder<'a> {
    pub(super) fn project(&mut self, table: Table, columns: &'a [ast::Expr], span: Span) -> Table {
        let mut outputs = Outputs::over(&table);
        for column in columns {
            for (name, expr) in self.output_columns(column, &table) {
                let name = outputs.name(self, name, column.span);
                outputs.push(name, expr);
            }
        }
        let mut result = outputs.project(table, span, false);
        result.close();
        result
    }

    pub(super) fn extend(&mut self, table: Table, columns: &'a [ast::Expr], span: Span) -> Table {
        let mut outputs = Outputs::of(&table);
        for column in columns {
            // Of a call with several values only those that get a name, if any does.
            let (names, _) = names_of(column);
            let kept = if names.is_empty() {
                usize::MAX
            } else {
                names.len()
            };
            for (name, expr) in self.output_columns(column, &table).into_iter().take(kept) {
                let name = outputs.name(self, name, column.span);
                outputs.set(name, expr);
            }
        }
        let replaced: Vec<Arc<str>> = table.broken.clone();
        let mut result = outputs.project(table, span, true);
        // A column that was broken and is computed anew is whole again.
        let schema = result.schema().clone();
        result
            .broken
            .retain(|name| !(replaced.contains(name) && schema.index_of(name).is_some()));
        result
    }

    /// The positions of the columns that a name or a wildcard stands for.
    fn matching(&mut self, expr: &'a ast::Expr, table: &Table) -> Attempt<Vec<usize>> {
        let schema = table.schema();
        match &expr.kind {
            ast::ExprKind::Name(name) => match schema.index_of(&name.text) {
                Some(index) => Ok(vec![index]),
                None if table.may_have(&name.text) => Err(Reported),
                None if schema.is_open() => {
                    // Which columns this leaves, only running the query tells.
                    Err(self.wait_for(table))
                }
                None => Err(self.unknown_column(name, schema)),
            },
            ast::ExprKind::Star => Ok((0..schema.len()).collect()),
            ast::ExprKind::Wildcard(pattern) => {
                let matches: Vec<usize> = (0..schema.len())
                    .filter(|index| matches_wildcard(&pattern.text, &schema.columns()[*index].name))
                    .collect();
                if matches.is_empty() && !table.open && !schema.is_open() && table.broken.is_empty()
                {
                    let message = format!("no column matches `{}`", pattern.text);
                    return Err(self.error(code::UNKNOWN_NAME, pattern.span, message));
                }
                Ok(matches)
            }
            ast::ExprKind::Missing => Err(Reported),
            _ => Err(self.error(
                code::MISPLACED,
                expr.span,
                "only names of columns can stand here",
            )),
        }
    }

    pub(super) fn project_away(
        &mut self,
        table: Table,
        columns: &'a [ast::Expr],
        span: Span,
    ) -> Table {
        let mut dropped = vec![false; table.schema().len()];
        for column in columns {
            for index in self.matching(column, &table).unwrap_or_default() {
                dropped[index] = true;
            }
        }
        let kept: Vec<usize> = (0..dropped.len())
            .filter(|index| !dropped[*index])
            .collect();
        select(table, &kept, span)
    }

    pub(super) fn project_keep(
        &mut self,
        table: Table,
        columns: &'a [ast::Expr],
        span: Span,
    ) -> Table {
        let mut kept = vec![false; table.schema().len()];
        for column in columns {
            for index in self.matching(column, &table).unwrap_or_default() {
                kept[index] = true;
            }
        }
        // `project-keep` keeps the order of the table.
        let kept: Vec<usize> = (0..kept.len()).filter(|index| kept[*index]).collect();
        select(table, &kept, span)
    }

    pub(super) fn project_rename(
        &mut self,
        table: Table,
        columns: &'a [ast::Expr],
        span: Span,
    ) -> Table {
        let mut renamed = table.schema().columns().to_vec();
        let mut sources: Vec<usize> = Vec::with_capacity(columns.len());
        for column in columns {
            let ast::ExprKind::Named {
                names,
                tuple: false,
                value,
            } = &column.kind
            else {
                let message = "`project-rename` takes `new = old`";
                self.error(code::MISPLACED, column.span, message);
                continue;
            };
            let Ok(matches) = self.matching(value, &table) else {
                continue;
            };
            let (new, [index]) = (&names[0], matches.as_slice()) else {
                let message = "`project-rename` renames one column at a time";
                self.error(code::MISPLACED, value.span, message);
                continue;
            };
            if sources.contains(index) {
                continue;
            }
            if renamed.iter().any(|column| column.name == new.text) {
                let message = format!("there is already a column `{}` here", new.text);
                self.error(code::DUPLICATE_COLUMN, new.span, message);
                continue;
            }
            sources.push(*index);
            renamed[*index].name = Arc::clone(&new.text);
        }
        let exprs = (0..renamed.len())
            .map(|index| table.column(index, span))
            .collect();
        table.then(Schema::new(renamed), span, |input| PlanKind::Project {
            input,
            columns: exprs,
        })
    }

    pub(super) fn project_reorder(
        &mut self,
        table: Table,
        columns: &'a [(ast::Expr, Option<ReorderDirection>)],
        span: Span,
    ) -> Table {
        let mut order: Vec<usize> = Vec::with_capacity(table.schema().len());
        let mut placed = vec![false; table.schema().len()];
        for (column, direction) in columns {
            let mut matches = self.matching(column, &table).unwrap_or_default();
            let names = table.schema().columns();
            if let Some(direction) = direction {
                matches.sort_by(|a, b| in_order(&names[*a].name, &names[*b].name, *direction));
            }
            let is_name = matches!(column.kind, ast::ExprKind::Name(_));
            for index in matches {
                if !placed[index] {
                    placed[index] = true;
                    order.push(index);
                } else if is_name {
                    let name = &table.schema().columns()[index].name;
                    let message = format!("the column `{name}` is already in order");
                    self.error(code::DUPLICATE_COLUMN, column.span, message);
                }
            }
        }
        order.extend((0..placed.len()).filter(|index| !placed[*index]));
        select(table, &order, span)
    }
}

/// The table with only these columns, in this order.
pub(super) fn select(table: Table, columns: &[usize], span: Span) -> Table {
    let exprs: Vec<Expr> = columns
        .iter()
        .map(|index| table.column(*index, span))
        .collect();
    let schema: Vec<Column> = columns
        .iter()
        .map(|index| table.schema().columns()[*index].clone())
        .collect();
    table.then(Schema::new(schema), span, |input| PlanKind::Project {
        input,
        columns: exprs,
    })
}

/// Whether `name` matches a pattern in which `*` stands for any text.
pub(crate) fn matches_wildcard(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

fn in_order(left: &str, right: &str, direction: ReorderDirection) -> std::cmp::Ordering {
    match direction {
        ReorderDirection::Ascending => left.cmp(right),
        ReorderDirection::Descending => right.cmp(left),
        ReorderDirection::GrannyAscending => granny(left).cmp(&granny(right)),
        ReorderDirection::GrannyDescending => granny(right).cmp(&granny(left)),
    }
}

/// A key under which runs of digits compare as numbers.
fn granny(name: &str) -> Vec<(u8, u128, String)> {
    let mut key = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest
            .find(|character: char| character.is_ascii_digit() != is_digit)
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        key.push(match run.parse::<u128>() {
            Ok(number) if is_digit => (0, number, String::new()),
            _ => (1, 0, run.to_owned()),
        });
        rest = after;
    }
    key
}
