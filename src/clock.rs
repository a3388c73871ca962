//! The only place that reads the wall clock. Everything else is handed a [`Clock`], so that tests
//! own time and a window never depends on when it happens to run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::Notify;

/// Tells the time and waits for it.
#[async_trait]
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;

    /// Returns once [`Clock::now`] is `at` or later, at once if it is. May be dropped at any time.
    async fn sleep_until(&self, at: DateTime<Utc>);
}

/// A clock shared by the parts of the application.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// How long it sleeps before it looks again: the wall clock may be set, and a machine that was
/// suspended has slept for longer than it counts.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        while let Ok(left) = (at - self.now()).to_std()
            && !left.is_zero()
        {
            // Timers are as fine as a millisecond; a little less would be asked for again.
            let left = left.max(Duration::from_millis(1));
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }
}

/// A clock that stands still until it is moved. Those who sleep by it are woken when it is.
#[derive(Debug)]
pub struct ManualClock {
    hands: Mutex<Hands>,
    moved: Notify,
}

#[derive(Debug)]
struct Hands {
    now: DateTime<Utc>,
    sleepers: BTreeMap<u64, DateTime<Utc>>,
    next_sleeper: u64,
}

impl ManualClock {
    /// A clock standing at `now`.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            hands: Mutex::new(Hands {
                now,
                sleepers: BTreeMap::new(),
                next_sleeper: 0,
            }),
            moved: Notify::new(),
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.hands().now += by;
        self.moved.notify_waiters();
    }

    /// Moves the clock to `now`.
    pub fn set(&self, now: DateTime<Utc>) {
        self.hands().now = now;
        self.moved.notify_waiters();
    }

    /// The earliest instant that somebody sleeps until.
    pub fn next_wake(&self) -> Option<DateTime<Utc>> {
        self.hands().sleepers.values().min().copied()
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sleeper's entry in the clock, removed when it wakes or is dropped.
struct Sleeper<'a>(&'a ManualClock, u64);

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.hands().sleepers.remove(&self.1);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.hands().now
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let sleeper = {
            let mut hands = self.hands();
            let id = hands.next_sleeper;
            hands.next_sleeper += 1;
            hands.sleepers.insert(id, at);
            Sleeper(self, id)
        };
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // From here on no move is missed.
            moved.as_mut().enable();
            if self.now() >= at {
                drop(sleeper);
                return;
            }
            moved.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_when_their_time_has_come() {
        let begin = DateTime::UNIX_EPOCH;
        let clock = Arc::new(ManualClock::new(begin));
        let sleeper = Arc::clone(&clock);
        let until = begin + Duration::from_mins(1);
        let asleep = tokio::spawn(async move { sleeper.sleep_until(until).await });
        tokio::task::yield_now().await;
        assert_eq!(clock.next_wake(), Some(until));
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!asleep.is_finished());
        clock.advance(Duration::from_secs(1));
        asleep.await.unwrap();
        assert_eq!(clock.next_wake(), None);
        clock.sleep_until(begin).await;
    }
}
