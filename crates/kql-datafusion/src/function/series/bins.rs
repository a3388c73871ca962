//! How `make-series` cuts its axis: bins are numbered by whole steps from an origin, so that rows
//! group by one integer and the axis is written from numbers.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DurationNanosecondType, Int64Type, TimestampNanosecondType};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use kql::types::ScalarType;

use crate::function::arguments::Arguments;
use crate::function::udf::{KqlScalar, code};
use crate::function::value::Datum;
use crate::types::{ticks_to_unix_ns, unix_ns_to_ticks};

/// The bins of one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bins {
    scale: Scale,
    /// The first bin of every series; that of its first row, if not given.
    pub(crate) first: Option<i64>,
    /// The last bin of every series; that of its last row, if not given.
    pub(crate) last: Option<i64>,
}

/// Origin, step and the ends between which values count. Times are in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scale {
    Whole {
        ty: ScalarType,
        origin: i64,
        step: i64,
        low: i64,
        /// The last value that counts.
        high: i64,
    },
    Real {
        origin: Number,
        step: Number,
        low: Number,
        high: Number,
        high_counts: bool,
    },
}

/// A real of a plan, which is the same if its bits are.
#[derive(Clone, Copy, Debug)]
struct Number(f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// What a query says of its axis: ends, if given, and whether the end belongs to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends<T> {
    pub(crate) from: Option<T>,
    pub(crate) to: Option<T>,
    pub(crate) inclusive: bool,
}

impl Bins {
    /// Bins over integers, or times in ticks; `None` if the step is not positive.
    ///
    /// Bins start at `from`. Where the end is inclusive, or nothing is said, they start at
    /// multiples of the step.
    pub(crate) fn whole(ty: ScalarType, ends: Ends<i64>, step: i64) -> Option<Self> {
        if step <= 0 {
            return None;
        }
        let origin = if ends.inclusive { None } else { ends.from };
        let origin = origin.unwrap_or(0);
        let number = |value: i64| value.saturating_sub(origin).div_euclid(step);
        let high = match ends.to {
            Some(to) if ends.inclusive => to,
            Some(to) => to.saturating_sub(1),
            None => i64::MAX,
        };
        Some(Self {
            scale: Scale::Whole {
                ty,
                origin,
                step,
                low: ends.from.unwrap_or(i64::MIN),
                high,
            },
            first: ends.from.map(number),
            last: ends.to.map(|_| number(high)),
        })
    }

    /// Bins over reals.
    pub(crate) fn real(ends: Ends<f64>, step: f64) -> Option<Self> {
        let given = ends.from.into_iter().chain(ends.to);
        if !step.is_finite() || step <= 0.0 || !given.into_iter().all(f64::is_finite) {
            return None;
        }
        let origin = if ends.inclusive { None } else { ends.from };
        let origin = origin.unwrap_or(0.0);
        let number = |value: f64| ((value - origin) / step).floor();
        let last = ends.to.map(|to| {
            if ends.inclusive {
                number(to)
            } else {
                ((to - origin) / step).ceil() - 1.0
            }
        });
        Some(Self {
            scale: Scale::Real {
                origin: Number(origin),
                step: Number(step),
                low: Number(ends.from.unwrap_or(f64::NEG_INFINITY)),
                high: Number(ends.to.unwrap_or(f64::INFINITY)),
                high_counts: ends.inclusive,
            },
            first: ends.from.map(|from| number(from) as i64),
            last: last.map(|last| last as i64),
        })
    }

    /// A function from values of the axis to the number of their bin; null for those outside.
    pub(crate) fn numbering(self, axis: ScalarType) -> Arc<ScalarUDF> {
        let evaluate = code(move |arguments| self.numbers(arguments));
        let name = format!("kql_bin_number_{self:?}");
        KqlScalar::udf(name, &[axis], ScalarType::Long, evaluate)
    }

    fn numbers(self, arguments: &Arguments<'_>) -> Result<ArrayRef> {
        let (array, constant) = arguments.array(0);
        let Scale::Whole {
            origin,
            step,
            low,
            high,
            ..
        } = self.scale
        else {
            let values = arguments.reals_in(0);
            return arguments.longs(|row| self.number_of_real(values.get(row)?));
        };
        let number = |value: i64| {
            let counts = (low..=high).contains(&value);
            counts.then(|| value.saturating_sub(origin).div_euclid(step))
        };
        let numbers: Int64Array = match arguments.ty(0) {
            ScalarType::DateTime if !constant => array
                .as_primitive::<TimestampNanosecondType>()
                .unary_opt(|ns| number(unix_ns_to_ticks(ns))),
            ScalarType::TimeSpan if !constant => array
                .as_primitive::<DurationNanosecondType>()
                .unary_opt(|ns| number(ns.div_euclid(100))),
            ScalarType::Long if !constant => array.as_primitive::<Int64Type>().unary_opt(number),
            _ => {
                let values = arguments.longs_in(0);
                return arguments.longs(|row| number(values.get(row)?));
            }
        };
        Ok(Arc::new(numbers))
    }

    fn number_of_real(self, value: f64) -> Option<i64> {
        let Scale::Real {
            origin,
            step,
            low,
            high,
            high_counts,
        } = self.scale
        else {
            return None;
        };
        let beyond_end = value > high.0 || (!high_counts && value >= high.0);
        if !value.is_finite() || value < low.0 || beyond_end {
            return None;
        }
        let number = ((value - origin.0) / step.0).floor();
        // Beyond this, neighbouring bins are no longer told apart.
        (number.abs() < 9e15).then_some(number as i64)
    }

    /// Writes the start of a bin as JSON.
    pub(crate) fn write_start(self, number: i64, out: &mut String) {
        match self.scale {
            Scale::Whole {
                ty, origin, step, ..
            } => {
                let value = number.saturating_mul(step).saturating_add(origin);
                let datum = match ty {
                    ScalarType::DateTime => Datum::DateTime(ticks_to_unix_ns(value)),
                    ScalarType::TimeSpan => Datum::TimeSpan(value.saturating_mul(100)),
                    _ => Datum::Long(value),
                };
                datum.write_json(out);
            }
            Scale::Real { origin, step, .. } => {
                Datum::Real(number as f64 * step.0 + origin.0).write_json(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(bins: Bins) -> String {
        let mut out = String::new();
        for number in bins.first.unwrap()..=bins.last.unwrap() {
            bins.write_start(number, &mut out);
            out.push(' ');
        }
        out
    }

    fn ends<T>(from: T, to: T, inclusive: bool) -> Ends<T> {
        Ends {
            from: Some(from),
            to: Some(to),
            inclusive,
        }
    }

    #[test]
    fn the_end_is_part_of_the_older_form_only() {
        let bins = |ends| starts(Bins::whole(ScalarType::Long, ends, 2).unwrap());
        assert_eq!(bins(ends(1, 7, false)), "1 3 5 ");
        assert_eq!(bins(ends(1, 8, false)), "1 3 5 7 ");
        assert_eq!(bins(ends(1, 8, true)), "0 2 4 6 8 ");
        assert_eq!(bins(ends(5, 5, false)), "");
    }

    #[test]
    fn bins_of_reals() {
        let bins = |ends| starts(Bins::real(ends, 0.5).unwrap());
        assert_eq!(bins(ends(0.25, 1.25, false)), "0.25 0.75 ");
        assert_eq!(bins(ends(0.25, 1.0, true)), "0.0 0.5 1.0 ");
        assert!(Bins::real(ends(0.0, 1.0, false), 0.0).is_none());
    }

    #[test]
    fn values_outside_have_no_bin() {
        let bins = Bins::real(ends(0.0, 1.0, false), 0.5).unwrap();
        let numbers = [-0.1, 0.0, 0.6, 1.0, f64::NAN].map(|value| bins.number_of_real(value));
        assert_eq!(numbers, [None, Some(0), Some(1), None, None]);
    }
}
