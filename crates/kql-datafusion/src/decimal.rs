//! The text of a decimal → its unscaled value, exactly or not at all.
//!
//! Arrow's own reader of decimals lets long texts and exponents overflow into other numbers.

use crate::types::DECIMAL_SCALE;

/// Longest text that is looked at.
const BYTES_MAX: usize = 128;

/// The least number that has more digits than an Arrow decimal.
const LIMIT: i128 = 10_i128.pow(38);

/// The unscaled value of a decimal, perhaps with an exponent. Digits beyond the scale are cut off,
/// as `todecimal()` does; none if there are too many before it.
pub fn unscaled(text: &str) -> Option<i128> {
    let text = text.trim();
    if text.len() > BYTES_MAX {
        return None;
    }
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let count = whole.len() + fraction.len();
    if count == 0 {
        return None;
    }
    // How many digits the unscaled value has of these, and of zeros behind them.
    let kept = whole.len() as i64 + i64::from(exponent) + i64::from(DECIMAL_SCALE);
    let mut value: i128 = 0;
    for (place, byte) in (0_i64..).zip(whole.bytes().chain(fraction.bytes())) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        if place < kept {
            if value >= LIMIT / 10 {
                return None;
            }
            value = value * 10 + i128::from(digit);
        }
    }
    let zeros = kept - count as i64;
    if zeros > 0 && value > 0 {
        let factor = 10_i128.checked_pow(u32::try_from(zeros).ok()?)?;
        value = value.checked_mul(factor)?;
    }
    (value < LIMIT).then_some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_none() {
        let one = 10_i128.pow(18);
        for (text, expected) in [
            ("0", Some(0)),
            ("1", Some(one)),
            (" +1.50 ", Some(one * 3 / 2)),
            ("-.5", Some(-one / 2)),
            ("7.", Some(7 * one)),
            ("0001", Some(one)),
            ("1e-3", Some(one / 1000)),
            ("1.5E+2", Some(150 * one)),
            ("1e-18", Some(1)),
            ("0.0000000000000000019", Some(1)),
            ("1e-19", Some(0)),
            ("1e-2147483648", Some(0)),
            ("0e99999", Some(0)),
            ("99999999999999999999.999999999999999999", Some(LIMIT - 1)),
            ("100000000000000000000", None),
            ("1e19", Some(LIMIT / 10)),
            ("1e20", None),
            ("1e65537", None),
            ("1e2147483647", None),
            ("1e2147483648", None),
            (
                "12345678901234567890123456789012345678901234567890e-30",
                Some(12_345_678_901_234_567_890_123_456_789_012_345_678),
            ),
            ("1234567890123456789012345678901234567890", None),
            ("", None),
            ("-", None),
            (".", None),
            ("e5", None),
            ("1e", None),
            ("1e+", None),
            ("1e1.5", None),
            ("1.2.3", None),
            ("--1", None),
            ("1_0", None),
            ("NaN", None),
        ] {
            assert_eq!(unscaled(text), expected, "{text}");
        }
        assert_eq!(unscaled(&"0".repeat(129)), None);
    }
}
