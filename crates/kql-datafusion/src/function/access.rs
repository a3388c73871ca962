//! `d.name` and `d[i]` on dynamics. They never fail: what is not there is null.

use std::sync::Arc;

use datafusion::common::exec_err;
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

/// Whether a bag has a property.
pub(crate) fn has_property() -> Arc<ScalarUDF> {
    let evaluate = code(|arguments| {
        let values = arguments.raw(0)?;
        let names = arguments.texts(1)?;
        arguments.tests(|row| {
            let has = |bag| json::member(bag, names.text(row)).is_some();
            values.get(row).is_some_and(has)
        })
    });
    let types = [ScalarType::Dynamic, ScalarType::String];
    KqlScalar::udf("kql_has_property", &types, ScalarType::Bool, evaluate)
}

/// True, or an error if a bag has a property, which would become a column twice.
pub(crate) fn has_no_property() -> Arc<ScalarUDF> {
    let evaluate = code(|arguments| {
        let values = arguments.raw(0)?;
        let names = arguments.texts(1)?;
        for row in 0..arguments.rows {
            let name = names.text(row);
            if values
                .get(row)
                .and_then(|bag| json::member(bag, name))
                .is_some()
            {
                return exec_err!(
                    "bag_unpack: the bag has a property called as the column `{name}`; say \
                     columnsConflict='replace_source' or 'keep_source'"
                );
            }
        }
        arguments.tests(|_| true)
    });
    let types = [ScalarType::Dynamic, ScalarType::String];
    KqlScalar::udf("kql_has_no_property", &types, ScalarType::Bool, evaluate)
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
