//! Whether the parts of a window may be computed apart. `split/step.rs` states the rule of each
//! operator, `split/merge.rs` what is known of parts on the way, `split/combine.rs` how the
//! outputs of aggregates merge.
//!
//! A window is cut into parts that cover it without overlap. All parts have the same `now()`, the
//! one of the whole ([`super::Timing::part`]). What is claimed here holds for every cut (at the
//! places of [`Alignment`], if there is one) and all data; where that cannot be shown, the verdict
//! is [`Verdict::Neither`].

mod combine;
mod merge;
mod show;
mod step;

use super::Mode;
use crate::hir::Query;
use crate::span::Span;

/// Whether the parts of a window may be computed apart, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Splitting {
    /// May they?
    pub verdict: Verdict,
    /// Where the window may be cut; anywhere if not given.
    pub alignment: Option<Alignment>,
    /// Why, as a sentence without its period.
    pub reason: String,
    /// The operator or expression that makes it so.
    pub span: Span,
}

/// How the answers of parts make the answer of the whole.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The rows of the whole are those of the parts together, in any order.
    Independent,
    /// The rows of the parts together, after these steps, are those of the whole.
    Mergeable(Vec<MergeStep>),
    /// They do not.
    Neither,
}

/// The cuts that bins allow: at `offset + k * step` ticks. The ends of the whole window need not
/// be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// Ticks between two cuts, positive.
    pub step: i64,
    /// Ticks from 0001-01-01 to a cut, less than `step`.
    pub offset: i64,
}

impl Alignment {
    /// The last place at or before `ticks` where the window may be cut.
    pub fn floor(self, ticks: i64) -> i64 {
        ticks.saturating_sub((ticks.saturating_sub(self.offset)).rem_euclid(self.step))
    }
}

/// A step that makes one answer of the answers of parts. Columns are positions in the result.
#[derive(Clone, Debug, PartialEq)]
pub enum MergeStep {
    /// Rows with equal keys become one. Every column is a key or an output.
    Aggregate {
        /// Columns that rows are grouped by; without any, there is one row.
        keys: Vec<usize>,
        /// The other columns, and what becomes of their values in one group.
        outputs: Vec<(usize, Combine)>,
    },
    /// Of equal rows, one stays.
    Distinct,
    /// Rows are sorted.
    Sort(Vec<MergeKey>),
    /// The first rows stay.
    Take(u64),
}

/// A column that rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeKey {
    /// Which.
    pub column: usize,
    /// Greatest first.
    pub descending: bool,
    /// Nulls before all others.
    pub nulls_first: bool,
}

/// How the values that parts have for one group become one. Nulls are left out, unless there is
/// nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// Their sum.
    Add,
    /// The least.
    Least,
    /// The greatest.
    Greatest,
    /// The value of a part that has one.
    First,
    /// The value of the part that the value in that column is of.
    FirstWith(usize),
    /// The value of the part that has the least value in that column.
    OfLeast(usize),
    /// The value of the part that has the greatest value in that column.
    OfGreatest(usize),
    /// The union of arrays as sets, cut to so many elements.
    Union(Option<u64>),
    /// Arrays one behind the other, cut to so many elements.
    Concatenate(Option<u64>),
    /// The union of bags, any value for a key that several have.
    MergeBags,
    /// Bitwise and.
    BitAnd,
    /// Bitwise or.
    BitOr,
    /// Bitwise exclusive or.
    BitXor,
    /// `hll_merge`
    MergeHll,
}

/// Tells whether the parts of a window may be computed apart, by the time that decides which rows
/// are in the window.
pub fn splitting(query: &Query, mode: Mode) -> Splitting {
    step::Steps::new(mode).verdict(&query.plan)
}
