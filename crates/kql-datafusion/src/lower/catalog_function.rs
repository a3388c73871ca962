//! Functions of hunting services that yield tables. Each answers from a table of its own, which
//! `Tables::function_table` gives; `lookup` says which columns that has.

mod location;
mod watchlist;

use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::functions::core::expr_fn::{coalesce, get_field};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit, when};
use kql::hir::{self, ExprKind, Plan};
use kql::span::Span;
use kql::types::{ScalarType, Value};

use super::relation::Relation;
use super::{Lowering, Result, column, literal, output_name};
use crate::aggregate::{self, Best};
use crate::error::EngineError;
use crate::tables::Table;
use crate::types::arrow_type;
use crate::{function, lookup};

/// A table that a function answers from, under the names of its columns.
struct Source {
    table: Table,
    relation: Relation,
}

impl Source {
    /// A column converted to a type, null or `""` if there is none.
    fn column(&self, name: &str, ty: ScalarType) -> Result<Expr> {
        let Some(position) = lookup::position(&self.table.info.schema, name) else {
            return Ok(lit(literal::missing(ty)?));
        };
        let value = self.relation.column(position);
        Ok(match self.table.info.schema.columns()[position].ty {
            from if from == ty => value,
            from => function::convert(from, ty).call(vec![value]),
        })
    }

    fn has(&self, name: &str) -> bool {
        lookup::position(&self.table.info.schema, name).is_some()
    }
}

impl Lowering<'_> {
    pub(super) fn catalog_function(
        &self,
        name: &str,
        arguments: &[hir::Expr],
        input: Option<&Plan>,
        output: &Plan,
    ) -> Result<Relation> {
        match (name, arguments, input) {
            (lookup::FILE_PROFILE, [file, _], Some(input)) => {
                self.file_profile(file, input, output)
            }
            (lookup::DEVICE_FROM_IP, [address, time], Some(input)) => {
                self.device_from_ip(address, time, input, output)
            }
            (lookup::ASSIGNED_ADDRESSES, [device, time], None) => {
                self.assigned_addresses(device, time, output)
            }
            (lookup::SEEN_BY, [device], input) => self.seen_by(device, input, output),
            (lookup::WATCHLIST, [alias, keys], None) => self.watchlist(alias, keys, output),
            (lookup::WATCHLIST_ALIASES, [], None) => self.watchlist_aliases(output),
            _ => Err(EngineError::not_supported(
                format!("the function `{name}`"),
                output.span,
            )),
        }
    }

    /// The table of a function, or the error that there is none.
    fn function_table(&self, function: &str, key: Option<&str>, span: Span) -> Result<Table> {
        let table = self.tables.function_table(function, key);
        table.ok_or_else(|| EngineError::NoFunctionTable {
            what: match key {
                Some(key) => format!("the watchlist `{key}`"),
                None => format!("`{function}`"),
            },
            help: self.tables.function_help(function, key),
            span,
        })
    }

    fn source(&self, function: &str, key: Option<&str>, span: Span) -> Result<Source> {
        let table = self.function_table(function, key, span)?;
        let provider = std::sync::Arc::clone(&table.provider);
        let relation = Self::read(function, provider, table.info.schema.len())?;
        Ok(Source { table, relation })
    }

    /// An argument that names a column of the input, in quotes or without, as a value of the row.
    fn column_argument(&self, argument: &hir::Expr, input: &Relation, of: &Plan) -> Result<Expr> {
        let ExprKind::Literal(Value::String(name)) = &argument.kind else {
            return self.value(argument, input);
        };
        match of.schema.index_of(name) {
            Some(position) if of.schema.columns()[position].ty == ScalarType::String => {
                Ok(input.column(position))
            }
            _ => Err(EngineError::Invalid {
                what: format!("there is no column `{name}` of type string to look up"),
                span: argument.span,
            }),
        }
    }

    /// Each row with what the table knows of its file. A file is known by any of its hashes.
    fn file_profile(&self, file: &hir::Expr, input: &Plan, output: &Plan) -> Result<Relation> {
        let left = self.plan(input)?;
        let key = lower(self.column_argument(file, &left, input)?, file.span)?;
        let source = self.source(lookup::FILE_PROFILE, None, output.span)?;
        let added = &output.schema.columns()[input.schema.len()..];
        let info =
            kql::catalog::Catalog::function(&kql::catalog::EmptyCatalog, lookup::FILE_PROFILE);
        let names: Vec<_> = info
            .iter()
            .flat_map(|info| info.columns.columns())
            .collect();
        let values = names
            .iter()
            .map(|column| source.column(&column.name, column.ty))
            .collect::<Result<Vec<_>>>()?;
        let mut legs: Option<LogicalPlanBuilder> = None;
        for hash in ["SHA1", "SHA256", "MD5"] {
            if !source.has(hash) {
                continue;
            }
            let hash = lower(source.column(hash, ScalarType::String)?, output.span)?;
            let mut columns = vec![hash.clone().alias("\u{1f}key")];
            let named = |(position, value): (usize, &Expr)| {
                value.clone().alias(format!("\u{1f}value{position}"))
            };
            columns.extend(values.iter().enumerate().map(named));
            let leg = LogicalPlanBuilder::from(source.relation.plan.clone())
                .filter(hash.not_eq(text("")))?
                .project(columns)?;
            legs = Some(match legs {
                Some(others) => others.union(leg.build()?)?,
                None => leg,
            });
        }
        let legs = legs.ok_or_else(|| EngineError::Invalid {
            what: "the table of `FileProfile` has none of the columns SHA1, SHA256 and MD5"
                .to_owned(),
            span: output.span,
        })?;
        // One row per hash, so that rows of the input stay as many as they were.
        let mut types = vec![arrow_type(ScalarType::Bool)];
        types.extend(names.iter().map(|column| arrow_type(column.ty)));
        let mut any = vec![lit(true)];
        any.extend((0..names.len()).map(|position| column(format!("\u{1f}value{position}"))));
        let any = aggregate::extreme(Best::Greatest, &types).call(any);
        let right = legs
            .aggregate(vec![column("\u{1f}key")], vec![any.alias("\u{1f}row")])?
            .build()?;
        let row_key = self.hidden_name();
        let joined = joined(left, key, &row_key, right, "\u{1f}key")?;
        let known = column("\u{1f}row").is_not_null();
        let mut columns = joined.columns();
        for ((position, from), to) in names.iter().enumerate().zip(added) {
            let mut value = get_field(column("\u{1f}row"), format!("c{}", position + 1));
            if from.ty == ScalarType::String {
                value = coalesce(vec![value, lit(literal::missing(from.ty)?)]);
            }
            if &*from.name == "ProfileAvailability" && !source.has("ProfileAvailability") {
                let has_hash = column(&row_key).not_eq(text(""));
                value = when(known.clone(), text("Available"))
                    .when(has_hash, text("Missing"))
                    .otherwise(text(""))?;
            }
            columns.push(value.alias(output_name(&to.name)));
        }
        joined.project(columns)
    }

    /// Each row with the devices that had its address, at a time if one is given.
    fn device_from_ip(
        &self,
        address: &hir::Expr,
        time: &hir::Expr,
        input: &Plan,
        output: &Plan,
    ) -> Result<Relation> {
        let left = self.plan(input)?;
        let key = self.column_argument(address, &left, input)?;
        let source = self.source(lookup::DEVICE_FROM_IP, None, output.span)?;
        let added = &output.schema.columns()[input.schema.len()..];
        let plan = self.until(&source, time)?;
        let right = LogicalPlanBuilder::from(plan)
            .project(vec![
                source.column("IP", ScalarType::String)?.alias("\u{1f}ip"),
                source
                    .column("DeviceId", ScalarType::String)?
                    .alias("\u{1f}device"),
            ])?
            .distinct()?
            .build()?;
        let row_key = self.hidden_name();
        let joined = joined(left, key, &row_key, right, "\u{1f}ip")?;
        let mut columns = joined.columns();
        for (from, to) in ["\u{1f}ip", "\u{1f}device"].into_iter().zip(added) {
            let value = coalesce(vec![column(from), text("")]);
            columns.push(value.alias(output_name(&to.name)));
        }
        joined.project(columns)
    }

    /// The rows of a source up to a time, if there is one and the source knows its own.
    fn until(&self, source: &Source, time: &hir::Expr) -> Result<LogicalPlan> {
        let time = self.constant(time)?;
        let plan = source.relation.plan.clone();
        if time.is_null() || !source.has("Timestamp") {
            return Ok(plan);
        }
        let before = source
            .column("Timestamp", ScalarType::DateTime)?
            .lt_eq(lit(time));
        Ok(LogicalPlanBuilder::from(plan).filter(before)?.build()?)
    }

    /// The addresses of a device, by its identifier or its name: of each the latest row.
    fn assigned_addresses(
        &self,
        device: &hir::Expr,
        time: &hir::Expr,
        output: &Plan,
    ) -> Result<Relation> {
        let source = self.source(lookup::ASSIGNED_ADDRESSES, None, output.span)?;
        let wanted = lower(lit(self.constant(device)?), device.span)?;
        let identifier = source.column("DeviceId", ScalarType::String)?;
        let name = source.column("DeviceName", ScalarType::String)?;
        let is_device =
            lower(identifier, device.span)?
                .eq(wanted.clone())
                .or(lower(name, device.span)?.eq(wanted));
        let columns = output.schema.columns();
        let values = columns
            .iter()
            .map(|column| {
                let value = source.column(&column.name, column.ty)?;
                Ok(value.alias(output_name(&column.name)))
            })
            .collect::<Result<Vec<_>>>()?;
        let types: Vec<_> = columns.iter().map(|column| arrow_type(column.ty)).collect();
        let of = |name: &str| column(output_name(name));
        let row = aggregate::extreme(Best::Greatest, &types);
        let row = row.call(columns.iter().map(|column| of(&column.name)).collect());
        let latest = LogicalPlanBuilder::from(self.until(&source, time)?)
            .filter(is_device)?
            .project(values)?
            .aggregate(vec![of("IPAddress")], vec![row.alias("\u{1f}row")])?;
        let outputs = columns.iter().enumerate().map(|(position, column_of)| {
            let value = get_field(column("\u{1f}row"), format!("c{position}"));
            value.alias(output_name(&column_of.name))
        });
        let plan = latest.project(outputs.collect::<Vec<_>>())?.build()?;
        Ok(Relation::unordered(plan, columns.len()))
    }

    /// The devices that saw one, or those of the input.
    fn seen_by(&self, device: &hir::Expr, input: Option<&Plan>, output: &Plan) -> Result<Relation> {
        let source = self.source(lookup::SEEN_BY, None, output.span)?;
        let seen = self.hidden_name();
        let mut columns = vec![
            source
                .column("SeenDeviceId", ScalarType::String)?
                .alias(&seen),
        ];
        for wanted in output.schema.columns() {
            let value = source.column(&wanted.name, wanted.ty)?;
            columns.push(value.alias(output_name(&wanted.name)));
        }
        let rows = LogicalPlanBuilder::from(source.relation.plan.clone()).project(columns)?;
        let rows = match input {
            None => rows.filter(column(&seen).eq(lit(self.constant(device)?)))?,
            Some(input) => {
                let left = self.plan(input)?.without_order();
                let key = self.column_argument(device, &left, input)?;
                let row_key = self.hidden_name();
                let devices = LogicalPlanBuilder::from(left.plan)
                    .project(vec![key.alias(&row_key)])?
                    .build()?;
                rows.join_detailed(
                    devices,
                    JoinType::LeftSemi,
                    (
                        vec![Column::new_unqualified(seen)],
                        vec![Column::new_unqualified(row_key)],
                    ),
                    None,
                    NullEquality::NullEqualsNothing,
                )?
            }
        };
        let outputs = output.schema.columns().iter();
        let outputs = outputs.map(|wanted| column(output_name(&wanted.name)));
        let plan = rows.project(outputs.collect::<Vec<_>>())?.distinct()?;
        Ok(Relation::unordered(plan.build()?, output.schema.len()))
    }
}

/// Rows with those of `right` whose column `on` is their `key`, which stays as a hidden column
/// called `row_key`. All rows of `left` stay, in their order.
fn joined(
    left: Relation,
    key: Expr,
    row_key: &str,
    right: LogicalPlan,
    on: &str,
) -> Result<Relation> {
    let mut columns: Vec<Expr> = left
        .plan
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    columns.push(key.alias(row_key));
    left.map(|plan| {
        LogicalPlanBuilder::from(plan)
            .project(columns)?
            .join_detailed(
                right,
                JoinType::Left,
                (
                    vec![Column::new_unqualified(row_key)],
                    vec![Column::new_unqualified(on)],
                ),
                None,
                NullEquality::NullEqualsNothing,
            )?
            .build()
    })
}

fn lower(value: Expr, span: Span) -> Result<Expr> {
    let lower = function::scalar("tolower", &[ScalarType::String], ScalarType::String);
    let lower = lower.ok_or_else(|| EngineError::not_supported("tolower()", span))?;
    Ok(lower.call(vec![value]))
}

fn text(text: &str) -> Expr {
    lit(datafusion::common::ScalarValue::Utf8View(Some(
        text.to_owned(),
    )))
}
