//! Functions from series to single numbers: sums and products, similarities, statistics.

use datafusion::common::Result;

use super::number::{self, Number, Operand, optional_real, reals_of};
use crate::function::arguments::Arguments;
use crate::function::json_writer::BagWriter;
use crate::function::tuple::{Cell, EvaluateTuple, Rows};
use crate::function::udf::{Evaluate, code};

/// Functions by name, without their prefix. What is no number is left out; without elements
/// there is no result.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "sum" => reduce(|numbers| numbers.sum()),
        "product" => reduce(|numbers| numbers.product()),
        "magnitude" => reduce(|numbers| numbers.map(|x| x * x).sum::<f64>().sqrt()),
        "dot_product" => code(|arguments| {
            let (left, right) = (arguments.input(0), arguments.input(1));
            arguments
                .reals(|row| dot_product(&Operand::read(&left, row), &Operand::read(&right, row)))
        }),
        "cosine_similarity" => code(|arguments| {
            let (left, right) = (arguments.input(0), arguments.input(1));
            let magnitudes = (optional_real(arguments, 2), optional_real(arguments, 3));
            arguments.reals(|row| {
                let (left, right) = (Operand::read(&left, row), Operand::read(&right, row));
                let product = dot_product(&left, &right)?;
                let length = left.length()?.min(right.length()?);
                let left = magnitudes.0(row).unwrap_or_else(|| magnitude(&left, length));
                let right = magnitudes.1(row).unwrap_or_else(|| magnitude(&right, length));
                Some(product / (left * right))
            })
        }),
        "pearson_correlation" => code(|arguments| {
            let (left, right) = (arguments.raw(0)?, arguments.raw(1)?);
            arguments.reals(|row| correlation(&reals_of(&left, row)?, &reals_of(&right, row)?))
        }),
        "stats_dynamic" => code(|arguments| {
            let statistics = statistics(arguments)?;
            arguments.optional_strings(|row, out| {
                statistics(row)?.write(out);
                Some(())
            })
        }),
        _ => return None,
    })
}

/// Functions of several values.
pub(super) fn find_tuple(name: &str) -> Option<EvaluateTuple> {
    (name == "stats").then_some(|arguments: &Arguments<'_>, rows: &mut Rows| {
        let statistics = statistics(arguments)?;
        for row in 0..arguments.rows {
            rows.push(statistics(row).map(Statistics::cells));
        }
        Ok(())
    })
}

fn reduce(function: fn(&mut dyn Iterator<Item = f64>) -> f64) -> Evaluate {
    code(move |arguments| {
        let arrays = arguments.raw(0)?;
        arguments.reals(|row| {
            let series = number::read(arrays.get(row)?)?;
            let mut numbers = series.iter().flatten().map(|number| number.real());
            (!series.is_empty()).then(|| function(&mut numbers))
        })
    })
}

/// Over the elements that both have.
fn dot_product(left: &Operand, right: &Operand) -> Option<f64> {
    let length = left.length().into_iter().chain(right.length()).min()?;
    let products = (0..length).filter_map(|position| {
        let (left, right) = (left.at(position)?, right.at(position)?);
        Some(left.real() * right.real())
    });
    (length > 0).then(|| products.sum())
}

fn magnitude(operand: &Operand, length: usize) -> f64 {
    let numbers = (0..length).filter_map(|position| operand.at(position).map(Number::real));
    numbers.map(|x| x * x).sum::<f64>().sqrt()
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    if left.len() != right.len() || left.is_empty() {
        return None;
    }
    let (left_mean, right_mean) = (mean(left), mean(right));
    let (mut both, mut left_only, mut right_only) = (0.0, 0.0, 0.0);
    for (left, right) in left.iter().zip(right) {
        let (left, right) = (left - left_mean, right - right_mean);
        both += left * right;
        left_only += left * left;
        right_only += right * right;
    }
    Some(both / (left_only * right_only).sqrt())
}

/// What `series_stats` tells of a series.
struct Statistics {
    least: (usize, f64),
    greatest: (usize, f64),
    average: f64,
    variance: f64,
    sum: f64,
    length: usize,
}

/// The statistics by row. A value that is not finite makes them null, unless the second argument
/// says to ignore it.
fn statistics<'a>(
    arguments: &'a Arguments<'_>,
) -> Result<impl Fn(usize) -> Option<Statistics> + use<'a>> {
    let arrays = arguments.raw(0)?;
    let ignore = (arguments.len() > 1).then(|| arguments.bools_in(1));
    Ok(move |row| {
        let ignore = ignore.as_ref().and_then(|ignore| ignore.get(row));
        let series = number::read(arrays.get(row)?)?;
        let numbers = series.iter().map(|x| x.map_or(f64::NAN, Number::real));
        let all = numbers.enumerate();
        let finite: Vec<(usize, f64)> = all.filter(|(_, x)| x.is_finite()).collect();
        if finite.len() < series.len() && ignore != Some(true) {
            return None;
        }
        Statistics::of(&finite)
    })
}

impl Statistics {
    fn of(numbers: &[(usize, f64)]) -> Option<Self> {
        let first = *numbers.first()?;
        let (mut least, mut greatest, mut sum) = (first, first, 0.0);
        for &(position, number) in numbers {
            if number < least.1 {
                least = (position, number);
            }
            if number > greatest.1 {
                greatest = (position, number);
            }
            sum += number;
        }
        let length = numbers.len();
        let average = sum / length as f64;
        let squares = numbers.iter().map(|(_, x)| (x - average) * (x - average));
        let variance = if length > 1 {
            squares.sum::<f64>() / (length - 1) as f64
        } else {
            0.0
        };
        Some(Self {
            least,
            greatest,
            average,
            variance,
            sum,
            length,
        })
    }

    fn cells(self) -> Vec<Cell> {
        vec![
            Cell::Real(self.least.1),
            Cell::Long(self.least.0 as i64),
            Cell::Real(self.greatest.1),
            Cell::Long(self.greatest.0 as i64),
            Cell::Real(self.average),
            Cell::Real(self.variance.sqrt()),
            Cell::Real(self.variance),
        ]
    }

    fn write(&self, out: &mut String) {
        let mut bag = BagWriter::new(out);
        bag.real("min", self.least.1);
        bag.long("min_idx", self.least.0 as i64);
        bag.real("max", self.greatest.1);
        bag.long("max_idx", self.greatest.0 as i64);
        bag.real("avg", self.average);
        bag.real("stdev", self.variance.sqrt());
        bag.real("variance", self.variance);
        bag.real("sum", self.sum);
        bag.long("len", self.length as i64);
        bag.end();
    }
}
