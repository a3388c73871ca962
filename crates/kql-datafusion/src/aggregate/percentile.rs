//! `percentile` and its weighted form: the value of nearest rank among all values of the group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::fold::{Fold, FoldAggregate, Groups};
use crate::sketch::{join_equal, nearest, real_of_sortable, sortable_of_real};

/// The percentiles of a column as a struct, `c0`, `c1`, …, of the column's type, which is a
/// number or a time of at most 64 bits.
pub(crate) fn percentiles(ranks: &[f64], ty: &DataType) -> Arc<AggregateUDF> {
    let outcome = Outcome::new(ranks, ty);
    let result = outcome.data_type();
    let name = format!("kql_percentiles_{ranks:?}");
    FoldAggregate::udaf(name, Percentiles { outcome }, vec![ty.clone()], result)
}

/// The same where a second column, of longs, tells how often each value counts; values that
/// count less than once are left out.
pub(crate) fn weighted_percentiles(ranks: &[f64], ty: &DataType) -> Arc<AggregateUDF> {
    let outcome = Outcome::new(ranks, ty);
    let result = outcome.data_type();
    let name = format!("kql_percentilesw_{ranks:?}");
    let arguments = vec![ty.clone(), DataType::Int64];
    FoldAggregate::udaf(name, Weighted { outcome }, arguments, result)
}

/// The values as integers of the same order, without NaN.
pub(super) fn sortable(column: &ArrayRef) -> Result<Int64Array> {
    if let Some(reals) = column.as_primitive_opt::<Float64Type>() {
        return Ok(reals
            .iter()
            .map(|real| real.filter(|real| !real.is_nan()).map(sortable_of_real))
            .collect());
    }
    Ok(cast(column, &DataType::Int64)?
        .as_primitive::<Int64Type>()
        .clone())
}

/// Which percentiles are asked for, and the struct that they are answered with.
#[derive(Clone, Debug)]
struct Outcome {
    ranks: Vec<f64>,
    ty: DataType,
    fields: Fields,
}

impl Outcome {
    fn new(ranks: &[f64], ty: &DataType) -> Self {
        Self {
            ranks: ranks.to_vec(),
            ty: ty.clone(),
            fields: (0..ranks.len())
                .map(|position| Field::new(format!("c{position}"), ty.clone(), true))
                .collect(),
        }
    }

    fn data_type(&self) -> DataType {
        DataType::Struct(self.fields.clone())
    }

    /// The struct of a percentile of each state.
    fn write<S>(&self, states: &[S], percentile: fn(&S, f64) -> Option<i64>) -> Result<ArrayRef> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.ranks.len());
        for rank in &self.ranks {
            let values = states.iter().map(|state| percentile(state, *rank));
            columns.push(if self.ty == DataType::Float64 {
                let reals = values.map(|value| value.map(real_of_sortable));
                Arc::new(reals.collect::<Float64Array>())
            } else {
                cast(&values.collect::<Int64Array>(), &self.ty)?
            });
        }
        let fields = self.fields.clone();
        Ok(Arc::new(StructArray::try_new(fields, columns, None)?))
    }
}

#[derive(Clone, Debug)]
struct Percentiles {
    outcome: Outcome,
}

impl Fold for Percentiles {
    type State = Vec<i64>;

    fn update(
        &self,
        states: &mut [Vec<i64>],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()> {
        let values = sortable(&columns[0])?;
        for row in 0..values.len() {
            if let Some(group) = groups.of(row)
                && values.is_valid(row)
            {
                states[group].push(values.value(row));
            }
        }
        Ok(())
    }

    fn save(&self, state: &Vec<i64>, out: &mut Vec<u8>) {
        for value in state {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn merge(&self, state: &mut Vec<i64>, saved: &[u8]) {
        let (values, _) = saved.as_chunks::<8>();
        state.extend(values.iter().map(|bytes| i64::from_le_bytes(*bytes)));
    }

    fn finish(&self, mut states: Vec<Vec<i64>>) -> Result<ArrayRef> {
        for state in &mut states {
            state.sort_unstable();
        }
        self.outcome
            .write(&states, |state, rank| of_sorted(state, rank))
    }

    fn size(&self, state: &Vec<i64>) -> usize {
        state.capacity() * size_of::<i64>()
    }
}

/// The value that at least `rank` percent of the sorted values do not exceed.
fn of_sorted(sorted: &[i64], rank: f64) -> Option<i64> {
    let position = (rank / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted
        .get(position.min(sorted.len()).checked_sub(1)?)
        .copied()
}

#[derive(Clone, Debug)]
struct Weighted {
    outcome: Outcome,
}

/// Values with their weights. Equal values are joined whenever the list has doubled.
#[derive(Debug, Default)]
struct Weights {
    entries: Vec<(i64, u64)>,
    joined: usize,
}

/// Entries below which joining equal values is not worth it.
const JOIN_MIN: usize = 1024;

impl Weights {
    fn push(&mut self, value: i64, weight: u64) {
        self.entries.push((value, weight));
        if self.entries.len() >= JOIN_MIN.max(2 * self.joined) {
            self.join();
        }
    }

    fn join(&mut self) {
        join_equal(&mut self.entries);
        self.joined = self.entries.len();
    }
}

impl Fold for Weighted {
    type State = Weights;

    fn update(
        &self,
        states: &mut [Weights],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()> {
        let values = sortable(&columns[0])?;
        let weights = columns[1].as_primitive::<Int64Type>();
        for row in 0..values.len() {
            let Some(group) = groups.of(row) else {
                continue;
            };
            if values.is_valid(row)
                && weights.is_valid(row)
                && let Ok(weight @ 1..) = u64::try_from(weights.value(row))
            {
                states[group].push(values.value(row), weight);
            }
        }
        Ok(())
    }

    fn save(&self, state: &Weights, out: &mut Vec<u8>) {
        for (value, weight) in &state.entries {
            out.extend_from_slice(&value.to_le_bytes());
            out.extend_from_slice(&weight.to_le_bytes());
        }
    }

    fn merge(&self, state: &mut Weights, saved: &[u8]) {
        let (words, _) = saved.as_chunks::<8>();
        let (pairs, _) = words.as_chunks::<2>();
        for [value, weight] in pairs {
            state.push(i64::from_le_bytes(*value), u64::from_le_bytes(*weight));
        }
    }

    fn finish(&self, mut states: Vec<Weights>) -> Result<ArrayRef> {
        for state in &mut states {
            state.join();
        }
        self.outcome
            .write(&states, |state, rank| nearest(&state.entries, rank))
    }

    fn size(&self, state: &Weights) -> usize {
        state.entries.capacity() * size_of::<(i64, u64)>()
    }
}
