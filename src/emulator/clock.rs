//! The emulator's time: another clock's, running faster if that is asked for, and moved forward
//! by whoever tests. Quotas, the lives of tokens, `now()` of queries and what takes its time go
//! by it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Clock, SharedClock};

/// The greatest speed: an hour passes in 36 milliseconds.
pub const SPEED_MAX: f64 = 100_000.0;

/// Where it stands still: the last year that the services can write, with room for what is added.
const LAST: DateTime<Utc> =
    DateTime::from_timestamp(253_000_000_000, 0).expect("the year 9987 is one that chrono knows");

/// A clock that runs `speed` times as fast as another one.
#[derive(Debug)]
pub struct EmulatorClock {
    inner: SharedClock,
    origin: DateTime<Utc>,
    speed: f64,
    ahead: Mutex<TimeDelta>,
}

impl EmulatorClock {
    /// Starts at the other clock's present instant.
    pub fn new(inner: SharedClock, speed: f64) -> Self {
        Self {
            origin: inner.now(),
            inner,
            speed: speed.clamp(f64::MIN_POSITIVE, SPEED_MAX),
            ahead: Mutex::default(),
        }
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead = ahead.checked_add(&by).unwrap_or(TimeDelta::MAX);
    }

    /// How many times as fast as the other clock it runs.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// The other clock's instant, which clients go by.
    pub fn real_now(&self) -> DateTime<Utc> {
        self.inner.now()
    }

    /// How long a time of the other clock is on this one.
    pub fn emulated(&self, time: Duration) -> Duration {
        Duration::try_from_secs_f64(time.as_secs_f64() * self.speed).unwrap_or(Duration::MAX)
    }

    /// How long a time of this clock takes on the other one.
    pub fn real(&self, time: Duration) -> Duration {
        Duration::try_from_secs_f64(time.as_secs_f64() / self.speed).unwrap_or(Duration::MAX)
    }
}

#[async_trait]
impl Clock for EmulatorClock {
    fn now(&self) -> DateTime<Utc> {
        let passed = (self.inner.now() - self.origin).num_nanoseconds();
        let passed = passed.unwrap_or(i64::MAX) as f64 * self.speed;
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        self.origin
            .checked_add_signed(TimeDelta::nanoseconds(passed as i64))
            .and_then(|now| now.checked_add_signed(ahead))
            .map_or(LAST, |now| now.min(LAST))
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        while let Ok(left) = (at - self.now()).to_std()
            && !left.is_zero()
        {
            let real = TimeDelta::from_std(self.real(left)).unwrap_or(TimeDelta::MAX / 4);
            // At most a second, as this clock may be set ahead meanwhile.
            let real = real.clamp(TimeDelta::milliseconds(1), TimeDelta::seconds(1));
            self.inner.sleep_until(self.inner.now() + real).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn it_runs_faster_and_is_moved() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let inner = Arc::new(ManualClock::new(start));
        let clock = EmulatorClock::new(Arc::clone(&inner) as _, 60.0);
        assert_eq!(clock.now(), start);
        inner.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), start + TimeDelta::minutes(2));
        clock.advance(Duration::from_hours(1));
        assert_eq!(clock.now(), start + TimeDelta::minutes(62));
        assert_eq!(clock.real(Duration::from_mins(1)), Duration::from_secs(1));
        assert_eq!(
            clock.emulated(Duration::from_secs(1)),
            Duration::from_mins(1)
        );
        assert_eq!(clock.real_now(), start + TimeDelta::seconds(2));
    }

    #[test]
    fn it_stands_still_before_time_ends() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let clock = EmulatorClock::new(Arc::new(ManualClock::new(start)), 1.0);
        // What quotas add to the present instant is one still.
        for by in [Duration::from_hours(24 * 365 * 20_000), Duration::MAX] {
            clock.advance(by);
            assert_eq!(clock.now(), LAST);
            assert!(
                clock
                    .now()
                    .checked_add_signed(TimeDelta::days(365_000))
                    .is_some()
            );
        }
    }
}
