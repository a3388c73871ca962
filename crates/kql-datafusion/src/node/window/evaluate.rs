//! How the value of a window function follows from the rows so far, batch after batch, and from
//! the rows to come.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Int64Array, PrimitiveArray,
    TimestampNanosecondArray,
};
use arrow::compute::concat;
use arrow::compute::kernels::cmp::not_distinct;
use arrow::datatypes::{
    DataType, Decimal128Type, DurationNanosecondType, Float64Type, Int32Type, Int64Type,
    TimestampNanosecondType,
};
use datafusion::common::{ScalarValue, internal_err};
use datafusion::error::Result;

use super::Function;
use crate::types::UTC;

/// `next`: how far it looks, and what it finds behind the last row.
pub(super) struct Lookahead {
    pub(super) offset: usize,
    pub(super) default: ScalarValue,
}

/// The values of `next` for the `rows` rows of the first of these arrays.
pub(super) fn next_values<'b>(
    ahead: &Lookahead,
    batches: impl Iterator<Item = &'b ArrayRef>,
    rows: usize,
) -> Result<ArrayRef> {
    let mut skip = ahead.offset;
    let mut missing = rows;
    let mut parts: Vec<ArrayRef> = Vec::new();
    for batch in batches {
        if missing == 0 {
            break;
        }
        if skip >= batch.len() {
            skip -= batch.len();
            continue;
        }
        let length = missing.min(batch.len() - skip);
        parts.push(batch.slice(skip, length));
        missing -= length;
        skip = 0;
    }
    if missing > 0 {
        parts.push(ahead.default.to_array_of_size(missing)?);
    }
    joined(&parts)
}

fn joined(parts: &[ArrayRef]) -> Result<ArrayRef> {
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(concat(&parts)?)
}

/// A function and what it remembers of the rows so far.
pub(super) enum Evaluation {
    Number {
        start: i64,
        next: i64,
    },
    Sum(Sum),
    Rank {
        /// `row_rank_min`: ranks count rows, not values.
        by_row: bool,
        rank: i64,
        /// Number of the row since the last restart.
        number: i64,
        /// The term of the row before.
        last: Shift,
    },
    Session {
        start: Option<i64>,
        last: i64,
    },
    Previous(Shift),
}

/// A running sum in the width of its term.
pub(super) enum Sum {
    Empty,
    Integer(i128),
    Real(f64),
}

/// Moves a column down by `offset` rows.
pub(super) struct Shift {
    offset: usize,
    default: ScalarValue,
    /// The last rows, at most `offset` of them, with the bytes that each part holds.
    held: VecDeque<(ArrayRef, usize)>,
    held_rows: usize,
    held_bytes: usize,
}

impl Evaluation {
    pub(super) fn new(function: &Function) -> Self {
        match function {
            Function::Number { start } => Self::Number {
                start: *start,
                next: *start,
            },
            Function::Sum => Self::Sum(Sum::Empty),
            Function::RankDense | Function::RankMin => Self::Rank {
                by_row: *function == Function::RankMin,
                rank: 0,
                number: 0,
                last: Shift::new(1, ScalarValue::Null),
            },
            Function::Session => Self::Session {
                start: None,
                last: 0,
            },
            Function::Previous { offset, default } | Function::Next { offset, default } => {
                Self::Previous(Shift::new(*offset, default.clone()))
            }
        }
    }

    /// The values of the next `rows` rows.
    pub(super) fn values(
        &mut self,
        arguments: &[&ArrayRef],
        restart: Option<&BooleanArray>,
        rows: usize,
    ) -> Result<ArrayRef> {
        let restarts =
            |row: usize| restart.is_some_and(|flags| flags.is_valid(row) && flags.value(row));
        Ok(match self {
            Self::Number { start, next } => {
                let numbers = (0..rows).map(|row| {
                    if restarts(row) {
                        *next = *start;
                    }
                    let number = *next;
                    *next = next.wrapping_add(1);
                    number
                });
                Arc::new(Int64Array::from_iter_values(numbers))
            }
            Self::Sum(sum) => sum.values(arguments[0], restarts)?,
            Self::Rank {
                by_row,
                rank,
                number,
                last,
            } => {
                let term = without_negative_zero(arguments[0]);
                let first = last.held_rows == 0;
                let before = last.values(&term)?;
                let same = not_distinct(&term, &before)?;
                let ranks = (0..rows).map(|row| {
                    if restarts(row) || (first && row == 0) {
                        (*number, *rank) = (1, 1);
                        return 1;
                    }
                    *number += 1;
                    if !same.value(row) {
                        *rank = if *by_row { *number } else { *rank + 1 };
                    }
                    *rank
                });
                Arc::new(Int64Array::from_iter_values(ranks))
            }
            Self::Session { start, last } => {
                let times = arguments[0].as_primitive::<TimestampNanosecondType>();
                let from_first = arguments[1].as_primitive::<DurationNanosecondType>();
                let from_last = arguments[2].as_primitive::<DurationNanosecondType>();
                let reaches = |time: i64, from: i64, limits: &PrimitiveArray<_>, row: usize| {
                    limits.is_valid(row) && time >= from.saturating_add(limits.value(row))
                };
                let starts = (0..rows).map(|row| {
                    if times.is_null(row) {
                        *start = None;
                        return None;
                    }
                    let time = times.value(row);
                    let goes_on = start.is_some_and(|start| {
                        !restarts(row)
                            && !reaches(time, start, from_first, row)
                            && !reaches(time, *last, from_last, row)
                    });
                    *last = time;
                    if !goes_on {
                        *start = Some(time);
                    }
                    *start
                });
                let starts: TimestampNanosecondArray = starts.collect();
                Arc::new(starts.with_timezone(UTC))
            }
            Self::Previous(shift) => shift.values(arguments[0])?,
        })
    }

    pub(super) fn memory_size(&self) -> usize {
        match self {
            Self::Rank { last: shift, .. } | Self::Previous(shift) => shift.held_bytes,
            Self::Number { .. } | Self::Sum(_) | Self::Session { .. } => 0,
        }
    }
}

impl Sum {
    /// The running sums. A null adds nothing.
    fn values(&mut self, term: &ArrayRef, restarts: impl Fn(usize) -> bool) -> Result<ArrayRef> {
        Ok(match term.data_type() {
            DataType::Int32 => {
                let term = term.as_primitive::<Int32Type>();
                self.integers(term, restarts, |sum| sum as i32)
            }
            DataType::Int64 => {
                let term = term.as_primitive::<Int64Type>();
                self.integers(term, restarts, |sum| sum as i64)
            }
            DataType::Decimal128(precision, scale) => {
                let sums =
                    self.integers(term.as_primitive::<Decimal128Type>(), restarts, |sum| sum);
                let sums = sums.as_primitive::<Decimal128Type>().clone();
                Arc::new(sums.with_precision_and_scale(*precision, *scale)?)
            }
            DataType::Float64 => {
                let term = term.as_primitive::<Float64Type>();
                let mut sum = match self {
                    Self::Real(sum) => *sum,
                    Self::Empty | Self::Integer(_) => 0.0,
                };
                let sums = term.iter().enumerate().map(|(row, value)| {
                    if restarts(row) {
                        sum = 0.0;
                    }
                    sum += value.unwrap_or(0.0);
                    sum
                });
                let sums = PrimitiveArray::<Float64Type>::from_iter_values(sums);
                *self = Self::Real(sum);
                Arc::new(sums)
            }
            other => return internal_err!("row_cumsum of {other}"),
        })
    }

    /// Sums of integers; those that do not fit wrap around, as `+` does.
    fn integers<T: ArrowPrimitiveType>(
        &mut self,
        term: &PrimitiveArray<T>,
        restarts: impl Fn(usize) -> bool,
        narrow: impl Fn(i128) -> T::Native,
    ) -> ArrayRef
    where
        T::Native: Into<i128>,
    {
        let mut sum: i128 = match self {
            Self::Integer(sum) => *sum,
            Self::Empty | Self::Real(_) => 0,
        };
        let sums = term.iter().enumerate().map(|(row, value)| {
            if restarts(row) {
                sum = 0;
            }
            sum = sum.wrapping_add(value.map_or(0, Into::into));
            narrow(sum)
        });
        let sums = PrimitiveArray::<T>::from_iter_values(sums);
        *self = Self::Integer(sum);
        Arc::new(sums)
    }
}

impl Shift {
    fn new(offset: usize, default: ScalarValue) -> Self {
        Self {
            offset,
            default,
            held: VecDeque::new(),
            held_rows: 0,
            held_bytes: 0,
        }
    }

    /// What stands `offset` rows before each of these rows.
    fn values(&mut self, column: &ArrayRef) -> Result<ArrayRef> {
        let rows = column.len();
        // Fewer rows are held only while fewer than `offset` have been seen.
        let missing = (self.offset - self.held_rows).min(rows);
        let mut parts = Vec::new();
        if missing > 0 {
            let default = match &self.default {
                ScalarValue::Null => ScalarValue::try_new_null(column.data_type())?,
                default => default.clone(),
            };
            parts.push(default.to_array_of_size(missing)?);
        }
        let bytes = column.get_array_memory_size();
        self.held.push_back((Arc::clone(column), bytes));
        self.held_rows += missing;
        self.held_bytes += bytes;
        let mut wanted = rows - missing;
        while wanted > 0 {
            let Some((first, bytes)) = self.held.pop_front() else {
                return internal_err!("rows were lost");
            };
            if first.len() > wanted {
                let rest = first.slice(wanted, first.len() - wanted);
                self.held.push_front((rest, bytes));
                parts.push(first.slice(0, wanted));
                break;
            }
            wanted -= first.len();
            self.held_bytes -= bytes;
            parts.push(first);
        }
        joined(&parts)
    }
}

/// Terms under which `-0.0` and `0.0` are one.
fn without_negative_zero(term: &ArrayRef) -> ArrayRef {
    match term.data_type() {
        DataType::Float64 => {
            let term = term.as_primitive::<Float64Type>();
            Arc::new(term.unary::<_, Float64Type>(|value| value + 0.0))
        }
        _ => Arc::clone(term),
    }
}
