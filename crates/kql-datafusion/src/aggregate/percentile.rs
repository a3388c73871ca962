//! `percentile` and `percentiles`: the value of nearest rank among all values of the group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::fold::{Fold, FoldAggregate, Groups};

/// The percentiles of a column as a struct, `c0`, `c1`, …, of the column's type, which is a
/// number or a time of at most 64 bits.
pub(crate) fn percentiles(ranks: &[f64], ty: &DataType) -> Arc<AggregateUDF> {
    let fields: Fields = (0..ranks.len())
        .map(|position| Field::new(format!("c{position}"), ty.clone(), true))
        .collect();
    let name = format!("kql_percentiles_{ranks:?}");
    let fold = Percentiles {
        ranks: ranks.to_vec(),
        ty: ty.clone(),
        fields: fields.clone(),
    };
    FoldAggregate::udaf(name, fold, vec![ty.clone()], DataType::Struct(fields))
}

#[derive(Clone, Debug)]
struct Percentiles {
    ranks: Vec<f64>,
    ty: DataType,
    fields: Fields,
}

impl Percentiles {
    /// The values as integers of the same order, without NaN.
    fn sortable(&self, column: &ArrayRef) -> Result<Int64Array> {
        if self.ty == DataType::Float64 {
            let reals = column.as_primitive::<Float64Type>();
            return Ok(reals
                .iter()
                .map(|real| real.filter(|real| !real.is_nan()).map(sortable_of_real))
                .collect());
        }
        Ok(cast(column, &DataType::Int64)?
            .as_primitive::<Int64Type>()
            .clone())
    }
}

/// Flips the bits below the sign of negative numbers, which makes their order that of integers;
/// its own inverse.
fn flip(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn sortable_of_real(real: f64) -> i64 {
    flip(real.to_bits() as i64)
}

impl Fold for Percentiles {
    type State = Vec<i64>;

    fn update(
        &self,
        states: &mut [Vec<i64>],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()> {
        let values = self.sortable(&columns[0])?;
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
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.ranks.len());
        for rank in &self.ranks {
            let values = states.iter().map(|state| nearest(state, *rank));
            columns.push(if self.ty == DataType::Float64 {
                let reals = values.map(|value| value.map(|bits| f64::from_bits(flip(bits) as u64)));
                Arc::new(reals.collect::<Float64Array>())
            } else {
                cast(&values.collect::<Int64Array>(), &self.ty)?
            });
        }
        Ok(Arc::new(StructArray::try_new(
            self.fields.clone(),
            columns,
            None,
        )?))
    }

    fn size(&self, state: &Vec<i64>) -> usize {
        state.capacity() * size_of::<i64>()
    }
}

/// The value that at least `rank` percent of the sorted values do not exceed.
fn nearest(sorted: &[i64], rank: f64) -> Option<i64> {
    let position = (rank / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted
        .get(position.min(sorted.len()).checked_sub(1)?)
        .copied()
}
