//! What DataFusion has no operator for: operations over the rows of a table, the node that they
//! share, and the planner that runs it.

pub(crate) mod detached;
pub(crate) mod each_group;
pub(crate) mod gather;
pub(crate) mod graph;
pub(crate) mod make_series;
pub(crate) mod mv_expand;
pub(crate) mod order;
pub(crate) mod pause;
pub(crate) mod planner;
pub(crate) mod reduce;
pub(crate) mod scan;
pub(crate) mod shield;
pub(crate) mod step;
pub(crate) mod whole;
pub(crate) mod window;
