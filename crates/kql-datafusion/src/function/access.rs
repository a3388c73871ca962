//! `d.name` and `d[i]` on dynamics. They never fail: what is not there is null.

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use kql::types::ScalarType;

use super::json;
use super::udf::{KqlScalar, code};

/// `d.name`, the name as a string literal.
pub fn member() -> Arc<ScalarUDF> {
    by_key("kql_member")
}

/// `d[i]`: an element by position, negative from the end, or a property by its name.
pub fn index(ty: ScalarType) -> Arc<ScalarUDF> {
    if ty == ScalarType::String {
        return by_key("kql_index");
    }
    let evaluate = code(|arguments| {
        let values = arguments.raw(0)?;
        let positions = arguments.longs_in(1);
        arguments.borrowed(|row| json::element(values.get(row)?, positions.get(row)?))
    });
    let types = [ScalarType::Dynamic, ty];
    KqlScalar::udf("kql_index", &types, ScalarType::Dynamic, evaluate)
}

fn by_key(name: &str) -> Arc<ScalarUDF> {
    let evaluate = code(|arguments| {
        let values = arguments.raw(0)?;
        let names = arguments.texts(1)?;
        arguments.borrowed(|row| json::member(values.get(row)?, names.get(row)?))
    });
    let types = [ScalarType::Dynamic, ScalarType::String];
    KqlScalar::udf(name, &types, ScalarType::Dynamic, evaluate)
}
