//! KQL's scalar functions and operators as DataFusion functions over Arrow arrays of
//! `types::arrow_type`. The lowering asks for them by KQL name and types; each family below has
//! a `find` that knows its names. Nothing here plans or binds: arguments arrive converted.

mod access;
mod arguments;
mod cached;
pub mod comparison;
mod conditional;
mod convert;
mod fold;
mod in_list;
pub(crate) mod json;
mod operator_arithmetic;
mod operator_string;
mod pattern;
mod regex;
mod string;
#[cfg(test)]
mod testing;
mod text;
mod udf;
mod value;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use kql::types::ScalarType;

pub use access::{index, member};
pub use convert::convert;
pub use in_list::in_list;
pub use operator_arithmetic::{arithmetic, negate};
pub use operator_string::string_operator;

use udf::{Evaluate, KqlScalar};

/// The families of functions by name.
const FAMILIES: &[fn(&str, &[ScalarType]) -> Option<Evaluate>] =
    &[convert::find, conditional::find, string::find, regex::find];

/// The built-in function of this KQL name over arguments of these types, `None` if the engine
/// does not have it.
pub fn scalar(name: &str, arguments: &[ScalarType], result: ScalarType) -> Option<Arc<ScalarUDF>> {
    let evaluate = FAMILIES.iter().find_map(|find| find(name, arguments))?;
    Some(KqlScalar::udf(
        format!("kql_{name}"),
        arguments,
        result,
        evaluate,
    ))
}
