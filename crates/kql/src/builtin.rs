//! The functions that KQL brings along: one entry per function with its signatures, what the
//! column it makes is called, and a line of documentation.
//!
//! The binder resolves calls with these tables, the engine implements them by name, and the
//! reference pages are generated from them. One file per family below `builtin/`.

mod aggregate;
mod bitwise;
mod context;
mod conversion;
mod datetime;
mod dynamic;
mod encoding;
mod geo;
mod geo_cell;
mod graph;
mod ip;
mod logic;
mod math;
pub mod operator;
mod parsing;
pub mod plugin;
mod series;
mod series_analysis;
mod sketch;
mod statistics;
mod string;
mod unit;
mod window;

use std::sync::LazyLock;

use crate::name_map::NameMap;
use crate::types::ScalarType;

/// The scalar function called `name`, by its own name or an alias.
pub fn scalar(name: &str) -> Option<&'static Scalar> {
    static BY_NAME: LazyLock<NameMap<&'static Scalar, &'static str>> = LazyLock::new(|| {
        scalars()
            .flat_map(|function| {
                std::iter::once(function.name)
                    .chain(function.aliases.iter().copied())
                    .map(move |name| (name, function))
            })
            .collect()
    });
    BY_NAME.get(name).copied()
}

/// The aggregate function called `name`, by its own name or an alias.
pub fn aggregate(name: &str) -> Option<&'static Aggregate> {
    static BY_NAME: LazyLock<NameMap<&'static Aggregate, &'static str>> = LazyLock::new(|| {
        aggregates()
            .flat_map(|function| {
                std::iter::once(function.name)
                    .chain(function.aliases.iter().copied())
                    .map(move |name| (name, function))
            })
            .collect()
    });
    BY_NAME.get(name).copied()
}

/// Every scalar function, family by family.
pub fn scalars() -> impl Iterator<Item = &'static Scalar> {
    [
        string::FUNCTIONS,
        conversion::FUNCTIONS,
        logic::FUNCTIONS,
        math::FUNCTIONS,
        bitwise::FUNCTIONS,
        statistics::FUNCTIONS,
        unit::FUNCTIONS,
        datetime::FUNCTIONS,
        dynamic::FUNCTIONS,
        parsing::FUNCTIONS,
        encoding::FUNCTIONS,
        ip::FUNCTIONS,
        geo::FUNCTIONS,
        geo_cell::FUNCTIONS,
        series::FUNCTIONS,
        series_analysis::FUNCTIONS,
        sketch::FUNCTIONS,
        context::FUNCTIONS,
        window::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

/// The function called `name` that stands only in `graph-match` and its like.
pub fn graph(name: &str) -> Option<&'static Scalar> {
    graph::FUNCTIONS
        .iter()
        .find(|function| function.name == name)
}

/// Every function that stands only in `graph-match` and its like.
pub fn graphs() -> impl Iterator<Item = &'static Scalar> {
    graph::FUNCTIONS.iter()
}

/// Every aggregate function.
pub fn aggregates() -> impl Iterator<Item = &'static Aggregate> {
    aggregate::FUNCTIONS.iter()
}

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
    /// Most arguments where the last parameter repeats.
    pub most: usize,
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
    /// A type with an order that `min` and `max` know: number, timespan, datetime, string or bool.
    Orderable,
    /// int, long, real or decimal.
    Number,
    /// int or long.
    Integer,
    /// Number, timespan or datetime.
    Summable,
    /// string, or a dynamic whose value is not known to be more than a text, taken as one.
    Text,
    /// string, or dynamic taken by its string form.
    TextOrDynamic,
    /// Any type, taken by its string form.
    Stringified,
    /// A constant of this type.
    Constant(ScalarType),
    /// The same type as the first argument after widening.
    SameAsFirst,
    /// A dynamic that is not known to be something else than an array.
    Array,
    /// A dynamic that is not known to be something else than a property bag.
    Bag,
    /// string, or an array of texts.
    TextOrArray,
    /// int, long, or an array of them.
    IntegerOrArray,
    /// A number or a bool.
    NumberOrBool,
    /// Any type but real and bool.
    Hashable,
    /// A constant text out of these.
    OneOf(&'static [&'static str]),
}

impl Parameter {
    /// KQL's words for what it takes, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Is(ty) | Self::Constant(ty) => ty.as_str(),
            Self::Any | Self::Stringified => "a value",
            Self::Comparable => "a type that can be compared",
            Self::Orderable => "a type that has an order",
            Self::Number => "a number",
            Self::Integer => "an integer",
            Self::Summable => "a number, timespan or datetime",
            Self::Text | Self::TextOrDynamic | Self::OneOf(_) => "string",
            Self::SameAsFirst => "the type of the first argument",
            Self::Array => "a dynamic array",
            Self::Bag => "a dynamic property bag",
            Self::TextOrArray => "a text or a dynamic array",
            Self::IntegerOrArray => "an integer or a dynamic array",
            Self::NumberOrBool => "a number or a bool",
            Self::Hashable => "a type other than real and bool",
        }
    }
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
    /// dynamic, always an array.
    Array,
    /// dynamic, always a property bag.
    Bag,
    /// Several values, each with the ending of the name of its column and its type.
    Columns(&'static [(&'static str, ScalarType)]),
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

const fn scalar_function(
    name: &'static str,
    signatures: &'static [Signature],
    doc: &'static str,
) -> Scalar {
    Scalar {
        name,
        aliases: &[],
        signatures,
        naming: Naming::Numbered,
        doc,
    }
}

const fn aggregate_function(
    name: &'static str,
    signatures: &'static [Signature],
    doc: &'static str,
) -> Aggregate {
    Aggregate {
        name,
        aliases: &[],
        signatures,
        naming: Naming::Numbered,
        doc,
    }
}

impl Aggregate {
    const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn named(mut self, naming: Naming) -> Self {
        self.naming = naming;
        self
    }

    /// Columns made of a call take the name of its first argument.
    const fn keeps_name(self) -> Self {
        self.named(Naming::FirstArgument)
    }
}

impl Scalar {
    /// Whether it tells something of the row or the record behind it that is in no column, so that
    /// a call without columns is no constant.
    pub fn reads_record(&self) -> bool {
        context::OF_RECORDS.contains(&self.name)
    }

    /// The values that a call yields, where it yields several.
    pub fn columns(&self) -> Option<&'static [(&'static str, ScalarType)]> {
        match self.signatures[0].result {
            ResultType::Columns(columns) => Some(columns),
            _ => None,
        }
    }

    /// Whether it looks at other rows than its own, and so needs rows that have an order.
    pub fn is_window(&self) -> bool {
        window::FUNCTIONS
            .iter()
            .any(|function| function.name == self.name)
    }

    const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn named(mut self, naming: Naming) -> Self {
        self.naming = naming;
        self
    }

    /// Columns made of a call take the name of its first argument.
    const fn keeps_name(self) -> Self {
        self.named(Naming::FirstArgument)
    }
}

const fn takes(parameters: &'static [Parameter], result: ResultType) -> Signature {
    Signature {
        parameters,
        optional: 0,
        variadic: false,
        most: usize::MAX,
        result,
    }
}

impl Signature {
    const fn optional(mut self, count: usize) -> Self {
        self.optional = count;
        self
    }

    const fn variadic(mut self) -> Self {
        self.variadic = true;
        self
    }

    /// The last parameter repeats, up to so many arguments in all.
    const fn up_to(mut self, most: usize) -> Self {
        self.variadic = true;
        self.most = most;
        self
    }
}

/// Short names for the tables of functions below.
mod vocabulary {
    pub(super) use super::Naming::{Fixed, Prefix};
    pub(super) use super::Parameter::{
        Any, Array, Bag, Comparable, Hashable, Integer, IntegerOrArray, Number, NumberOrBool,
        OneOf, Orderable, SameAsFirst, Stringified, Summable, Text, TextOrArray, TextOrDynamic,
    };
    pub(super) use super::ResultType::{
        Array as TO_ARRAY, Bag as TO_BAG, Columns, CommonFrom, OfArgument, Special, WidenedArgument,
    };
    pub(super) use super::{
        Aggregate, Parameter, ResultType, Scalar, aggregate_function as aggregate,
        scalar_function as function, takes,
    };
    use crate::types::ScalarType;

    pub(super) const BOOL: Parameter = Parameter::Is(ScalarType::Bool);
    pub(super) const INT: Parameter = Parameter::Is(ScalarType::Int);
    pub(super) const GUID: Parameter = Parameter::Is(ScalarType::Guid);
    pub(super) const LONG: Parameter = Parameter::Is(ScalarType::Long);
    pub(super) const REAL: Parameter = Parameter::Is(ScalarType::Real);
    pub(super) const DECIMAL: Parameter = Parameter::Is(ScalarType::Decimal);
    pub(super) const DATETIME: Parameter = Parameter::Is(ScalarType::DateTime);
    pub(super) const TIMESPAN: Parameter = Parameter::Is(ScalarType::TimeSpan);
    pub(super) const CONST_STRING: Parameter = Parameter::Constant(ScalarType::String);
    pub(super) const CONST_LONG: Parameter = Parameter::Constant(ScalarType::Long);
    pub(super) const CONST_BOOL: Parameter = Parameter::Constant(ScalarType::Bool);
    pub(super) const TO_BOOL: ResultType = ResultType::Is(ScalarType::Bool);
    pub(super) const TO_INT: ResultType = ResultType::Is(ScalarType::Int);
    pub(super) const TO_LONG: ResultType = ResultType::Is(ScalarType::Long);
    pub(super) const TO_REAL: ResultType = ResultType::Is(ScalarType::Real);
    pub(super) const TO_DECIMAL: ResultType = ResultType::Is(ScalarType::Decimal);
    pub(super) const TO_STRING: ResultType = ResultType::Is(ScalarType::String);
    pub(super) const TO_DATETIME: ResultType = ResultType::Is(ScalarType::DateTime);
    pub(super) const TO_TIMESPAN: ResultType = ResultType::Is(ScalarType::TimeSpan);
    pub(super) const TO_GUID: ResultType = ResultType::Is(ScalarType::Guid);
    pub(super) const TO_DYNAMIC: ResultType = ResultType::Is(ScalarType::Dynamic);
}
