//! The plugins of `evaluate`: what they take, and what columns they make.
//!
//! One entry per plugin, in a file per family below `plugin/`. The binder makes the schema of the
//! result from [`Output`]s; a plugin whose columns depend on the rows makes them known only when
//! it runs, which is [`Output::Further`].

mod activity;
mod pattern;
mod request;
mod shape;

use crate::types::ScalarType;

/// The plugin called `name`, by its own name or an alias.
pub fn plugin(name: &str) -> Option<&'static Plugin> {
    plugins().find(|plugin| plugin.name == name || plugin.aliases.contains(&name))
}

/// Every plugin, family by family.
pub fn plugins() -> impl Iterator<Item = &'static Plugin> {
    [
        shape::PLUGINS,
        pattern::PLUGINS,
        activity::PLUGINS,
        request::PLUGINS,
    ]
    .into_iter()
    .flatten()
}

/// A plugin of `evaluate`.
#[derive(Debug)]
pub struct Plugin {
    /// KQL name, case-sensitive.
    pub name: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
    /// Accepted parameter lists; the first one that the number of arguments suits is taken.
    pub forms: &'static [&'static [PluginParameter]],
    /// The columns of the result, in order.
    pub output: &'static [Output],
    /// One line of documentation.
    pub doc: &'static str,
}

/// A parameter of a plugin.
#[derive(Debug)]
pub struct PluginParameter {
    /// Name; optional parameters may be given by it.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it takes any number of arguments.
    pub repeats: bool,
}

/// What a parameter of a plugin takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// The name of a column of the input.
    Column(Class),
    /// The name of a column of the table that is the first argument.
    LookupColumn(Class),
    /// The name of a column that the input and the table of the first argument share.
    CommonColumn,
    /// An expression over the input's row.
    Expression(Class),
    /// A constant.
    Constant(Class),
    /// A constant that is written out where it stands.
    Literal(Class),
    /// An aggregate over the input.
    Aggregate,
    /// A table.
    Table,
    /// `typeof(*, a: long)`: the columns of the result.
    OutputSchema,
}

/// Types that a parameter of a plugin takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Any.
    Any,
    /// Any but dynamic.
    NotDynamic,
    /// A number, timespan or datetime.
    Summable,
    /// int or long.
    Integer,
    /// int, long, real or decimal.
    Number,
    /// A dynamic array.
    Array,
    /// A dynamic property bag.
    Bag,
    /// This type, or a number that widens to it.
    Is(ScalarType),
}

/// Columns of a plugin's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Every column of the input.
    Input,
    /// Every column of the input but those that arguments name.
    InputWithoutArguments,
    /// The same, unless there are arguments for this parameter.
    OthersUnless(&'static str),
    /// The columns that the arguments of this parameter name.
    Of(&'static str),
    /// A column called as the argument of this parameter behind a prefix, of its type.
    Prefixed(&'static str, &'static str),
    /// A column called as the argument of this parameter (nothing, where it has no name) with a
    /// suffix.
    Suffixed(&'static str, &'static str, ScalarType),
    /// A column of this name and of the type of this parameter's argument.
    Typed(&'static str, &'static str),
    /// A column of this name and type.
    New(&'static str, ScalarType),
    /// One column for each argument, called `s0`, `s1`, …
    NumberedCounts,
    /// The column of `rolling_percentile`, named after its arguments.
    RollingPercentile,
    /// A datetime column for each step of a sequence, named after the step and the time column.
    Steps,
    /// The columns of the table in the first argument but those that keys are taken from.
    Lookup,
    /// What `typeof(…)` in the first argument says.
    Declared,
    /// Columns that are known only when the plugin runs.
    Further,
}

const fn required(name: &'static str, takes: Takes) -> PluginParameter {
    PluginParameter {
        name,
        takes,
        optional: false,
        repeats: false,
    }
}

const fn optional(name: &'static str, takes: Takes) -> PluginParameter {
    PluginParameter {
        name,
        takes,
        optional: true,
        repeats: false,
    }
}

impl PluginParameter {
    const fn repeated(mut self) -> Self {
        self.repeats = true;
        self
    }
}

/// Short names for the tables of plugins below.
mod vocabulary {
    pub(super) use super::Class::{Any, Array, Bag, Integer, Is, NotDynamic, Number, Summable};
    pub(super) use super::Output::{
        Declared, Further, Input, InputWithoutArguments, Lookup, New, NumberedCounts, Of,
        OthersUnless, Prefixed, RollingPercentile, Steps, Suffixed, Typed,
    };
    pub(super) use super::Takes::{
        Aggregate, Column, CommonColumn, Constant, Expression, Literal, LookupColumn, OutputSchema,
        Table,
    };
    pub(super) use super::{Plugin, PluginParameter, optional, required};
    pub(super) use crate::types::ScalarType::{Bool, Dynamic, Long, Real, String, TimeSpan};
}
