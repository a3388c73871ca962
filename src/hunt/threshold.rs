//! Conditions on the number of rows: `rows > 0` and the like.

use std::str::FromStr;

/// `rows OP N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Comparison.
    pub operator: ThresholdOperator,
    /// Number of rows to compare with.
    pub rows: u64,
}

/// Comparisons of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdOperator {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl ThresholdOperator {
    /// The operator as KQL writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

/// A text that is no threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a threshold: write `rows`, one of > >= < <= == != and a number")]
pub struct InvalidThreshold(String);

impl FromStr for Threshold {
    type Err = InvalidThreshold;

    fn from_str(text: &str) -> Result<Self, InvalidThreshold> {
        let invalid = || InvalidThreshold(text.to_owned());
        let rest = text
            .trim()
            .strip_prefix("rows")
            .ok_or_else(invalid)?
            .trim_start();
        let signs = rest.trim_start_matches(['<', '>', '=', '!']);
        let operator = match &rest[..rest.len() - signs.len()] {
            ">" => ThresholdOperator::Greater,
            ">=" => ThresholdOperator::GreaterOrEqual,
            "<" => ThresholdOperator::Less,
            "<=" => ThresholdOperator::LessOrEqual,
            "==" => ThresholdOperator::Equal,
            "!=" => ThresholdOperator::NotEqual,
            _ => return Err(invalid()),
        };
        let rows: u64 = signs.trim().parse().map_err(|_| invalid())?;
        // KQL's numbers of rows are longs.
        if rows > i64::MAX as u64 {
            return Err(invalid());
        }
        Ok(Self { operator, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Detect;
    use super::*;

    #[test]
    fn every_operator_is_read_and_becomes_kql() {
        for operator in [">", ">=", "<", "<=", "==", "!="] {
            for text in [format!("rows {operator} 5"), format!(" rows{operator}5 ")] {
                let threshold: Threshold = text.parse().unwrap();
                let kql = Detect::Threshold(threshold).to_kql();
                assert!(kql.ends_with(&format!("where rows {operator} 5")), "{kql}");
            }
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "rows",
            "rows > ",
            "rows = 5",
            "count > 1",
            "rows > -1",
            "rows > 1.5",
        ] {
            assert!(text.parse::<Threshold>().is_err(), "{text}");
        }
    }
}
