//! The fire times to come. Hunts with the same schedule share one entry, so that a pass looks at
//! schedules whose time has come and nothing else.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::hunt::{Hunt, Hunts};
use crate::id::{HuntName, RunId};
use crate::run::{RunRequest, Trigger};
use crate::schedule::{self, Due, Schedule, Timing};

/// The hunts that a schedule runs, and when it fires next.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    generation: u64,
    timings: Vec<Shared>,
    upcoming: BinaryHeap<Reverse<(DateTime<Utc>, usize)>>,
}

/// One schedule and the hunts that have it.
#[derive(Debug)]
struct Shared {
    schedule: Schedule,
    hunts: Vec<Tracked>,
}

#[derive(Debug)]
struct Tracked {
    hunt: Arc<Hunt>,
    watermark: DateTime<Utc>,
}

/// What is due, and how the timeline stands once that is recorded.
#[derive(Debug, Default)]
pub(super) struct DueRuns {
    pub(super) run: Vec<RunRequest>,
    pub(super) skip: Vec<RunRequest>,
    watermarks: Vec<(usize, usize, DateTime<Utc>)>,
    fired: usize,
    next: Vec<(DateTime<Utc>, usize)>,
}

impl Timeline {
    /// Takes other hunts, each with its watermark. All are looked at in the next pass.
    pub(super) fn replace(
        &mut self,
        hunts: &Hunts,
        watermarks: &BTreeMap<HuntName, DateTime<Utc>>,
        now: DateTime<Utc>,
    ) {
        let mut shared: BTreeMap<String, Shared> = BTreeMap::new();
        for hunt in hunts.values().filter(|hunt| hunt.enabled) {
            let Some((schedule, watermark)) =
                hunt.schedule.as_ref().zip(watermarks.get(&hunt.name))
            else {
                continue;
            };
            let entry = shared
                .entry(timing_key(&schedule.timing))
                .or_insert_with(|| Shared {
                    schedule: schedule.clone(),
                    hunts: Vec::new(),
                });
            entry.hunts.push(Tracked {
                hunt: Arc::clone(hunt),
                watermark: *watermark,
            });
        }
        self.generation += 1;
        self.timings = shared.into_values().collect();
        self.upcoming = (0..self.timings.len())
            .map(|index| Reverse((now, index)))
            .collect();
    }

    /// What is due at `now`. Nothing changes until [`Timeline::advance`] is told that it was
    /// recorded.
    pub(super) fn due(&self, now: DateTime<Utc>) -> DueRuns {
        let mut due = DueRuns::default();
        let mut upcoming = self.upcoming.clone();
        while let Some(Reverse((fire_time, index))) = upcoming.peek().copied()
            && fire_time <= now
        {
            upcoming.pop();
            due.fired += 1;
            let shared = &self.timings[index];
            for (position, tracked) in shared.hunts.iter().enumerate() {
                due.add(tracked, now, (index, position));
            }
            if let Some(next) = shared.schedule.next_after(now) {
                due.next.push((next, index));
            }
        }
        due
    }

    /// Goes on from what was recorded.
    pub(super) fn advance(&mut self, due: DueRuns) {
        for (index, position, watermark) in due.watermarks {
            self.timings[index].hunts[position].watermark = watermark;
        }
        for _ in 0..due.fired {
            self.upcoming.pop();
        }
        self.upcoming.extend(due.next.into_iter().map(Reverse));
    }

    pub(super) fn next_fire_time(&self) -> Option<DateTime<Utc>> {
        self.upcoming
            .peek()
            .map(|Reverse((fire_time, _))| *fire_time)
    }

    /// Changes with each [`Timeline::replace`].
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// The distinct schedules.
    pub(super) fn timings(&self) -> impl Iterator<Item = &Timing> {
        self.timings.iter().map(|shared| &shared.schedule.timing)
    }
}

impl DueRuns {
    fn add(&mut self, tracked: &Tracked, now: DateTime<Utc>, place: (usize, usize)) {
        let hunt = &tracked.hunt;
        let Some(schedule) = &hunt.schedule else {
            return;
        };
        let plan = schedule::due(schedule, hunt.window, tracked.watermark, now, hunt.catch_up);
        let ends = plan
            .run
            .iter()
            .chain(&plan.skip)
            .map(|due| due.window.end());
        if let Some(end) = ends.max() {
            self.watermarks.push((place.0, place.1, end));
        }
        self.run
            .extend(plan.run.into_iter().map(|due| request(hunt, schedule, due)));
        self.skip.extend(
            plan.skip
                .into_iter()
                .map(|due| request(hunt, schedule, due)),
        );
    }
}

fn request(hunt: &Hunt, schedule: &Schedule, due: Due) -> RunRequest {
    let jitter = schedule.jitter_for(&hunt.name, due.fire_time);
    RunRequest {
        id: RunId::generate(),
        hunt: hunt.name.clone(),
        window: due.window,
        fire_time: due.fire_time,
        not_before: due.fire_time + jitter,
        trigger: Trigger::Schedule,
        attempt: 1,
    }
}

/// Equal for schedules that fire at the same times.
fn timing_key(timing: &Timing) -> String {
    match timing {
        Timing::Cron { text, zone, .. } => format!("{text} {zone}"),
        Timing::Every(period) => format!("every {period:?}"),
    }
}
