//! `parse` and `parse-where`.

use std::sync::Arc;

use crate::bind::expression::Row;
use crate::bind::property::property_text;
use crate::bind::table::Table;
use crate::bind::{Attempt, Binder, Reported, code, coerce};
use crate::hir::{ExprKind, ParseKind, ParsePart, PlanKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{Column, ScalarType, Schema, Value};

impl<'a> Binder<'a> {
    pub(super) fn parse(
        &mut self,
        table: Table,
        drop_unmatched: bool,
        properties: &'a [ast::Property],
        text: &'a ast::Expr,
        pattern: &'a [ast::ParsePart],
        span: Span,
    ) -> Table {
        let mut kind = ParseKind::Simple;
        let mut flags = String::new();
        for property in self.properties(properties, &["kind", "flags"]) {
            if &*property.name.text == "flags" {
                match property_text(property) {
                    Some(text) if text.chars().all(|flag| "imsU".contains(flag)) => flags = text,
                    _ => {
                        let message = "the flags of `parse` are `i`, `m`, `s` and `U`";
                        self.error(code::PROPERTY, property.value.span, message);
                    }
                }
                continue;
            }
            kind = match self.property_word(property, &["simple", "relaxed", "regex"]) {
                Ok("relaxed") => ParseKind::Relaxed,
                Ok("regex") => ParseKind::Regex,
                _ => ParseKind::Simple,
            };
        }
        let text = self.scalar(text, Row::of(&table));
        let mut schema = table.schema().columns().to_vec();
        let mut parts = Vec::with_capacity(pattern.len());
        let mut failed = false;
        let mut extracted: Vec<usize> = Vec::new();
        for (position, part) in pattern.iter().enumerate() {
            if let Some(message) = misplaced(pattern, position) {
                self.error(code::MISPLACED, part_span(part, span), message);
                failed = true;
            }
            match self.pattern_part(part, &mut schema) {
                Ok(ParsePart::Column(index)) => {
                    if extracted.contains(&index) {
                        let name = &schema[index].name;
                        let message = format!("there is already a column `{name}` here");
                        self.error(code::DUPLICATE_COLUMN, part_span(part, span), message);
                        failed = true;
                    }
                    extracted.push(index);
                    parts.push(ParsePart::Column(index));
                }
                Ok(part) => parts.push(part),
                Err(Reported) => failed = true,
            }
        }
        let mut broken = Vec::new();
        let (text, failed) = match text {
            Ok(text) => (Some(coerce::convert(text, ScalarType::String)), failed),
            Err(Reported) => (None, true),
        };
        let Some(text) = text.filter(|_| !failed) else {
            // The columns are known by name at least.
            let added = schema.split_off(table.schema().len());
            broken.extend(added.into_iter().map(|column| column.name));
            let mut table = table;
            table.broken.extend(broken);
            return table;
        };
        table.then(Schema::new(schema), span, |input| PlanKind::Parse {
            input,
            text,
            pattern: parts,
            kind,
            flags,
            drop_unmatched,
        })
    }

    fn pattern_part(
        &mut self,
        part: &'a ast::ParsePart,
        schema: &mut Vec<Column>,
    ) -> Attempt<ParsePart> {
        match part {
            ast::ParsePart::Skip => Ok(ParsePart::Skip),
            ast::ParsePart::Text(text) => {
                let bound = self.scalar(text, Row::NONE)?;
                if let ExprKind::Literal(Value::String(text)) = bound.kind {
                    return Ok(ParsePart::Text(text));
                }
                let message = "the texts of a pattern must be constants";
                Err(self.error(code::NOT_CONSTANT, text.span, message))
            }
            ast::ParsePart::Column { name, ty } => {
                let ty = match ty {
                    Some(ty) => self.type_named(ty)?,
                    None => ScalarType::String,
                };
                let place = schema.iter().position(|column| column.name == name.text);
                let place = place.unwrap_or_else(|| {
                    schema.push(Column::new(Arc::clone(&name.text), ty));
                    schema.len() - 1
                });
                schema[place].ty = ty;
                Ok(ParsePart::Column(place))
            }
        }
    }
}

/// What is wrong with the place of a part of a pattern.
fn misplaced(pattern: &[ast::ParsePart], position: usize) -> Option<&'static str> {
    use ast::ParsePart::{Column, Skip, Text};
    let before = position.checked_sub(1).map(|before| &pattern[before]);
    match (before, &pattern[position], pattern.get(position + 1)) {
        (Some(Column { .. } | Skip), Column { .. }, _) => {
            Some("a column must follow a text, to know where it starts")
        }
        (_, Skip, Some(Column { .. } | Skip)) => {
            Some("a text must follow `*`, to know where it ends")
        }
        (Some(Column { ty, .. }), Skip, _)
            if ty.as_ref().is_none_or(|ty| &*ty.text == "string") =>
        {
            Some("a column of type string takes all the text there is: nothing is left to skip")
        }
        (_, Text(_) | Skip | Column { .. }, _) => None,
    }
}

fn part_span(part: &ast::ParsePart, otherwise: Span) -> Span {
    match part {
        ast::ParsePart::Skip => otherwise,
        ast::ParsePart::Text(text) => text.span,
        ast::ParsePart::Column { name, .. } => name.span,
    }
}
