//! Takes series apart into a seasonal component, a trend and what is left, to find anomalies and
//! to forecast.

use arrow::array::ArrayRef;
use datafusion::common::{Result, exec_err};
use rustfft::FftPlanner;

use super::fit::Line;
use super::number::{optional_long, optional_real, reals_of};
use super::outlier::{self, Method};
use super::period;
use crate::function::arguments::{Arguments, Texts};
use crate::function::json_writer::write_reals;
use crate::function::tuple::{Cell, EvaluateTuple, Rows};
use crate::function::udf::{Evaluate, code};

/// Least score of a period that counts as a season.
const SCORE_MIN: f64 = 0.6;
/// The same for `series_seasonal`.
const SEASONAL_SCORE_MIN: f64 = 0.7;
/// Least score of an anomaly.
const ANOMALY_SCORE_MIN: f64 = 1.5;

/// Functions of one value by name, without their prefix.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    (name == "seasonal").then(|| code(series_seasonal))
}

/// Functions of several values.
pub(super) fn find_tuple(name: &str) -> Option<EvaluateTuple> {
    match name {
        "decompose" => Some(series_decompose),
        "decompose_anomalies" => Some(series_decompose_anomalies),
        "decompose_forecast" => Some(series_decompose_forecast),
        _ => None,
    }
}

/// What the trend is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trend {
    Average,
    Line,
    None,
}

impl Trend {
    fn from_name(name: &str) -> Result<Self> {
        match name {
            "avg" => Ok(Self::Average),
            "linefit" => Ok(Self::Line),
            "none" => Ok(Self::None),
            other => exec_err!("a trend is `avg`, `linefit` or `none`, not `{other}`"),
        }
    }
}

/// How to take a series apart.
#[derive(Clone, Copy, Debug)]
struct Options {
    /// The period; found by itself if negative, none if zero.
    seasonality: i64,
    trend: Trend,
    /// Points at the end that nothing is learned from.
    test_points: usize,
    /// Least score of a period that is found.
    score_min: f64,
}

/// The components, each as long as the series.
struct Components {
    baseline: Vec<f64>,
    seasonal: Vec<f64>,
    trend: Vec<f64>,
    residual: Vec<f64>,
}

impl Components {
    fn of(series: &[f64], options: Options, planner: &mut FftPlanner<f64>) -> Self {
        let learned = &series[..series.len().saturating_sub(options.test_points)];
        let period = season(learned, options.seasonality, options.score_min, planner);
        let seasonal = seasonal(learned, period, series.len());
        let rest = learned.iter().zip(&seasonal).map(|(x, season)| x - season);
        let rest: Vec<f64> = rest.collect();
        let trend = match options.trend {
            _ if rest.is_empty() => vec![0.0; series.len()],
            Trend::Average => {
                let mean = rest.iter().sum::<f64>() / rest.len() as f64;
                vec![mean; series.len()]
            }
            Trend::Line => match Line::fit(&rest) {
                Some(line) => (0..series.len()).map(|at| line.at(at)).collect(),
                None => vec![0.0; series.len()],
            },
            Trend::None => vec![0.0; series.len()],
        };
        let sums = seasonal.iter().zip(&trend);
        let baseline: Vec<f64> = sums.map(|(season, trend)| season + trend).collect();
        let residual = series
            .iter()
            .zip(&baseline)
            .map(|(x, expected)| x - expected);
        Self {
            residual: residual.collect(),
            baseline,
            seasonal,
            trend,
        }
    }

    fn cells(self) -> Vec<Cell> {
        vec![
            Cell::Reals(self.baseline),
            Cell::Reals(self.seasonal),
            Cell::Reals(self.trend),
            Cell::Reals(self.residual),
        ]
    }
}

/// The period that is given, or found with a sufficient score.
fn season(
    series: &[f64],
    seasonality: i64,
    score_min: f64,
    planner: &mut FftPlanner<f64>,
) -> Option<usize> {
    if seasonality < 0 {
        let best = period::detect(series, planner).into_iter().next()?;
        return (best.score >= score_min).then_some(best.steps);
    }
    let period = usize::try_from(seasonality).ok()?;
    (period > 0 && period <= series.len()).then_some(period)
}

/// The median of the points of each phase, over and over; zero without a period.
fn seasonal(series: &[f64], period: Option<usize>, length: usize) -> Vec<f64> {
    let Some(period) = period else {
        return vec![0.0; length];
    };
    let medians: Vec<f64> = (0..period)
        .map(|phase| {
            let mut points: Vec<f64> = series.iter().skip(phase).step_by(period).copied().collect();
            median(&mut points)
        })
        .collect();
    medians.iter().copied().cycle().take(length).collect()
}

fn median(points: &mut [f64]) -> f64 {
    points.sort_by(f64::total_cmp);
    let middle = points.len() / 2;
    if points.len().is_multiple_of(2) {
        f64::midpoint(points[middle - 1], points[middle])
    } else {
        points[middle]
    }
}

/// Arguments that the functions share, by their positions.
struct Parameters<'a> {
    seasonality: Box<dyn Fn(usize) -> Option<i64> + 'a>,
    trend: Option<Texts>,
    default_trend: &'static str,
    test_points: Box<dyn Fn(usize) -> Option<i64> + 'a>,
    score_min: Box<dyn Fn(usize) -> Option<f64> + 'a>,
}

impl<'a> Parameters<'a> {
    fn new(
        arguments: &'a Arguments<'_>,
        [seasonality, trend, test_points, score_min]: [usize; 4],
        default_trend: &'static str,
    ) -> Result<Self> {
        let given = arguments.len() > trend;
        Ok(Self {
            seasonality: Box::new(optional_long(arguments, seasonality)),
            trend: given.then(|| arguments.texts(trend)).transpose()?,
            default_trend,
            test_points: Box::new(optional_long(arguments, test_points)),
            score_min: Box::new(optional_real(arguments, score_min)),
        })
    }

    fn options(&self, row: usize) -> Result<Options> {
        let trend = self.trend.as_ref().map_or("", |trend| trend.text(row));
        let trend = if trend.is_empty() {
            self.default_trend
        } else {
            trend
        };
        let test_points = (self.test_points)(row).unwrap_or(0);
        Ok(Options {
            seasonality: (self.seasonality)(row).unwrap_or(-1),
            trend: Trend::from_name(trend)?,
            test_points: usize::try_from(test_points).unwrap_or(0),
            score_min: (self.score_min)(row).unwrap_or(SCORE_MIN),
        })
    }
}

/// `series_decompose(series, seasonality, trend, test points, score)`.
fn series_decompose(arguments: &Arguments<'_>, rows: &mut Rows) -> Result<()> {
    components(arguments, rows, [1, 2, 3, 4], "avg")
}

/// `series_decompose_forecast(series, points, seasonality, trend, score)`: the baseline goes on
/// over the last points.
fn series_decompose_forecast(arguments: &Arguments<'_>, rows: &mut Rows) -> Result<()> {
    components(arguments, rows, [2, 3, 1, 4], "linefit")
}

/// The components of each series; the positions are those of [`Parameters::new`].
fn components(
    arguments: &Arguments<'_>,
    rows: &mut Rows,
    positions: [usize; 4],
    default_trend: &'static str,
) -> Result<()> {
    let arrays = arguments.raw(0)?;
    let parameters = Parameters::new(arguments, positions, default_trend)?;
    let mut planner = FftPlanner::new();
    for row in 0..arguments.rows {
        let options = parameters.options(row)?;
        let series = reals_of(&arrays, row);
        rows.push(series.map(|x| Components::of(&x, options, &mut planner).cells()));
    }
    Ok(())
}

/// `series_decompose_anomalies(series, threshold, seasonality, trend, test points, method, score)`.
fn series_decompose_anomalies(arguments: &Arguments<'_>, rows: &mut Rows) -> Result<()> {
    let arrays = arguments.raw(0)?;
    let thresholds = optional_real(arguments, 1);
    let parameters = Parameters::new(arguments, [2, 3, 4, 6], "avg")?;
    let methods = (arguments.len() > 5)
        .then(|| arguments.texts(5))
        .transpose()?;
    let mut planner = FftPlanner::new();
    for row in 0..arguments.rows {
        let options = parameters.options(row)?;
        let method = Method::from_name(methods.as_ref().map_or("", |methods| methods.text(row)))?;
        let threshold = thresholds(row).unwrap_or(ANOMALY_SCORE_MIN);
        let cells = reals_of(&arrays, row).map(|series| {
            let components = Components::of(&series, options, &mut planner);
            let residual: Vec<Option<f64>> = components.residual.into_iter().map(Some).collect();
            let scores = outlier::scores(&residual, method, options.test_points);
            let mut flags = String::from("[");
            for (position, score) in scores.iter().enumerate() {
                if position > 0 {
                    flags.push(',');
                }
                flags.push_str(if *score > threshold {
                    "1"
                } else if *score < -threshold {
                    "-1"
                } else {
                    "0"
                });
            }
            flags.push(']');
            vec![
                Cell::Json(flags),
                Cell::Reals(scores),
                Cell::Reals(components.baseline),
            ]
        });
        rows.push(cells);
    }
    Ok(())
}

/// `series_seasonal(series, period)`.
fn series_seasonal(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let arrays = arguments.raw(0)?;
    let (periods, test_points) = (optional_long(arguments, 1), optional_long(arguments, 2));
    let mut planner = FftPlanner::new();
    arguments.optional_strings(|row, out| {
        let series = reals_of(&arrays, row)?;
        let test_points = usize::try_from(test_points(row).unwrap_or(0)).unwrap_or(0);
        let learned = &series[..series.len().saturating_sub(test_points)];
        let asked = periods(row).unwrap_or(-1);
        let period = season(learned, asked, SEASONAL_SCORE_MIN, &mut planner);
        write_reals(&seasonal(learned, period, series.len()), out);
        Some(())
    })
}
