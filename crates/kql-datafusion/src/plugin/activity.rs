//! Plugins that count users over time: one computation, which reads who did something when, split
//! by dimensions, and one metric per plugin.

mod cohort;
mod metric;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use kql::types::ScalarType;

use super::columns::{Columns, batch};
use super::rows::Rows;
use super::timeline::{Bins, Timeline};
use crate::function::Datum;
use crate::node::whole::{WholeTable, Work};

/// Something that a user did.
#[derive(Clone, Copy, Debug)]
struct Event {
    moment: i64,
    /// None for users whose identity is null, who do not count as users.
    user: Option<u32>,
}

/// What is counted.
#[derive(Clone, Debug)]
pub(crate) enum Metric {
    /// `active_users_count`: users who were seen in enough periods of the past.
    ActiveUsers {
        lookback: i64,
        periods: Bins,
        enough: i64,
    },
    /// `activity_counts_metrics`
    Counts,
    /// `activity_metrics`: from one bin to the next.
    Retention,
    /// `activity_engagement`: users of the bin over those of a longer window that ends with it.
    Engagement { outer: i64 },
    /// `sliding_window_counts`: over a window that ends with the bin.
    SlidingWindow { lookback: i64 },
    /// `session_count`: a user's session begins when nothing was seen for so long.
    Sessions { lookback: i64 },
    /// `new_activity_metrics`: cohorts of new users, or one of them, in each bin from theirs on.
    Cohorts {
        cohort: Option<i64>,
        /// Users who are not new, as JSON.
        known: HashSet<String>,
    },
}

/// The computation. The columns of its input are the user, the moment, and the dimensions.
#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) name: &'static str,
    pub(crate) timeline: Timeline,
    pub(crate) types: Vec<ScalarType>,
    pub(crate) metric: Metric,
    /// The first and last moment, or those of the input.
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
    pub(crate) bins: Bins,
    pub(crate) output: SchemaRef,
    pub(crate) output_types: Vec<ScalarType>,
}

/// The events of one combination of dimensions, and the span that is looked at.
struct Slice<'a> {
    /// By moment; those before the span count as the past.
    events: &'a [Event],
    /// How many users there are in all.
    users: usize,
    from: i64,
    to: i64,
    bins: Bins,
    work: &'a Work,
}

/// A row of the result: the bin, or two, and the counts.
struct Found {
    bins: [i64; 2],
    values: Vec<Datum<'static>>,
}

impl WholeTable for Activity {
    fn name(&self) -> &str {
        self.name
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let rows = Rows::of(input, &self.types, work)?;
        let moments = self.timeline.moments(&rows, 1);
        work.grow(rows.len * (size_of::<Event>() + size_of::<u32>() * 3))?;
        let (users, user_count) = self.users(&rows)?;
        let known = moments.iter().flatten();
        let from = self.from.or_else(|| known.clone().min().copied());
        let to = self.to.or_else(|| known.max().copied());
        let (Some(from), Some(to)) = (from, to) else {
            return Ok(Vec::new());
        };
        let dimensions: Vec<usize> = (2..self.types.len()).collect();
        let mut columns = Columns::new(self.output_types.iter().copied());
        let mut slices: Vec<u32> = Vec::new();
        let mut count = 0;
        let bin_columns = usize::from(matches!(self.metric, Metric::Cohorts { .. })) + 1;
        for slice in rows.groups(&dimensions)? {
            work.check()?;
            let mut events: Vec<Event> = slice
                .iter()
                .filter_map(|row| {
                    let row = *row as usize;
                    let moment = moments[row]?;
                    let user = users[row];
                    Some(Event { moment, user })
                })
                .filter(|event| event.moment <= to)
                .collect();
            events.sort_by_key(|event| event.moment);
            let found = self.metric.evaluate(&Slice {
                events: &events,
                users: user_count,
                from,
                to,
                bins: self.bins,
                work,
            })?;
            work.grow(found.len() * 16 * self.output_types.len())?;
            let first = slice.first().copied().unwrap_or(0);
            for found in &found {
                slices.push(first);
                count += 1;
                let bins = found.bins[..bin_columns].iter();
                let bins = bins.map(|bin| self.timeline.datum(*bin));
                // The dimensions are put in below.
                let nothing = dimensions.iter().map(|_| Datum::Null);
                columns.push(bins.chain(nothing).chain(found.values.iter().copied()));
            }
        }
        let mut arrays: Vec<ArrayRef> = columns.finish();
        let slices = UInt32Array::from(slices);
        for (position, dimension) in dimensions.iter().enumerate() {
            arrays[bin_columns + position] = rows.take(*dimension, &slices)?;
        }
        Ok(vec![batch(&self.output, arrays, count)?])
    }
}

impl Activity {
    /// The number of each row's user, and how many there are.
    fn users(&self, rows: &Rows) -> Result<(Vec<Option<u32>>, usize)> {
        let mut users = vec![None; rows.len];
        let mut count = 0;
        let mut json = String::new();
        if rows.len == 0 {
            return Ok((users, 0));
        }
        for group in rows.groups(&[0])? {
            let first = rows.get(group[0] as usize, 0);
            if first.is_null() {
                continue;
            }
            if let Metric::Cohorts { known, .. } = &self.metric
                && !known.is_empty()
            {
                json.clear();
                first.write_json(&mut json);
                if known.contains(&json) {
                    continue;
                }
            }
            for row in group {
                users[row as usize] = Some(count);
            }
            count += 1;
        }
        Ok((users, count as usize))
    }
}
