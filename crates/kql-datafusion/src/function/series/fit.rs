//! Fits of one line, of two lines and of a polynomial to a series, by least squares.

use arrow::array::ArrayRef;
use datafusion::common::Result;

use super::number::{optional_long, read_reals, reals_of};
use crate::function::arguments::Arguments;
use crate::function::json_writer::BagWriter;
use crate::function::tuple::{Cell, EvaluateTuple, Rows};
use crate::function::udf::{Evaluate, code};

/// Highest degree of a polynomial.
const DEGREE_MAX: i64 = 100;

/// Functions of one value by name, without their prefix.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    match name {
        "fit_line_dynamic" => Some(bag(|y, bag| {
            let line = Line::fit(y)?;
            bag.real("rsquare", line.rsquare);
            bag.real("slope", line.slope);
            bag.real("variance", line.variance);
            bag.real("rvariance", line.rvariance);
            bag.real("interception", line.interception);
            bag.reals("line_fit", &line.values().collect::<Vec<_>>());
            Some(())
        })),
        "fit_2lines_dynamic" => Some(bag(|y, bag| {
            let lines = TwoLines::fit(y)?;
            bag.real("rsquare", lines.rsquare);
            bag.long("split_idx", lines.split as i64);
            bag.real("variance", lines.variance);
            bag.real("rvariance", lines.rvariance);
            bag.reals("line_fit", &lines.values());
            for (name, line) in [("right", &lines.right), ("left", &lines.left)] {
                bag.bag(name, |side| {
                    side.real("rsquare", line.rsquare);
                    side.real("slope", line.slope);
                    side.real("interception", line.interception);
                    side.real("variance", line.variance);
                    side.real("rvariance", line.rvariance);
                });
            }
            Some(())
        })),
        _ => None,
    }
}

/// Functions of several values.
pub(super) fn find_tuple(name: &str) -> Option<EvaluateTuple> {
    match name {
        "fit_line" => Some(|arguments, rows| {
            each_series(arguments, rows, |y| {
                let line = Line::fit(y)?;
                let values = line.values().collect();
                Some(vec![
                    Cell::Real(line.rsquare),
                    Cell::Real(line.slope),
                    Cell::Real(line.variance),
                    Cell::Real(line.rvariance),
                    Cell::Real(line.interception),
                    Cell::Reals(values),
                ])
            })
        }),
        "fit_2lines" => Some(|arguments, rows| {
            each_series(arguments, rows, |y| {
                let lines = TwoLines::fit(y)?;
                let mut cells = vec![
                    Cell::Real(lines.rsquare),
                    Cell::Long(lines.split as i64),
                    Cell::Real(lines.variance),
                    Cell::Real(lines.rvariance),
                    Cell::Reals(lines.values()),
                ];
                for line in [&lines.right, &lines.left] {
                    cells.extend([
                        Cell::Real(line.rsquare),
                        Cell::Real(line.slope),
                        Cell::Real(line.interception),
                        Cell::Real(line.variance),
                        Cell::Real(line.rvariance),
                    ]);
                }
                Some(cells)
            })
        }),
        "fit_poly" => Some(fit_poly),
        _ => None,
    }
}

fn bag(write: fn(&[f64], &mut BagWriter<'_>) -> Option<()>) -> Evaluate {
    code(move |arguments| -> Result<ArrayRef> {
        let arrays = arguments.raw(0)?;
        arguments.optional_strings(|row, out| {
            let mut bag = BagWriter::new(out);
            write(&reals_of(&arrays, row)?, &mut bag)?;
            bag.end();
            Some(())
        })
    })
}

fn each_series(
    arguments: &Arguments<'_>,
    rows: &mut Rows,
    cells: fn(&[f64]) -> Option<Vec<Cell>>,
) -> Result<()> {
    let arrays = arguments.raw(0)?;
    for row in 0..arguments.rows {
        rows.push(reals_of(&arrays, row).and_then(|y| cells(&y)));
    }
    Ok(())
}

/// A line over a series. Its interception counts positions from one, as Kusto does.
pub(super) struct Line {
    length: usize,
    rsquare: f64,
    slope: f64,
    variance: f64,
    rvariance: f64,
    interception: f64,
}

/// Sums of squares over the positions and values of a part of a series.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64, sign: f64) {
        self.count += sign;
        self.x += sign * x;
        self.y += sign * y;
        self.xx += sign * x * x;
        self.xy += sign * x * y;
        self.yy += sign * y * y;
    }

    /// The squares that are left after fitting a line.
    fn residual(&self) -> f64 {
        if self.count <= 0.0 {
            return 0.0;
        }
        let xx = self.xx - self.x * self.x / self.count;
        let xy = self.xy - self.x * self.y / self.count;
        let yy = self.yy - self.y * self.y / self.count;
        let residual = if xx > 0.0 { yy - xy * xy / xx } else { yy };
        residual.max(0.0)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The share of the variance that a fit explains; all, where there is none.
fn rsquare(residual: f64, total: f64) -> f64 {
    if total > 0.0 {
        1.0 - residual / total
    } else {
        1.0
    }
}

impl Line {
    pub(super) fn fit(y: &[f64]) -> Option<Self> {
        if y.is_empty() {
            return None;
        }
        let length = y.len();
        let (x_mean, y_mean) = ((length - 1) as f64 / 2.0, mean(y));
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (position, y) in y.iter().enumerate() {
            let (x, y) = (position as f64 - x_mean, y - y_mean);
            xx += x * x;
            xy += x * y;
            yy += y * y;
        }
        let slope = if xx > 0.0 { xy / xx } else { 0.0 };
        let start = y_mean - slope * x_mean;
        let errors = y.iter().enumerate().map(|(position, y)| {
            let error = y - (slope * position as f64 + start);
            error * error
        });
        let residual: f64 = errors.sum();
        let freedom = (length - 1).max(1) as f64;
        Some(Self {
            length,
            rsquare: rsquare(residual, yy),
            slope,
            variance: yy / freedom,
            rvariance: residual / freedom,
            interception: start - slope,
        })
    }

    /// The value at a position, which counts from zero.
    pub(super) fn at(&self, position: usize) -> f64 {
        self.slope * (position + 1) as f64 + self.interception
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        (0..self.length).map(|position| self.at(position))
    }
}

/// Two lines, the second of which starts at the split; each counts its own positions.
struct TwoLines {
    rsquare: f64,
    split: usize,
    variance: f64,
    rvariance: f64,
    left: Line,
    right: Line,
}

impl TwoLines {
    fn fit(y: &[f64]) -> Option<Self> {
        if y.len() < 2 {
            return None;
        }
        // A line through one point explains it and nothing else.
        let least = if y.len() < 4 { 1 } else { 2 };
        let (x_mean, y_mean) = ((y.len() - 1) as f64 / 2.0, mean(y));
        let centred = |position: usize| (position as f64 - x_mean, y[position] - y_mean);
        let (mut left, mut right) = (Sums::default(), Sums::default());
        for position in 0..y.len() {
            let (x, y) = centred(position);
            right.add(x, y, 1.0);
        }
        let total = right.yy;
        let (mut best, mut split) = (f64::INFINITY, least);
        for position in 0..y.len() - least {
            let (x, y) = centred(position);
            left.add(x, y, 1.0);
            right.add(x, y, -1.0);
            let residual = left.residual() + right.residual();
            if position + 1 >= least && residual < best {
                (best, split) = (residual, position + 1);
            }
        }
        let (left, right) = (Line::fit(&y[..split])?, Line::fit(&y[split..])?);
        let sum = |line: &Line| line.rvariance * (line.length - 1).max(1) as f64;
        let residual = sum(&left) + sum(&right);
        let freedom = (y.len() - 1) as f64;
        Some(Self {
            rsquare: rsquare(residual, total),
            split,
            variance: total / freedom,
            rvariance: residual / freedom,
            left,
            right,
        })
    }

    fn values(&self) -> Vec<f64> {
        self.left.values().chain(self.right.values()).collect()
    }
}

/// `series_fit_poly(y, x, degree)`: x are the positions from one on and the degree is one, unless
/// given.
fn fit_poly(arguments: &Arguments<'_>, rows: &mut Rows) -> Result<()> {
    let ys = arguments.raw(0)?;
    let xs = (arguments.len() > 1)
        .then(|| arguments.raw(1))
        .transpose()?;
    let degrees = optional_long(arguments, 2);
    for row in 0..arguments.rows {
        let fit = || {
            let y = reals_of(&ys, row)?;
            let x = match &xs {
                Some(xs) => read_reals(xs.get(row)?)?,
                None => (1..=y.len()).map(|x| x as f64).collect(),
            };
            let degree = degrees(row).unwrap_or(1);
            let degree = (0..=DEGREE_MAX)
                .contains(&degree)
                .then_some(degree as usize)?;
            polynomial(&x, &y, degree)
        };
        rows.push(fit());
    }
    Ok(())
}

/// Fits by polynomials that are orthogonal over the given points, built one from the other; in
/// this way high degrees lose few digits.
fn polynomial(x: &[f64], y: &[f64], degree: usize) -> Option<Vec<Cell>> {
    if x.len() != y.len() || y.len() <= degree || !x.iter().all(|x| x.is_finite()) {
        return None;
    }
    let (low, high) = x
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |ends, x| {
            (ends.0.min(*x), ends.1.max(*x))
        });
    let (middle, half) = (low / 2.0 + high / 2.0, high / 2.0 - low / 2.0);
    let half = if half > 0.0 { half } else { 1.0 };
    let t: Vec<f64> = x.iter().map(|x| (x - middle) / half).collect();
    let mut residual = y.to_vec();
    // The last two polynomials: their values, and their coefficients from the lowest power up.
    let (mut before, mut values) = (vec![0.0; t.len()], vec![1.0; t.len()]);
    let (mut before_terms, mut terms) = (Vec::new(), vec![1.0]);
    let mut fitted = vec![0.0; degree + 1];
    let mut before_norm = 1.0;
    for power in 0..=degree {
        let norm: f64 = values.iter().map(|p| p * p).sum();
        if norm <= f64::EPSILON * f64::EPSILON {
            break;
        }
        let product: f64 = values.iter().zip(&residual).map(|(p, r)| p * r).sum();
        let weight = product / norm;
        for (residual, p) in residual.iter_mut().zip(&values) {
            *residual -= weight * p;
        }
        for (fitted, term) in fitted.iter_mut().zip(&terms) {
            *fitted += weight * term;
        }
        let shift = values.iter().zip(&t).map(|(p, t)| t * p * p).sum::<f64>() / norm;
        let ratio = if power == 0 { 0.0 } else { norm / before_norm };
        let next = values.iter().zip(&before).zip(&t);
        let next = next.map(|((p, before), t)| (t - shift) * p - ratio * before);
        let next = next.collect();
        before = std::mem::replace(&mut values, next);
        let mut next_terms = vec![0.0; terms.len() + 1];
        for (position, term) in terms.iter().enumerate() {
            next_terms[position + 1] += term;
            next_terms[position] -= shift * term;
        }
        for (position, term) in before_terms.iter().enumerate() {
            next_terms[position] -= ratio * term;
        }
        before_terms = std::mem::replace(&mut terms, next_terms);
        before_norm = norm;
    }
    let y_mean = mean(y);
    let total: f64 = y.iter().map(|y| (y - y_mean) * (y - y_mean)).sum();
    let left: f64 = residual.iter().map(|r| r * r).sum();
    let freedom = (y.len() - 1).max(1) as f64;
    let curve = y.iter().zip(&residual).map(|(y, residual)| y - residual);
    Some(vec![
        Cell::Real(rsquare(left, total)),
        Cell::Reals(in_powers_of_x(&fitted, middle, half)),
        Cell::Real(total / freedom),
        Cell::Real(left / freedom),
        Cell::Reals(curve.collect()),
    ])
}

/// Coefficients over `(x - middle) / half`, from the lowest power up, as those over `x` from the
/// highest down.
fn in_powers_of_x(terms: &[f64], middle: f64, half: f64) -> Vec<f64> {
    let mut powers: Vec<f64> = Vec::with_capacity(terms.len());
    for term in terms.iter().rev() {
        // Horner's rule, with a polynomial for the variable.
        let mut next = vec![0.0; powers.len() + 1];
        for (position, power) in powers.iter().enumerate() {
            next[position + 1] += power / half;
            next[position] -= power * middle / half;
        }
        next[0] += term;
        powers = next;
    }
    powers.reverse();
    powers
}
