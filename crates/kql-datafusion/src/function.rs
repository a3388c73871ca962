//! KQL's scalar functions and operators as DataFusion functions over Arrow arrays of
//! `types::arrow_type`. The lowering asks for them by KQL name and types; each family below has
//! a `find` that knows its names. Nothing here plans or binds: arguments arrive converted.

mod access;
mod arguments;
mod around;
mod array;
mod bag;
mod cached;
mod caseless;
pub mod comparison;
mod compression;
mod conditional;
mod context;
mod convert;
mod datetime;
pub(crate) mod distinct;
mod encoding;
mod fold;
mod geo;
mod hash;
mod in_list;
mod ip;
mod ipv6;
pub(crate) mod json;
mod json_path;
mod json_writer;
pub(crate) mod key_value;
mod location;
pub(crate) mod lookup;
mod math;
mod operator_arithmetic;
mod operator_string;
mod output;
mod parse_path;
mod parse_text;
mod parse_url;
mod parse_xml;
mod pattern;
mod punycode;
mod random;
mod real_digits;
mod regex;
mod series;
mod sketch;
mod statistics;
mod string;
#[cfg(test)]
mod testing;
pub(crate) mod text;
mod time_zone;
mod treepath;
mod tuple;
mod udf;
mod unit;
mod user_agent;
mod value;
mod version;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use kql::types::ScalarType;

pub(crate) use access::{has_no_property, has_property};
pub use access::{index, member};
pub(crate) use arguments::Input;
pub use convert::convert;
pub use in_list::in_list;
pub(crate) use location::{Locations, locate};
pub use operator_arithmetic::{arithmetic, negate};
pub use operator_string::string_operator;
pub(crate) use series::{Bins, Ends};
pub(crate) use sketch::sketches_in_common;
pub(crate) use tuple::field;
pub(crate) use value::Datum;

use tuple::KqlTuple;
use udf::{Evaluate, KqlScalar};

/// The steps of a path into JSON: names, or numbers of elements. A text that is no path is the
/// name of a property.
pub(crate) fn path_steps(path: &str) -> impl Iterator<Item = Result<String, i64>> {
    let steps = json_path::parse(path).unwrap_or_else(|| json_path::parse_key(path));
    steps.into_iter().map(|step| match step {
        json_path::Step::Key(key) => Ok(key),
        json_path::Step::Index(index) => Err(index),
    })
}

/// Looks a function up by its name and the types of its arguments.
type Find = fn(&str, &[ScalarType]) -> Option<Evaluate>;

/// The families of functions.
const FAMILIES: &[Find] = &[
    convert::find,
    conditional::find,
    string::find,
    regex::find,
    math::find,
    datetime::find,
    time_zone::find,
    array::find,
    bag::find,
    parse_url::find,
    parse_path::find,
    parse_text::find,
    parse_xml::find,
    ip::find,
    ipv6::find,
    hash::find,
    encoding::find,
    geo::find,
    series::find,
    statistics::find,
    sketch::find,
    unit::find,
    user_agent::find,
    compression::find,
    punycode::find,
    around::find,
    treepath::find,
    context::find,
];

/// The built-in function of this KQL name over arguments of these types, `None` if the engine
/// does not have it.
pub fn scalar(name: &str, arguments: &[ScalarType], result: ScalarType) -> Option<Arc<ScalarUDF>> {
    if let Some(special) = random::find(name, arguments).or_else(|| version::find(name, arguments))
    {
        return Some(special);
    }
    let evaluate = FAMILIES.iter().find_map(|find| find(name, arguments))?;
    Some(KqlScalar::udf(
        format!("kql_{name}"),
        arguments,
        result,
        evaluate,
    ))
}

/// The built-in function of this KQL name that yields several values, as a function that yields a
/// struct; [`field`] takes the values out of it.
pub(crate) fn tuple(
    name: &str,
    arguments: &[ScalarType],
    results: Vec<ScalarType>,
) -> Option<Arc<ScalarUDF>> {
    let evaluate = series::find_tuple(name)?;
    Some(KqlTuple::udf(
        format!("kql_{name}"),
        arguments,
        results,
        evaluate,
    ))
}
