//! Which files cannot hold a row that a query asks for: by the bounds its filters set to the time
//! column, by the day their folder names, and by the statistics of Parquet files.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Int64Type, Schema as ArrowSchema, TimeUnit, TimestampNanosecondType,
};
use chrono::NaiveDate;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::ParquetMetaData;

/// Bounds of the time column in nanoseconds since 1970, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeBounds {
    from: i64,
    to: i64,
}

impl TimeBounds {
    /// Every instant.
    pub(super) const ALL: Self = Self {
        from: i64::MIN,
        to: i64::MAX,
    };

    /// What the conjunction of `filters` says about `column`.
    pub(super) fn of(filters: &[Expr], column: &str) -> Self {
        let mut bounds = Self::ALL;
        for filter in filters {
            bounds.restrict(filter, column);
        }
        bounds
    }

    fn restrict(&mut self, filter: &Expr, column: &str) {
        match filter {
            Expr::IsTrue(inner) => self.restrict(inner, column),
            Expr::Alias(alias) => self.restrict(&alias.expr, column),
            Expr::Between(between) if !between.negated && is_column(&between.expr, column) => {
                self.compare(Operator::GtEq, &between.low);
                self.compare(Operator::LtEq, &between.high);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                if *op == Operator::And {
                    self.restrict(left, column);
                    self.restrict(right, column);
                } else if is_column(left, column) {
                    self.compare(*op, right);
                } else if is_column(right, column) {
                    self.compare(op.swap().unwrap_or(*op), left);
                }
            }
            _ => {}
        }
    }

    fn compare(&mut self, operator: Operator, value: &Expr) {
        let Expr::Literal(ScalarValue::TimestampNanosecond(Some(at), _), _) = value else {
            return;
        };
        match operator {
            Operator::Gt => self.from = self.from.max(at.saturating_add(1)),
            Operator::GtEq => self.from = self.from.max(*at),
            Operator::Lt => self.to = self.to.min(at.saturating_sub(1)),
            Operator::LtEq => self.to = self.to.min(*at),
            Operator::Eq => {
                self.from = self.from.max(*at);
                self.to = self.to.min(*at);
            }
            _ => {}
        }
    }

    /// Whether anything is outside.
    pub(super) fn is_bounded(self) -> bool {
        self != Self::ALL
    }

    /// Whether an instant is inside.
    pub(super) fn contains(self, at: i64) -> bool {
        self.from <= at && at <= self.to
    }

    /// Whether some instant of `[min, max]` is inside.
    pub(super) fn overlaps(self, min: i64, max: i64) -> bool {
        min <= self.to && max >= self.from
    }

    /// Whether some instant of a UTC day is inside.
    pub(super) fn overlaps_day(self, day: NaiveDate) -> bool {
        let start = |day: NaiveDate| {
            let midnight = day.and_hms_opt(0, 0, 0)?;
            midnight.and_utc().timestamp_nanos_opt()
        };
        let next = day.succ_opt().and_then(start);
        match (start(day), next) {
            (Some(start), Some(next)) => self.overlaps(start, next - 1),
            // Days that saturate are never left out.
            _ => true,
        }
    }
}

fn is_column(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Column(column) => column.name == name,
        Expr::Alias(alias) => is_column(&alias.expr, name),
        _ => false,
    }
}

/// Least and greatest time of a Parquet file by its statistics; `None` if they do not say.
pub(super) fn time_range(
    metadata: &ParquetMetaData,
    schema: &ArrowSchema,
    column: &str,
) -> Option<(i64, i64)> {
    let field = schema.field_with_name(column).ok()?;
    let DataType::Timestamp(unit, _) = field.data_type() else {
        return None;
    };
    let parquet_schema = metadata.file_metadata().schema_descr();
    let statistics = StatisticsConverter::try_new(column, schema, parquet_schema).ok()?;
    let groups = metadata.row_groups();
    let mins = statistics.row_group_mins(groups).ok()?;
    let maxes = statistics.row_group_maxes(groups).ok()?;
    // A row group without statistics may hold anything.
    if mins.is_empty() || mins.null_count() > 0 || maxes.null_count() > 0 {
        return None;
    }
    let min = values(mins.as_ref())?.into_iter().min()?;
    let max = values(maxes.as_ref())?.into_iter().max()?;
    let factor = nanoseconds_in(*unit);
    Some((min.saturating_mul(factor), max.saturating_mul(factor)))
}

fn values(array: &dyn Array) -> Option<Vec<i64>> {
    let numbers = arrow::compute::cast(array, &DataType::Int64).ok()?;
    if let Some(numbers) = numbers.as_primitive_opt::<Int64Type>() {
        return Some(numbers.values().to_vec());
    }
    let numbers = numbers.as_primitive_opt::<TimestampNanosecondType>()?;
    Some(numbers.values().to_vec())
}

/// Nanoseconds in a unit of time.
pub(super) fn nanoseconds_in(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{ident as col, lit};

    use super::*;

    fn at(nanoseconds: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(
            Some(nanoseconds),
            Some("+00:00".into()),
        ))
    }

    #[test]
    fn bounds_are_read_from_conjunctions_only() {
        let time = || col("Timestamp");
        let window = time().gt_eq(at(10)).and(time().lt(at(20)));
        let bounds = TimeBounds::of(&[window.clone(), at(12).lt_eq(time())], "Timestamp");
        assert_eq!(bounds, TimeBounds { from: 12, to: 19 });
        assert!(bounds.overlaps(0, 12) && !bounds.overlaps(0, 11) && !bounds.overlaps(20, 30));
        let either = window.or(col("Port").eq(lit(1)));
        assert!(!TimeBounds::of(&[either], "Timestamp").is_bounded());
        let other = col("ProcessCreationTime").gt(at(5));
        assert!(!TimeBounds::of(&[other], "Timestamp").is_bounded());
    }

    #[test]
    fn a_day_ends_just_before_the_next() {
        let midnight = 1_767_312_000_000_000_000;
        let from_midnight = TimeBounds {
            from: midnight,
            to: midnight,
        };
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert!(from_midnight.overlaps_day(day("2026-01-02")));
        assert!(!from_midnight.overlaps_day(day("2026-01-01")));
    }
}
