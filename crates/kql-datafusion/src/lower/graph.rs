//! Graphs. The tables that a graph is made of become one input of a node that builds the graph,
//! changes it and makes a table of it; how patterns are lowered is `matched`, how expressions over
//! nodes and edges are is `part`.

mod matched;
mod part;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Union, lit};
use kql::hir::{self, Graph, GraphMatch, GraphPart, MakeGraph, NodeNumber, Plan, PlanKind};
use kql::types::{Column, ScalarType, Schema};

use super::relation::Relation;
use super::scan::table_schema;
use super::{Lowering, Result, literal};
use crate::error::EngineError;
use crate::function;
use crate::node::graph::{Change, GRAPH_COLUMNS, GraphTable, Output};
use crate::types::arrow_type;
use part::Part;

pub(super) use part::is_graph_call;

/// A graph before it is built.
struct Source<'p> {
    make: &'p MakeGraph,
    changes: Vec<Change>,
    /// The columns of the nodes after the changes.
    nodes: Schema,
    /// The type of what nodes are known by.
    key: ScalarType,
}

impl Source<'_> {
    /// The rows of a part, for expressions over them.
    fn part(&self, lowering: &Lowering<'_>, part: GraphPart) -> Result<Part> {
        let columns = match part {
            GraphPart::Nodes => &self.nodes,
            GraphPart::Edges => &self.make.edges.schema,
        };
        Part::new(lowering, part, columns)
    }
}

impl Lowering<'_> {
    /// A table that comes of a graph.
    pub(super) fn graph(&self, graph: &Graph, output: &Plan) -> Result<Relation> {
        match graph {
            Graph::Match(matched) => self.graph_match(matched, None, output),
            Graph::ToTable {
                graph,
                part,
                numbers,
            } => self.graph_to_table(graph, *part, numbers, output),
            Graph::Make(_) | Graph::Where { .. } | Graph::MarkComponents { .. } => {
                let what = format!(
                    "the result of `{}` is a graph; `graph-to-table` makes a table of it",
                    graph.keyword()
                );
                let span = output.span;
                Err(EngineError::Invalid { what, span })
            }
        }
    }

    /// `graph-match` with what is projected of it, all columns if nothing.
    pub(super) fn graph_match(
        &self,
        matched: &GraphMatch,
        columns: Option<&[hir::Expr]>,
        output: &Plan,
    ) -> Result<Relation> {
        let source = self.graph_source(&matched.graph)?;
        let lowered = self.pattern(&source, matched, columns, output)?;
        let schema = Arc::clone(&lowered.schema);
        let name = match matched.paths {
            hir::GraphPaths::All => "graph-match",
            _ => "graph-shortest-paths",
        };
        let matches = self.built(name, source, Output::Matches(lowered.pattern), schema)?;
        matches.project(lowered.columns)
    }

    fn graph_to_table(
        &self,
        graph: &Plan,
        part: GraphPart,
        numbers: &[NodeNumber],
        output: &Plan,
    ) -> Result<Relation> {
        let source = self.graph_source(graph)?;
        let keys = self.rows([arrow_type(source.key)].into_iter())?;
        let hash = function::scalar("hash", &[source.key], ScalarType::Long)
            .ok_or_else(|| EngineError::not_supported("hash()", output.span))?;
        let hash = hash.call(vec![keys.relation.column(0)]);
        let output_of_graph = Output::Part {
            part,
            numbers: numbers.to_vec(),
            number: self.detached(hash, &keys)?,
        };
        self.built(
            "graph-to-table",
            source,
            output_of_graph,
            table_schema(output),
        )
    }

    /// What a graph is made of, and what is done to it.
    fn graph_source<'p>(&self, plan: &'p Plan) -> Result<Source<'p>> {
        let mut steps = Vec::new();
        let mut plan = plan;
        let make = loop {
            match &*plan.kind {
                PlanKind::Graph(Graph::Make(make)) => break make,
                PlanKind::Graph(
                    step @ (Graph::Where { graph, .. } | Graph::MarkComponents { graph, .. }),
                ) => {
                    steps.push(step);
                    plan = graph;
                }
                PlanKind::Shared { input, .. } => plan = input,
                other => {
                    let what = format!("a graph made by `{}`", other.operator());
                    return Err(EngineError::not_supported(what, plan.span));
                }
            }
        };
        if let Some(partition) = &make.partition {
            let what = "`partitioned-by` of a graph";
            return Err(EngineError::not_supported(what, partition.span));
        }
        let keys = make.nodes.iter().map(|nodes| nodes.key.ty);
        let key = if [make.source.ty]
            .into_iter()
            .chain(keys)
            .all(|ty| ty == make.target.ty)
        {
            make.target.ty
        } else {
            ScalarType::String
        };
        let mut source = Source {
            make,
            changes: Vec::new(),
            nodes: make.node_columns.clone(),
            key,
        };
        for step in steps.into_iter().rev() {
            let change = match step {
                Graph::Where {
                    part, predicate, ..
                } => {
                    let mut rows = source.part(self, *part)?;
                    let predicate = self.part_value(predicate, &mut rows)?;
                    Change::Where(*part, self.detached(predicate, &rows.rows)?)
                }
                Graph::MarkComponents { strong, .. } => {
                    let mut columns = source.nodes.columns().to_vec();
                    columns.push(Column::new("component", ScalarType::Long));
                    source.nodes = columns.into_iter().collect();
                    Change::MarkComponents { strong: *strong }
                }
                Graph::Make(_) | Graph::Match(_) | Graph::ToTable { .. } => continue,
            };
            source.changes.push(change);
        }
        Ok(source)
    }

    /// The node that builds the graph, over the rows that it is made of.
    fn built(
        &self,
        name: &'static str,
        source: Source<'_>,
        output: Output,
        schema: arrow::datatypes::SchemaRef,
    ) -> Result<Relation> {
        let make = source.make;
        let edges = make.edges.schema.columns();
        let nodes = make.node_columns.columns();
        let own = [
            DataType::Int32,
            arrow_type(source.key),
            arrow_type(source.key),
        ];
        let types = edges
            .iter()
            .chain(nodes)
            .map(|column| arrow_type(column.ty));
        let input_types: Vec<DataType> = own.into_iter().chain(types).collect();
        let names: Vec<String> = input_types.iter().map(|_| self.hidden_name()).collect();
        let leg = |values: Vec<(usize, Expr)>, input: Relation| -> Result<Arc<LogicalPlan>> {
            let mut columns = Vec::with_capacity(names.len());
            for data_type in &input_types {
                columns.push(lit(ScalarValue::try_from(data_type)?));
            }
            for (position, value) in values {
                columns[position] = value;
            }
            let columns = columns.into_iter().zip(&names);
            let columns = columns.map(|(value, name)| value.alias(name));
            let leg = LogicalPlanBuilder::from(input.plan).project(columns)?;
            Ok(Arc::new(leg.build()?))
        };
        let first_node = GRAPH_COLUMNS + edges.len();
        let input = self.plan(&make.edges)?;
        let mut values = vec![
            (0, lit(0_i32)),
            (1, self.key(&make.source, source.key, &input)?),
            (2, self.key(&make.target, source.key, &input)?),
        ];
        values
            .extend((0..edges.len()).map(|column| (GRAPH_COLUMNS + column, input.column(column))));
        let mut legs = vec![leg(values, input)?];
        let mut keys = Vec::new();
        for (number, table) in (1_i32..).zip(&make.nodes) {
            let input = self.plan(&table.table)?;
            let mut values = vec![
                (0, lit(number)),
                (1, self.key(&table.key, source.key, &input)?),
            ];
            for (position, column) in table.table.schema.columns().iter().enumerate() {
                let place = nodes
                    .iter()
                    .position(|node| node.name == column.name && node.ty == column.ty);
                let Some(place) = place else { continue };
                values.push((first_node + place, input.column(position)));
                let is_key =
                    matches!(table.key.kind, hir::ExprKind::Column(key) if key == position);
                if is_key && column.ty == source.key {
                    keys.push(place);
                }
            }
            legs.push(leg(values, input)?);
        }
        if make.nodes.is_empty() && nodes.first().is_some_and(|node| node.ty == source.key) {
            keys.push(0);
        }
        let plan = match legs.len() {
            1 => Arc::unwrap_or_clone(legs.remove(0)),
            _ => LogicalPlan::Union(Union::try_new(legs)?),
        };
        let missing = nodes.iter().map(|node| literal::missing(node.ty));
        let table = GraphTable {
            name,
            schema,
            input_types,
            edges: GRAPH_COLUMNS..first_node,
            nodes: first_node..first_node + nodes.len(),
            missing: missing.collect::<Result<Vec<_>, _>>()?,
            keys,
            changes: source.changes,
            output,
        };
        let input = Relation::unordered(plan, names.len());
        input.whole(Arc::new(table), self.hidden_name())
    }

    /// What a node is known by, as the type that all tables of the graph share.
    fn key(&self, key: &hir::Expr, ty: ScalarType, input: &Relation) -> Result<Expr> {
        let value = self.value(key, input)?;
        if key.ty == ty {
            return Ok(value);
        }
        Ok(function::convert(key.ty, ty).call(vec![value]))
    }
}
