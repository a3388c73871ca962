//! `parse-kv`.

use std::sync::Arc;

use crate::bind::expression::Row;
use crate::bind::table::Table;
use crate::bind::{Binder, Reported, code, coerce};
use crate::hir::{KeyValueOptions, ParseKv, PlanKind};
use crate::span::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{Column, ScalarType, Schema, Value};

const OPTIONS: &[&str] = &[
    "escape",
    "greedy",
    "kv_delimiter",
    "pair_delimiter",
    "quote",
    "regex",
];
/// Options that may be given several times.
const LISTS: &[&str] = &["escape", "quote"];

impl<'a> Binder<'a> {
    pub(super) fn parse_kv(&mut self, table: Table, parse: &'a ast::ParseKv, span: Span) -> Table {
        let text = self.scalar(&parse.text, Row::of(&table));
        let options = self.key_value_options(&parse.properties);
        let mut schema = table.schema().columns().to_vec();
        let mut columns = Vec::with_capacity(parse.columns.len());
        let declared = self.declared_columns(&parse.columns);
        if let Ok(declared) = &declared {
            for column in declared.columns() {
                let place = table.schema().index_of(&column.name);
                let place = place.unwrap_or_else(|| {
                    schema.push(Column::new(Arc::clone(&column.name), column.ty));
                    schema.len() - 1
                });
                schema[place].ty = column.ty;
                columns.push(place);
            }
        }
        let (Ok(text), Ok(_)) = (text, declared) else {
            let mut table = table;
            let names = parse.columns.iter().map(|column| &column.name.text);
            table.broken.extend(names.cloned());
            return table;
        };
        let text = coerce::convert(text, ScalarType::String);
        table.then(Schema::new(schema), span, |input| {
            PlanKind::ParseKv(ParseKv {
                input,
                text,
                columns,
                options,
            })
        })
    }

    fn key_value_options(&mut self, properties: &'a [ast::Property]) -> KeyValueOptions {
        let mut options = KeyValueOptions::default();
        for property in self.properties_with_lists(properties, OPTIONS, LISTS) {
            let name = &*property.name.text;
            let value = match &property.value.kind {
                ExprKind::Literal(literal) => Some(&literal.value),
                ExprKind::Missing => continue,
                _ => None,
            };
            if name == "greedy" {
                match value {
                    Some(Value::Bool(greedy)) => options.greedy = *greedy,
                    _ => {
                        let _ = self.odd_option(property, "`true` or `false`");
                    }
                }
                continue;
            }
            let Some(Value::String(text)) = value else {
                let _ = self.odd_option(property, "a text");
                continue;
            };
            let text = Arc::clone(text);
            match name {
                "escape" => options.escapes.push(text),
                "kv_delimiter" => options.kv_delimiter = Some(text),
                "pair_delimiter" => options.pair_delimiter = Some(text),
                "quote" => options.quotes.push(text),
                _ => options.regex = Some(text),
            }
        }
        options
    }

    fn odd_option(&mut self, property: &ast::Property, takes: &str) -> Reported {
        let message = format!("the option `{}` takes {takes}", property.name.text);
        self.error(code::PROPERTY, property.value.span, message)
    }
}
