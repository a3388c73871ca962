//! The functions that KQL brings along: one entry per function with its signatures, what the
//! column it makes is called, and a line of documentation.
//!
//! The binder resolves calls with these tables, the engine implements them by name, and the
//! reference pages are generated from them. One file per family below `builtin/`.

use crate::types::ScalarType;

/// A built-in scalar function.
#[derive(Debug)]
pub struct Scalar {
    /// KQL name, case-sensitive.
    pub name: &'static str,
    /// Other names that mean the same, most of them deprecated.
    pub aliases: &'static [&'static str],
    /// Accepted argument lists, tried in order.
    pub signatures: &'static [Signature],
    /// How a column made of a bare call is called.
    pub naming: Naming,
    /// One line of documentation.
    pub doc: &'static str,
}

/// A built-in aggregate function.
#[derive(Debug)]
pub struct Aggregate {
    /// KQL name, case-sensitive.
    pub name: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
    /// Accepted argument lists, tried in order.
    pub signatures: &'static [Signature],
    /// How its column is called.
    pub naming: Naming,
    /// One line of documentation.
    pub doc: &'static str,
}

/// One accepted argument list and what it yields.
#[derive(Debug)]
pub struct Signature {
    /// Parameters in order.
    pub parameters: &'static [Parameter],
    /// How many of the last parameters may be left out.
    pub optional: usize,
    /// Whether the last parameter may repeat.
    pub variadic: bool,
    /// Type of the result.
    pub result: ResultType,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// Exactly this type; `int` widens to `long`, integers to `real`, dynamic converts.
    Is(ScalarType),
    /// Any type.
    Any,
    /// Any type but dynamic.
    Comparable,
    /// int, long, real or decimal.
    Number,
    /// int or long.
    Integer,
    /// Number, timespan or datetime.
    Summable,
    /// string, or dynamic taken by its string form.
    Text,
    /// A constant of this type.
    Constant(ScalarType),
    /// The same type as the first argument after widening.
    SameAsFirst,
}

/// Type of a call's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// This type.
    Is(ScalarType),
    /// Type of argument `n`, from zero.
    OfArgument(usize),
    /// The common type of all arguments from `n` on (`iff`, `coalesce`, `max_of`): the widest
    /// number, or dynamic where they differ.
    CommonFrom(usize),
    /// Type of argument `n`, but `int` widens to `long`.
    WidenedArgument(usize),
    /// Worked out by the binder's own code for that function (`case`, `bin`, `extract` …).
    Special,
}

/// How a column made of a bare call is called (`naming_rules` of the reference binder).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `Column1`, `Column2`, …; `print_0` in `print`.
    Numbered,
    /// The name of the first argument where it has one (`tostring(d.x)` → `d_x`).
    FirstArgument,
    /// `prefix_argument`, or `prefix_` where the argument has no name (`sum_x`, `count_`).
    Prefix(&'static str),
    /// The prefix and nothing else.
    Fixed(&'static str),
}
