//! Plan nodes for what DataFusion has no operator for, and the planner that runs them.

pub(crate) mod detached;
pub(crate) mod gather;
pub(crate) mod graph;
pub(crate) mod make_series;
pub(crate) mod mv_expand;
pub(crate) mod order;
pub(crate) mod pause;
pub(crate) mod planner;
pub(crate) mod reduce;
pub(crate) mod scan;
pub(crate) mod whole;
pub(crate) mod window;
