//! `funnel_sequence` and `funnel_sequence_completion`: users that go through a sequence of states,
//! what came before and after it, and how far they came in a time.

use std::collections::BTreeMap;
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

/// Most users that are named for a row.
const SAMPLES_MAX: usize = 128;

/// What is counted.
#[derive(Clone, Debug)]
pub(crate) enum Funnel {
    /// Which states precede and follow the sequence, with no more than this between two events.
    Neighbours { step_window: i64 },
    /// How far users come within each of these times from the first state on.
    Completion { periods: Vec<i64> },
}

/// The computation. The columns of its input are the user, the moment, and the state.
#[derive(Debug)]
pub(crate) struct FunnelSequence {
    pub(crate) name: &'static str,
    pub(crate) timeline: Timeline,
    pub(crate) types: Vec<ScalarType>,
    pub(crate) funnel: Funnel,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) bins: Bins,
    /// The states in order, as text.
    pub(crate) sequence: Vec<String>,
    pub(crate) output: SchemaRef,
}

/// An event of a user: when, the row, and which state it is in.
#[derive(Clone, Copy)]
struct Event {
    moment: i64,
    row: u32,
    /// The number of the state among all that occur.
    state: u32,
}

/// The events of the input.
struct Events {
    /// By user, each by moment.
    users: Vec<Vec<Event>>,
    /// The states of the sequence by number; none for one that does not occur.
    sequence: Vec<Option<u32>>,
}

impl WholeTable for FunnelSequence {
    fn name(&self) -> &str {
        self.name
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let rows = Rows::of(input, &self.types, work)?;
        if rows.len == 0 || self.sequence.is_empty() {
            return Ok(Vec::new());
        }
        work.grow(rows.len * 3 * size_of::<Event>())?;
        let events = self.events(&rows)?;
        match &self.funnel {
            Funnel::Neighbours { step_window } => {
                self.neighbours(&rows, &events, *step_window, work)
            }
            Funnel::Completion { periods } => self.completion(&rows, &events, periods, work),
        }
    }
}

impl FunnelSequence {
    fn events(&self, rows: &Rows) -> Result<Events> {
        let moments = self.timeline.moments(rows, 1);
        let mut states = vec![0_u32; rows.len];
        let mut sequence = vec![None; self.sequence.len()];
        for (number, group) in rows.groups(&[2])?.into_iter().enumerate() {
            let mut text = String::new();
            rows.get(group[0] as usize, 2).write_text(&mut text);
            for (wanted, place) in self.sequence.iter().zip(&mut sequence) {
                if *wanted == text {
                    *place = Some(number as u32);
                }
            }
            for row in group {
                states[row as usize] = number as u32;
            }
        }
        let mut users = Vec::new();
        for group in rows.groups(&[0])? {
            if rows.get(group[0] as usize, 0).is_null() {
                continue;
            }
            let mut events: Vec<Event> = group
                .into_iter()
                .filter_map(|row| {
                    let moment = moments[row as usize]?;
                    let state = states[row as usize];
                    (self.from..=self.to)
                        .contains(&moment)
                        .then_some(Event { moment, row, state })
                })
                .collect();
            events.sort_by_key(|event| event.moment);
            users.push(events);
        }
        Ok(Events { users, sequence })
    }

    /// Per bin, state before and state after: the users.
    fn neighbours(
        &self,
        rows: &Rows,
        events: &Events,
        step_window: i64,
        work: &Work,
    ) -> Result<Vec<RecordBatch>> {
        // A neighbour is known by the number of its state and a row that is in it.
        type Neighbour = Option<(u32, u32)>;
        let mut found: BTreeMap<(i64, Option<u32>, Option<u32>), Vec<u32>> = BTreeMap::new();
        let mut examples: BTreeMap<u32, u32> = BTreeMap::new();
        for user in &events.users {
            work.check()?;
            // Staying in a state is no step.
            let mut steps: Vec<Event> = Vec::with_capacity(user.len());
            for event in user {
                if steps.last().is_none_or(|last| last.state != event.state) {
                    steps.push(*event);
                }
            }
            let near = |left: &Event, right: &Event| {
                right.moment.saturating_sub(left.moment) <= step_window
            };
            for (place, window) in steps.windows(self.sequence.len()).enumerate() {
                let matches = window
                    .iter()
                    .zip(&events.sequence)
                    .all(|(event, state)| Some(event.state) == *state)
                    && window.windows(2).all(|pair| near(&pair[0], &pair[1]));
                if !matches {
                    continue;
                }
                let first = &window[0];
                let last = &window[window.len() - 1];
                let before: Neighbour = place
                    .checked_sub(1)
                    .map(|before| &steps[before])
                    .filter(|before| near(before, first))
                    .map(|before| (before.state, before.row));
                let after: Neighbour = steps
                    .get(place + window.len())
                    .filter(|after| near(last, after))
                    .map(|after| (after.state, after.row));
                for (state, row) in before.into_iter().chain(after) {
                    examples.entry(state).or_insert(row);
                }
                let state = |neighbour: Neighbour| neighbour.map(|(state, _)| state);
                let bin = self.bins.start(first.moment);
                let users = found.entry((bin, state(before), state(after))).or_default();
                if users.last() != Some(&user[0].row) {
                    users.push(user[0].row);
                }
            }
        }
        // The most frequent first.
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by_key(|(_, users)| std::cmp::Reverse(users.len()));
        let types = [
            self.types[1],
            self.types[2],
            self.types[2],
            ScalarType::Long,
            ScalarType::Dynamic,
        ];
        let mut columns = Columns::new(types);
        for ((bin, before, after), users) in &found {
            let mut samples = String::from("[");
            for (number, row) in users.iter().take(SAMPLES_MAX).enumerate() {
                if number > 0 {
                    samples.push(',');
                }
                rows.get(*row as usize, 0).write_json(&mut samples);
            }
            samples.push(']');
            let state = |state: &Option<u32>| {
                let row = state.and_then(|state| examples.get(&state));
                row.map_or(Datum::Null, |row| rows.get(*row as usize, 2))
            };
            columns.push([
                self.timeline.datum(*bin),
                state(before),
                state(after),
                Datum::Long(users.len() as i64),
                Datum::Dynamic(&samples),
            ]);
        }
        Ok(vec![batch(&self.output, columns.finish(), found.len())?])
    }

    /// Per period, bin and state of the sequence: how many users came that far.
    fn completion(
        &self,
        rows: &Rows,
        events: &Events,
        periods: &[i64],
        work: &Work,
    ) -> Result<Vec<RecordBatch>> {
        let mut counts: BTreeMap<(usize, i64, usize), (i64, u32)> = BTreeMap::new();
        for user in &events.users {
            work.check()?;
            // The places of the events in each state of the sequence.
            let mut places: Vec<Vec<usize>> = vec![Vec::new(); self.sequence.len()];
            for (place, event) in user.iter().enumerate() {
                for (state, places) in events.sequence.iter().zip(&mut places) {
                    if *state == Some(event.state) {
                        places.push(place);
                    }
                }
            }
            for (number, period) in periods.iter().enumerate() {
                // Per bin, how many states were reached, and the rows in which they first were.
                let mut reached: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
                for place in &places[0] {
                    let first = &user[*place];
                    let mut path = vec![first.row];
                    let mut last = *place;
                    for later in &places[1..] {
                        let next = later.partition_point(|place| *place <= last);
                        let next = later.get(next).copied();
                        let Some(next) = next.filter(|next| {
                            user[*next].moment.saturating_sub(first.moment) <= *period
                        }) else {
                            break;
                        };
                        path.push(user[next].row);
                        last = next;
                    }
                    let bin = reached.entry(self.bins.start(first.moment)).or_default();
                    if path.len() > bin.len() {
                        *bin = path;
                    }
                }
                for (bin, path) in reached {
                    for (step, row) in path.into_iter().enumerate() {
                        let count = counts.entry((number, bin, step)).or_insert((0, row));
                        count.0 += 1;
                    }
                }
            }
        }
        let types = [self.types[1], ScalarType::TimeSpan, ScalarType::Long];
        let mut columns = Columns::new(types);
        let mut states = Vec::with_capacity(counts.len());
        for ((number, bin, _), (count, row)) in &counts {
            states.push(*row);
            columns.push([
                self.timeline.datum(*bin),
                Datum::TimeSpan(periods[*number]),
                Datum::Long(*count),
            ]);
        }
        let states = UInt32Array::from(states);
        let mut arrays: Vec<ArrayRef> = columns.finish();
        arrays.insert(1, rows.take(2, &states)?);
        Ok(vec![batch(&self.output, arrays, counts.len())?])
    }
}
