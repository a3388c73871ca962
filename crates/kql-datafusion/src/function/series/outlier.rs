//! Outliers by Tukey's fences: how far an element lies beyond the range of most others, in
//! widths of that range.

use arrow::array::ArrayRef;
use datafusion::common::{Result, exec_err};

use super::number::{self, Number, optional_long, optional_real};
use crate::function::arguments::Arguments;
use crate::function::json_writer::write_reals;
use crate::function::udf::{Evaluate, code};

/// How many standard deviations from the mean the fences of Tukey's test are, as Kusto rounds it.
const FENCE: f64 = 2.7;
/// The score at the fences.
const FENCE_SCORE: f64 = 1.5;
/// Kusto's distance of the 90th percentile from the mean, in standard deviations.
const NINTH_DECILE: f64 = 1.296_820_82;
/// The distance itself.
const NINTH_DECILE_OF_NORMAL: f64 = 1.281_551_565_544_600_4;

/// Functions by name, without their prefix.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    (name == "outliers").then(|| code(outliers))
}

/// The range that is not out of the ordinary, as percentages from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Method {
    /// The middle half; a score counts its widths.
    Tukey,
    /// Another range, with scores in proportion, as if values were normally distributed.
    Custom { low: f64, high: f64 },
}

impl Method {
    pub(super) const DEFAULT: Self = Self::Custom {
        low: 0.1,
        high: 0.9,
    };

    /// A method by its name in queries.
    pub(super) fn from_name(name: &str) -> Result<Self> {
        match name {
            "ctukey" | "" => Ok(Self::DEFAULT),
            "tukey" => Ok(Self::Tukey),
            other => exec_err!("outliers are found by `tukey` or `ctukey`, not by `{other}`"),
        }
    }

    /// The ends of the range, and how many times its width a score at the fence is, to both sides.
    fn range(self) -> (f64, f64, f64, f64) {
        match self {
            Self::Tukey => (0.25, 0.75, 1.0, 1.0),
            Self::Custom { low, high } => {
                let scale = NINTH_DECILE / NINTH_DECILE_OF_NORMAL;
                let (from, to) = (normal_quantile(low) * scale, normal_quantile(high) * scale);
                let width = FENCE_SCORE * (to - from);
                (low, high, width / (FENCE + from), width / (FENCE - to))
            }
        }
    }
}

/// The value that a share of a normal distribution lies below, for shares from 2 to 98 percent.
fn normal_quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-3.0, 3.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        let below = 0.5 * libm::erfc(-middle * std::f64::consts::FRAC_1_SQRT_2);
        if below < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Scores of a series; elements that are missing have none, and the last ones may be left out
/// of the range that all are measured by.
pub(super) fn scores(series: &[Option<f64>], method: Method, test_points: usize) -> Vec<f64> {
    let learned = &series[..series.len().saturating_sub(test_points)];
    let finite = learned.iter().flatten().copied().filter(|x| x.is_finite());
    let mut sorted: Vec<f64> = finite.collect();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        return vec![0.0; series.len()];
    }
    let (low, high, below, above) = method.range();
    let (low, high) = (percentile(&sorted, low), percentile(&sorted, high));
    let score = |value: f64| {
        if value > high {
            (value - high) / (high - low) * above
        } else if value < low {
            (value - low) / (high - low) * below
        } else {
            0.0
        }
    };
    series
        .iter()
        .map(|value| value.map_or(0.0, score))
        .collect()
}

/// Between the two nearest ranks.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = share * (sorted.len() - 1) as f64;
    let below = sorted[rank.floor() as usize];
    let above = sorted[rank.ceil() as usize];
    below + (above - below) * rank.fract()
}

/// `series_outliers(series, kind, ignored value, low percentile, high percentile, test points)`.
fn outliers(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let arrays = arguments.raw(0)?;
    let kinds = (arguments.len() > 1)
        .then(|| arguments.texts(1))
        .transpose()?;
    let ignored = optional_real(arguments, 2);
    let (lows, highs) = (optional_real(arguments, 3), optional_real(arguments, 4));
    let test_points = optional_long(arguments, 5);
    let mut failure = Ok(());
    let scored = arguments.optional_strings(|row, out| {
        let series = number::read(arrays.get(row)?)?;
        let ignored = ignored(row);
        let series: Vec<Option<f64>> = series
            .into_iter()
            .map(|x| x.map(Number::real).filter(|x| Some(*x) != ignored))
            .collect();
        let kind = kinds.as_ref().map_or("", |kinds| kinds.text(row));
        let method = match Method::from_name(kind) {
            Ok(Method::Custom { .. }) => {
                let share = |given: Option<f64>, default: f64| {
                    given.unwrap_or(default).clamp(2.0, 98.0) / 100.0
                };
                let (low, high) = (share(lows(row), 10.0), share(highs(row), 90.0));
                if low >= high {
                    return None;
                }
                Method::Custom { low, high }
            }
            Ok(method) => method,
            Err(error) => {
                failure = Err(error);
                return None;
            }
        };
        let test_points = usize::try_from(test_points(row).unwrap_or(0)).unwrap_or(0);
        write_reals(&scores(&series, method, test_points), out);
        Some(())
    })?;
    failure.map(|()| scored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_range_reaches_the_fence_at_the_same_place() {
        let (_, _, below, above) = Method::DEFAULT.range();
        for factor in [below, above] {
            assert!((factor - 2.772_605_605_507_915).abs() < 1e-12, "{factor}");
        }
    }

    #[test]
    fn percentiles_lie_between_ranks() {
        let sorted = [1.0, 2.0, 4.0];
        for (share, expected) in [(0.0, 1.0), (0.25, 1.5), (0.5, 2.0), (1.0, 4.0)] {
            assert!((percentile(&sorted, share) - expected).abs() < 1e-12);
        }
    }
}
