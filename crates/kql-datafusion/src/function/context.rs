//! What a cluster knows of itself, of who asks and of where a record is kept. There is no cluster
//! here: the answers are those of a record that is in no data shard, and of a principal without a
//! name that is in no group. Also `estimate_data_size` and `assert`.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use kql::types::ScalarType;

use super::arguments::{Arguments, Input};
use super::udf::{Evaluate, code};
use super::value::Datum;
use crate::error::EngineError;

/// The identifier of no data shard.
const NO_GUID: &str = "00000000-0000-0000-0000-000000000000";

/// Functions of the surroundings by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "current_cluster_endpoint"
        | "current_database"
        | "current_principal"
        | "current_node_id" => code(|a| a.strings(|_, _| {})),
        "current_principal_details" => written("{}"),
        "current_principal_is_member_of" => code(|a| a.tests(|_| false)),
        "extent_id" => written(NO_GUID),
        "extent_tags" => written("[]"),
        "estimate_data_size" => code(estimate_data_size),
        "assert" => code(assert),
        _ => return None,
    })
}

fn written(value: &'static str) -> Evaluate {
    code(move |a| a.borrowed(|_| Some(value)))
}

/// Texts count their bytes, other values those of their type, null as well.
fn estimate_data_size(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let inputs = arguments.inputs(0);
    arguments.longs(|row| Some(inputs.iter().map(|input| size(input, row)).sum()))
}

fn size(input: &Input, row: usize) -> i64 {
    match input {
        Input::Bool(..) => 1,
        Input::Int(..) => 4,
        Input::Long(..) | Input::Real(..) | Input::DateTime(..) | Input::TimeSpan(..) => 8,
        Input::Decimal(..) | Input::WholeDecimal(..) | Input::Guid(..) => 16,
        Input::String(..) | Input::Dynamic(..) => match input.get(row) {
            Datum::String(text) | Datum::Dynamic(text) => text.len() as i64,
            _ => 0,
        },
    }
}

/// True, or the end of the query.
fn assert(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (conditions, messages) = (arguments.bools_in(0), arguments.texts(1)?);
    for row in 0..arguments.rows {
        if conditions.get(row) != Some(true) {
            let message = messages.text(row);
            let error = format!("assert() has failed with message: '{message}'");
            return Err(DataFusionError::External(Box::new(EngineError::Execution(
                error,
            ))));
        }
    }
    arguments.tests(|_| true)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bool, call, dynamic, eval, int, long, null, string};
    use super::*;

    #[test]
    fn sizes_are_those_of_types_and_texts() {
        let arguments = [long(1), string("1234567890")];
        let size = eval("estimate_data_size", ScalarType::Long, &arguments);
        assert_eq!(size, "18");
        let arguments = [
            int(1),
            dynamic("[1]"),
            null(ScalarType::DateTime),
            bool(true),
        ];
        let size = eval("estimate_data_size", ScalarType::Long, &arguments);
        assert_eq!(size, "16");
    }

    #[test]
    fn an_assertion_that_does_not_hold_ends_the_query() {
        let types = [ScalarType::Bool, ScalarType::String];
        let udf = super::super::scalar("assert", &types, ScalarType::Bool).unwrap();
        assert!(call(&udf, &[bool(true), string("x")]).is_ok());
        for condition in [bool(false), null(ScalarType::Bool)] {
            let error = call(&udf, &[condition, string("no rows")]).unwrap_err();
            assert!(error.to_string().contains("no rows"), "{error}");
        }
    }
}
