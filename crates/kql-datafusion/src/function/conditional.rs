//! Functions that choose or test: `iff`, `case`, `coalesce`, `max_of`, `not`, `isnull`.

use std::cmp::Ordering;

use arrow::array::ArrayRef;
use datafusion::common::Result;
use kql::types::ScalarType;

use super::arguments::Arguments;
use super::comparison::order;
use super::udf::{Evaluate, code};
use super::value::Datum;

/// Conditional functions by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "iff" | "iif" | "case" => code(case),
        "coalesce" => code(coalesce),
        "max_of" => code(|a| extreme(a, Ordering::Greater)),
        "min_of" => code(|a| extreme(a, Ordering::Less)),
        "not" => code(|a| {
            let values = a.bools_in(0);
            a.bools(|row| Some(!values.get(row)?))
        }),
        "isnull" => code(|a| {
            let input = a.input(0);
            a.tests(|row| input.get(row).is_null())
        }),
        "isnotnull" | "notnull" => code(|a| {
            let input = a.input(0);
            a.tests(|row| !input.get(row).is_null())
        }),
        _ => return None,
    })
}

/// The value after the first condition that is true, else the last argument.
fn case(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let inputs = arguments.inputs(0);
    arguments.datums(|row| {
        let mut pairs = inputs.chunks_exact(2);
        for pair in pairs.by_ref() {
            if pair[0].get(row).to_bool() == Some(true) {
                return pair[1].get(row);
            }
        }
        pairs
            .remainder()
            .first()
            .map_or(Datum::Null, |input| input.get(row))
    })
}

/// The first value that is neither null nor empty.
fn coalesce(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let inputs = arguments.inputs(0);
    arguments.datums(|row| {
        let mut values = inputs.iter().map(|input| input.get(row));
        let found = values.find(|value| !value.is_null() && *value != Datum::String(""));
        found.unwrap_or(Datum::Null)
    })
}

/// The greatest or least value; nulls are skipped and NaN wins.
fn extreme(arguments: &Arguments<'_>, wanted: Ordering) -> Result<ArrayRef> {
    let inputs = arguments.inputs(0);
    let is_nan = |datum: Datum<'_>| matches!(datum, Datum::Real(value) if value.is_nan());
    arguments.datums(|row| {
        let mut best = Datum::Null;
        for value in inputs.iter().map(|input| input.get(row)) {
            if value.is_null() || is_nan(best) {
                continue;
            }
            if best.is_null() || is_nan(value) || compare(value, best) == Some(wanted) {
                best = value;
            }
        }
        best
    })
}

/// Numbers of several types compare as reals where they differ.
fn compare(left: Datum<'_>, right: Datum<'_>) -> Option<Ordering> {
    order(left, right).or_else(|| match (left, right) {
        (Datum::Int(_) | Datum::Long(_), Datum::Int(_) | Datum::Long(_)) => {
            Some(left.to_long()?.cmp(&right.to_long()?))
        }
        _ => left.to_real()?.partial_cmp(&right.to_real()?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, bool, dynamic, eval, long, null, real, string};
    use super::*;
    use ScalarType::{Bool, Long, Real, String};

    fn check(name: &str, result: ScalarType, arguments: &[Argument], expected: &str) {
        assert_eq!(
            eval(name, result, arguments),
            expected,
            "{name} {arguments:?}"
        );
    }

    #[test]
    fn a_null_condition_takes_the_other_branch() {
        check("iff", String, &[null(Bool), string("t"), string("f")], "f");
        check(
            "case",
            Long,
            &[null(Bool), long(1), bool(true), long(2), long(3)],
            "2",
        );
    }

    #[test]
    fn coalesce_skips_empty_strings() {
        check(
            "coalesce",
            String,
            &[string(""), string("fallback")],
            "fallback",
        );
        check("coalesce", Long, &[null(Long), long(5)], "5");
        check("coalesce", Real, &[null(Real), null(Real)], "null");
    }

    #[test]
    fn extremes_skip_nulls_and_nan_wins() {
        check("max_of", Long, &[long(1), null(Long), long(3)], "3");
        check("min_of", Real, &[real(1.0), real(f64::NAN)], "NaN");
        check("max_of", Real, &[real(f64::NAN), real(1.0)], "NaN");
    }

    #[test]
    fn tests_of_null() {
        check("isnull", Bool, &[string("")], "False");
        check("isnull", Bool, &[dynamic("null")], "True");
        check("isnotnull", Bool, &[long(5)], "True");
        check("not", Bool, &[null(Bool)], "null");
    }
}
