//! Functions that compute element by element: arithmetic, comparison, mathematics.

use std::cmp::Ordering;

use arrow::array::ArrayRef;
use datafusion::common::Result;

use super::number::{self, Number, Operand};
use crate::function::arguments::Arguments;
use crate::function::json_writer::write_bool;
use crate::function::udf::{Evaluate, code};

/// Functions by name, without their prefix.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "add" => arithmetic(|a, b| exact(a, b, i64::wrapping_add, |a, b| a + b)),
        "subtract" => arithmetic(|a, b| exact(a, b, i64::wrapping_sub, |a, b| a - b)),
        "multiply" => arithmetic(|a, b| exact(a, b, i64::wrapping_mul, |a, b| a * b)),
        "divide" => arithmetic(|a, b| Number::Real(a.real() / b.real())),
        "pow" => arithmetic(|a, b| Number::Real(a.real().powf(b.real()))),
        "equals" => comparison(|order| order == Some(Ordering::Equal)),
        "not_equals" => comparison(|order| order != Some(Ordering::Equal)),
        "less" => comparison(|order| order == Some(Ordering::Less)),
        "less_equals" => comparison(|order| order.is_some_and(Ordering::is_le)),
        "greater" => comparison(|order| order == Some(Ordering::Greater)),
        "greater_equals" => comparison(|order| order.is_some_and(Ordering::is_ge)),
        "abs" => each(|number| match number {
            Number::Whole(value) => Number::Whole(value.wrapping_abs()),
            Number::Real(value) => Number::Real(value.abs()),
        }),
        "sign" => each(|number| match number {
            Number::Whole(value) => Number::Whole(value.signum()),
            Number::Real(0.0) => Number::Real(0.0),
            Number::Real(value) => Number::Real(value.signum()),
        }),
        "floor" => real(f64::floor),
        "ceiling" => real(f64::ceil),
        "exp" => real(f64::exp),
        "log" => real(f64::ln),
        "sin" => real(f64::sin),
        "cos" => real(f64::cos),
        "tan" => real(f64::tan),
        "asin" => real(f64::asin),
        "acos" => real(f64::acos),
        "atan" => real(f64::atan),
        _ => return None,
    })
}

/// Whole numbers stay whole.
fn exact(a: Number, b: Number, whole: fn(i64, i64) -> i64, real: fn(f64, f64) -> f64) -> Number {
    match (a, b) {
        (Number::Whole(a), Number::Whole(b)) => Number::Whole(whole(a, b)),
        (a, b) => Number::Real(real(a.real(), b.real())),
    }
}

fn each(function: fn(Number) -> Number) -> Evaluate {
    code(move |arguments| {
        let arrays = arguments.raw(0)?;
        arguments.optional_strings(|row, out| {
            let series = number::read(arrays.get(row)?)?;
            number::write(series.into_iter().map(|x| x.map(function)), out);
            Some(())
        })
    })
}

fn real(function: fn(f64) -> f64) -> Evaluate {
    code(move |arguments| {
        let arrays = arguments.raw(0)?;
        arguments.optional_strings(|row, out| {
            let series = number::read(arrays.get(row)?)?.into_iter();
            number::write(series.map(|x| Some(Number::Real(function(x?.real())))), out);
            Some(())
        })
    })
}

/// Calls `write` with each pair of elements; the shorter array goes on with nulls.
fn pairs(
    arguments: &Arguments<'_>,
    write: impl Fn(Option<(Number, Number)>, &mut String),
) -> Result<ArrayRef> {
    let (left, right) = (arguments.input(0), arguments.input(1));
    arguments.optional_strings(|row, out| {
        let (left, right) = (Operand::read(&left, row), Operand::read(&right, row));
        let length = left.length().into_iter().chain(right.length()).max()?;
        out.push('[');
        for position in 0..length {
            if position > 0 {
                out.push(',');
            }
            write(left.at(position).zip(right.at(position)), out);
        }
        out.push(']');
        Some(())
    })
}

fn arithmetic(function: fn(Number, Number) -> Number) -> Evaluate {
    code(move |arguments| {
        pairs(arguments, |pair, out| {
            let mut json = String::new();
            number::write([pair.map(|(a, b)| function(a, b))], &mut json);
            out.push_str(&json[1..json.len() - 1]);
        })
    })
}

fn comparison(test: fn(Option<Ordering>) -> bool) -> Evaluate {
    code(move |arguments| {
        pairs(arguments, |pair, out| {
            let order = pair.map(|(a, b)| match (a, b) {
                (Number::Whole(a), Number::Whole(b)) => Some(a.cmp(&b)),
                (a, b) => a.real().partial_cmp(&b.real()),
            });
            write_bool(order.map(test), out);
        })
    })
}
