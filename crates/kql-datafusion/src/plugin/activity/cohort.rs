//! `new_activity_metrics`: users by the bin in which they were first seen, and how many of them
//! each later bin sees again.

use datafusion::error::{DataFusionError, Result};

use super::{Found, Slice};
use crate::function::Datum;

/// Most bins: the result has a row for each pair of them.
const BINS_MAX: usize = 2_000;

pub(super) fn cohorts(slice: &Slice<'_>, only: Option<i64>) -> Result<Vec<Found>> {
    let mut starts = Vec::new();
    let mut next = slice.bins.start(slice.from);
    while next <= slice.to {
        if starts.len() == BINS_MAX || next == i64::MAX {
            return Err(DataFusionError::Execution(format!(
                "new_activity_metrics: there are more than {BINS_MAX} windows from the start to \
                 the end"
            )));
        }
        starts.push(next);
        next = slice.bins.after(next);
    }
    let count = starts.len();
    slice
        .work
        .grow(count * count * size_of::<u32>() + slice.users * 8)?;
    // seen[cohort * count + bin]: users of the cohort who are seen in the bin.
    let mut seen = vec![0_u32; count * count];
    let mut cohort_of: Vec<Option<usize>> = vec![None; slice.users];
    let mut last_seen: Vec<Option<usize>> = vec![None; slice.users];
    for (start, events) in slice.binned() {
        slice.work.check()?;
        let Ok(bin) = starts.binary_search(&start) else {
            continue;
        };
        for user in events.iter().filter_map(|event| event.user) {
            let user = user as usize;
            if last_seen[user] == Some(bin) {
                continue;
            }
            last_seen[user] = Some(bin);
            let cohort = *cohort_of[user].get_or_insert(bin);
            seen[cohort * count + bin] += 1;
        }
    }
    let only = only.map(|moment| slice.bins.start(moment));
    let mut result = Vec::new();
    for (cohort, from) in starts.iter().enumerate() {
        slice.work.check()?;
        if only.is_some_and(|only| only != *from) {
            continue;
        }
        let size = seen[cohort * count + cohort];
        for bin in cohort..count {
            let again = seen[cohort * count + bin];
            let new = if bin == cohort {
                size
            } else {
                let later = cohort + 1..=bin;
                later.map(|later| seen[later * count + bin]).sum()
            };
            let lost = size - again;
            let rate = |part: u32| Datum::Real(f64::from(part) / f64::from(size));
            result.push(Found {
                bins: [*from, starts[bin]],
                values: vec![
                    Datum::Long(i64::from(new)),
                    Datum::Long(i64::from(again)),
                    Datum::Long(i64::from(lost)),
                    rate(again),
                    rate(lost),
                ],
            });
        }
    }
    Ok(result)
}
