//! Conversions between the types: `toint()`, `tostring()` and their kin, `todynamic()`,
//! `gettype()`. What a conversion means is in `value.rs`.

use std::sync::Arc;

use arrow::compute::cast;
use datafusion::logical_expr::ScalarUDF;
use kql::types::ScalarType;

use super::json;
use super::udf::{Evaluate, KqlScalar, code};
use crate::types::arrow_type;

/// `ExprKind::Convert`. A string becomes a dynamic that holds the string; text is parsed as JSON
/// only by the functions `parse_json()` and `todynamic()`.
pub fn convert(from: ScalarType, to: ScalarType) -> Arc<ScalarUDF> {
    let name = format!("kql_to_{to}");
    KqlScalar::udf(name, &[from], to, conversion(from, to))
}

fn conversion(from: ScalarType, to: ScalarType) -> Evaluate {
    use ScalarType::{Dynamic, Guid, Int, Long, Real, String};
    match (from, to) {
        (Int, Long | Real) | (Long, Real) => code(|arguments| {
            let (array, _) = arguments.array(0);
            Ok(cast(array, &arrow_type(arguments.result))?)
        }),
        (from, to) if from == to => code(|arguments| Ok(Arc::clone(arguments.array(0).0))),
        (Guid, String) => code(|arguments| {
            let guids = arguments.raw(0)?;
            arguments.borrowed(|row| guids.get(row))
        }),
        (Dynamic, String) => code(|arguments| {
            let values = arguments.raw(0)?;
            arguments.strings(|row, out| {
                if let Some(value) = values.get(row) {
                    json::write_text(value, out);
                }
            })
        }),
        _ => code(|arguments| {
            let input = arguments.input(0);
            arguments.datums(|row| input.get(row))
        }),
    }
}

/// Conversion functions by name.
pub(super) fn find(name: &str, arguments: &[ScalarType]) -> Option<Evaluate> {
    let from = *arguments.first()?;
    let to = match name {
        "tostring" => ScalarType::String,
        "tolong" => ScalarType::Long,
        "toint" => ScalarType::Int,
        "todouble" | "toreal" => ScalarType::Real,
        "tobool" | "toboolean" => ScalarType::Bool,
        "todatetime" => ScalarType::DateTime,
        "totimespan" | "totime" => ScalarType::TimeSpan,
        "todecimal" => ScalarType::Decimal,
        "toguid" => ScalarType::Guid,
        "parse_json" | "todynamic" | "toobject" | "parsejson" if from == ScalarType::String => {
            return Some(parse_json());
        }
        "parse_json" | "todynamic" | "toobject" | "parsejson" => ScalarType::Dynamic,
        "gettype" => {
            return Some(code(|arguments| {
                let input = arguments.input(0);
                let ty = arguments.ty(0);
                arguments.borrowed(|row| Some(input.get(row).type_name(ty)))
            }));
        }
        _ => return None,
    };
    Some(conversion(from, to))
}

/// Text that is not JSON is a dynamic that holds the text; no text is null.
fn parse_json() -> Evaluate {
    code(|arguments| {
        let texts = arguments.raw(0)?;
        arguments.optional_strings(|row, out| {
            let text = texts.text(row);
            if text.is_empty() {
                return None;
            }
            if json::write_compact(text, out).is_none() {
                json::write_string(text, out);
            }
            Some(())
        })
    })
}

#[cfg(test)]
mod tests;
