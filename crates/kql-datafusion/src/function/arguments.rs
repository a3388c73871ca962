//! The arguments of one call over one batch, read row by row with their KQL types. What a call
//! returns is written in `output.rs`; the families of functions use nothing else of Arrow.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, DurationNanosecondArray, Float64Array,
    Int32Array, Int64Array, StringViewArray, StringViewBuilder, TimestampNanosecondArray,
};
use arrow::datatypes::{
    Decimal128Type, DurationNanosecondType, Float64Type, Int32Type, Int64Type,
    TimestampNanosecondType,
};
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::logical_expr::ColumnarValue;
use kql::types::ScalarType;

use super::value::Datum;
use crate::types::{WHOLE_DECIMAL, is_stored_as};
use crate::watch::Watch;

/// Arguments of one call.
pub(super) struct Arguments<'a> {
    arrays: Vec<(ArrayRef, bool)>,
    types: &'a [ScalarType],
    /// KQL type of the result.
    pub(super) result: ScalarType,
    /// Rows of the batch.
    pub(super) rows: usize,
    /// Of the query that calls.
    watch: Option<&'a Watch>,
}

/// One argument, typed. A constant holds one row that stands for all.
pub(crate) enum Input {
    Bool(BooleanArray, bool),
    Int(Int32Array, bool),
    Long(Int64Array, bool),
    Real(Float64Array, bool),
    Decimal(Decimal128Array, bool),
    WholeDecimal(Decimal128Array, bool),
    String(StringViewArray, bool),
    DateTime(TimestampNanosecondArray, bool),
    TimeSpan(DurationNanosecondArray, bool),
    Guid(StringViewArray, bool),
    Dynamic(StringViewArray, bool),
}

/// Reads element `$row`, or element 0 of a constant; a null gives `Datum::Null`.
macro_rules! read {
    ($array:expr, $constant:expr, $row:expr, $datum:path) => {{
        let row = if *$constant { 0 } else { $row };
        if $array.is_null(row) {
            Datum::Null
        } else {
            $datum($array.value(row))
        }
    }};
}

impl Input {
    /// The values of an array that holds values of a KQL type as `types::arrow_type` has them.
    pub(crate) fn new(array: &ArrayRef, ty: ScalarType) -> Self {
        Self::of(array, ty, false)
    }

    fn of(array: &ArrayRef, ty: ScalarType, constant: bool) -> Self {
        match ty {
            ScalarType::Bool => Self::Bool(array.as_boolean().clone(), constant),
            ScalarType::Int => Self::Int(array.as_primitive::<Int32Type>().clone(), constant),
            ScalarType::Long => Self::Long(array.as_primitive::<Int64Type>().clone(), constant),
            ScalarType::Real => Self::Real(array.as_primitive::<Float64Type>().clone(), constant),
            ScalarType::Decimal if *array.data_type() == WHOLE_DECIMAL => {
                Self::WholeDecimal(array.as_primitive::<Decimal128Type>().clone(), constant)
            }
            ScalarType::Decimal => {
                Self::Decimal(array.as_primitive::<Decimal128Type>().clone(), constant)
            }
            ScalarType::String => Self::String(array.as_string_view().clone(), constant),
            ScalarType::DateTime => Self::DateTime(
                array.as_primitive::<TimestampNanosecondType>().clone(),
                constant,
            ),
            ScalarType::TimeSpan => Self::TimeSpan(
                array.as_primitive::<DurationNanosecondType>().clone(),
                constant,
            ),
            ScalarType::Guid => Self::Guid(array.as_string_view().clone(), constant),
            ScalarType::Dynamic => Self::Dynamic(array.as_string_view().clone(), constant),
        }
    }

    /// The value of a row.
    pub(crate) fn get(&self, row: usize) -> Datum<'_> {
        match self {
            Self::Bool(array, constant) => read!(array, constant, row, Datum::Bool),
            Self::Int(array, constant) => read!(array, constant, row, Datum::Int),
            Self::Long(array, constant) => read!(array, constant, row, Datum::Long),
            Self::Real(array, constant) => read!(array, constant, row, Datum::Real),
            Self::Decimal(array, constant) => read!(array, constant, row, Datum::Decimal),
            Self::WholeDecimal(array, constant) => {
                read!(array, constant, row, Datum::WholeDecimal)
            }
            Self::String(array, constant) => {
                let row = if *constant { 0 } else { row };
                Datum::String(if array.is_null(row) {
                    ""
                } else {
                    array.value(row)
                })
            }
            Self::DateTime(array, constant) => read!(array, constant, row, Datum::DateTime),
            Self::TimeSpan(array, constant) => read!(array, constant, row, Datum::TimeSpan),
            Self::Guid(array, constant) => read!(array, constant, row, Datum::Guid),
            Self::Dynamic(array, constant) => read!(array, constant, row, Datum::Dynamic),
        }
    }
}

/// A string, guid or dynamic argument.
pub(super) struct Texts {
    array: StringViewArray,
    constant: bool,
}

impl Texts {
    /// The text of a row; null is `""`, as it is for every string.
    pub(super) fn text(&self, row: usize) -> &str {
        self.get(row).unwrap_or("")
    }

    /// The text of a row, or `None` for null.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let row = if self.constant { 0 } else { row };
        self.array.is_valid(row).then(|| self.array.value(row))
    }

    /// The text that all rows share, if the argument is constant.
    pub(super) fn constant(&self) -> Option<&str> {
        self.constant.then(|| self.text(0))
    }
}

/// An argument of fixed width, read as `T`.
pub(super) struct Numbers<T> {
    values: Vec<Option<T>>,
    constant: bool,
}

impl<T: Copy> Numbers<T> {
    /// The value of a row.
    pub(super) fn get(&self, row: usize) -> Option<T> {
        self.values[if self.constant { 0 } else { row }]
    }
}

impl<'a> Arguments<'a> {
    /// Checks that the values have the Arrow types of the declared KQL types.
    pub(super) fn new(
        values: &'a [ColumnarValue],
        types: &'a [ScalarType],
        result: ScalarType,
        rows: usize,
        watch: Option<&'a Watch>,
    ) -> Result<Self> {
        let mut arrays = Vec::with_capacity(values.len());
        for (position, value) in values.iter().enumerate() {
            let (array, constant) = match value {
                ColumnarValue::Array(array) => (Arc::clone(array), false),
                ColumnarValue::Scalar(scalar) => (scalar.to_array()?, true),
            };
            let declared = types.get(position);
            if !declared.is_some_and(|ty| is_stored_as(*ty, array.data_type())) {
                return internal_err!(
                    "argument {position} is {}, declared as {declared:?}",
                    array.data_type()
                );
            }
            arrays.push((array, constant));
        }
        Ok(Self {
            arrays,
            types,
            result,
            rows,
            watch,
        })
    }

    /// Whether nobody waits for the query any more, so that what comes of the call is of no use.
    pub(super) fn is_over(&self) -> bool {
        self.watch.is_some_and(Watch::is_over)
    }

    /// An error if nobody waits for the query any more.
    pub(super) fn check(&self) -> Result<()> {
        self.watch.map_or(Ok(()), Watch::check)
    }

    /// An error if nobody waits any more, or if so many bytes of result are too many.
    pub(super) fn check_size(&self, bytes: usize) -> Result<()> {
        self.check()?;
        match self.watch {
            Some(watch) => watch.check_size(bytes, "what a function returns for one batch"),
            None => Ok(()),
        }
    }

    /// How many arguments there are.
    pub(super) fn len(&self) -> usize {
        self.arrays.len()
    }

    /// KQL type of an argument.
    pub(super) fn ty(&self, position: usize) -> ScalarType {
        self.types[position]
    }

    /// The Arrow array of an argument, and whether its one element stands for all rows.
    pub(super) fn array(&self, position: usize) -> (&ArrayRef, bool) {
        let (array, constant) = &self.arrays[position];
        (array, *constant)
    }

    /// Any argument.
    pub(super) fn input(&self, position: usize) -> Input {
        let (array, constant) = self.array(position);
        Input::of(array, self.types[position], constant)
    }

    /// All arguments from `first` on.
    pub(super) fn inputs(&self, first: usize) -> Vec<Input> {
        (first..self.len())
            .map(|position| self.input(position))
            .collect()
    }

    /// An argument as text: a string as it is, anything else in its string form.
    pub(super) fn texts(&self, position: usize) -> Result<Texts> {
        if self.types[position] == ScalarType::String {
            return self.raw(position);
        }
        let input = self.input(position);
        let (array, constant) = self.array(position);
        let mut builder = StringViewBuilder::with_capacity(array.len());
        let mut buffer = String::new();
        for row in 0..array.len() {
            buffer.clear();
            input.get(row).write_text(&mut buffer);
            builder.append_value(&buffer);
        }
        Ok(Texts {
            array: builder.finish(),
            constant,
        })
    }

    /// The text of a string, guid or dynamic argument as it is stored: JSON for a dynamic.
    pub(super) fn raw(&self, position: usize) -> Result<Texts> {
        let (array, constant) = self.array(position);
        let Some(array) = array.as_string_view_opt() else {
            return internal_err!("argument {position} is {}, not text", array.data_type());
        };
        let array = array.clone();
        Ok(Texts { array, constant })
    }

    /// An argument that must be the same for all rows.
    pub(super) fn constant_text(&self, position: usize, function: &str) -> Result<String> {
        let texts = self.texts(position)?;
        let Some(text) = texts.constant() else {
            return exec_err!("{function}: argument {} must be a constant", position + 1);
        };
        Ok(text.to_owned())
    }

    fn numbers<T>(&self, position: usize, read: impl Fn(Datum<'_>) -> Option<T>) -> Numbers<T> {
        let input = self.input(position);
        let (array, constant) = self.array(position);
        let values = (0..array.len()).map(|row| read(input.get(row))).collect();
        Numbers { values, constant }
    }
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Datum<'a>` is a function for one lifetime, not for all"
)]
impl Arguments<'_> {
    /// An integer argument; other types convert as `tolong()` does.
    pub(super) fn longs_in(&self, position: usize) -> Numbers<i64> {
        self.numbers(position, |datum| datum.to_long())
    }

    /// A numeric argument; other types convert as `todouble()` does.
    pub(super) fn reals_in(&self, position: usize) -> Numbers<f64> {
        self.numbers(position, |datum| datum.to_real())
    }

    /// A bool argument.
    pub(super) fn bools_in(&self, position: usize) -> Numbers<bool> {
        self.numbers(position, |datum| datum.to_bool())
    }

    /// A datetime argument in ticks since 0001.
    pub(super) fn datetimes_in(&self, position: usize) -> Numbers<i64> {
        self.numbers(position, |datum| datum.to_datetime())
    }

    /// A timespan argument in ticks.
    pub(super) fn timespans_in(&self, position: usize) -> Numbers<i64> {
        self.numbers(position, |datum| datum.to_timespan())
    }
}
