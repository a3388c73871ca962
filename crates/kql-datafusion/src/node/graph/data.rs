//! A graph in memory: columns of its nodes and edges, and which nodes an edge connects.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringViewArray, UInt32Array,
};
use arrow::compute::{cast, concat, filter, interleave, take};
use arrow::datatypes::{DataType, Int32Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::exec_err;
use datafusion::error::Result;
use kql::hir::GraphPart;

use super::GraphTable;
use crate::node::detached::Detached;
use crate::node::whole::Work;

/// The first columns of the input: 0 for an edge, n for a row of the n-th table of nodes; the node
/// that the edge leaves, or the node itself; the node that the edge leads to.
pub(crate) const GRAPH_COLUMNS: usize = 3;
const KIND: usize = 0;
const SOURCE: usize = 1;
const TARGET: usize = 2;

/// Rows between two questions whether to go on.
const CHECK_ROWS: usize = 4096;

/// Where a value is: a batch, and a row of it.
type Place = (usize, usize);

/// The graph.
#[derive(Debug)]
pub(super) struct Data {
    /// The columns of the nodes.
    pub(super) nodes: Vec<ArrayRef>,
    /// What each node is known by.
    pub(super) keys: ArrayRef,
    /// The columns of the edges.
    pub(super) edges: Vec<ArrayRef>,
    /// The node that each edge leaves.
    pub(super) source: Vec<u32>,
    /// The node that each edge leads to.
    pub(super) target: Vec<u32>,
}

impl Data {
    /// The graph of these rows. Nodes come in the order of their tables and then of the edges.
    pub(super) fn new(table: &GraphTable, input: &[RecordBatch], work: &Work) -> Result<Self> {
        let mut names = Names::new(table)?;
        let mut known: Vec<Vec<Place>> = Vec::new();
        for (index, batch) in input.iter().enumerate() {
            work.check()?;
            let kinds = batch.column(KIND).as_primitive::<Int32Type>();
            if kinds.values().iter().all(|kind| *kind == 0) {
                continue;
            }
            let sources = names
                .converter
                .convert_columns(&[Arc::clone(batch.column(SOURCE))])?;
            for (row, kind) in kinds.values().iter().enumerate() {
                if *kind != 0 {
                    let node = names.node(sources.row(row).data(), (index, row), SOURCE, work)?;
                    known.resize_with(known.len().max(node as usize + 1), Vec::new);
                    known[node as usize].push((index, row));
                }
            }
        }
        let (mut source, mut target) = (Vec::new(), Vec::new());
        let mut edge_parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); table.edges.len()];
        for (index, batch) in input.iter().enumerate() {
            let kinds = batch.column(KIND).as_primitive::<Int32Type>();
            let is_edge: BooleanArray =
                kinds.values().iter().map(|kind| Some(*kind == 0)).collect();
            if is_edge.true_count() == 0 {
                continue;
            }
            let sources = names
                .converter
                .convert_columns(&[Arc::clone(batch.column(SOURCE))])?;
            let targets = names
                .converter
                .convert_columns(&[Arc::clone(batch.column(TARGET))])?;
            for row in is_edge.values().set_indices() {
                if row % CHECK_ROWS == 0 {
                    work.check()?;
                }
                let place = (index, row);
                source.push(names.node(sources.row(row).data(), place, SOURCE, work)?);
                target.push(names.node(targets.row(row).data(), place, TARGET, work)?);
            }
            for (part, column) in edge_parts.iter_mut().zip(table.edges.clone()) {
                part.push(filter(batch.column(column), &is_edge)?);
            }
        }
        work.grow(source.len() * 2 * size_of::<u32>())?;
        let mut edges = Vec::with_capacity(edge_parts.len());
        for (parts, column) in edge_parts.iter().zip(table.edges.clone()) {
            let joined = if parts.is_empty() {
                arrow::array::new_empty_array(&table.input_types[column])
            } else {
                let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
                concat(&parts)?
            };
            work.grow(joined.get_array_memory_size())?;
            edges.push(joined);
        }
        let keys = names.keys(input)?;
        known.resize_with(keys.len(), Vec::new);
        let mut nodes = Vec::with_capacity(table.nodes.len());
        for (position, column) in table.nodes.clone().enumerate() {
            work.check()?;
            let known_by = table.keys.contains(&position).then_some(&keys);
            let missing = table.missing[position].to_array()?;
            let values = node_column(input, column, &known, &missing, known_by)?;
            work.grow(values.get_array_memory_size())?;
            nodes.push(values);
        }
        Ok(Self {
            nodes,
            keys,
            edges,
            source,
            target,
        })
    }

    /// Keeps the nodes or edges for which it is true, and the edges between nodes that stay.
    pub(super) fn keep(&mut self, part: GraphPart, truth: &BooleanArray) -> Result<()> {
        let kept_edges;
        let kept_edges = match part {
            GraphPart::Edges => truth,
            GraphPart::Nodes => {
                let ends = self.source.iter().zip(&self.target);
                kept_edges = ends
                    .map(|(source, target)| {
                        Some(truth.value(*source as usize) && truth.value(*target as usize))
                    })
                    .collect();
                &kept_edges
            }
        };
        for column in &mut self.edges {
            *column = filter(column, kept_edges)?;
        }
        let kept = |ends: &[u32]| -> Vec<u32> {
            let edges = kept_edges.values().set_indices();
            edges.map(|edge| ends[edge]).collect()
        };
        self.source = kept(&self.source);
        self.target = kept(&self.target);
        if part == GraphPart::Nodes {
            for column in &mut self.nodes {
                *column = filter(column, truth)?;
            }
            self.keys = filter(&self.keys, truth)?;
            let mut numbers = vec![0; truth.len()];
            for (number, node) in (0..).zip(truth.values().set_indices()) {
                numbers[node] = number;
            }
            for end in self.source.iter_mut().chain(&mut self.target) {
                *end = numbers[*end as usize];
            }
        }
        Ok(())
    }

    /// The rows of a part, for expressions over them.
    pub(super) fn rows(&self, part: GraphPart) -> PartRows<'_> {
        PartRows { graph: self, part }
    }
}

/// The rows of the nodes or the edges. Behind their columns are what the functions of patterns
/// tell of them: for nodes how many edges lead to them, how many leave, and what they are known
/// by; for both their labels.
#[derive(Clone, Copy)]
pub(super) struct PartRows<'g> {
    graph: &'g Data,
    part: GraphPart,
}

impl PartRows<'_> {
    pub(super) fn count(&self) -> usize {
        match self.part {
            GraphPart::Nodes => self.graph.keys.len(),
            GraphPart::Edges => self.graph.source.len(),
        }
    }

    pub(super) fn evaluate(&self, value: &Detached) -> Result<ArrayRef> {
        value.evaluate(self.count(), |column| self.column(column))
    }

    pub(super) fn truth(&self, condition: &Detached) -> Result<BooleanArray> {
        condition.truth(self.count(), |column| self.column(column))
    }

    fn column(&self, position: usize) -> Result<ArrayRef> {
        let own = match self.part {
            GraphPart::Nodes => &self.graph.nodes,
            GraphPart::Edges => &self.graph.edges,
        };
        Ok(match (position.checked_sub(own.len()), self.part) {
            (None, _) => Arc::clone(&own[position]),
            (Some(0), GraphPart::Nodes) => self.degrees(&self.graph.target),
            (Some(1), GraphPart::Nodes) => self.degrees(&self.graph.source),
            (Some(2), GraphPart::Nodes) => cast(&self.graph.keys, &DataType::Utf8View)?,
            (Some(_), _) => {
                let labels = std::iter::repeat_n(Some("[]"), self.count());
                Arc::new(labels.collect::<StringViewArray>())
            }
        })
    }

    fn degrees(&self, ends: &[u32]) -> ArrayRef {
        let mut degrees = vec![0_i64; self.count()];
        for end in ends {
            degrees[*end as usize] += 1;
        }
        Arc::new(Int64Array::from(degrees))
    }
}

/// The numbers of the nodes by what they are known by.
struct Names {
    converter: RowConverter,
    numbers: HashMap<Box<[u8]>, u32>,
    /// Where each was met first, and in which column.
    places: Vec<(Place, usize)>,
    empty: ArrayRef,
}

impl Names {
    fn new(table: &GraphTable) -> Result<Self> {
        let data_type = &table.input_types[SOURCE];
        Ok(Self {
            converter: RowConverter::new(vec![SortField::new(data_type.clone())])?,
            numbers: HashMap::new(),
            places: Vec::new(),
            empty: arrow::array::new_empty_array(data_type),
        })
    }

    fn node(&mut self, key: &[u8], place: Place, column: usize, work: &Work) -> Result<u32> {
        if let Some(number) = self.numbers.get(key) {
            return Ok(*number);
        }
        let Ok(number) = u32::try_from(self.places.len()) else {
            return exec_err!("a graph of more than {} nodes", u32::MAX);
        };
        work.grow(2 * key.len() + 64)?;
        self.numbers.insert(key.into(), number);
        self.places.push((place, column));
        Ok(number)
    }

    /// What the nodes are known by.
    fn keys(&self, input: &[RecordBatch]) -> Result<ArrayRef> {
        let columns = input
            .iter()
            .flat_map(|batch| [SOURCE, TARGET].map(|column| batch.column(column).as_ref()));
        let columns: Vec<&dyn Array> = columns.collect();
        if columns.is_empty() {
            return Ok(Arc::clone(&self.empty));
        }
        let places = self.places.iter().map(|((batch, row), column)| {
            let array = 2 * batch + usize::from(*column == TARGET);
            (array, *row)
        });
        Ok(interleave(&columns, &places.collect::<Vec<_>>())?)
    }
}

/// A column of the nodes: the first of the rows of a node that has a value.
fn node_column(
    input: &[RecordBatch],
    column: usize,
    known: &[Vec<Place>],
    missing: &ArrayRef,
    known_by: Option<&ArrayRef>,
) -> Result<ArrayRef> {
    let mut arrays: Vec<&dyn Array> = input
        .iter()
        .map(|batch| batch.column(column).as_ref())
        .collect();
    arrays.push(missing.as_ref());
    let nowhere = (arrays.len() - 1, 0);
    if let Some(keys) = known_by {
        arrays.push(keys.as_ref());
    }
    let has_value = |(batch, row): &&Place| {
        let array = arrays[*batch];
        let is_empty = || {
            let texts = array.as_string_view_opt();
            texts.is_some_and(|texts| texts.value(*row).is_empty())
        };
        !array.is_null(*row) && !is_empty()
    };
    let places = known.iter().enumerate().map(|(node, rows)| {
        match (rows.iter().find(has_value), known_by) {
            (Some(place), _) => *place,
            (None, Some(_)) if rows.is_empty() => (nowhere.0 + 1, node),
            (None, _) => nowhere,
        }
    });
    let places: Vec<Place> = places.collect();
    Ok(interleave(&arrays, &places)?)
}

/// The edges at each node.
#[derive(Debug)]
pub(super) struct Adjacency {
    offsets: Vec<usize>,
    /// Each edge with the node at its other end.
    edges: Vec<(u32, u32)>,
}

impl Adjacency {
    /// The edges by the node of `from`, which lead to that of `to`.
    pub(super) fn new(nodes: usize, from: &[u32], to: &[u32], work: &Work) -> Result<Self> {
        work.grow(nodes * size_of::<usize>() + from.len() * size_of::<(u32, u32)>())?;
        let mut offsets = vec![0; nodes + 1];
        for node in from {
            offsets[*node as usize + 1] += 1;
        }
        for node in 0..nodes {
            offsets[node + 1] += offsets[node];
        }
        let mut next = offsets.clone();
        let mut edges = vec![(0, 0); from.len()];
        for (edge, (from, to)) in from.iter().zip(to).enumerate() {
            let place = &mut next[*from as usize];
            edges[*place] = (edge as u32, *to);
            *place += 1;
        }
        Ok(Self { offsets, edges })
    }

    pub(super) fn of(&self, node: u32) -> &[(u32, u32)] {
        let node = node as usize;
        &self.edges[self.offsets[node]..self.offsets[node + 1]]
    }
}

/// Values of nodes or edges.
pub(super) fn values_of(values: &ArrayRef, numbers: Vec<u32>) -> Result<ArrayRef> {
    Ok(take(values, &UInt32Array::from(numbers), None)?)
}
