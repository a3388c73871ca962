//! What the matches of a pattern look like, and which nodes and edges may stand in its places.

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use kql::hir::{GraphCycles, GraphDirection, GraphPart, GraphPaths};

use super::data::{Adjacency, Data};
use super::matches::Matches;
use crate::node::detached::Detached;
use crate::node::whole::Work;

/// A pattern and the table of its matches.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// How many places for nodes it has.
    pub(crate) nodes: usize,
    /// The places for edges, in the order of the pattern.
    pub(crate) hops: Vec<Hop>,
    pub(crate) paths: GraphPaths,
    pub(crate) cycles: GraphCycles,
    /// Values of nodes or edges that columns and conditions are about.
    pub(crate) values: Vec<(GraphPart, Detached)>,
    /// Conditions on single places for nodes: the place, and the value that must be true.
    pub(crate) node_conditions: Vec<(usize, usize)>,
    /// Conditions on all edges of a place for edges.
    pub(crate) edge_conditions: Vec<(usize, usize)>,
    /// Conditions on all nodes between the edges of a place for edges.
    pub(crate) inner_conditions: Vec<(usize, usize)>,
    /// The columns of a match; nothing where nobody reads one.
    pub(crate) columns: Vec<Option<MatchColumn>>,
    /// What else must be true, over these columns.
    pub(crate) predicate: Option<Detached>,
}

/// A place for an edge, or for a path of edges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    /// The place for nodes on its left.
    pub(crate) left: usize,
    /// The place for nodes on its right.
    pub(crate) right: usize,
    pub(crate) direction: GraphDirection,
    /// Fewest edges.
    pub(crate) least: usize,
    /// Most edges.
    pub(crate) most: usize,
}

/// A column of a match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MatchColumn {
    /// The place: among those for nodes or those for edges.
    pub(crate) place: Place,
    /// Which of the pattern's values.
    pub(crate) value: usize,
    pub(crate) fold: Fold,
}

/// Where the nodes or edges of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A node.
    Node(usize),
    /// An edge or the edges of a path.
    Edges(usize),
    /// The nodes between the edges of a path.
    Inner(usize),
}

/// What becomes of the values of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    /// The value of the only one.
    One,
    /// An array of values of type dynamic.
    List,
    /// Whether it is true for any.
    Any,
    /// Whether it is true for all.
    All,
}

impl Pattern {
    /// The table of the matches in a graph.
    pub(super) fn matches(
        &self,
        graph: &Data,
        schema: &SchemaRef,
        work: &Work,
    ) -> Result<Vec<RecordBatch>> {
        let mut values = Vec::with_capacity(self.values.len());
        for (part, value) in &self.values {
            work.check()?;
            let value = graph.rows(*part).evaluate(value)?;
            work.grow(value.get_array_memory_size())?;
            values.push(value);
        }
        let space = Space::new(self, graph, &values, work)?;
        let mut matches = Matches::new(self, schema, &values, work);
        match self.paths {
            GraphPaths::All => super::search::search(self, &space, &mut matches, work)?,
            GraphPaths::AnyShortest | GraphPaths::AllShortest => {
                super::shortest::search(self, &space, &mut matches, work)?;
            }
        }
        matches.finish()
    }
}

/// The graph as the search sees it: neighbours, and who may stand where.
pub(super) struct Space {
    out: Adjacency,
    into: Adjacency,
    pub(super) node_count: usize,
    pub(super) edge_count: usize,
    /// For each place for nodes who may stand there; all, if missing.
    nodes: Vec<Option<BooleanArray>>,
    edges: Vec<Option<BooleanArray>>,
    inner: Vec<Option<BooleanArray>>,
}

impl Space {
    fn new(pattern: &Pattern, graph: &Data, values: &[ArrayRef], work: &Work) -> Result<Self> {
        let node_count = graph.keys.len();
        let masks = |places: usize, conditions: &[(usize, usize)]| -> Result<Vec<_>> {
            let mut masks: Vec<Option<BooleanArray>> = vec![None; places];
            for (place, value) in conditions {
                let truth = crate::node::detached::truth_of(&values[*value]);
                let mask = &mut masks[*place];
                *mask = Some(match mask {
                    Some(mask) => arrow::compute::and(mask, &truth)?,
                    None => truth,
                });
            }
            Ok(masks)
        };
        Ok(Self {
            out: Adjacency::new(node_count, &graph.source, &graph.target, work)?,
            into: Adjacency::new(node_count, &graph.target, &graph.source, work)?,
            node_count,
            edge_count: graph.source.len(),
            nodes: masks(pattern.nodes, &pattern.node_conditions)?,
            edges: masks(pattern.hops.len(), &pattern.edge_conditions)?,
            inner: masks(pattern.hops.len(), &pattern.inner_conditions)?,
        })
    }

    /// Whether a node may stand in a place.
    pub(super) fn takes_node(&self, place: usize, node: u32) -> bool {
        let mask = self.nodes[place].as_ref();
        mask.is_none_or(|mask| mask.value(node as usize))
    }

    /// Whether a node may stand between the edges of a path.
    pub(super) fn takes_inner(&self, hop: usize, node: u32) -> bool {
        let mask = self.inner[hop].as_ref();
        mask.is_none_or(|mask| mask.value(node as usize))
    }

    /// How many nodes may stand in a place.
    pub(super) fn candidates(&self, place: usize) -> usize {
        match &self.nodes[place] {
            Some(mask) => mask.true_count(),
            None => self.node_count,
        }
    }

    /// The edges at a node that may stand in a place, each with the node at the other end, for
    /// who reads the pattern from left to right or from right to left.
    pub(super) fn neighbours(
        &self,
        hop: usize,
        direction: GraphDirection,
        is_leftward: bool,
        node: u32,
    ) -> impl Iterator<Item = (u32, u32)> {
        let (out, into) = match (direction, is_leftward) {
            (GraphDirection::Any, _) => (true, true),
            (GraphDirection::Forward, false) | (GraphDirection::Backward, true) => (true, false),
            (GraphDirection::Forward, true) | (GraphDirection::Backward, false) => (false, true),
        };
        let out_edges = if out { self.out.of(node) } else { &[] };
        let into_edges = if into { self.into.of(node) } else { &[] };
        // An edge from a node to itself is among both.
        let into_edges = into_edges
            .iter()
            .filter(move |(_, other)| !out || *other != node);
        let mask = self.edges[hop].as_ref();
        out_edges
            .iter()
            .chain(into_edges)
            .copied()
            .filter(move |(edge, _)| mask.is_none_or(|mask| mask.value(*edge as usize)))
    }
}
