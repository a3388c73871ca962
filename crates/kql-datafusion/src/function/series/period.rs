//! Periods of a series. A period is scored by how much the series resembles itself one period
//! later. Candidates are the frequencies that stand out from noise; the period itself is the
//! nearby number of steps at which the series resembles itself most.

use datafusion::common::Result;
use rustfft::FftPlanner;

use super::fourier::Spectrum;
use super::number::{optional_long, optional_real, reals_of};
use crate::function::arguments::Arguments;
use crate::function::tuple::{Cell, EvaluateTuple, Rows};

/// Shortest period.
const SHORTEST: usize = 4;
/// Most periods that a call asks for.
const COUNT_MAX: i64 = 1000;
/// How certain it is that a frequency is not noise.
const CERTAINTY: f64 = 0.95;

/// Functions of several values by name, without their prefix.
pub(super) fn find_tuple(name: &str) -> Option<EvaluateTuple> {
    match name {
        "periods_detect" => Some(periods_detect),
        "periods_validate" => Some(periods_validate),
        _ => None,
    }
}

/// A period with its score from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Period {
    pub(super) steps: usize,
    pub(super) score: f64,
}

/// The periods of a series, best first.
pub(super) fn detect(series: &[f64], planner: &mut FftPlanner<f64>) -> Vec<Period> {
    let Some(spectrum) = Spectrum::of(series, planner) else {
        return Vec::new();
    };
    let length = series.len();
    let longest = length.saturating_sub(1) / 2;
    let power = &spectrum.power;
    let waves_max = power.len() - 1;
    let noise = power[1..].iter().sum::<f64>() / waves_max as f64;
    // The strongest of so many frequencies of noise is below this with that certainty.
    let threshold = -noise * (1.0 - CERTAINTY.powf(1.0 / waves_max as f64)).ln();
    let mut periods: Vec<Period> = Vec::new();
    for waves in 2..waves_max {
        let strength = power[waves];
        if strength <= threshold || strength <= power[waves - 1] || strength < power[waves + 1] {
            continue;
        }
        let from = length.div_ceil(waves + 1).max(SHORTEST);
        let to = (length / (waves - 1)).min(longest);
        let peaks = (from..=to).filter(|steps| is_peak(&spectrum, *steps, 1));
        let best = peaks.max_by(|a, b| spectrum.after(*a).total_cmp(&spectrum.after(*b)));
        if let Some(steps) = best
            && !periods.iter().any(|known| known.steps == steps)
        {
            let score = spectrum.after(steps);
            periods.push(Period { steps, score });
        }
    }
    periods.sort_by(|a, b| b.score.total_cmp(&a.score));
    periods
}

/// Whether the series resembles itself after so many steps more than after up to `around` steps
/// more or less.
fn is_peak(spectrum: &Spectrum, steps: usize, around: usize) -> bool {
    let here = spectrum.after(steps);
    (steps - around..=steps + around).all(|other| spectrum.after(other) <= here)
}

/// `series_periods_detect(series, shortest, longest, count)`.
fn periods_detect(arguments: &Arguments<'_>, rows: &mut Rows) -> Result<()> {
    let arrays = arguments.raw(0)?;
    let (shortest, longest) = (optional_real(arguments, 1), optional_real(arguments, 2));
    let counts = optional_long(arguments, 3);
    let mut planner = FftPlanner::new();
    for row in 0..arguments.rows {
        let mut detected = || {
            let series = reals_of(&arrays, row)?;
            let (shortest, longest) = (shortest(row)?, longest(row)?);
            let count = counts(row)?.clamp(0, COUNT_MAX) as usize;
            let mut periods = detect(&series, &mut planner);
            periods.retain(|period| (shortest..=longest).contains(&(period.steps as f64)));
            let (mut steps, mut scores) = (vec![0.0; count], vec![0.0; count]);
            for (position, period) in periods.iter().take(count).enumerate() {
                steps[position] = period.steps as f64;
                scores[position] = period.score;
            }
            Some(vec![Cell::Reals(steps), Cell::Reals(scores)])
        };
        rows.push(detected());
    }
    Ok(())
}

/// `series_periods_validate(series, period, …)`: the score of each; zero for those that are too
/// short or too long, or beside a better one.
fn periods_validate(arguments: &Arguments<'_>, rows: &mut Rows) -> Result<()> {
    let arrays = arguments.raw(0)?;
    let periods: Vec<_> = (1..arguments.len())
        .map(|position| arguments.reals_in(position))
        .collect();
    let mut planner = FftPlanner::new();
    for row in 0..arguments.rows {
        let mut validated = || {
            let series = reals_of(&arrays, row)?;
            let spectrum = Spectrum::of(&series, &mut planner);
            let asked: Vec<f64> = periods
                .iter()
                .map(|period| period.get(row))
                .collect::<Option<_>>()?;
            let longest = series.len() as f64 / 2.0;
            let scores = asked.iter().map(|period| match &spectrum {
                Some(spectrum) if (SHORTEST as f64..=longest).contains(period) => {
                    let steps = period.round() as usize;
                    let is_period = is_peak(spectrum, steps, (steps / 4).max(1));
                    if is_period {
                        spectrum.after(steps)
                    } else {
                        0.0
                    }
                }
                _ => 0.0,
            });
            let scores = scores.collect();
            Some(vec![Cell::Reals(asked), Cell::Reals(scores)])
        };
        rows.push(validated());
    }
    Ok(())
}
