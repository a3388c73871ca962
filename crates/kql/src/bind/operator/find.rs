//! `find`: the rows of some or all tables in which something is found, under the columns that the
//! condition names or that all tables have, the others in a bag.

use std::sync::Arc;

use super::search::shift;
use super::unite::Source;
use crate::bind::binary::connective;
use crate::bind::special::builtin;
use crate::bind::table::{Table, free_name};
use crate::bind::{Attempt, Binder, Reported, code, coerce};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, PlanKind, UnionColumn, UnionInput, UnionValue};
use crate::name_map::{NameMap, NameSet};
use crate::span::Span;
use crate::syntax::ast::{self, FindColumn, Node, OperatorKind};
use crate::types::{Column, ScalarType, Schema, Value};

/// The column that names the table of a row, unless `withsource=` calls it otherwise.
const SOURCE: &str = "source_";
/// The column of the bag.
const BAG: &str = "pack_";

/// The columns of several tables, one per name; dynamic where a name has several types.
#[derive(Default)]
struct Merged {
    columns: Vec<Column>,
    /// How many tables have the column.
    tables: Vec<usize>,
    places: NameMap<usize>,
}

impl Merged {
    fn of<'t>(tables: impl IntoIterator<Item = &'t Table>) -> Self {
        let mut merged = Self::default();
        for table in tables {
            for column in table.schema().columns() {
                if let Some(place) = merged.places.get(&column.name) {
                    merged.tables[*place] += 1;
                    if merged.columns[*place].ty != column.ty {
                        merged.columns[*place].ty = ScalarType::Dynamic;
                    }
                    continue;
                }
                let name = Arc::clone(&column.name);
                merged.places.insert(name, merged.columns.len());
                merged.columns.push(column.clone());
                merged.tables.push(1);
            }
        }
        merged
    }

    /// Some of the columns.
    fn only(&self, keeps: impl Fn(&Column) -> bool) -> Self {
        let mut some = Self::default();
        for (column, tables) in self.columns.iter().zip(&self.tables) {
            if keeps(column) {
                let name = Arc::clone(&column.name);
                some.places.insert(name, some.columns.len());
                some.columns.push(column.clone());
                some.tables.push(*tables);
            }
        }
        some
    }
}

impl<'a> Binder<'a> {
    /// `find` in the given tables, or in all there are.
    pub(in crate::bind) fn find(
        &mut self,
        is_piped: bool,
        operator: &'a ast::TableOperator,
    ) -> Attempt<Table> {
        let OperatorKind::Find {
            properties,
            tables,
            predicate,
            project,
        } = &operator.kind
        else {
            return Err(Reported);
        };
        let span = operator.span;
        let mut source = Source {
            column: SOURCE.into(),
            unnamed: "find_arg",
        };
        for property in self.properties(properties, &["withsource", "datascope"]) {
            if &*property.name.text == "withsource" {
                source.column = self.property_name(property)?.text;
            } else {
                self.property_word(property, &["all", "hotcache"])?;
            }
        }
        if is_piped {
            let message = "`find` does not read the table on its left";
            self.report(
                Diagnostic::warning(code::IGNORED, operator.keyword.span, message)
                    .with_help("name the table in `find in (…)`"),
            );
        }
        let legs = self.searched(None, tables, operator)?;
        let columns: usize = legs.iter().map(|leg| leg.schema().len()).sum();
        self.grow(legs.len() + columns / 4, span)?;
        let everything = Merged::of(&legs);
        let named = named_columns(predicate, &everything);
        let read_all = looks_everywhere(predicate, &everything);
        let mut legs = legs;
        if !named.is_empty() && !read_all {
            // A table without any of the columns has no row that could be meant.
            legs.retain(|leg| {
                named
                    .iter()
                    .any(|name| leg.schema().index_of(name).is_some())
            });
        }
        let merged = Merged::of(&legs);
        let output = match project {
            Some(project) => self.projection(project, &everything)?,
            None => smart(&merged, &named, legs.len()),
        };
        let listed: NameSet<&Arc<str>> = output.columns.iter().map(|column| &column.name).collect();
        let read = merged.only(|column| {
            read_all || named.contains(&column.name) || listed.contains(&column.name)
        });
        let packed: Vec<Option<Expr>> = legs
            .iter()
            .map(|leg| output.bag.then(|| bag(leg, &listed, span)))
            .collect();
        let condition = self.found(predicate, Schema::new(&*read.columns), span);
        if read.places.contains_key(&source.column) {
            let message = format!("there is already a column `{}` here", source.column);
            return Err(self.error(code::DUPLICATE_COLUMN, span, message));
        }
        let found = gather(legs, &read, &source, packed, span);
        let mut condition = condition?;
        shift(&mut condition);
        let found = found.then_same(span, |input| PlanKind::Filter {
            input,
            predicate: condition,
        });
        Ok(show(found, &read, output, span))
    }

    fn projection(&mut self, project: &[FindColumn], everything: &Merged) -> Attempt<Output> {
        let mut output = Output::default();
        let mut failed = false;
        for item in project {
            let (name, ty) = match item {
                FindColumn::Star(_) => continue,
                FindColumn::Pack(_) => {
                    output.bag = true;
                    continue;
                }
                FindColumn::Column { name, ty } => (name, ty),
            };
            let ty = ty.as_ref().map(|ty| self.type_named(ty)).transpose();
            let Some(place) = everything.places.get(&name.text) else {
                let schema = Schema::new(everything.columns.clone());
                self.unknown_column(name, &schema);
                failed = true;
                continue;
            };
            let mut columns = output.columns.iter();
            if columns.any(|column| column.name == name.text) {
                let message = format!("there is already a column `{}` here", name.text);
                self.error(code::DUPLICATE_COLUMN, name.span, message);
                failed = true;
            }
            let Ok(ty) = ty else {
                failed = true;
                continue;
            };
            let ty = ty.unwrap_or(everything.columns[*place].ty);
            let name = Arc::clone(&name.text);
            output.columns.push(Column { name, ty });
        }
        if failed { Err(Reported) } else { Ok(output) }
    }
}

/// The columns to show behind the source.
#[derive(Default)]
struct Output {
    columns: Vec<Column>,
    /// Whether the other columns of a row are shown in a bag.
    bag: bool,
}

/// The columns that the condition names and those that all tables have.
fn smart(merged: &Merged, named: &NameSet, tables: usize) -> Output {
    let columns: Vec<Column> = merged
        .columns
        .iter()
        .zip(&merged.tables)
        .filter(|(column, found)| **found == tables || named.contains(&column.name))
        .map(|(column, _)| column.clone())
        .collect();
    Output {
        bag: columns.len() < merged.columns.len(),
        columns,
    }
}

/// The columns that a condition names, subqueries aside.
fn named_columns(predicate: &ast::Expr, everything: &Merged) -> NameSet {
    let mut named = NameSet::default();
    let mut pending = vec![predicate];
    while let Some(expr) = pending.pop() {
        match &expr.kind {
            ast::ExprKind::Name(name) if everything.places.contains_key(&name.text) => {
                named.insert(Arc::clone(&name.text));
            }
            ast::ExprKind::Member { base, .. } => pending.push(base),
            ast::ExprKind::Pipe { .. } | ast::ExprKind::Source(_) => {}
            _ => pending.extend(expr.children().into_iter().filter_map(|node| match node {
                Node::Expr(expr) => Some(expr),
                Node::Statement(_) | Node::Operator(_) => None,
            })),
        }
    }
    named
}

/// Whether a condition looks for something in all columns: `* has "x"`, or a text by itself.
fn looks_everywhere(predicate: &ast::Expr, merged: &Merged) -> bool {
    let mut pending = vec![(predicate, true)];
    while let Some((expr, is_condition)) = pending.pop() {
        let joins = match &expr.kind {
            ast::ExprKind::Star => return true,
            ast::ExprKind::Literal(_) if is_condition => return true,
            ast::ExprKind::Name(name) if is_condition => {
                if !merged.places.contains_key(&name.text) {
                    return true;
                }
                false
            }
            ast::ExprKind::Parenthesized(_) => true,
            ast::ExprKind::Binary { op, .. } => connective(*op).is_some(),
            _ => false,
        };
        pending.extend(expr.children().into_iter().filter_map(|node| match node {
            Node::Expr(expr) => Some((expr, is_condition && joins)),
            Node::Statement(_) | Node::Operator(_) => None,
        }));
    }
    false
}

/// The columns of a table that are not listed, in a bag.
fn bag(leg: &Table, listed: &NameSet<&Arc<str>>, span: Span) -> Expr {
    let mut packed = Vec::new();
    for (index, column) in leg.schema().columns().iter().enumerate() {
        if !listed.contains(&column.name) {
            packed.push(Expr {
                kind: ExprKind::Literal(Value::String(Arc::clone(&column.name))),
                ty: ScalarType::String,
                span,
            });
            packed.push(leg.column(index, span));
        }
    }
    builtin("bag_pack", packed, ScalarType::Dynamic, span)
}

/// The rows of all tables: the source, the columns to read, and the bag.
fn gather(
    legs: Vec<Table>,
    read: &Merged,
    source: &Source,
    packed: Vec<Option<Expr>>,
    span: Span,
) -> Table {
    let mut columns = Vec::with_capacity(read.columns.len() + 2);
    columns.push(Column::new(Arc::clone(&source.column), ScalarType::String));
    columns.extend(read.columns.iter().cloned());
    if packed.iter().any(Option::is_some) {
        let name = free_name(&BAG.into(), |name| read.places.contains_key(name));
        columns.push(Column::new(name, ScalarType::Dynamic));
    }
    let inputs = legs.into_iter().zip(packed).enumerate();
    let inputs = inputs
        .map(|(number, (leg, packed))| {
            let mut given = Vec::new();
            let mut values = vec![UnionValue {
                output: 0,
                value: source.label(&leg, number, span),
            }];
            for (index, own) in leg.schema().columns().iter().enumerate() {
                let Some(place) = read.places.get(&own.name) else {
                    continue;
                };
                let (output, ty) = (1 + place, read.columns[*place].ty);
                if own.ty == ty {
                    given.push(UnionColumn::new(output, index));
                } else {
                    let value = coerce::convert(leg.column(index, span), ty);
                    values.push(UnionValue { output, value });
                }
            }
            given.sort_by_key(|column| column.output());
            values.sort_by_key(|value| value.output);
            values.extend(packed.map(|value| UnionValue {
                output: columns.len() - 1,
                value,
            }));
            UnionInput {
                plan: leg.plan,
                columns: given.into(),
                values,
            }
        })
        .collect();
    Table::new(PlanKind::Union { inputs }, Schema::new(columns), span)
}

/// Of what was found, the columns to show.
fn show(found: Table, read: &Merged, output: Output, span: Span) -> Table {
    let mut columns = vec![found.schema().columns()[0].clone()];
    let mut exprs = vec![found.column(0, span)];
    for column in output.columns {
        exprs.push(match read.places.get(&column.name) {
            Some(place) => coerce::convert(found.column(1 + place, span), column.ty),
            None => Expr::missing(column.ty, span),
        });
        columns.push(column);
    }
    if output.bag {
        let last = found.schema().len() - 1;
        columns.push(found.schema().columns()[last].clone());
        exprs.push(found.column(last, span));
    }
    found.then(Schema::new(columns), span, |input| PlanKind::Project {
        input,
        columns: exprs,
    })
}
