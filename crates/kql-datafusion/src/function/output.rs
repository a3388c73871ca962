//! What a function's code returns: one value per row, collected into an array of the result's
//! type. Reading the arguments is in `arguments.rs`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, DurationNanosecondArray, Float64Array, Int32Array,
    Int64Array, StringViewBuilder, TimestampNanosecondArray,
};
use datafusion::common::{Result, exec_err};
use kql::types::ScalarType;

use super::arguments::Arguments;
use super::text::DECIMAL_LIMIT;
use super::value::Datum;
use crate::types::{DECIMAL_SCALE, UTC, ticks_to_unix_ns};

#[expect(
    clippy::unnecessary_wraps,
    reason = "a writer is the last word of a function's code, which can fail"
)]
impl Arguments<'_> {
    /// The values of all rows. Where nobody waits for them any more, they are skipped; the caller
    /// of the function turns that into an error.
    fn values<T>(
        &self,
        mut value: impl FnMut(usize) -> Option<T>,
    ) -> impl Iterator<Item = Option<T>> {
        (0..self.rows).map(move |row| if self.is_over() { None } else { value(row) })
    }

    /// One bool per row.
    pub(super) fn bools(&self, value: impl FnMut(usize) -> Option<bool>) -> Result<ArrayRef> {
        Ok(Arc::new(self.values(value).collect::<BooleanArray>()))
    }

    /// One bool per row, never null.
    pub(super) fn tests(&self, mut value: impl FnMut(usize) -> bool) -> Result<ArrayRef> {
        let values = self.values(|row| Some(value(row)));
        Ok(Arc::new(values.collect::<BooleanArray>()))
    }

    /// One integer per row, written as the numeric type that was declared for the result.
    pub(super) fn longs(&self, value: impl FnMut(usize) -> Option<i64>) -> Result<ArrayRef> {
        let values = self.values(value);
        Ok(match self.result {
            ScalarType::Int => Arc::new(
                values
                    .map(|value| value.map(|value| value as i32))
                    .collect::<Int32Array>(),
            ),
            ScalarType::Real => Arc::new(
                values
                    .map(|value| value.map(|value| value as f64))
                    .collect::<Float64Array>(),
            ),
            ScalarType::Decimal => decimals(
                values.map(|v| i128::from(v?).checked_mul(10_i128.pow(DECIMAL_SCALE as u32))),
            )?,
            _ => Arc::new(values.collect::<Int64Array>()),
        })
    }

    /// One real per row, written as the numeric type that was declared for the result.
    pub(super) fn reals(&self, mut value: impl FnMut(usize) -> Option<f64>) -> Result<ArrayRef> {
        if self.result == ScalarType::Real {
            return Ok(Arc::new(self.values(value).collect::<Float64Array>()));
        }
        if self.result == ScalarType::Decimal {
            let values = self.values(|row| Datum::Real(value(row)?).to_decimal());
            return decimals(values);
        }
        self.longs(|row| Datum::Real(value(row)?).to_long())
    }

    /// One decimal per row, as its unscaled value.
    pub(super) fn decimals(&self, value: impl FnMut(usize) -> Option<i128>) -> Result<ArrayRef> {
        decimals(self.values(value))
    }

    /// One datetime per row, in ticks since 0001.
    pub(super) fn datetimes(
        &self,
        mut value: impl FnMut(usize) -> Option<i64>,
    ) -> Result<ArrayRef> {
        self.datetimes_ns(|row| value(row).map(ticks_to_unix_ns))
    }

    /// One datetime per row, in nanoseconds since 1970.
    pub(super) fn datetimes_ns(&self, value: impl FnMut(usize) -> Option<i64>) -> Result<ArrayRef> {
        let values = self.values(value);
        Ok(Arc::new(
            values
                .collect::<TimestampNanosecondArray>()
                .with_timezone(UTC),
        ))
    }

    /// One timespan per row, in ticks.
    pub(super) fn timespans(
        &self,
        mut value: impl FnMut(usize) -> Option<i64>,
    ) -> Result<ArrayRef> {
        self.timespans_ns(|row| value(row).map(|ticks| ticks.saturating_mul(100)))
    }

    /// One timespan per row, in nanoseconds.
    pub(super) fn timespans_ns(&self, value: impl FnMut(usize) -> Option<i64>) -> Result<ArrayRef> {
        let values = self.values(value);
        Ok(Arc::new(values.collect::<DurationNanosecondArray>()))
    }

    /// One string per row, written into the buffer by `write`.
    pub(super) fn strings(&self, mut write: impl FnMut(usize, &mut String)) -> Result<ArrayRef> {
        self.optional_strings(|row, out| {
            write(row, out);
            Some(())
        })
    }

    /// One string, guid or dynamic per row, null where `write` returns `None`. The text `null` of
    /// a dynamic is null.
    pub(super) fn optional_strings(
        &self,
        mut write: impl FnMut(usize, &mut String) -> Option<()>,
    ) -> Result<ArrayRef> {
        let mut builder = StringViewBuilder::with_capacity(self.rows);
        let mut buffer = String::new();
        let mut bytes = 0_usize;
        for row in 0..self.rows {
            buffer.clear();
            let written = write(row, &mut buffer);
            bytes += buffer.len();
            self.check_size(bytes)?;
            match written {
                Some(()) if self.result == ScalarType::Dynamic && buffer == "null" => {
                    builder.append_null();
                }
                Some(()) => builder.append_value(&buffer),
                None if self.result == ScalarType::String => builder.append_value(""),
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    /// One string, guid or dynamic per row, borrowed from the arguments.
    pub(super) fn borrowed<'t>(
        &self,
        mut value: impl FnMut(usize) -> Option<&'t str>,
    ) -> Result<ArrayRef> {
        let mut builder = StringViewBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            self.check()?;
            match value(row) {
                Some("null") if self.result == ScalarType::Dynamic => builder.append_null(),
                Some(text) => builder.append_value(text),
                None if self.result == ScalarType::String => builder.append_value(""),
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    /// One value of the result's type per row, converted from whatever `value` gives.
    pub(super) fn datums<'t>(&self, mut value: impl FnMut(usize) -> Datum<'t>) -> Result<ArrayRef> {
        match self.result {
            ScalarType::Bool => self.bools(|row| value(row).to_bool()),
            ScalarType::Int => {
                let values = self.values(|row| value(row).to_int());
                Ok(Arc::new(values.collect::<Int32Array>()))
            }
            ScalarType::Long => self.longs(|row| value(row).to_long()),
            ScalarType::Real => self.reals(|row| value(row).to_real()),
            ScalarType::Decimal => {
                let mut is_too_large = false;
                let array = self.decimals(|row| {
                    let value = value(row);
                    let decimal = value.to_decimal();
                    is_too_large |= decimal.is_none() && matches!(value, Datum::WholeDecimal(_));
                    decimal
                })?;
                if is_too_large {
                    return exec_err!("a version number is too large beside other decimals");
                }
                Ok(array)
            }
            ScalarType::String => self.strings(|row, out| value(row).write_text(out)),
            ScalarType::DateTime => self.datetimes_ns(|row| match value(row) {
                Datum::DateTime(ns) => Some(ns),
                other => other.to_datetime().map(ticks_to_unix_ns),
            }),
            ScalarType::TimeSpan => self.timespans_ns(|row| match value(row) {
                Datum::TimeSpan(ns) => Some(ns),
                other => other.to_timespan().map(|ticks| ticks.saturating_mul(100)),
            }),
            ScalarType::Guid => self.optional_strings(|row, out| value(row).write_guid(out)),
            ScalarType::Dynamic => self.optional_strings(|row, out| {
                value(row).write_json(out);
                Some(())
            }),
        }
    }
}

fn decimals(values: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef> {
    let values = values.map(|value| value.filter(|value| value.abs() < DECIMAL_LIMIT));
    let array: Decimal128Array = values.collect();
    Ok(Arc::new(array.with_precision_and_scale(38, DECIMAL_SCALE)?))
}
