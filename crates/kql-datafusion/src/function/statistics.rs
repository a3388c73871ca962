//! Distributions, special functions and tests of statistics.

use datafusion::common::Result;

use arrow::array::ArrayRef;
use kql::types::ScalarType;

use super::arguments::Arguments;
use super::udf::{Evaluate, code};

/// Most terms of the continued fraction of the beta function.
const TERMS_MAX: usize = 10_000;

/// Functions by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "erf" => of_one(libm::erf),
        "erfc" => of_one(libm::erfc),
        "gamma" => of_one(libm::tgamma),
        "loggamma" => of_one(libm::lgamma),
        "beta_cdf" => of_three(|x, alpha, beta| Some(beta_cdf(x, alpha, beta))),
        "beta_pdf" => of_three(|x, alpha, beta| Some(beta_pdf(x, alpha, beta))),
        "beta_inv" => of_three(beta_inv),
        "welch_test" => code(welch_test),
        _ => return None,
    })
}

fn of_one(function: fn(f64) -> f64) -> Evaluate {
    code(move |arguments| {
        let values = arguments.reals_in(0);
        arguments.reals(|row| Some(function(values.get(row)?)))
    })
}

fn of_three(function: fn(f64, f64, f64) -> Option<f64>) -> Evaluate {
    code(move |arguments| {
        let values = [0, 1, 2].map(|position| arguments.reals_in(position));
        arguments.reals(|row| {
            let [first, second, third] = &values;
            function(first.get(row)?, second.get(row)?, third.get(row)?)
        })
    })
}

/// The share of a beta distribution below `x`; NaN for an `x` that is no share. Parameters that
/// make no distribution are computed with all the same, as Kusto does.
fn beta_cdf(x: f64, alpha: f64, beta: f64) -> f64 {
    if !(0.0..=1.0).contains(&x) {
        return f64::NAN;
    }
    if x <= 0.0 || x >= 1.0 {
        return x;
    }
    let gamma = libm::lgamma(alpha + beta) - libm::lgamma(alpha) - libm::lgamma(beta);
    let front = (gamma + alpha * x.ln() + beta * (-x).ln_1p()).exp();
    if x < (alpha + 1.0) / (alpha + beta + 2.0) {
        front * fraction(x, alpha, beta) / alpha
    } else {
        1.0 - front * fraction(1.0 - x, beta, alpha) / beta
    }
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn fraction(x: f64, alpha: f64, beta: f64) -> f64 {
    // Keeps denominators away from zero.
    let away = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let sum = alpha + beta;
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - sum * x / (alpha + 1.0));
    let mut result = d;
    for term in 1..=TERMS_MAX {
        let m = term as f64;
        let even = m * (beta - m) * x / ((alpha + 2.0 * m - 1.0) * (alpha + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        result *= d * c;
        let odd = -(alpha + m) * (sum + m) * x / ((alpha + 2.0 * m) * (alpha + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        result *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    result
}

fn beta_pdf(x: f64, alpha: f64, beta: f64) -> f64 {
    if !(0.0..=1.0).contains(&x) || alpha <= 0.0 || beta <= 0.0 {
        return f64::NAN;
    }
    let gamma = libm::lgamma(alpha + beta) - libm::lgamma(alpha) - libm::lgamma(beta);
    if x <= 0.0 || x >= 1.0 {
        return gamma.exp() * x.powf(alpha - 1.0) * (1.0 - x).powf(beta - 1.0);
    }
    (gamma + (alpha - 1.0) * x.ln() + (beta - 1.0) * (-x).ln_1p()).exp()
}

/// The `x` whose `beta_cdf` is the probability; null for what is no probability.
fn beta_inv(probability: f64, alpha: f64, beta: f64) -> Option<f64> {
    if !(0.0..=1.0).contains(&probability) {
        return None;
    }
    if alpha.is_nan() || beta.is_nan() || alpha <= 0.0 || beta <= 0.0 {
        return Some(f64::NAN);
    }
    let (mut low, mut high) = (0.0, 1.0);
    // Halving is enough for values that are not tiny, and the exponent of those is reached too.
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if beta_cdf(middle, alpha, beta) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// The two-sided p-value of Welch's test over mean, variance and count of two samples.
fn welch_test(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let values = [0, 1, 2, 3, 4, 5].map(|position| arguments.reals_in(position));
    arguments.reals(|row| {
        let [mean1, variance1, count1, mean2, variance2, count2] = &values;
        let (error1, error2) = (
            variance1.get(row)? / count1.get(row)?,
            variance2.get(row)? / count2.get(row)?,
        );
        let difference = mean1.get(row)? - mean2.get(row)?;
        let square = difference * difference / (error1 + error2);
        let freedom = (error1 + error2) * (error1 + error2)
            / (error1 * error1 / (count1.get(row)? - 1.0)
                + error2 * error2 / (count2.get(row)? - 1.0));
        Some(beta_cdf(freedom / (freedom + square), freedom / 2.0, 0.5))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, real};
    use ScalarType::Real;

    use super::*;

    fn check(name: &str, arguments: &[f64], expected: f64) {
        let arguments: Vec<_> = arguments.iter().map(|value| real(*value)).collect();
        let text = eval(name, Real, &arguments);
        let actual: f64 = text.parse().unwrap_or_else(|_| panic!("{name} is {text}"));
        let error = (actual - expected).abs() / expected.abs().max(1e-300);
        let same = error < 1e-12 || (actual.is_nan() && expected.is_nan());
        assert!(same, "{name} {arguments:?}: {actual} instead of {expected}");
    }

    /// Values of the reference's pages, and exact ones.
    #[test]
    fn special_functions() {
        check("erf", &[0.5], 0.520_499_877_813_046_5);
        check("erfc", &[3.0], 2.209_049_699_858_544e-5);
        check("gamma", &[5.0], 24.0);
        check("gamma", &[0.5], std::f64::consts::PI.sqrt());
        check("loggamma", &[5.0], 3.178_053_830_347_945_8);
        check(
            "loggamma",
            &[-0.5],
            (2.0 * std::f64::consts::PI.sqrt()).ln(),
        );
    }

    #[test]
    fn beta_distributions() {
        // Of two uniform values the smaller one: 1 - (1 - x)².
        check("beta_cdf", &[0.3, 1.0, 2.0], 0.51);
        check("beta_cdf", &[0.9, 10.0, 20.0], 0.999_999_999_999_959_3);
        check("beta_cdf", &[1.5, 10.0, 20.0], f64::NAN);
        check("beta_cdf", &[1.0, 10.0, 20.0], 1.0);
        check("beta_pdf", &[0.3, 1.0, 2.0], 1.4);
        check("beta_pdf", &[0.0, 1.0, 2.0], 2.0);
        check("beta_pdf", &[0.1, -1.0, 2.0], f64::NAN);
        check("beta_inv", &[0.51, 1.0, 2.0], 0.3);
        check("beta_inv", &[0.1, -1.0, 2.0], f64::NAN);
        let outside = [real(1.5), real(10.0), real(20.0)];
        assert_eq!(eval("beta_inv", Real, &outside), "null");
    }

    #[test]
    fn welch_test_of_equal_and_different_means() {
        check("welch_test", &[1.0, 2.0, 5.0, 1.0, 3.0, 9.0], 1.0);
        // Two pairs of equal variance: the t-distribution of two degrees of freedom has a closed
        // form, and t is 1 here.
        let expected = 1.0 - 1.0 / 3.0_f64.sqrt();
        check("welch_test", &[1.0, 1.0, 2.0, 0.0, 1.0, 2.0], expected);
    }
}
