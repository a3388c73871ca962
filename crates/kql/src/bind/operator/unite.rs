//! The common columns of several tables: one per name and type, with type names attached where a
//! name has several types. It takes time linear in the columns of all tables, of which catalogs
//! have tens of thousands.

use std::sync::Arc;

use crate::bind::Binder;
use crate::bind::table::{Table, free_name};
use crate::catalog::{Common, Legs};
use crate::hir::{Expr, ExprKind, PlanKind, UnionColumn, UnionInput, UnionValue};
use crate::name_map::{NameMap, NameSet};
use crate::span::Span;
use crate::types::{Column, ScalarType, Schema, Value};

/// The column that tells which leg a row is from.
pub(super) struct Source {
    /// Its name; it is the first column.
    pub(super) column: Arc<str>,
    /// What legs without a name are called, before their number.
    pub(super) unnamed: &'static str,
}

impl Source {
    /// The value of the column for the rows of one leg.
    pub(super) fn label(&self, leg: &Table, number: usize, span: Span) -> Expr {
        let label = match &leg.label {
            Some(label) => Arc::clone(label),
            None => format!("{}{number}", self.unnamed).into(),
        };
        Expr {
            kind: ExprKind::Literal(Value::String(label)),
            ty: ScalarType::String,
            span,
        }
    }
}

/// A name that legs have columns of, and the types they have under it.
struct Variant {
    name: Arc<str>,
    types: Vec<Typed>,
}

struct Typed {
    ty: ScalarType,
    /// How many legs have it.
    legs: usize,
    /// Its place in the output, if it has one.
    output: Option<usize>,
}

impl Binder<'_> {
    /// The common columns of some legs; with `inner` only those that all legs have.
    pub(super) fn common(
        &self,
        legs: &[Table],
        inner: bool,
        source: Option<&Source>,
    ) -> Arc<Common> {
        let wanted = Legs {
            schemas: legs.iter().map(|leg| leg.schema().clone()).collect(),
            inner,
            source: source.map(|source| Arc::clone(&source.column)),
        };
        // What is made of a table has columns of its own each time, which are not worth keeping.
        let are_tables = || {
            legs.iter()
                .all(|leg| matches!(*leg.plan.kind, PlanKind::Table { .. }))
        };
        match self.catalog.unions() {
            Some(unions) if are_tables() => unions.common(wanted, common_columns),
            _ => Arc::new(common_columns(&wanted)),
        }
    }
}

/// The rows of all legs under their common columns.
pub(super) fn unite(
    legs: Vec<Table>,
    common: &Common,
    source: Option<&Source>,
    span: Span,
) -> Table {
    let inputs = legs.into_iter().zip(&common.legs).enumerate();
    let inputs = inputs
        .map(|(number, (leg, columns))| UnionInput {
            values: source
                .map(|source| UnionValue {
                    output: 0,
                    value: source.label(&leg, number, span),
                })
                .into_iter()
                .collect(),
            columns: Arc::clone(columns),
            plan: leg.plan,
        })
        .collect();
    Table::new(PlanKind::Union { inputs }, common.schema.clone(), span)
}

fn common_columns(legs: &Legs) -> Common {
    let Legs {
        schemas,
        inner,
        source,
    } = legs;
    let widest = schemas.iter().map(Schema::len).max();
    let mut places = NameMap::default();
    places.reserve(widest.unwrap_or(0) * 2);
    let mut variants: Vec<Variant> = Vec::new();
    // For each column of each leg, which variant of which name it is.
    let mut own: Vec<Vec<(usize, usize)>> = Vec::with_capacity(schemas.len());
    for schema in schemas {
        let columns = schema.columns().iter();
        own.push(
            columns
                .map(|column| variant(&mut places, &mut variants, column))
                .collect(),
        );
    }
    let is_single = |name: &str| {
        let place = places.get(name);
        place.is_some_and(|place| variants[*place].types.len() == 1)
    };
    let mut columns: Vec<Column> = Vec::with_capacity(variants.len() + 1);
    // Names that are not those of single columns, which differ from each other.
    let mut taken = NameSet::default();
    if let Some(source) = source {
        taken.insert(Arc::clone(source));
        columns.push(Column::new(Arc::clone(source), ScalarType::String));
    }
    let first = columns.len();
    let mut outputs: Vec<(usize, usize)> = Vec::with_capacity(variants.len());
    for (place, variant) in variants.iter().enumerate() {
        let several = variant.types.len() > 1;
        for (index, typed) in variant.types.iter().enumerate() {
            if *inner && typed.legs < schemas.len() {
                continue;
            }
            let wanted = if several {
                format!("{}_{}", variant.name, typed.ty).into()
            } else {
                Arc::clone(&variant.name)
            };
            // A name made of name and type gives way to the columns that are called so.
            let free = free_name(&wanted, |free| {
                taken.contains(free) || ((several || *free != *wanted) && is_single(free))
            });
            if several || free != wanted {
                taken.insert(Arc::clone(&free));
            }
            columns.push(Column::new(free, typed.ty));
            outputs.push((place, index));
        }
    }
    for (output, (place, index)) in outputs.into_iter().enumerate() {
        variants[place].types[index].output = Some(first + output);
    }
    let given = |own: Vec<(usize, usize)>| {
        let own = own.into_iter().enumerate();
        let mut given: Vec<UnionColumn> = own
            .filter_map(|(input, (place, typed))| {
                let output = variants[place].types[typed].output?;
                Some(UnionColumn::new(output, input))
            })
            .collect();
        given.sort_by_key(|column| column.output());
        given.into()
    };
    Common {
        legs: own.into_iter().map(given).collect(),
        read: match first {
            0 => Schema::default(),
            _ => Schema::new(&columns[first..]),
        },
        schema: Schema::new(columns),
    }
}

/// Notes one column of a leg; the places of its name, and of its type under that name.
fn variant(
    places: &mut NameMap<usize>,
    variants: &mut Vec<Variant>,
    column: &Column,
) -> (usize, usize) {
    let place = if let Some(place) = places.get(&column.name) {
        *place
    } else {
        places.insert(Arc::clone(&column.name), variants.len());
        variants.push(Variant {
            name: Arc::clone(&column.name),
            types: Vec::new(),
        });
        variants.len() - 1
    };
    let types = &mut variants[place].types;
    let known = types.iter().position(|typed| typed.ty == column.ty);
    let index = known.unwrap_or_else(|| {
        types.push(Typed {
            ty: column.ty,
            legs: 0,
            output: None,
        });
        types.len() - 1
    });
    types[index].legs += 1;
    (place, index)
}
