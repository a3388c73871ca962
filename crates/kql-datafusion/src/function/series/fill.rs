//! Functions that fill gaps: elements that are null, or equal to a placeholder.

use datafusion::common::Result;

use super::number::{self, Number};
use crate::function::arguments::Arguments;
use crate::function::udf::{Evaluate, code};

type Elements = [Option<Number>];

/// Functions by name, without their prefix.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "fill_forward" => copied(|series, is_gap| {
            let mut last = None;
            for (element, is_gap) in series.iter_mut().zip(is_gap) {
                if !is_gap {
                    last = Some(*element);
                } else if let Some(last) = last {
                    *element = last;
                }
            }
        }),
        "fill_backward" => copied(|series, is_gap| {
            let mut next = None;
            for (element, is_gap) in series.iter_mut().zip(is_gap).rev() {
                if !is_gap {
                    next = Some(*element);
                } else if let Some(next) = next {
                    *element = next;
                }
            }
        }),
        "fill_const" => code(|arguments| {
            let (arrays, constants) = (arguments.raw(0)?, arguments.input(1));
            let placeholder = placeholder(arguments, 2);
            arguments.optional_strings(|row, out| {
                let mut series = number::read(arrays.get(row)?)?;
                let constant = Number::of_datum(constants.get(row));
                for (position, is_gap) in gaps(&series, placeholder(row)).iter().enumerate() {
                    if *is_gap {
                        series[position] = constant;
                    }
                }
                number::write(series, out);
                Some(())
            })
        }),
        "fill_linear" => code(fill_linear),
        _ => return None,
    })
}

/// Fills with values that are there.
fn copied(fill: fn(&mut Elements, &[bool])) -> Evaluate {
    code(move |arguments| {
        let arrays = arguments.raw(0)?;
        let placeholder = placeholder(arguments, 1);
        arguments.optional_strings(|row, out| {
            let mut series = number::read(arrays.get(row)?)?;
            let gaps = gaps(&series, placeholder(row));
            fill(&mut series, &gaps);
            number::write(series, out);
            Some(())
        })
    })
}

/// What stands for a missing value; null unless given.
fn placeholder<'a>(
    arguments: &'a Arguments<'_>,
    position: usize,
) -> impl Fn(usize) -> Option<Number> + use<'a> {
    let input = (arguments.len() > position).then(|| arguments.input(position));
    move |row| Number::of_datum(input.as_ref()?.get(row))
}

fn gaps(series: &Elements, placeholder: Option<Number>) -> Vec<bool> {
    let placeholder = placeholder.map(Number::real);
    let is_gap = |element: &Option<Number>| match (element.map(Number::real), placeholder) {
        (None, None) => true,
        (Some(number), Some(placeholder)) => {
            number.total_cmp(&placeholder).is_eq() || number - placeholder == 0.0
        }
        _ => false,
    };
    series.iter().map(is_gap).collect()
}

/// `series_fill_linear(series, placeholder, fill edges, constant)`.
fn fill_linear(arguments: &Arguments<'_>) -> Result<arrow::array::ArrayRef> {
    let arrays = arguments.raw(0)?;
    let placeholder = placeholder(arguments, 1);
    let edges = (arguments.len() > 2).then(|| arguments.bools_in(2));
    let constants = (arguments.len() > 3).then(|| arguments.input(3));
    arguments.optional_strings(|row, out| {
        let mut series = number::read(arrays.get(row)?)?;
        let gaps = gaps(&series, placeholder(row));
        let fill_edges = edges.as_ref().and_then(|edges| edges.get(row));
        let Some(first) = gaps.iter().position(|is_gap| !is_gap) else {
            let constant = match &constants {
                Some(constants) => Number::of_datum(constants.get(row)),
                None => Some(Number::Real(0.0)),
            };
            if constant.is_some() {
                series.fill(constant);
            }
            number::write(series, out);
            return Some(());
        };
        let last = gaps.iter().rposition(|is_gap| !is_gap).unwrap_or(first);
        if fill_edges != Some(false) {
            let (start, end) = (series[first], series[last]);
            series[..first].fill(start);
            series[last..].fill(end);
        }
        let mut left = first;
        for (right, is_gap) in gaps.iter().enumerate().take(last + 1).skip(first + 1) {
            if *is_gap {
                continue;
            }
            for position in left + 1..right {
                series[position] = between(&series, left, right, position);
            }
            left = right;
        }
        number::write(series, out);
        Some(())
    })
}

/// On the line between two elements; cut off between whole numbers.
fn between(series: &Elements, left: usize, right: usize, at: usize) -> Option<Number> {
    let (start, end) = (series[left]?, series[right]?);
    let share = (at - left) as f64 / (right - left) as f64;
    let value = start.real() + (end.real() - start.real()) * share;
    Some(match (start, end) {
        (Number::Whole(_), Number::Whole(_)) => Number::Whole(value as i64),
        _ => Number::Real(value),
    })
}
