//! What each plugin counts in one combination of dimensions.

use std::collections::{BTreeMap, HashMap, HashSet};

use datafusion::error::Result;

use super::{Event, Found, Metric, Slice};
use crate::function::Datum;
use crate::plugin::timeline::Bins;

/// Every how many steps a computation asks whether it is still wanted.
const CHECK_EVERY: usize = 4096;

impl Metric {
    pub(super) fn evaluate(&self, slice: &Slice<'_>) -> Result<Vec<Found>> {
        match self {
            Self::ActiveUsers {
                lookback,
                periods,
                enough,
            } => active_users(slice, *lookback, *periods, *enough),
            Self::Counts => counts(slice),
            Self::Retention => retention(slice),
            Self::Engagement { outer } => engagement(slice, *outer),
            Self::SlidingWindow { lookback } => sliding_window(slice, *lookback),
            Self::Sessions { lookback } => sessions(slice, *lookback),
            Self::Cohorts { cohort, .. } => super::cohort::cohorts(slice, *cohort),
        }
    }
}

impl<'a> Slice<'a> {
    /// The events within the span.
    pub(super) fn present(&self) -> &'a [Event] {
        let past = self
            .events
            .partition_point(|event| event.moment < self.from);
        &self.events[past..]
    }

    /// The events of each bin that has some.
    pub(super) fn binned(&self) -> impl Iterator<Item = (i64, &'a [Event])> {
        let bins = self.bins;
        let chunks = self
            .present()
            .chunk_by(move |left, right| bins.start(left.moment) == bins.start(right.moment));
        chunks.map(move |events| (bins.start(events[0].moment), events))
    }

    /// The events of each user, by moment.
    fn by_user(&self) -> HashMap<u32, Vec<i64>> {
        let mut moments: HashMap<u32, Vec<i64>> = HashMap::new();
        for event in self.events {
            if let Some(user) = event.user {
                moments.entry(user).or_default().push(event.moment);
            }
        }
        moments
    }
}

fn long(value: usize) -> Datum<'static> {
    Datum::Long(value as i64)
}

fn found(bin: i64, values: Vec<Datum<'static>>) -> Found {
    Found {
        bins: [bin, bin],
        values,
    }
}

fn per_bin(counts: BTreeMap<i64, usize>) -> Vec<Found> {
    let counts = counts.into_iter();
    counts
        .map(|(bin, count)| found(bin, vec![long(count)]))
        .collect()
}

/// A user is active at an event if the window that ends with it has events in enough periods.
fn active_users(
    slice: &Slice<'_>,
    lookback: i64,
    periods: Bins,
    enough: i64,
) -> Result<Vec<Found>> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for moments in slice.by_user().into_values() {
        slice.work.check()?;
        let mut active: HashSet<i64> = HashSet::new();
        // How many events each period has within the window.
        let mut window: HashMap<i64, usize> = HashMap::new();
        let mut first = 0;
        for moment in &moments {
            *window.entry(periods.start(*moment)).or_default() += 1;
            while moments[first] <= moment.saturating_sub(lookback) && moments[first] < *moment {
                let period = periods.start(moments[first]);
                first += 1;
                if let Some(count) = window.get_mut(&period) {
                    *count -= 1;
                    if *count == 0 {
                        window.remove(&period);
                    }
                }
            }
            if *moment >= slice.from && window.len() as i64 >= enough {
                active.insert(slice.bins.start(*moment));
            }
        }
        for bin in active {
            *counts.entry(bin).or_default() += 1;
        }
    }
    Ok(per_bin(counts))
}

/// Events, users, new users, and users so far.
fn counts(slice: &Slice<'_>) -> Result<Vec<Found>> {
    let mut seen: HashSet<u32> = HashSet::new();
    let mut result = Vec::new();
    for (bin, events) in slice.binned() {
        slice.work.check()?;
        let users: HashSet<u32> = events.iter().filter_map(|event| event.user).collect();
        let new = users.iter().filter(|user| !seen.contains(user)).count();
        let count = users.len();
        seen.extend(users);
        let values = [events.len(), count, new, seen.len()];
        result.push(found(bin, values.into_iter().map(long).collect()));
    }
    Ok(result)
}

/// Users, those that the bin before did not have, and which part of that one's users came again.
fn retention(slice: &Slice<'_>) -> Result<Vec<Found>> {
    let mut before: HashSet<u32> = HashSet::new();
    let mut end_of_before = None;
    let mut result = Vec::new();
    for (bin, events) in slice.binned() {
        slice.work.check()?;
        if end_of_before != Some(bin) {
            before.clear();
        }
        let users: HashSet<u32> = events.iter().filter_map(|event| event.user).collect();
        let again = users.intersection(&before).count();
        // Nobody of nobody is not a number.
        let retained = again as f64 / before.len() as f64;
        result.push(found(
            bin,
            vec![
                long(users.len()),
                long(users.len() - again),
                Datum::Real(retained),
                Datum::Real(1.0 - retained),
            ],
        ));
        before = users;
        end_of_before = Some(slice.bins.after(bin));
    }
    Ok(result)
}

/// A session of a user begins with an event that none precedes within the window.
fn sessions(slice: &Slice<'_>, lookback: i64) -> Result<Vec<Found>> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for moments in slice.by_user().into_values() {
        slice.work.check()?;
        let mut last = None;
        for moment in moments {
            let is_new = last.is_none_or(|last: i64| moment.saturating_sub(last) >= lookback);
            if is_new && moment >= slice.from {
                *counts.entry(slice.bins.start(moment)).or_default() += 1;
            }
            last = Some(moment);
        }
    }
    Ok(per_bin(counts))
}

/// Events and users of a window that ends with each bin.
fn sliding_window(slice: &Slice<'_>, lookback: i64) -> Result<Vec<Found>> {
    let mut result = Vec::new();
    slide(slice, lookback, |bin, window| {
        let values = vec![long(window.events.len()), long(window.users.len())];
        result.push(found(bin, values));
    })?;
    Ok(result)
}

/// Users of each bin over those of a window that ends with it.
fn engagement(slice: &Slice<'_>, outer: i64) -> Result<Vec<Found>> {
    let mut result = Vec::new();
    slide(slice, outer, |bin, window| {
        let own = window.events.partition_point(|event| event.moment < bin);
        let own = window.events[own..].iter();
        let inner: HashSet<u32> = own.filter_map(|event| event.user).collect();
        let (inner, outer) = (inner.len(), window.users.len());
        if inner > 0 {
            let ratio = Datum::Real(inner as f64 / outer as f64);
            result.push(found(bin, vec![long(inner), long(outer), ratio]));
        }
    })?;
    Ok(result)
}

/// The events of a window, and how many of them each user has.
struct Window<'a> {
    events: &'a [Event],
    users: HashMap<u32, usize>,
}

/// Visits each bin of the span for which the window of a length that ends with the bin has events.
fn slide(slice: &Slice<'_>, length: i64, mut visit: impl FnMut(i64, &Window<'_>)) -> Result<()> {
    let mut window = Window {
        events: &[],
        users: HashMap::new(),
    };
    let (mut first, mut end) = (0, 0);
    let mut bin = slice.bins.start(slice.from);
    let mut steps = 0_usize;
    while bin <= slice.to {
        steps += 1;
        if steps.is_multiple_of(CHECK_EVERY) {
            slice.work.check()?;
            // What is found of each bin is kept until the end.
            slice.work.grow(CHECK_EVERY * size_of::<Found>())?;
        }
        let after = slice.bins.after(bin);
        let begin = after.saturating_sub(length).min(bin);
        while let Some(event) = slice.events.get(end).filter(|event| event.moment < after) {
            if let Some(user) = event.user {
                *window.users.entry(user).or_default() += 1;
            }
            end += 1;
        }
        while first < end && slice.events[first].moment < begin {
            if let Some(user) = slice.events[first].user
                && let Some(count) = window.users.get_mut(&user)
            {
                *count -= 1;
                if *count == 0 {
                    window.users.remove(&user);
                }
            }
            first += 1;
        }
        window.events = &slice.events[first..end];
        if !window.events.is_empty() {
            visit(bin, &window);
            bin = after;
        } else if let Some(next) = slice.events.get(end) {
            bin = slice.bins.start(next.moment).max(after);
        } else {
            return Ok(());
        }
        if bin == i64::MAX {
            return Ok(());
        }
    }
    Ok(())
}
