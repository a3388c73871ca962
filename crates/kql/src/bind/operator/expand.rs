//! `mv-expand`, and what it shares with `mv-apply`.

use std::sync::Arc;

use crate::bind::aggregate::constant_long;
use crate::bind::expression::Row;
use crate::bind::name;
use crate::bind::table::{Table, free_name};
use crate::bind::{Attempt, Binder, Reported, code};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, MvExpandColumn, PlanKind};
use crate::syntax::ast;
use crate::types::{Column, ScalarType, Schema};

/// The limit of the retired spelling `mvexpand`.
const RETIRED_LIMIT: u64 = 128;

/// What the columns of `mv-expand` and `mv-apply` make of a row.
pub(super) struct Expansion {
    /// The table's columns, with expanded ones in their place, and then the new ones.
    pub(super) schema: Vec<Column>,
    pub(super) columns: Vec<MvExpandColumn>,
    /// Names of new columns that had errors.
    pub(super) broken: Vec<Arc<str>>,
}

/// The column of the item index behind the others.
pub(super) fn item_index_column(name: &Arc<str>, schema: &[Column]) -> Column {
    let free = free_name(name, |name| {
        schema.iter().any(|column| *column.name == *name)
    });
    Column::new(free, ScalarType::Long)
}

impl<'a> Binder<'a> {
    pub(super) fn mv_expand(
        &mut self,
        table: Table,
        properties: &'a [ast::Property],
        columns: &'a [(ast::Expr, Option<ast::TypeName>)],
        limit: Option<&'a ast::Expr>,
        operator: &'a ast::TableOperator,
    ) -> Table {
        let mut bag_as_array = false;
        let mut index_name = None;
        for property in self.properties(properties, &["kind", "bagexpansion", "with_itemindex"]) {
            if &*property.name.text == "with_itemindex" {
                index_name = self.property_name(property).ok();
            } else {
                let word = self.property_word(property, &["bag", "array"]);
                bag_as_array = matches!(word, Ok("array"));
            }
        }
        let row_limit = match limit {
            Some(limit) => self.expansion_limit(limit).ok(),
            None if &*operator.keyword.text == "mvexpand" => Some(RETIRED_LIMIT),
            None => None,
        };
        let Expansion {
            mut schema,
            columns,
            broken,
        } = self.expansion(&table, columns);
        let item_index = index_name.is_some();
        if let Some(name) = index_name {
            schema.push(item_index_column(&name.text, &schema));
        }
        let span = operator.span;
        let mut result = table.then(Schema::new(schema), span, |input| PlanKind::MvExpand {
            input,
            columns,
            item_index,
            row_limit,
            bag_as_array,
        });
        result.broken.extend(broken);
        result
    }

    /// The columns of `mv-expand` and `mv-apply`, and the rows that expanding them makes.
    pub(super) fn expansion(
        &mut self,
        table: &Table,
        columns: &'a [(ast::Expr, Option<ast::TypeName>)],
    ) -> Expansion {
        let mut schema = table.schema().columns().to_vec();
        let mut broken = Vec::new();
        let mut expanded: Vec<MvExpandColumn> = Vec::with_capacity(columns.len());
        for (column, type_name) in columns {
            let (name, value) = match &column.kind {
                ast::ExprKind::Named {
                    names,
                    value,
                    tuple,
                } => {
                    if *tuple {
                        let message = "the expression has one value and takes one name";
                        self.error(code::MISPLACED, column.span, message);
                    }
                    (Some(Arc::clone(&names[0].text)), &**value)
                }
                _ => (name::derived(column).map(Arc::from), column),
            };
            let name = name.unwrap_or_else(|| {
                let taken = |name: &str| schema.iter().any(|column| *column.name == *name);
                let numbers = 1..=schema.len() + 1;
                let free = numbers
                    .map(|number| format!("Column{number}"))
                    .find(|name| !taken(name));
                free.expect("there are more numbers than columns").into()
            });
            let bound = self.expandable(value, table);
            let ty = match type_name {
                Some(type_name) => self.type_named(type_name),
                None => Ok(ScalarType::Dynamic),
            };
            let (Ok(value), Ok(ty)) = (bound, ty) else {
                broken.push(name);
                continue;
            };
            let place = schema.iter().position(|column| column.name == name);
            let output = place.unwrap_or(schema.len());
            if expanded.iter().any(|other| other.output == output) {
                let message = format!("there is already a column `{name}` here");
                self.error(code::DUPLICATE_COLUMN, column.span, message);
                continue;
            }
            match place {
                Some(place) => schema[place].ty = ty,
                None => schema.push(Column::new(name, ty)),
            }
            expanded.push(MvExpandColumn { value, output });
        }
        Expansion {
            schema,
            columns: expanded,
            broken,
        }
    }

    /// A value of type dynamic.
    fn expandable(&mut self, value: &'a ast::Expr, table: &Table) -> Attempt<Expr> {
        let bound = self.scalar(value, Row::of(table))?;
        if bound.ty == ScalarType::Dynamic {
            return Ok(bound);
        }
        let message = format!("only dynamic values can be expanded, not type {}", bound.ty);
        let diagnostic = Diagnostic::error(code::ARGUMENT_TYPE, value.span, message);
        Err(self.report(match bound.ty {
            ScalarType::String => {
                diagnostic.with_help("read the text with `parse_json()` or `split()` first")
            }
            _ => diagnostic,
        }))
    }

    /// The most items of one row.
    pub(super) fn expansion_limit(&mut self, limit: &'a ast::Expr) -> Attempt<u64> {
        let bound = self.scalar(limit, Row::NONE)?;
        let count = Some(bound)
            .filter(|bound| bound.ty.is_integer())
            .and_then(constant_long)
            .and_then(|count| u64::try_from(count).ok());
        count.ok_or_else(|| -> Reported {
            let message = "the limit of items is a number that is not negative";
            self.error(code::NOT_CONSTANT, limit.span, message)
        })
    }
}
