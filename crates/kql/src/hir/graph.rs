//! Graphs: how one is made of tables, and how tables come of it again. A plan that yields a graph
//! has no columns; the operators above it know those of its nodes and edges by position.

use std::sync::Arc;

use super::{Expr, Plan};
use crate::types::Schema;

/// An operator that makes, changes or reads a graph.
#[derive(Clone, Debug)]
pub enum Graph {
    /// `make-graph`
    Make(MakeGraph),
    /// `graph-where-nodes`, `graph-where-edges`: keeps a part. An edge goes with its nodes.
    Where {
        /// The graph.
        graph: Plan,
        /// Which part.
        part: GraphPart,
        /// Of type bool, over the columns of the part.
        predicate: Expr,
    },
    /// `graph-mark-components`: adds a column to the nodes, the number of their component.
    MarkComponents {
        /// The graph.
        graph: Plan,
        /// Whether only nodes that lead to each other are in one component.
        strong: bool,
    },
    /// `graph-match`, `graph-shortest-paths`
    Match(GraphMatch),
    /// `graph-to-table`: the nodes or the edges of a graph, behind the numbers of their nodes.
    ToTable {
        /// The graph.
        graph: Plan,
        /// Which part.
        part: GraphPart,
        /// The columns in front.
        numbers: Vec<NodeNumber>,
    },
}

/// The nodes or the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphPart {
    /// Nodes.
    Nodes,
    /// Edges.
    Edges,
}

/// Which node a number in a table is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeNumber {
    /// The node itself.
    Node,
    /// The one an edge leaves.
    Source,
    /// The one an edge leads to.
    Target,
}

/// `make-graph`
#[derive(Clone, Debug)]
pub struct MakeGraph {
    /// A row for each edge. Its columns are those of the edges.
    pub edges: Plan,
    /// The node that an edge leaves: a column of the edges.
    pub source: Expr,
    /// The node that it leads to.
    pub target: Expr,
    /// What is known of the nodes.
    pub nodes: Vec<NodeTable>,
    /// The columns of the nodes: those of the tables, each name once, or, without tables, the
    /// node itself, or nothing.
    pub node_columns: Schema,
    /// The column whose values make graphs of their own, as far as the operators
    /// behind are concerned.
    pub partition: Option<Expr>,
}

/// A table of nodes.
#[derive(Clone, Debug)]
pub struct NodeTable {
    /// A row for each node.
    pub table: Plan,
    /// The node: a column of the table.
    pub key: Expr,
}

/// `graph-match` and `graph-shortest-paths`. The result has for each named element a column of
/// its name that stands for the whole, and then one for each of its columns.
#[derive(Clone, Debug)]
pub struct GraphMatch {
    /// The graph.
    pub graph: Plan,
    /// What the names and the places without a name stand for; named ones come first, in the
    /// order of the result.
    pub elements: Vec<GraphElement>,
    /// Chains of nodes with edges between them.
    pub chains: Vec<Vec<GraphStep>>,
    /// Which of the paths between two nodes: all but for `graph-shortest-paths`.
    pub paths: GraphPaths,
    /// Which paths that come back to where they were.
    pub cycles: GraphCycles,
    /// Of type bool, over the result.
    pub predicate: Option<Expr>,
}

/// A node or an edge of a pattern, wherever in the pattern it stands.
#[derive(Clone, Debug)]
pub struct GraphElement {
    /// Its name, if it has one.
    pub name: Option<Arc<str>>,
    /// Node or edge.
    pub part: GraphPart,
    /// How many edges it stands for, where that may vary: constants of type long.
    pub length: Option<(Expr, Expr)>,
}

/// A place in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphStep {
    /// What stands there.
    pub element: usize,
    /// Which way an edge points; of no meaning for nodes.
    pub direction: GraphDirection,
}

/// Which way an edge points, as the pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphDirection {
    /// From left to right.
    Forward,
    /// From right to left.
    Backward,
    /// Either.
    Any,
}

/// Which paths of a pattern are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphPaths {
    /// Each.
    All,
    /// The shortest between two nodes: one of them.
    AnyShortest,
    /// All shortest between two nodes.
    AllShortest,
}

/// Which paths that come back to where they were are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphCycles {
    /// All of them.
    All,
    /// Those that use no edge twice.
    UniqueEdges,
    /// None.
    None,
}

impl Graph {
    /// The operator's keyword, for messages.
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::Make(_) => "make-graph",
            Self::Where {
                part: GraphPart::Nodes,
                ..
            } => "graph-where-nodes",
            Self::Where { .. } => "graph-where-edges",
            Self::MarkComponents { .. } => "graph-mark-components",
            Self::Match(GraphMatch {
                paths: GraphPaths::All,
                ..
            }) => "graph-match",
            Self::Match(_) => "graph-shortest-paths",
            Self::ToTable { .. } => "graph-to-table",
        }
    }
}
