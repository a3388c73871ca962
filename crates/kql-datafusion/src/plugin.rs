//! What the plugins of `evaluate` compute, one file per plugin or family.
//!
//! Most look at all rows of their input and are a [`crate::node::whole::WholeTable`]; `rows` reads
//! the input for them and `columns` writes what they yield. Which arguments a plugin is called with
//! is the business of `lower::plugin`.

/// Most columns that the rows of a table may become.
pub(crate) const COLUMNS_MAX: usize = 10_000;

pub(crate) mod activity;
pub(crate) mod bag_unpack;
pub(crate) mod columns;
pub(crate) mod funnel;
pub(crate) mod narrow;
pub(crate) mod pattern;
pub(crate) mod pivot;
pub(crate) mod rolling_percentile;
pub(crate) mod rows;
pub(crate) mod rows_near;
pub(crate) mod schema_merge;
pub(crate) mod sequence_detect;
pub(crate) mod timeline;
