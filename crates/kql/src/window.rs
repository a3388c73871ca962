//! Time as an argument: a window `[from, to)` is put around every read of a table that has a time
//! column, and `now()` becomes the window's end. A query bound so gives the same answer whenever
//! it runs.
//!
//! [`apply`] does so to the resolved query, [`rewrite`] to its text for sources that run KQL
//! themselves. [`reads`] tells what is read, [`splitting`] whether windows may be computed apart,
//! [`own_ranges`] how far back a query reaches by itself.

mod apply;
mod constant;
mod range;
mod reads;
mod rewrite;
mod split;
mod words;

pub use apply::{apply, bind_now};
pub use range::{OwnRange, own_ranges};
pub use reads::{Form, Read, reads};
pub use rewrite::{Carrier, Edit, Rewritten, Unwindowed, rewrite};
pub use split::{Alignment, Combine, MergeKey, MergeStep, Splitting, Verdict, splitting};

use crate::hir::PlanKind;

/// A half-open range of time in ticks since 0001-01-01.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// First tick.
    pub from: i64,
    /// The tick just after the last.
    pub to: i64,
}

/// Which time of a row decides whether it is in the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// When it happened: the time column of its table.
    #[default]
    Event,
    /// When it arrived: `ingestion_time()`.
    Ingestion,
}

/// All that a query is told about time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// The rows to read.
    pub window: Window,
    /// What `now()` is: the end of the window, or, where the window is a part of a larger one,
    /// the end of that.
    pub now: i64,
    /// By which time rows are in the window.
    pub mode: Mode,
}

impl From<Window> for Timing {
    fn from(window: Window) -> Self {
        Self {
            window,
            now: window.to,
            mode: Mode::Event,
        }
    }
}

impl Timing {
    /// The same with another time of a row deciding.
    #[must_use]
    pub fn by(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// A part of the window, for the same `now()`.
    #[must_use]
    pub fn part(self, window: Window) -> Self {
        Self { window, ..self }
    }
}

/// Functions of sources that yield reference data, which has no time.
const REFERENCE_FUNCTIONS: &[&str] = &["_GetWatchlist", "_GetWatchlistAlias"];

/// The position of the time column where the step reads a table that has one.
fn time_column(kind: &PlanKind) -> Option<usize> {
    match kind {
        PlanKind::Table { time_column, .. } => *time_column,
        _ => None,
    }
}
