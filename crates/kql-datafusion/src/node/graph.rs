//! Graphs: made of rows in memory, changed, and made a table again. What a graph is made of is
//! `data`; `components` numbers connected nodes, `pattern` says what matches look like, `search`
//! and `shortest` find them, and `matches` makes rows of them. Lowering makes a [`GraphTable`].

mod components;
mod data;
mod matches;
mod pattern;
mod search;
mod shortest;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use kql::hir::{GraphPart, NodeNumber};

pub(crate) use data::GRAPH_COLUMNS;
pub(crate) use pattern::{Fold, Hop, MatchColumn, Pattern, Place};

use super::detached::Detached;
use super::whole::{WholeTable, Work};
use data::Data;

/// A graph, what is done to it, and the table that comes of it.
///
/// Its input has the columns [`GRAPH_COLUMNS`], those of the edges, and those of the nodes.
#[derive(Debug)]
pub(crate) struct GraphTable {
    pub(crate) name: &'static str,
    pub(crate) schema: SchemaRef,
    pub(crate) input_types: Vec<DataType>,
    pub(crate) edges: Range<usize>,
    pub(crate) nodes: Range<usize>,
    /// For each column of the nodes what it is where nothing is known of a node.
    pub(crate) missing: Vec<ScalarValue>,
    /// The columns of the nodes that are what the node is known by, where nothing else is known.
    pub(crate) keys: Vec<usize>,
    pub(crate) changes: Vec<Change>,
    pub(crate) output: Output,
}

/// What is done to a graph.
#[derive(Debug)]
pub(crate) enum Change {
    /// Keeps a part of it: an expression over the rows of the part.
    Where(GraphPart, Detached),
    /// Numbers its components in a further column of the nodes.
    MarkComponents { strong: bool },
}

/// The table that comes of a graph.
#[derive(Debug)]
pub(crate) enum Output {
    /// A part of it, behind the numbers of nodes: what `number` makes of that which the node is
    /// known by.
    Part {
        part: GraphPart,
        numbers: Vec<NodeNumber>,
        number: Detached,
    },
    /// The matches of a pattern.
    Matches(Pattern),
}

impl WholeTable for GraphTable {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let mut graph = Data::new(self, input, work)?;
        for change in &self.changes {
            work.check()?;
            match change {
                Change::Where(part, predicate) => {
                    let truth = graph.rows(*part).truth(predicate)?;
                    graph.keep(*part, &truth)?;
                }
                Change::MarkComponents { strong } => graph.mark_components(*strong, work)?,
            }
        }
        match &self.output {
            Output::Part {
                part,
                numbers,
                number,
            } => {
                let batch = part_of(&graph, *part, numbers, number, &self.schema)?;
                Ok(vec![batch])
            }
            Output::Matches(pattern) => pattern.matches(&graph, &self.schema, work),
        }
    }
}

/// The nodes or edges as a table.
fn part_of(
    graph: &Data,
    part: GraphPart,
    numbers: &[NodeNumber],
    number: &Detached,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let mut columns: Vec<ArrayRef> = Vec::new();
    if !numbers.is_empty() {
        let keys = number.evaluate(graph.keys.len(), |_| Ok(Arc::clone(&graph.keys)))?;
        for number in numbers {
            let ends = match number {
                NodeNumber::Node => {
                    columns.push(Arc::clone(&keys));
                    continue;
                }
                NodeNumber::Source => &graph.source,
                NodeNumber::Target => &graph.target,
            };
            columns.push(take(&keys, &UInt32Array::from(ends.clone()), None)?);
        }
    }
    let (own, rows) = match part {
        GraphPart::Nodes => (&graph.nodes, graph.keys.len()),
        GraphPart::Edges => (&graph.edges, graph.source.len()),
    };
    columns.extend(own.iter().map(Arc::clone));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}
