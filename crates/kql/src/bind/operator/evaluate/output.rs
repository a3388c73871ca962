//! The columns that a plugin makes.

use std::collections::HashSet;
use std::sync::Arc;

use super::{DeclaredColumns, Given};
use crate::bind::numbering::Numbering;
use crate::bind::table::Table;
use crate::bind::{Attempt, Binder};
use crate::builtin::plugin::{Output, Plugin};
use crate::hir::{Expr, ExprKind, PluginArgument, PluginValue};
use crate::syntax::ast;
use crate::types::{Column, ScalarType, Schema, Value};

/// UniqueColumns so far, with unique names.
#[derive(Default)]
struct UniqueColumns {
    columns: Vec<Column>,
    names: HashSet<Arc<str>>,
    numbering: Numbering,
    is_open: bool,
}

impl UniqueColumns {
    fn push(&mut self, name: &Arc<str>, ty: ScalarType) {
        let name = self.numbering.free(name, |name| self.names.contains(name));
        self.names.insert(Arc::clone(&name));
        self.columns.push(Column::new(name, ty));
    }

    fn all(&mut self, schema: &Schema, keeps: impl Fn(&Column) -> bool) {
        self.is_open |= schema.is_open();
        for column in schema.columns() {
            if keeps(column) {
                self.push(&column.name, column.ty);
            }
        }
    }
}

impl<'a> Binder<'a> {
    pub(super) fn plugin_schema(
        &mut self,
        plugin: &'static Plugin,
        table: &Table,
        given: &[Given<'a>],
        bound: &[PluginArgument],
        lookup: Option<&Table>,
        declared: Option<&DeclaredColumns>,
    ) -> Attempt<Schema> {
        let Some((columns, keeps_others)) = declared else {
            let columns = columns(plugin, table, given, bound, lookup);
            return Ok(Schema::new(columns.columns).opened(columns.is_open));
        };
        let declared = self.declared_columns(columns)?;
        if !keeps_others {
            return Ok(declared);
        }
        let others = columns_without(plugin, table, given, bound, lookup, &declared);
        Ok(others)
    }
}

/// The columns that the plugin is known to make and the declared ones, which come last.
fn columns_without(
    plugin: &'static Plugin,
    table: &Table,
    given: &[Given<'_>],
    bound: &[PluginArgument],
    lookup: Option<&Table>,
    declared: &Schema,
) -> Schema {
    let mut columns = columns(plugin, table, given, bound, lookup).columns;
    columns.retain(|column| declared.index_of(&column.name).is_none());
    columns.extend_from_slice(declared.columns());
    Schema::new(columns)
}

fn columns(
    plugin: &'static Plugin,
    table: &Table,
    given: &[Given<'_>],
    bound: &[PluginArgument],
    lookup: Option<&Table>,
) -> UniqueColumns {
    let input = table.schema();
    let of = |parameter: &str| -> Vec<(Option<Arc<str>>, ScalarType)> {
        given
            .iter()
            .zip(bound)
            .filter(|(given, _)| given.parameter.name == parameter)
            .filter_map(|(given, bound)| match &bound.value {
                PluginValue::Expr(expr) => Some((name_of(given.value), expr.ty)),
                _ => None,
            })
            .collect()
    };
    let mut columns = UniqueColumns::default();
    for output in plugin.output {
        match *output {
            Output::Input => columns.all(input, |_| true),
            Output::OthersUnless(parameter) if !of(parameter).is_empty() => {}
            Output::InputWithoutArguments | Output::OthersUnless(_) => {
                let used = positions(bound);
                columns.all(input, |column| {
                    !used
                        .iter()
                        .any(|at| input.columns()[*at].name == column.name)
                });
            }
            Output::Of(parameter) => {
                for (name, ty) in of(parameter) {
                    columns.push(&name.unwrap_or_default(), ty);
                }
            }
            Output::Prefixed(prefix, parameter) => {
                for (name, ty) in of(parameter) {
                    let name = name.unwrap_or_default();
                    columns.push(&format!("{prefix}{name}").into(), ty);
                }
            }
            Output::Suffixed(parameter, suffix, ty) => {
                for (name, _) in of(parameter) {
                    let name = name.unwrap_or_default();
                    columns.push(&format!("{name}{suffix}").into(), ty);
                }
            }
            Output::Typed(name, parameter) => {
                for (_, ty) in of(parameter) {
                    columns.push(&name.into(), ty);
                }
            }
            Output::New(name, ty) => columns.push(&name.into(), ty),
            Output::NumberedCounts => {
                for number in 0..given.len() {
                    columns.push(&format!("s{number}").into(), ScalarType::Long);
                }
            }
            Output::RollingPercentile => rolling_percentile(&mut columns, given, bound),
            Output::Steps => {
                let time = of("TimelineColumn");
                let time = time.first().and_then(|(name, _)| name.clone());
                let steps = given.iter().filter(|given| given.parameter.name == "Expr");
                for step in steps {
                    let name = step.name.map_or("", |name| &*name.text);
                    let time = time.as_deref().unwrap_or_default();
                    columns.push(&format!("{name}_{time}").into(), ScalarType::DateTime);
                }
            }
            Output::Lookup => {
                let keys: Vec<usize> = lookup_keys(plugin, given, bound, lookup);
                if let Some(lookup) = lookup {
                    let schema = lookup.schema();
                    columns.all(schema, |column| {
                        !keys
                            .iter()
                            .any(|at| schema.columns()[*at].name == column.name)
                    });
                }
            }
            Output::Declared => {
                let schema = bound.iter().find_map(|argument| match &argument.value {
                    PluginValue::Schema {
                        keeps_input,
                        columns,
                    } => Some((*keeps_input, columns)),
                    _ => None,
                });
                let Some((keeps_input, declared)) = schema else {
                    continue;
                };
                if keeps_input {
                    columns.all(input, |column| declared.index_of(&column.name).is_none());
                }
                columns.all(declared, |_| true);
            }
            Output::Further => columns.is_open = true,
        }
    }
    columns
}

/// The columns of the input that arguments name or aggregate.
fn positions(bound: &[PluginArgument]) -> Vec<usize> {
    let mut pending: Vec<&Expr> = Vec::new();
    for argument in bound {
        match &argument.value {
            PluginValue::Expr(expr) => pending.push(expr),
            PluginValue::Aggregate { calls, .. } => {
                pending.extend(calls.iter().flat_map(|call| &call.arguments));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    while let Some(expr) = pending.pop() {
        if let ExprKind::Column(at) = expr.kind {
            found.push(at);
        }
        pending.extend(expr.operands());
    }
    found
}

/// The columns of the looked-up table that its rows are found by, which the result leaves out.
/// An address that is looked up in ranges keeps its range.
fn lookup_keys(
    plugin: &Plugin,
    given: &[Given<'_>],
    bound: &[PluginArgument],
    lookup: Option<&Table>,
) -> Vec<usize> {
    let returns_key = given.iter().zip(bound).any(|(given, bound)| {
        given.parameter.name == "return_lookup_key"
            && matches!(
                &bound.value,
                PluginValue::Expr(Expr {
                    kind: ExprKind::Literal(Value::Bool(true)),
                    ..
                })
            )
    });
    let by_place = plugin.name.starts_with("geo_") && !returns_key;
    let mut keys = Vec::new();
    for (given, bound) in given.iter().zip(bound) {
        match (&bound.value, given.parameter.name) {
            (PluginValue::LookupColumn(at), _) if by_place => keys.push(*at),
            (PluginValue::Expr(_), "ExtraKey") => {
                let name = name_of(given.value).unwrap_or_default();
                keys.extend(lookup.and_then(|lookup| lookup.schema().index_of(&name)));
            }
            _ => {}
        }
    }
    keys
}

/// `rolling_3_percentile_Value_50`
fn rolling_percentile(columns: &mut UniqueColumns, given: &[Given<'_>], bound: &[PluginArgument]) {
    let find = |parameter: &str| {
        let mut pairs = given.iter().zip(bound);
        pairs.find(|(given, _)| given.parameter.name == parameter)
    };
    let text = |parameter: &str| match find(parameter).map(|(_, bound)| &bound.value) {
        Some(PluginValue::Expr(Expr {
            kind: ExprKind::Literal(value),
            ..
        })) => match value {
            Value::Long(number) => number.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            _ => String::new(),
        },
        _ => String::new(),
    };
    let Some((value, argument)) = find("ValueColumn") else {
        return;
    };
    let PluginValue::Expr(column) = &argument.value else {
        return;
    };
    let name = name_of(value.value).unwrap_or_default();
    let (window, rank) = (text("BinsPerWindow"), text("Percentile"));
    let name = format!("rolling_{window}_percentile_{name}_{rank}");
    columns.push(&name.into(), column.ty);
}

fn name_of(value: &ast::Expr) -> Option<Arc<str>> {
    match &value.kind {
        ast::ExprKind::Name(name) => Some(Arc::clone(&name.text)),
        _ => None,
    }
}
