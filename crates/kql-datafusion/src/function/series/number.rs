//! Reading and writing series. An array of whole numbers stays one where a function allows; one
//! real among them makes all real, as Kusto keeps one type per array.

use crate::function::arguments::{Arguments, Input, Texts};
use crate::function::json::{self, Kind};
use crate::function::text;
use crate::function::value::Datum;

/// A number of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Real(f64),
}

impl Number {
    pub(super) fn real(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }

    /// The number of a JSON value; text is none, but for those that are not finite.
    fn of_json(json: &str) -> Option<Self> {
        match json.as_bytes().first()? {
            b'-' | b'0'..=b'9' => match json.parse() {
                Ok(value) => Some(Self::Whole(value)),
                Err(_) => Some(Self::Real(json.parse().ok()?)),
            },
            b'"' => match json {
                "\"NaN\"" => Some(Self::Real(f64::NAN)),
                "\"Infinity\"" => Some(Self::Real(f64::INFINITY)),
                "\"-Infinity\"" => Some(Self::Real(f64::NEG_INFINITY)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The number of a scalar.
    pub(super) fn of_datum(datum: Datum<'_>) -> Option<Self> {
        match datum {
            Datum::Int(value) => Some(Self::Whole(i64::from(value))),
            Datum::Long(value) => Some(Self::Whole(value)),
            Datum::Real(value) => Some(Self::Real(value)),
            Datum::Decimal(value) => Some(Self::Real(text::real_of_decimal(value))),
            Datum::WholeDecimal(value) => Some(Self::Real(value as f64)),
            Datum::Dynamic(json) => Self::of_json(json.trim_ascii()),
            _ => None,
        }
    }

    fn write(self, out: &mut String) {
        match self {
            Self::Whole(value) => text::write(out, format_args!("{value}")),
            Self::Real(value) => json::write_real(value, out),
        }
    }
}

/// The elements of an array, `None` for what is no number; no series for what is no array.
pub(super) fn read(json: &str) -> Option<Vec<Option<Number>>> {
    let mut series: Vec<Option<Number>> = json::elements(json)?.map(Number::of_json).collect();
    let is_real = |element: &Option<Number>| matches!(element, Some(Number::Real(_)));
    if series.iter().any(is_real) {
        for element in series.iter_mut().flatten() {
            *element = Number::Real(element.real());
        }
    }
    Some(series)
}

/// The numbers of an array all of whose elements are numbers.
pub(super) fn read_reals(json: &str) -> Option<Vec<f64>> {
    json::elements(json)?
        .map(|element| Some(Number::of_json(element)?.real()))
        .collect()
}

/// Writes a series; elements without a number are null.
pub(super) fn write(series: impl IntoIterator<Item = Option<Number>>, out: &mut String) {
    out.push('[');
    for (position, element) in series.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        match element {
            Some(number) => number.write(out),
            None => out.push_str("null"),
        }
    }
    out.push(']');
}

/// An argument that may be an array or a number that stands for all elements of one.
pub(super) enum Operand {
    Series(Vec<Option<Number>>),
    One(Option<Number>),
}

impl Operand {
    pub(super) fn read(input: &Input, row: usize) -> Self {
        match input.get(row) {
            Datum::Dynamic(json) if json::kind(json) == Kind::Array => {
                Self::Series(read(json).unwrap_or_default())
            }
            datum => Self::One(Number::of_datum(datum)),
        }
    }

    /// The element at a position.
    pub(super) fn at(&self, position: usize) -> Option<Number> {
        match self {
            Self::Series(series) => series.get(position).copied().flatten(),
            Self::One(number) => *number,
        }
    }

    /// How many elements there are, if it is an array.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Self::Series(series) => Some(series.len()),
            Self::One(_) => None,
        }
    }
}

/// The arrays of an argument as reals.
pub(super) fn reals_of(arrays: &Texts, row: usize) -> Option<Vec<f64>> {
    read_reals(arrays.get(row)?)
}

/// An optional argument; what is null counts as not given.
pub(super) fn optional_real(
    arguments: &Arguments<'_>,
    position: usize,
) -> impl Fn(usize) -> Option<f64> {
    let values = (arguments.len() > position).then(|| arguments.reals_in(position));
    move |row| values.as_ref()?.get(row)
}

/// The same for an integer.
pub(super) fn optional_long(
    arguments: &Arguments<'_>,
    position: usize,
) -> impl Fn(usize) -> Option<i64> {
    let values = (arguments.len() > position).then(|| arguments.longs_in(position));
    move |row| values.as_ref()?.get(row)
}
