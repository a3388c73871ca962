//! `covariance` and its variants, in one pass.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::fold::{Fold, FoldAggregate, Groups};

/// Of what the values are taken to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// All there are.
    Population,
    /// Some of them.
    Sample,
}

/// The covariance of two columns of reals over the rows where neither is null; null if those are
/// too few.
pub(crate) fn covariance(of: Of) -> Arc<AggregateUDF> {
    FoldAggregate::udaf(
        format!("kql_covariance_{of:?}"),
        Covariance { of },
        vec![DataType::Float64, DataType::Float64],
        DataType::Float64,
    )
}

#[derive(Clone, Debug)]
struct Covariance {
    of: Of,
}

/// Count, means, and the sum of the products of what the values are off their means.
#[derive(Debug, Default)]
struct Moments {
    count: f64,
    mean_x: f64,
    mean_y: f64,
    products: f64,
}

impl Moments {
    fn take(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        let off_x = x - self.mean_x;
        self.mean_x += off_x / self.count;
        self.mean_y += (y - self.mean_y) / self.count;
        self.products += off_x * (y - self.mean_y);
    }

    fn add(&mut self, other: &Self) {
        let count = self.count + other.count;
        if count == 0.0 {
            return;
        }
        let (off_x, off_y) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        self.products += other.products + off_x * off_y * self.count * other.count / count;
        self.mean_x += off_x * other.count / count;
        self.mean_y += off_y * other.count / count;
        self.count = count;
    }
}

impl Fold for Covariance {
    type State = Moments;

    fn update(
        &self,
        states: &mut [Moments],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()> {
        let xs = columns[0].as_primitive::<Float64Type>();
        let ys = columns[1].as_primitive::<Float64Type>();
        for row in 0..xs.len() {
            if let Some(group) = groups.of(row)
                && xs.is_valid(row)
                && ys.is_valid(row)
            {
                states[group].take(xs.value(row), ys.value(row));
            }
        }
        Ok(())
    }

    fn save(&self, state: &Moments, out: &mut Vec<u8>) {
        for value in [state.count, state.mean_x, state.mean_y, state.products] {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn merge(&self, state: &mut Moments, saved: &[u8]) {
        let (words, _) = saved.as_chunks::<8>();
        if let [count, mean_x, mean_y, products] = words {
            state.add(&Moments {
                count: f64::from_le_bytes(*count),
                mean_x: f64::from_le_bytes(*mean_x),
                mean_y: f64::from_le_bytes(*mean_y),
                products: f64::from_le_bytes(*products),
            });
        }
    }

    fn finish(&self, states: Vec<Moments>) -> Result<ArrayRef> {
        let divisors = states.iter().map(|state| match self.of {
            Of::Population => (state, state.count),
            Of::Sample => (state, state.count - 1.0),
        });
        let values =
            divisors.map(|(state, divisor)| (divisor > 0.0).then(|| state.products / divisor));
        Ok(Arc::new(values.collect::<Float64Array>()))
    }

    fn size(&self, _: &Moments) -> usize {
        0
    }
}
