//! `bag_unpack` and `pivot`, whose columns depend on the rows unless the query declares them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{Expr, lit};
use kql::builtin;
use kql::hir::{self, AggregateCall, ExprKind, Plan, PlanKind, PluginValue};
use kql::types::{Column, ScalarType, Schema};

use super::open::Kept;
use super::plugin::Call;
use super::prepare::{Answer, address};
use super::relation::Relation;
use super::{Lowering, Result, output_name};
use crate::error::EngineError;
use crate::function;
use crate::memory::mem_table;
use crate::node::whole::Work;
use crate::plugin::bag_unpack::{self, Conflict, Options, Origin, Properties};
use crate::plugin::pivot::Grouped;
use crate::plugin::rows::Rows;

impl Lowering<'_> {
    /// The columns that a call turns out to have, and what it needs to yield its rows.
    pub(super) async fn compute_open_call(&mut self, call: &Call<'_>) -> Result<(Schema, Kept)> {
        match call.function.name {
            "bag_unpack" => self.compute_bag_unpack(call).await,
            "pivot" => {
                let (schema, rows) = self.pivoted(call, None).await?;
                let rows_in_all = rows.num_rows();
                let kept = Kept {
                    table: Arc::new(mem_table(&schema, vec![rows])?),
                    ordered: false,
                    width: schema.len(),
                    origins: None,
                };
                let is_empty = rows_in_all == 0;
                Ok((schema.opened(is_empty), kept))
            }
            _ => Err(call.refused()),
        }
    }

    async fn compute_bag_unpack(&mut self, call: &Call<'_>) -> Result<(Schema, Kept)> {
        let options = self.bag_unpack_options(call)?;
        let (table, ordered, batches) = self.kept(call.input, call.function.name).await?;
        let mut properties = Properties::default();
        for batch in &batches {
            let noted = properties.note(batch, &options);
            noted.map_err(|message| call.invalid(message))?;
            // Reading bags takes long; a query that nobody waits for ends here.
            tokio::task::yield_now().await;
        }
        let layout = properties.layout(&call.input.schema, &options);
        let (schema, origins) = layout.map_err(|message| call.invalid(message))?;
        let is_empty = batches.iter().all(|batch| batch.num_rows() == 0);
        let kept = Kept {
            table,
            ordered,
            width: call.input.schema.len(),
            origins: Some(origins),
        };
        Ok((schema.opened(is_empty), kept))
    }

    /// The rows of the input with the properties of its bags as columns.
    pub(super) fn bag_unpack(&self, call: &Call<'_>) -> Result<Relation> {
        let options = self.bag_unpack_options(call)?;
        let kept = call.id.and_then(|id| self.computed.calls.get(&id));
        let (input, origins) = if let Some(Kept {
            table,
            ordered,
            width,
            origins: Some(origins),
        }) = kept
        {
            let input = self.cached(Arc::clone(table), *ordered, *width)?;
            (input, origins.clone())
        } else {
            let origins = bag_unpack::declared(&call.output.schema, &call.input.schema, &options);
            (self.plan(call.input)?, origins)
        };
        let bag = input.column(options.column);
        let mut columns = Vec::with_capacity(origins.len());
        for (column, origin) in call.output.schema.columns().iter().zip(origins) {
            let source = |position: usize| {
                let ty = call.input.schema.columns()[position].ty;
                converted(input.column(position), ty, column.ty)
            };
            let property = |name: &str| {
                let value = function::member().call(vec![bag.clone(), text(name)]);
                converted(value, ScalarType::Dynamic, column.ty)
            };
            let value = match origin {
                Origin::Input(position) => source(position),
                Origin::Property(name) => property(&name),
                Origin::Nothing => Self::nothing(column.ty)?,
                Origin::PropertyOrInput(name, position) => {
                    let has = function::has_property().call(vec![bag.clone(), text(&name)]);
                    datafusion::logical_expr::when(has, property(&name))
                        .otherwise(source(position))?
                }
                Origin::InputUnlessProperty(position, name) => {
                    let has = function::has_no_property().call(vec![bag.clone(), text(&name)]);
                    datafusion::logical_expr::when(has, source(position))
                        .otherwise(Self::nothing(column.ty)?)?
                }
            };
            columns.push(value.alias(output_name(&column.name)));
        }
        input.project(columns)
    }

    fn bag_unpack_options(&self, call: &Call<'_>) -> Result<Options> {
        let column = call.column("Column")?;
        let ty = call.input.schema.columns()[column].ty;
        if ty != ScalarType::Dynamic {
            return Err(call.invalid(format!("the column to unpack is of type {ty}, not dynamic")));
        }
        let conflict = match self.text(call, "columnsConflict")? {
            None => Conflict::Error,
            Some(name) => Conflict::named(&name).ok_or_else(|| {
                call.invalid(format!(
                    "columnsConflict is `{name}`, not error, replace_source or keep_source"
                ))
            })?,
        };
        let ignored = self.text(call, "ignoredProperties")?.unwrap_or_default();
        let ignored = function::json::elements(&ignored).into_iter().flatten();
        Ok(Options {
            column,
            prefix: self.text(call, "OutputColumnPrefix")?.unwrap_or_default(),
            conflict,
            ignored: ignored
                .map(|name| function::json::unescape(name).into_owned())
                .collect(),
        })
    }

    /// The rows that were computed before the query.
    pub(super) fn pivot(&self, call: &Call<'_>) -> Result<Relation> {
        let kept = call.id.and_then(|id| self.computed.calls.get(&id));
        if let Some(kept) = kept {
            return self.cached(Arc::clone(&kept.table), kept.ordered, kept.width);
        }
        match self.subqueries.get(&address(call.output)) {
            Some(Answer::Table(schema, batches)) => {
                let table = Arc::new(mem_table(schema, batches.clone())?);
                let types: Vec<ScalarType> =
                    schema.columns().iter().map(|column| column.ty).collect();
                let relation = self.cached(table, false, schema.len())?;
                Self::converted(relation, &types, call.output)
            }
            _ => Err(EngineError::not_supported(
                "pivot in this place",
                call.output.span,
            )),
        }
    }

    /// Runs `pivot`.
    pub(super) async fn pivoted(
        &mut self,
        call: &Call<'_>,
        wanted: Option<&Schema>,
    ) -> Result<(Schema, RecordBatch)> {
        let pivot = Pivot::of(call)?;
        let missing = Arc::new(pivot.over(no_rows(call.input), &[]));
        self.own(&missing);
        self.prepare(&missing).await?;
        let missing = self.first_cell(&missing, pivot.value.ty).await?;
        let mut keys = pivot.keys.clone();
        keys.push(pivot.column);
        let grouped = Arc::new(pivot.over(call.input.clone(), &keys));
        self.own(&grouped);
        self.prepare(&grouped).await?;
        let plan = self.plan(&grouped)?.sorted()?;
        let batches = self.collect(plan, "pivot").await?;
        let types: Vec<ScalarType> = grouped
            .schema
            .columns()
            .iter()
            .map(|column| column.ty)
            .collect();
        let pool = &self.state.runtime_env().memory_pool;
        let options = self.state.config().options();
        let work = Work::new(options, MemoryConsumer::new("pivot").register(pool));
        let columns = call.input.schema.columns();
        let keys: Vec<Column> = pivot.keys.iter().map(|key| columns[*key].clone()).collect();
        let grouped = Grouped {
            rows: Rows::of(&batches, &types, &work)?,
            keys: &keys,
            value: pivot.value.ty,
            missing,
        };
        let rotated = grouped.rotate(wanted, &work)?;
        self.reservations.push(work.into_reservation());
        Ok(rotated)
    }
}

/// What `pivot` aggregates.
struct Pivot {
    /// Columns of the input that stay.
    keys: Vec<usize>,
    /// The column whose values name columns.
    column: usize,
    calls: Vec<AggregateCall>,
    /// Over the outputs of the aggregates.
    value: hir::Expr,
    span: kql::span::Span,
    input: Schema,
}

impl Pivot {
    fn of(call: &Call<'_>) -> Result<Self> {
        let column = call.column("pivotColumn")?;
        let aggregate = call
            .arguments
            .iter()
            .find_map(|argument| match &argument.value {
                PluginValue::Aggregate { calls, value } => Some((calls.clone(), value.clone())),
                _ => None,
            });
        let span = call.output.span;
        let (calls, value) = match aggregate {
            Some(aggregate) => aggregate,
            None => (vec![count(span)?], output(0, ScalarType::Long, span)),
        };
        let given = call.exprs("column");
        let keys: Vec<usize> = if given.is_empty() {
            let mut used = vec![column];
            let mut pending: Vec<&hir::Expr> =
                calls.iter().flat_map(|call| &call.arguments).collect();
            while let Some(expr) = pending.pop() {
                if let ExprKind::Column(position) = expr.kind {
                    used.push(position);
                }
                pending.extend(expr.operands());
            }
            let columns = 0..call.input.schema.len();
            columns
                .filter(|position| !used.contains(position))
                .collect()
        } else {
            let positions = given.iter().filter_map(|expr| match expr.kind {
                ExprKind::Column(position) => Some(position),
                _ => None,
            });
            positions.collect()
        };
        for key in &keys {
            let key = &call.input.schema.columns()[*key];
            if key.ty == ScalarType::Dynamic {
                return Err(call.invalid(format!(
                    "rows cannot be grouped by the dynamic column `{}`; convert it, or name the \
                     columns to keep",
                    key.name
                )));
            }
        }
        Ok(Self {
            keys,
            column,
            calls,
            value,
            span,
            input: call.input.schema.clone(),
        })
    }

    /// The aggregates of a table with the input's columns, by some of them.
    fn over(&self, input: Plan, keys: &[usize]) -> Plan {
        let types = keys.iter().map(|key| self.input.columns()[*key].ty);
        let types: Vec<ScalarType> = types.collect();
        let outputs = self.calls.iter().flat_map(|call| call.outputs.clone());
        let numbered = |types: &[ScalarType]| -> Schema {
            let types = types.iter().enumerate();
            types
                .map(|(number, ty)| Column::new(format!("c{number}"), *ty))
                .collect()
        };
        let inner: Vec<ScalarType> = types.iter().copied().chain(outputs).collect();
        let expr = |(position, ty): (usize, &ScalarType)| output(position, *ty, self.span);
        let key = |key: &usize| output(*key, self.input.columns()[*key].ty, self.span);
        let aggregated = Plan {
            kind: Box::new(PlanKind::Aggregate {
                input,
                keys: keys.iter().map(key).collect(),
                aggregates: self.calls.clone(),
            }),
            schema: numbered(&inner),
            span: self.span,
        };
        let mut columns: Vec<hir::Expr> = types.iter().enumerate().map(expr).collect();
        let mut value = self.value.clone();
        shift(&mut value, keys.len());
        let mut outer = types.clone();
        outer.push(value.ty);
        columns.push(value);
        Plan {
            kind: Box::new(PlanKind::Project {
                input: aggregated,
                columns,
            }),
            schema: numbered(&outer),
            span: self.span,
        }
    }
}

/// Moves the columns of an expression behind others.
fn shift(expr: &mut hir::Expr, by: usize) {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        if let ExprKind::Column(position) = &mut expr.kind {
            *position += by;
        }
        pending.extend(expr.operands_mut());
    }
}

fn output(position: usize, ty: ScalarType, span: kql::span::Span) -> hir::Expr {
    hir::Expr {
        kind: ExprKind::Column(position),
        ty,
        span,
    }
}

fn count(span: kql::span::Span) -> Result<AggregateCall> {
    let function =
        builtin::aggregate("count").ok_or_else(|| EngineError::not_supported("count()", span))?;
    Ok(AggregateCall {
        function,
        arguments: Vec::new(),
        outputs: vec![ScalarType::Long],
        span,
    })
}

/// A table of the same columns without rows.
fn no_rows(input: &Plan) -> Plan {
    Plan {
        kind: Box::new(PlanKind::Values { rows: Vec::new() }),
        schema: input.schema.clone(),
        span: input.span,
    }
}

fn text(name: &str) -> Expr {
    lit(ScalarValue::Utf8View(Some(name.to_owned())))
}

fn converted(value: Expr, from: ScalarType, to: ScalarType) -> Expr {
    if from == to {
        return value;
    }
    function::convert(from, to).call(vec![value])
}
