//! How long to wait before something that failed is tried again.

use std::time::Duration;

/// The wait after the first failure, doubled with each further one.
const FIRST: Duration = Duration::from_secs(5);
/// The longest wait, unless a receiver asks for more.
const LONGEST: Duration = Duration::from_mins(15);
/// The longest wait that a receiver may ask for.
const ASKED_MAX: Duration = Duration::from_hours(1);

/// The wait after `failures` more failures than the first, or what the receiver asked for if that
/// is longer.
pub fn backoff(failures: u32, asked: Option<Duration>) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures));
    let own = doubled.min(LONGEST);
    own.max(asked.unwrap_or_default().min(ASKED_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let seconds = |failures| backoff(failures, None).as_secs();
        assert_eq!(
            [0, 1, 2, 7, 8, u32::MAX].map(seconds),
            [5, 10, 20, 640, 900, 900]
        );
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_but_not_for_ever() {
        let seconds = |asked| backoff(0, Some(Duration::from_secs(asked))).as_secs();
        assert_eq!([1, 120, 1_000_000].map(seconds), [5, 120, 3600]);
    }
}
