//! Plan nodes for what DataFusion has no operator for, and the planner that runs them.

pub(crate) mod mv_expand;
pub(crate) mod order;
pub(crate) mod planner;
pub(crate) mod whole;
pub(crate) mod window;
pub(crate) mod yielding;
