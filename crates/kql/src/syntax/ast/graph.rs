//! The operators that make graphs of tables, match patterns in them, and make tables of them.

use super::{Expr, Name, Property, TableOperator};
use crate::hir::{GraphDirection, GraphPart};

/// An operator that makes or reads a graph.
#[derive(Clone, Debug, PartialEq)]
pub enum GraphOperator {
    /// `make-graph source --> target with Nodes on Key, …`
    Make {
        /// Column of the edges that says where one begins.
        source: Name,
        /// Column that says where it ends.
        target: Name,
        /// Tables of nodes with their key columns.
        nodes: Vec<(Expr, Name)>,
        /// `with_node_id=name`, where there are no such tables.
        node_id: Option<Name>,
        /// `partitioned-by column (operators)`
        partition: Option<(Name, Vec<TableOperator>)>,
    },
    /// `graph-match`, or `graph-shortest-paths` where `shortest`.
    Match {
        /// Which of the two.
        shortest: bool,
        /// `cycles=`, `output=`
        properties: Vec<Property>,
        /// Patterns, each a chain of nodes and edges.
        patterns: Vec<Vec<PatternStep>>,
        /// `where`
        predicate: Option<Expr>,
        /// `project`
        project: Vec<Expr>,
    },
    /// `graph-mark-components kind=weak with_component_id=name`
    MarkComponents {
        /// `kind=`, `with_component_id=`
        properties: Vec<Property>,
    },
    /// `graph-where-nodes`, `graph-where-edges`
    Where {
        /// Which of the two.
        part: GraphPart,
        /// Predicate.
        predicate: Expr,
    },
    /// `graph-to-table nodes as N with_node_id=id, edges as E`
    ToTable(Vec<GraphOutput>),
}

/// A table that `graph-to-table` makes.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphOutput {
    /// Of what.
    pub part: GraphPart,
    /// `as name`
    pub name: Option<Name>,
    /// `with_node_id=`, `with_source_id=`, `with_target_id=`
    pub properties: Vec<Property>,
}

/// A node or an edge of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternStep {
    /// Node or edge.
    pub part: GraphPart,
    /// Its name, if it has one.
    pub name: Option<Name>,
    /// Which way an edge points; of no meaning for nodes.
    pub direction: GraphDirection,
    /// `*1..3`: fewest and most edges.
    pub length: Option<(Expr, Expr)>,
}
