//! Functions over the nodes and edges that a graph pattern matched.

use super::vocabulary::{
    Any, BOOL, Scalar, TO_ARRAY, TO_BOOL, TO_LONG, TO_STRING, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "all",
        &[takes(&[Any, BOOL], TO_BOOL)],
        "Whether a condition holds for every element of a path.",
    ),
    function(
        "any",
        &[takes(&[Any, BOOL], TO_BOOL)],
        "Whether a condition holds for some element of a path.",
    ),
    function(
        "map",
        &[takes(&[Any, Any], TO_ARRAY)],
        "Values of an expression over the elements of a path.",
    ),
    function(
        "inner_nodes",
        &[takes(&[Any], TO_ARRAY)],
        "The nodes within a path.",
    ),
    function(
        "node_id",
        &[takes(&[Any], TO_STRING).optional(1)],
        "Identifier of a node.",
    ),
    function(
        "node_degree_in",
        &[takes(&[Any], TO_LONG).optional(1)],
        "Number of edges that lead to a node.",
    ),
    function(
        "node_degree_out",
        &[takes(&[Any], TO_LONG).optional(1)],
        "Number of edges that leave a node.",
    ),
    function(
        "labels",
        &[takes(&[Any], TO_ARRAY).optional(1)],
        "Labels of a node or an edge.",
    ),
];
