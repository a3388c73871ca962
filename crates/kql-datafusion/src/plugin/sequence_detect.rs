//! `sequence_detect`: moments at which conditions hold one after the other, in rows that have the
//! same dimensions. Rows of one moment count once for a step.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use kql::types::ScalarType;

use super::columns::{Columns, batch};
use super::rows::Rows;
use super::timeline::Timeline;
use crate::function::Datum;
use crate::node::whole::{WholeTable, Work};

/// The computation. The columns of its input are the moment, a condition per step, and the
/// dimensions.
#[derive(Debug)]
pub(crate) struct SequenceDetect {
    pub(crate) timeline: Timeline,
    pub(crate) types: Vec<ScalarType>,
    pub(crate) steps: usize,
    /// Longest time from one step to the next.
    pub(crate) step_window: i64,
    /// Longest time from the first step to the last.
    pub(crate) span: i64,
    pub(crate) output: SchemaRef,
}

/// A sequence under construction: its moments so far, and the place among the moments of the next
/// step from which on to look for it.
struct Search<'a> {
    moments: &'a [Vec<i64>],
    step_window: i64,
    span: i64,
    path: Vec<i64>,
    places: Vec<usize>,
}

impl Search<'_> {
    /// The next sequence, all of whose moments are in `path`.
    fn next(&mut self) -> Option<&[i64]> {
        let steps = self.moments.len();
        loop {
            // The moment at hand of the last step is done with.
            if self.path.len() == steps {
                self.path.pop();
            }
            let step = self.path.len();
            let place = *self.places.get(step)?;
            let candidate = self.moments[step].get(place).copied().filter(|moment| {
                let fits = |since: &i64, most: i64| moment.saturating_sub(*since) <= most;
                self.path
                    .last()
                    .is_none_or(|last| fits(last, self.step_window))
                    && self.path.first().is_none_or(|first| fits(first, self.span))
            });
            let Some(moment) = candidate else {
                // Nothing more fits behind the step before.
                if step == 0 {
                    return None;
                }
                self.places.pop();
                self.path.pop();
                continue;
            };
            self.places[step] += 1;
            self.path.push(moment);
            if self.path.len() == steps {
                return Some(&self.path);
            }
            let next = &self.moments[step + 1];
            self.places
                .push(next.partition_point(|later| *later <= moment));
        }
    }
}

impl WholeTable for SequenceDetect {
    fn name(&self) -> &'static str {
        "sequence_detect"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let rows = Rows::of(input, &self.types, work)?;
        let times = self.timeline.moments(&rows, 0);
        let dimensions: Vec<usize> = (self.steps + 1..self.types.len()).collect();
        let mut found: Vec<(Vec<i64>, u32)> = Vec::new();
        let groups = match rows.len {
            0 => Vec::new(),
            _ => rows.groups(&dimensions)?,
        };
        for group in groups {
            work.check()?;
            let mut moments = Vec::with_capacity(self.steps);
            for step in 0..self.steps {
                let condition = rows.array(step + 1).as_boolean();
                let mut of_step: Vec<i64> = group
                    .iter()
                    .map(|row| *row as usize)
                    .filter(|row| condition.is_valid(*row) && condition.value(*row))
                    .filter_map(|row| times[row])
                    .collect();
                of_step.sort_unstable();
                of_step.dedup();
                moments.push(of_step);
            }
            let mut search = Search {
                moments: &moments,
                step_window: self.step_window,
                span: self.span,
                path: Vec::new(),
                places: vec![0],
            };
            while let Some(sequence) = search.next() {
                found.push((sequence.to_vec(), group[0]));
                if found.len().is_multiple_of(1024) {
                    work.check()?;
                    // Each is kept here and again in the result.
                    work.grow(1024 * (self.steps + self.types.len() + 4) * 16)?;
                }
            }
        }
        found.sort();
        let mut columns = Columns::new(
            std::iter::repeat_n(ScalarType::DateTime, self.steps).chain([ScalarType::TimeSpan]),
        );
        for (sequence, _) in &found {
            let duration = sequence[self.steps - 1].saturating_sub(sequence[0]);
            let moments = sequence.iter().map(|moment| self.timeline.datum(*moment));
            columns.push(moments.chain([Datum::TimeSpan(duration)]));
        }
        let first: UInt32Array = found.iter().map(|(_, row)| *row).collect();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for dimension in dimensions {
            arrays.push(rows.take(dimension, &first)?);
        }
        arrays.extend(columns.finish());
        Ok(vec![batch(&self.output, arrays, found.len())?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_within_the_windows_is_a_sequence() {
        let moments = [vec![0, 10], vec![5, 12], vec![6, 13, 14]];
        let mut search = Search {
            moments: &moments,
            step_window: 8,
            span: 13,
            path: Vec::new(),
            places: vec![0],
        };
        let mut found = Vec::new();
        while let Some(sequence) = search.next() {
            found.push(sequence.to_vec());
        }
        assert_eq!(
            found,
            [
                vec![0, 5, 6],
                vec![0, 5, 13],
                vec![10, 12, 13],
                vec![10, 12, 14]
            ]
        );
    }
}
