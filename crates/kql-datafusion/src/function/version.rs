//! `parse_version()`: the parts of a version as one decimal that compares as versions do.

use std::sync::Arc;

use arrow::array::Decimal128Array;
use datafusion::logical_expr::ScalarUDF;
use kql::types::ScalarType;

use super::udf::{KqlScalar, code};
use crate::types::WHOLE_DECIMAL;

/// Most parts of a version.
const PARTS: usize = 4;
/// Most digits of a part.
const DIGITS: u32 = 8;

/// The function, if this is its name.
pub(super) fn find(name: &str, arguments: &[ScalarType]) -> Option<Arc<ScalarUDF>> {
    if name != "parse_version" {
        return None;
    }
    let evaluate = code(|arguments| {
        let texts = arguments.texts(0)?;
        let values = (0..arguments.rows).map(|row| parse(texts.text(row)));
        let array: Decimal128Array = values.collect();
        Ok(Arc::new(array.with_data_type(WHOLE_DECIMAL)))
    });
    let name = format!("kql_{name}");
    let (result, returned) = (ScalarType::Decimal, WHOLE_DECIMAL);
    Some(KqlScalar::udf_stored(
        name, arguments, result, returned, evaluate,
    ))
}

/// The version as a number with eight digits for each of four parts; those that are left out are
/// zero. `None` for what is no version.
fn parse(text: &str) -> Option<i128> {
    let mut number = 0_i128;
    let mut parts = text.split('.');
    for position in 0..PARTS {
        let part = match parts.next() {
            Some(part) => {
                let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                if !is_number || part.len() > DIGITS as usize {
                    return None;
                }
                part.parse::<i128>().ok()?
            }
            None if position == 0 => return None,
            None => 0,
        };
        number = number * 10_i128.pow(DIGITS) + part;
    }
    parts.next().is_none().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_eight_digits() {
        for (text, expected) in [
            ("0.0.0.5", Some(5)),
            ("0.0.7.0", Some(700_000_000)),
            ("0.2", Some(20_000_000_000_000_000)),
            ("1.2.3.4", Some(1_000_000_020_000_000_300_000_004)),
            ("1", Some(1_000_000_000_000_000_000_000_000)),
            ("00000001", Some(1_000_000_000_000_000_000_000_000)),
            (
                "99999999.99999999.99999999.99999999",
                Some(99_999_999_999_999_999_999_999_999_999_999),
            ),
            ("", None),
            ("1.", None),
            (".1", None),
            ("1.2.3.4.5", None),
            ("1.2a", None),
            ("-1", None),
            ("123456789", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
