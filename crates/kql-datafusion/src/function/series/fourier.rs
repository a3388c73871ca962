//! The Fourier transform of a series, and what follows from it: how strong each frequency is, and
//! how much a series resembles itself some steps later.

use datafusion::common::Result;
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use super::number::reals_of;
use crate::function::arguments::Arguments;
use crate::function::tuple::{Cell, EvaluateTuple, Rows};

/// Functions of several values by name, without their prefix.
pub(super) fn find_tuple(name: &str) -> Option<EvaluateTuple> {
    match name {
        "fft" => Some(|arguments, rows| {
            transform(arguments, rows, |planner, points| {
                planner.plan_fft_forward(points.len()).process(points);
            })
        }),
        "ifft" => Some(|arguments, rows| {
            transform(arguments, rows, |planner, points| {
                planner.plan_fft_inverse(points.len()).process(points);
                let length = points.len() as f64;
                for point in points {
                    *point /= length;
                }
            })
        }),
        _ => None,
    }
}

/// Over real parts and imaginary parts, which are zero unless given.
fn transform(
    arguments: &Arguments<'_>,
    rows: &mut Rows,
    process: fn(&mut FftPlanner<f64>, &mut [Complex<f64>]),
) -> Result<()> {
    let reals = arguments.raw(0)?;
    let imaginary = (arguments.len() > 1)
        .then(|| arguments.raw(1))
        .transpose()?;
    let mut planner = FftPlanner::new();
    for row in 0..arguments.rows {
        let points = || {
            let re = reals_of(&reals, row)?;
            let im = match &imaginary {
                Some(imaginary) => reals_of(imaginary, row)?,
                None => vec![0.0; re.len()],
            };
            let points = re.iter().zip(&im).map(|(re, im)| Complex::new(*re, *im));
            (re.len() == im.len()).then(|| points.collect::<Vec<_>>())
        };
        let cells = points().map(|mut points| {
            if !points.is_empty() {
                process(&mut planner, &mut points);
            }
            vec![
                Cell::Reals(points.iter().map(|point| point.re).collect()),
                Cell::Reals(points.iter().map(|point| point.im).collect()),
            ]
        });
        rows.push(cells);
    }
    Ok(())
}

/// What a series tells of its periods.
pub(super) struct Spectrum {
    length: usize,
    /// By the number of waves in the series, up to half its length.
    pub(super) power: Vec<f64>,
    /// How much the series resembles itself so many steps later, by steps up to half its length,
    /// the end going on at the start: from 0 for the least to 1.
    pub(super) resemblance: Vec<f64>,
}

impl Spectrum {
    /// Of a series that varies; `None` for one that does not.
    pub(super) fn of(series: &[f64], planner: &mut FftPlanner<f64>) -> Option<Self> {
        let length = series.len();
        let mean = series.iter().sum::<f64>() / length as f64;
        let centred = series.iter().map(|value| Complex::new(value - mean, 0.0));
        let mut points: Vec<Complex<f64>> = centred.collect();
        if length < 2 || !points.iter().all(|point| point.re.is_finite()) {
            return None;
        }
        planner.plan_fft_forward(length).process(&mut points);
        for point in &mut points {
            *point = Complex::new(point.norm_sqr(), 0.0);
        }
        let power: Vec<f64> = points[..=length / 2].iter().map(|point| point.re).collect();
        planner.plan_fft_inverse(length).process(&mut points);
        let most = points[0].re;
        let half = points[..=length / 2].iter().map(|point| point.re);
        let least = half.clone().fold(f64::INFINITY, f64::min);
        if !most.is_finite() || most <= 0.0 || most <= least {
            return None;
        }
        Some(Self {
            length,
            power,
            resemblance: half.map(|value| (value - least) / (most - least)).collect(),
        })
    }

    /// The resemblance after any number of steps up to the length of the series.
    pub(super) fn after(&self, steps: usize) -> f64 {
        self.resemblance[steps.min(self.length - steps)]
    }
}
