//! Values as text and text as values, by the rules of `tostring()` and its reverse. Times are
//! `kql::time`'s business.

use std::fmt::{Arguments, Write};

use super::real_digits::digits;
use crate::types::DECIMAL_SCALE;

/// Unscaled value of the decimal 1.
pub(super) const DECIMAL_ONE: i128 = 10_i128.pow(DECIMAL_SCALE as u32);

/// The first unscaled value that a decimal does not have.
pub(super) const DECIMAL_LIMIT: i128 = 10_i128.pow(38);

/// Formats into a string, which cannot fail.
pub(crate) fn write(out: &mut String, arguments: Arguments<'_>) {
    out.write_fmt(arguments)
        .expect("writing to a string does not fail");
}

/// Writes a real with the fewest digits that read back as the same number, chosen as Kusto does:
/// `real_digits.rs` says which.
pub(super) fn write_real(value: f64, out: &mut String) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "inf" } else { "-inf" });
    }
    if value.is_sign_negative() {
        out.push('-');
    }
    if value == 0.0 {
        return out.push_str("0.0");
    }
    let (digits, exponent) = digits(value.abs());
    let digits = digits.to_string();
    let point = digits.len() as i32 + exponent;
    match usize::try_from(point) {
        Ok(point @ 1..=16) if exponent >= 0 => write(out, format_args!("{digits:0<point$}.0")),
        Ok(point @ 1..=16) => {
            let (whole, fraction) = digits.split_at(point);
            write(out, format_args!("{whole}.{fraction}"));
        }
        _ if (-4..=0).contains(&point) => {
            let places = digits.len() + point.unsigned_abs() as usize;
            write(out, format_args!("0.{digits:0>places$}"));
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            write(out, format_args!("{first}{dot}{rest}e{:+}", point - 1));
        }
    }
}

/// Writes a decimal without trailing zeros.
pub(super) fn write_decimal(unscaled: i128, out: &mut String) {
    if unscaled < 0 {
        out.push('-');
    }
    let magnitude = unscaled.unsigned_abs();
    let one = DECIMAL_ONE.unsigned_abs();
    write(out, format_args!("{}", magnitude / one));
    let fraction = magnitude % one;
    if fraction > 0 {
        let digits = format!("{fraction:018}");
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
}

/// `tolong()` of text: decimal digits or `0x` and hexadecimal ones, surrounding blanks ignored.
pub(super) fn parse_long(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16)
                .ok()
                .map(|value| value as i64)
        }
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// `todouble()` of text.
pub(super) fn parse_real(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// `tobool()` of text: `true`, `false`, or an integer.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        text.parse::<i64>().ok().map(|value| value != 0)
    }
}

/// `todecimal()` of text, as an unscaled value; digits beyond the scale are cut off.
pub(super) fn parse_decimal(text: &str) -> Option<i128> {
    let text = text.trim();
    if text.contains(['e', 'E']) {
        return decimal_of_real(text.parse().ok()?);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    {
        return None;
    }
    let scale = DECIMAL_SCALE as usize;
    let kept = &fraction[..fraction.len().min(scale)];
    let mut unscaled: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    unscaled = unscaled.checked_mul(DECIMAL_ONE)?;
    if !kept.is_empty() {
        let missing = (scale - kept.len()) as u32;
        unscaled = unscaled.checked_add(kept.parse::<i128>().ok()? * 10_i128.pow(missing))?;
    }
    Some(if negative { -unscaled } else { unscaled })
}

/// The decimal nearest to a real's shortest text.
pub(super) fn decimal_of_real(value: f64) -> Option<i128> {
    if !value.is_finite() || value.abs() >= 1e20 {
        return None;
    }
    parse_decimal(&format!("{value}"))
}

/// The real nearest to a decimal.
pub(super) fn real_of_decimal(unscaled: i128) -> f64 {
    let mut text = String::new();
    write_decimal(unscaled, &mut text);
    text.parse().unwrap_or(f64::NAN)
}

/// `toguid()`: 32 hexadecimal digits, hyphens and braces ignored; writes the usual form.
pub(super) fn write_guid(text: &str, out: &mut String) -> Option<()> {
    let text = text
        .trim()
        .trim_start_matches(['{', '('])
        .trim_end_matches(['}', ')']);
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    for (position, group) in [0..8, 8..12, 12..16, 16..20, 20..32]
        .into_iter()
        .enumerate()
    {
        if position > 0 {
            out.push('-');
        }
        out.push_str(&digits[group]);
    }
    Some(())
}
