//! `project-by-names` and `assert-schema`: columns by names that are texts, and what a table is
//! said to have.

use super::columns::{matches_wildcard, select};
use crate::bind::expression::Row;
use crate::bind::table::Table;
use crate::bind::{Attempt, Binder, code};
use crate::diagnostic::Diagnostic;
use crate::hir::ExprKind;
use crate::span::Span;
use crate::syntax::ast;
use crate::types::Value;

impl<'a> Binder<'a> {
    /// `project-by-names "a", dynamic(["b*"]), column_names_of(T)`
    pub(super) fn project_by_names(
        &mut self,
        table: Table,
        names: &'a [ast::Expr],
        span: Span,
    ) -> Table {
        let mut taken = vec![false; table.schema().len()];
        let mut order = Vec::new();
        for written in names {
            let Ok(patterns) = self.column_patterns(written) else {
                return Table::unknown(span);
            };
            for pattern in patterns {
                let columns = table.schema().columns().iter().enumerate();
                let found: Vec<usize> = columns
                    .filter(|(_, column)| matches_wildcard(&pattern, &column.name))
                    .map(|(index, _)| index)
                    .collect();
                if found.is_empty() && !table.may_have(&pattern) {
                    let message = format!("there is no column `{pattern}` to project");
                    self.warn(code::IGNORED, written.span, message);
                }
                for index in found {
                    if !std::mem::replace(&mut taken[index], true) {
                        order.push(index);
                    }
                }
            }
        }
        let is_open = table.open;
        let mut result = select(table, &order, span);
        result.open = is_open;
        result
    }

    /// Constant names, with wildcards or without.
    fn column_patterns(&mut self, written: &'a ast::Expr) -> Attempt<Vec<String>> {
        let bound = self.scalar(written, Row::NONE)?;
        let patterns = match &bound.kind {
            ExprKind::Literal(Value::String(text)) => Some(vec![text.to_string()]),
            ExprKind::Literal(Value::Dynamic(json)) => texts(json),
            _ => None,
        };
        patterns.ok_or_else(|| {
            let message = "the names of the columns are constant texts";
            self.report(
                Diagnostic::error(code::NOT_CONSTANT, written.span, message)
                    .with_help("use texts, or an array of texts in `dynamic([…])`"),
            )
        })
    }

    /// `assert-schema (a:long, …)`: what is known to fail is reported.
    pub(super) fn assert_schema(
        &mut self,
        table: Table,
        columns: &[ast::ColumnDeclaration],
        span: Span,
    ) -> Table {
        let Ok(wanted) = self.declared_columns(columns) else {
            return table;
        };
        if table.open || !table.broken.is_empty() {
            return table;
        }
        for column in wanted.columns() {
            let found = match table.schema().column(&column.name) {
                Some(own) if own.ty == column.ty => continue,
                Some(own) => format!("has it as {}", own.ty),
                None => "has no such column".to_owned(),
            };
            let message = format!(
                "a column `{}` of type {} is asserted, the table {found}",
                column.name, column.ty
            );
            self.warn(code::IGNORED, span, message);
        }
        table
    }
}

/// The texts of a JSON array of texts, or of one text; `None` for any other value.
fn texts(json: &str) -> Option<Vec<String>> {
    let mut characters = json.trim().chars().peekable();
    let mut texts = Vec::new();
    let is_array = characters.next_if_eq(&'[').is_some();
    loop {
        while characters
            .next_if(|next| next.is_whitespace() || *next == ',')
            .is_some()
        {}
        match characters.next() {
            Some('"') => texts.push(text(&mut characters)?),
            Some(']') if is_array => return Some(texts),
            None if !is_array => return Some(texts),
            _ => return None,
        }
    }
}

/// The rest of a JSON text behind its opening quote.
fn text(characters: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut text = String::new();
    loop {
        text.push(match characters.next()? {
            '"' => return Some(text),
            '\\' => match characters.next()? {
                'u' => {
                    let digits: String = characters.take(4).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            },
            other => other,
        });
    }
}
