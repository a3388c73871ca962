//! From the typed tree to a DataFusion plan, one file per family of operators.
//!
//! A lowered table is a [`Relation`]: its plan, whose first columns are those of the KQL schema
//! under their own names, and the order it was sorted in. DataFusion keeps no order that the top
//! of a plan does not ask for, so the sort keys travel along as hidden columns and the sort is
//! done where the order is needed. Subqueries are run beforehand (`prepare`), which makes their
//! results constants that scans can prune with.

mod catalog_function;
mod decimal;
mod detached;
mod each_group;
mod estimate;
mod expression;
mod external_data;
mod extreme_rows;
mod graph;
mod group;
mod group_value;
mod join;
mod literal;
mod make_series;
mod membership;
mod mv_apply;
mod mv_expand;
mod open;
mod parse;
mod parse_kv;
mod partition;
mod plugin;
mod plugin_activity;
mod plugin_lookup;
mod plugin_open;
mod plugin_pattern;
mod plugin_rows;
mod plugin_sequence;
mod prepare;
mod range;
mod reduce;
mod relation;
mod sample;
mod scan;
mod several;
mod source;
mod summarize;
mod top_nested;
mod truth;
mod union;
mod window;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use kql::hir::{self, PlaceKind, Plan, PlanKind, SortKey};
use kql::types::ScalarType;

use crate::error::EngineError;
use crate::external::ExternalData;
use crate::function;
use crate::tables::Tables;
use group::Groups;
pub(crate) use open::Computed;
use relation::{OrderKey, Relation};

type Result<T, E = EngineError> = std::result::Result<T, E>;

/// Lowers one query.
pub(crate) struct Lowering<'a> {
    tables: &'a dyn Tables,
    state: &'a SessionState,
    now: i64,
    names: std::cell::Cell<usize>,
    subqueries: HashMap<usize, prepare::Answer>,
    shared: HashMap<u32, prepare::Shared>,
    /// What was computed in passes over the query before this one.
    computed: Computed,
    /// Plans that are not in the query's tree.
    owned: Vec<Arc<Plan>>,
    /// The time columns of the tables that the query reads.
    time_columns: Vec<String>,
    /// What `geo_info_from_ip_address` looks addresses up in, if the query calls it.
    locations: Option<Arc<function::Locations>>,
    /// Tables that subqueries read several times, by the address of their plan.
    inputs: HashMap<usize, prepare::Shared>,
    external: &'a ExternalData,
    /// The files of each `externaldata`, by the address of its plan.
    externals: HashMap<usize, external_data::External>,
    /// The subqueries that are being lowered, the innermost last.
    frames: std::cell::RefCell<Vec<group::Frame>>,
    /// The extremes of aggregations that read only the rows that reach them, by their addresses.
    extremes: HashMap<usize, Arc<dyn TableProvider>>,
    /// Rows of the sides of joins, by their addresses.
    estimates: HashMap<usize, f64>,
    /// How many rows tables are read for, while a sample is planned.
    sample_rows: std::cell::Cell<Option<usize>>,
    reservations: Vec<MemoryReservation>,
}

/// What lowering came to.
pub(crate) enum Lowered {
    /// The plans of the results, and the memory that the results of subqueries hold.
    Plans(Vec<LogicalPlan>, Vec<MemoryReservation>),
    /// The columns of plugins are known now that were not: the query is to be bound again with
    /// them and lowered with the rest.
    Columns(Computed),
}

impl<'a> Lowering<'a> {
    /// A lowering that reads `tables` and what `external` allows, and whose `now()` is `now`, in
    /// ticks.
    pub(crate) fn new(
        tables: &'a dyn Tables,
        external: &'a ExternalData,
        state: &'a SessionState,
        now: i64,
        mut computed: Computed,
    ) -> Self {
        Self {
            tables,
            state,
            now,
            names: std::cell::Cell::new(0),
            subqueries: HashMap::new(),
            shared: HashMap::new(),
            time_columns: Vec::new(),
            locations: None,
            reservations: std::mem::take(&mut computed.reservations),
            computed,
            owned: Vec::new(),
            inputs: HashMap::new(),
            external,
            externals: HashMap::new(),
            frames: std::cell::RefCell::new(Vec::new()),
            extremes: HashMap::new(),
            estimates: HashMap::new(),
            sample_rows: std::cell::Cell::new(None),
        }
    }

    /// The plans of the results of a query, after its subqueries ran.
    pub(crate) async fn query(mut self, query: &hir::Query) -> Result<Lowered> {
        self.look_around(&query.plan);
        if self.compute_open_calls(&query.plan).await? {
            let cached = self.shared.into_iter();
            let mut computed = self.computed;
            computed
                .shared
                .extend(cached.filter(|(_, shared)| shared.is_cached()));
            computed.reservations = self.reservations;
            return Ok(Lowered::Columns(computed));
        }
        self.prepare(&query.plan).await?;
        let mut plans = Vec::new();
        for (_, result) in query.results() {
            plans.push(self.plan(result)?.sorted()?);
        }
        Ok(Lowered::Plans(plans, self.reservations))
    }

    /// A column name that no KQL column has.
    fn hidden_name(&self) -> String {
        let number = self.names.get();
        self.names.set(number + 1);
        format!("\u{1f}{number}")
    }

    fn plan(&self, plan: &Plan) -> Result<Relation> {
        let lowered = self.step(plan)?;
        self.check_groups(plan, lowered)
    }

    fn step(&self, plan: &Plan) -> Result<Relation> {
        match &*plan.kind {
            PlanKind::Table { name, place, .. } => {
                // A database of this place is the one at hand; what is elsewhere is not here.
                let mut steps = place.iter().flat_map(|place| &place.steps);
                let elsewhere = steps.find(|(kind, _)| *kind != PlaceKind::Database);
                if let Some((kind, _)) = elsewhere {
                    let what = format!("a table of another place (`{}()`)", kind.as_str());
                    return Err(EngineError::not_supported(what, plan.span));
                }
                self.sourced(self.table(name, plan)?)
            }
            PlanKind::Rows => self.rows(plan),
            PlanKind::ExternalData { .. } => self.external_data(plan),
            PlanKind::Values { rows } => self.sourced(Self::values(rows, plan)?),
            PlanKind::Print { columns } => {
                let one_row = Relation::unordered(LogicalPlanBuilder::empty(true).build()?, 0);
                let one_row = self.with_windows(self.sourced(one_row)?, columns)?;
                self.project(one_row, columns, plan)
            }
            PlanKind::Range { from, to, step } => self.sourced(self.range(from, to, step, plan)?),
            PlanKind::Filter { input, predicate } => {
                let input = match self.unique_join(input, predicate)? {
                    Some(joined) => joined,
                    None => self.plan(input)?,
                };
                let input = self.with_windows(input, [predicate])?;
                let predicate = self.predicate(predicate, &input)?;
                self.filtered(input, predicate)
            }
            PlanKind::Project { input, columns } => {
                if let PlanKind::Graph(hir::Graph::Match(matched)) = &*input.kind {
                    return self.graph_match(matched, Some(columns), plan);
                }
                let input = self.with_windows(self.plan(input)?, columns)?;
                self.project(input, columns, plan)
            }
            PlanKind::Aggregate {
                input,
                keys,
                aggregates,
            } => self.summarize(input, keys, aggregates, plan),
            PlanKind::Distinct { input } => {
                let input = self.plan(input)?;
                if let Some(groups) = input.groups.clone() {
                    return Self::distinct_of_groups(input, &groups);
                }
                let unique = LogicalPlanBuilder::from(input.visible()?).distinct()?;
                Ok(Relation::unordered(unique.build()?, plan.schema.len()))
            }
            PlanKind::Sort { input, keys } => self.sort(self.plan(input)?, keys),
            PlanKind::Reduce {
                input,
                text,
                threshold,
                characters,
                keeps_rows,
            } => {
                let options = reduce::Options {
                    threshold: *threshold,
                    separators: characters,
                    keeps_rows: *keeps_rows,
                };
                self.reduce(input, text, options, plan)
            }
            PlanKind::Graph(graph) => self.graph(graph, plan),
            PlanKind::Scan(scan) => self.scan(scan, plan),
            PlanKind::Take { input, count } => {
                let input = self.plan(input)?;
                let count = self.row_count(count)?;
                if let Some(groups) = input.groups.clone() {
                    let order = input.sort_expressions();
                    return self.take_of_groups(input, &groups, order, count);
                }
                input.map_sorted(|plan| {
                    LogicalPlanBuilder::from(plan)
                        .limit(0, Some(count))?
                        .build()
                })
            }
            PlanKind::Sample { input, count } => self.sample(input, count),
            PlanKind::Join {
                left,
                right,
                kind,
                on,
            } => self.join(left, right, *kind, on, &[], plan),
            PlanKind::Union { inputs } => self.union(inputs, plan),
            PlanKind::MvExpand {
                input,
                columns,
                item_index,
                row_limit,
                bag_as_array,
            } => {
                let options = mv_expand::Options {
                    item_index: *item_index,
                    row_limit: *row_limit,
                    bag_as_array: *bag_as_array,
                    keeps_empty: false,
                };
                self.mv_expand(input, columns, options, plan)
            }
            PlanKind::Parse {
                input,
                text,
                pattern,
                kind,
                flags,
                drop_unmatched,
            } => {
                let pattern = parse::Pattern {
                    parts: pattern,
                    kind: *kind,
                    flags,
                };
                self.parse(input, text, &pattern, *drop_unmatched, plan)
            }
            PlanKind::MakeSeries(series) => self.make_series(series, plan),
            PlanKind::ParseKv(parse) => self.parse_kv(parse, plan),
            PlanKind::MvApply(apply) => self.mv_apply(apply, plan),
            PlanKind::Partition(partition) => self.partition(partition, plan),
            PlanKind::TopNested(nested) => self.top_nested(nested, plan),
            PlanKind::Serialize { input } => self.plan(input),
            PlanKind::Plugin { .. } if let Some(call) = plugin::Call::of(plan) => {
                self.plugin(&call)
            }
            PlanKind::Shared { id, input } => match self.shared.get(id) {
                Some(prepare::Shared::Cached { table, ordered, .. }) => {
                    let cached = self.cached(Arc::clone(table), *ordered, plan.schema.len())?;
                    self.sourced(cached)
                }
                _ => self.plan(input),
            },
            PlanKind::CatalogFunction {
                name,
                arguments,
                input,
            } => self.catalog_function(name, arguments, input.as_ref(), plan),
            other => {
                let operator = format!("the operator `{}`", other.operator());
                Err(EngineError::not_supported(operator, plan.span))
            }
        }
    }

    /// One expression per column of the output's schema; the input's order is kept.
    fn project(&self, input: Relation, columns: &[hir::Expr], output: &Plan) -> Result<Relation> {
        let columns = columns
            .iter()
            .zip(output.schema.columns())
            .map(|(expr, column)| Ok(self.value(expr, &input)?.alias(output_name(&column.name))))
            .collect::<Result<Vec<_>>>()?;
        input.project(columns)
    }

    fn sort(&self, input: Relation, keys: &[SortKey]) -> Result<Relation> {
        let expressions = keys.iter().map(|key| &key.expr);
        let input = self.with_windows(input, expressions)?;
        let mut columns = input.columns();
        columns.extend(input.groups.iter().flat_map(Groups::columns).map(column));
        let mut order = Vec::new();
        self.sort_columns(keys, &input, &mut columns, &mut order)?;
        let width = input.width;
        let plan = LogicalPlanBuilder::from(input.plan)
            .project(columns)?
            .build()?;
        Ok(Relation {
            order,
            groups: input.groups,
            ..Relation::unordered(plan, width)
        })
    }

    /// Adds hidden columns that sort by the keys.
    fn sort_columns(
        &self,
        keys: &[SortKey],
        input: &Relation,
        columns: &mut Vec<Expr>,
        order: &mut Vec<OrderKey>,
    ) -> Result<()> {
        for key in keys {
            let value = self.value(&key.expr, input)?;
            if key.expr.ty == ScalarType::Real {
                // NaN has its place between null and the numbers, whatever the direction.
                let is_nan = function::scalar("isnan", &[ScalarType::Real], ScalarType::Bool)
                    .ok_or_else(|| EngineError::not_supported("isnan()", key.expr.span))?;
                let name = self.hidden_name();
                columns.push(is_nan.call(vec![value.clone()]).alias(&name));
                order.push(OrderKey {
                    column: name,
                    ascending: !key.nulls_first,
                    nulls_first: key.nulls_first,
                });
            }
            let name = self.hidden_name();
            columns.push(value.alias(&name));
            order.push(OrderKey {
                column: name,
                ascending: !key.descending,
                nulls_first: key.nulls_first,
            });
        }
        Ok(())
    }

    /// A constant number of rows; none for one that is negative.
    fn row_count(&self, count: &hir::Expr) -> Result<usize> {
        match self.constant(count)? {
            ScalarValue::Int64(Some(count)) => Ok(usize::try_from(count).unwrap_or(0)),
            _ => Err(EngineError::Invalid {
                what: "a number of rows is a long that is not null".to_owned(),
                span: count.span,
            }),
        }
    }

    /// The value of an expression without columns.
    fn constant(&self, expr: &hir::Expr) -> Result<ScalarValue> {
        if let hir::ExprKind::Literal(value) = &expr.kind {
            return Ok(literal::scalar(value, expr.ty)?);
        }
        if has_columns(expr) {
            return Err(EngineError::Invalid {
                what: "this must be the same for all rows; columns have no value here".to_owned(),
                span: expr.span,
            });
        }
        let no_columns = Relation::unordered(LogicalPlanBuilder::empty(true).build()?, 0);
        self.constant_value(self.value(expr, &no_columns)?)
    }

    /// The value of an expression of DataFusion without columns.
    fn constant_value(&self, value: Expr) -> Result<ScalarValue> {
        let physical = self.state.create_physical_expr(value, &DFSchema::empty())?;
        let one_row = arrow::array::RecordBatchOptions::new().with_row_count(Some(1));
        let batch = arrow::array::RecordBatch::try_new_with_options(
            Arc::new(arrow::datatypes::Schema::empty()),
            Vec::new(),
            &one_row,
        )
        .map_err(datafusion::error::DataFusionError::from)?;
        let array = physical.evaluate(&batch)?.into_array(1)?;
        Ok(ScalarValue::try_from_array(&array, 0)?)
    }
}

/// Whether the value of an expression depends on the row.
fn has_columns(expr: &hir::Expr) -> bool {
    matches!(expr.kind, hir::ExprKind::Column(_)) || expr.operands().any(has_columns)
}

/// What the column of a KQL table is called in plans. It differs from any column of a scan,
/// because the optimizer can bring both into one projection, where it takes them for one.
fn output_name(name: &str) -> String {
    format!("@{name}")
}

/// A column by name, exactly as spelt.
fn column(name: impl Into<String>) -> Expr {
    Expr::Column(datafusion::common::Column::new_unqualified(name))
}
