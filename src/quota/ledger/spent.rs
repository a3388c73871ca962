//! Time that queries took, by lane: each lane has a part of a limit for itself.

use chrono::TimeDelta;

use crate::quota::Lane;

/// Time by lane.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent([TimeDelta; Lane::ALL.len()]);

impl Spent {
    /// Adds to that of a lane.
    pub(super) fn add(&mut self, lane: Lane, time: TimeDelta) {
        self.0[lane as usize] += time;
    }

    /// Adds to that of each lane.
    pub(super) fn add_all(&mut self, other: &Self) {
        for lane in Lane::ALL {
            self.add(lane, other.of(lane));
        }
    }

    /// That of a lane.
    pub(super) fn of(&self, lane: Lane) -> TimeDelta {
        self.0[lane as usize]
    }

    /// That of all lanes.
    pub(super) fn all(&self) -> TimeDelta {
        self.0.iter().sum()
    }
}
