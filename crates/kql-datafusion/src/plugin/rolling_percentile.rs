//! `rolling_percentile`: a percentile over the bins of a window that ends with each bin.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use kql::types::ScalarType;

use super::columns::{ColumnBuilder, batch};
use super::rows::Rows;
use super::timeline::{Bins, Timeline};
use crate::node::whole::{WholeTable, Work};

/// The computation. The columns of its input are the index, the value, and the dimensions.
#[derive(Debug)]
pub(crate) struct RollingPercentile {
    pub(crate) timeline: Timeline,
    pub(crate) types: Vec<ScalarType>,
    /// From 0 to 100.
    pub(crate) rank: f64,
    pub(crate) bins: Bins,
    /// How long the bins before the last of a window are together.
    pub(crate) reach: i64,
    pub(crate) output: SchemaRef,
}

impl WholeTable for RollingPercentile {
    fn name(&self) -> &'static str {
        "rolling_percentile"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let rows = Rows::of(input, &self.types, work)?;
        let moments = self.timeline.moments(&rows, 0);
        let starts = moments.iter().flatten();
        let starts: BTreeSet<i64> = starts.map(|moment| self.bins.start(*moment)).collect();
        let dimensions: Vec<usize> = (2..self.types.len()).collect();
        let order = rows.encode(&[1])?;
        let mut index = ColumnBuilder::new(self.types[0]);
        let (mut slices, mut values) = (Vec::new(), Vec::new());
        for slice in rows.groups(&dimensions)? {
            // Rows with a value, by bin and then by value.
            let mut members: Vec<(i64, u32)> = slice
                .iter()
                .filter(|row| !rows.get(**row as usize, 1).is_null())
                .filter_map(|row| Some((self.bins.start(moments[*row as usize]?), *row)))
                .collect();
            members.sort_by_key(|(bin, _)| *bin);
            for start in &starts {
                work.check()?;
                let reach = start.saturating_sub(self.reach);
                let first = members.partition_point(|(bin, _)| *bin < reach);
                let end = members.partition_point(|(bin, _)| bin <= start);
                let mut window: Vec<u32> =
                    members[first..end].iter().map(|(_, row)| *row).collect();
                if window.is_empty() {
                    continue;
                }
                let rank = (self.rank / 100.0 * window.len() as f64).ceil() as usize;
                let rank = rank.clamp(1, window.len()) - 1;
                if let Some(order) = &order {
                    let key = |row: &u32| order.row(*row as usize);
                    window.select_nth_unstable_by(rank, |left, right| key(left).cmp(&key(right)));
                }
                index.push(self.timeline.datum(*start));
                slices.push(slice[0]);
                values.push(window[rank]);
            }
        }
        let count = slices.len();
        let slices = UInt32Array::from(slices);
        let mut arrays: Vec<ArrayRef> = vec![index.finish()];
        for dimension in dimensions {
            arrays.push(rows.take(dimension, &slices)?);
        }
        arrays.push(rows.take(1, &UInt32Array::from(values))?);
        Ok(vec![batch(&self.output, arrays, count)?])
    }
}
