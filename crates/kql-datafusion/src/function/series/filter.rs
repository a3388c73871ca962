//! Filters: `series_fir` and `series_iir`.

use arrow::array::ArrayRef;
use datafusion::common::{Result, exec_err};

use super::number::{self, Number};
use crate::function::arguments::Arguments;
use crate::function::udf::{Evaluate, code};

/// Most multiplications for one series.
const WORK_MAX: usize = 1 << 30;

/// Functions by name, without their prefix.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    match name {
        "fir" => Some(code(fir)),
        "iir" => Some(code(iir)),
        _ => None,
    }
}

fn numbers(json: Option<&str>) -> Option<Vec<f64>> {
    number::read_reals(json?)
}

/// What is no number, as one that spreads to all it touches.
fn with_gaps(json: Option<&str>) -> Option<Vec<f64>> {
    let series = number::read(json?)?.into_iter();
    Some(series.map(|x| x.map_or(f64::NAN, Number::real)).collect())
}

fn write(values: impl Iterator<Item = f64>, out: &mut String) {
    let values = values.map(|value| (!value.is_nan()).then_some(Number::Real(value)));
    number::write(values, out);
}

fn check_work(function: &str, series: usize, coefficients: usize) -> Result<()> {
    if series.saturating_mul(coefficients) > WORK_MAX {
        return exec_err!("{function}: {coefficients} coefficients are too many for the series");
    }
    Ok(())
}

/// `series_fir(series, filter, normalize, center)`.
fn fir(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (arrays, filters) = (arguments.raw(0)?, arguments.raw(1)?);
    let flag = |at: usize| (arguments.len() > at).then(|| arguments.bools_in(at));
    let (normalize, center) = (flag(2), flag(3));
    let mut failure = Ok(());
    let filtered = arguments.optional_strings(|row, out| {
        let series = with_gaps(arrays.get(row))?;
        let mut filter = numbers(filters.get(row))?;
        let has_negative = filter.iter().any(|coefficient| *coefficient < 0.0);
        let normalize = normalize.as_ref().and_then(|flags| flags.get(row));
        if filter.is_empty() || (normalize == Some(true) && has_negative) {
            return None;
        }
        if normalize.unwrap_or(!has_negative) {
            let sum: f64 = filter.iter().sum();
            for coefficient in &mut filter {
                *coefficient /= sum;
            }
        }
        if let Err(error) = check_work("series_fir", series.len(), filter.len()) {
            failure = Err(error);
            return None;
        }
        let center = center.as_ref().and_then(|flags| flags.get(row));
        let ahead = if center == Some(true) {
            filter.len() / 2
        } else {
            0
        };
        let values = (0..series.len()).map(|position| {
            let terms = filter.iter().enumerate().filter_map(|(back, coefficient)| {
                let from = (position + ahead).checked_sub(back)?;
                Some(coefficient * series.get(from)?)
            });
            terms.sum()
        });
        write(values, out);
        Some(())
    })?;
    failure.map(|()| filtered)
}

/// `series_iir(series, numerators, denominators)`: each value follows from the series and from
/// the values before.
fn iir(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (arrays, numerators, denominators) =
        (arguments.raw(0)?, arguments.raw(1)?, arguments.raw(2)?);
    let mut failure = Ok(());
    let filtered = arguments.optional_strings(|row, out| {
        let series = with_gaps(arrays.get(row))?;
        let numerators = numbers(numerators.get(row))?;
        let denominators = numbers(denominators.get(row))?;
        let (first, denominators) = denominators.split_first()?;
        if *first == 0.0 {
            return None;
        }
        let coefficients = numerators.len() + denominators.len();
        if let Err(error) = check_work("series_iir", series.len(), coefficients) {
            failure = Err(error);
            return None;
        }
        let mut values: Vec<f64> = Vec::with_capacity(series.len());
        for position in 0..series.len() {
            let inputs = numerators.iter().zip(series[..=position].iter().rev());
            let outputs = denominators.iter().zip(values.iter().rev());
            let sum =
                inputs.map(|(b, x)| b * x).sum::<f64>() - outputs.map(|(a, y)| a * y).sum::<f64>();
            values.push(sum / first);
        }
        write(values.into_iter(), out);
        Some(())
    })?;
    failure.map(|()| filtered)
}
