//! What is done after a call that did not give the whole answer: by what went wrong, and by how
//! often it did before.

use std::time::Duration;

use crate::microsoft::{ApiError, ApiErrorKind};

/// The wait after the first failure, doubled with each further one; the half of it is random.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait of our own.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Timeouts after which a part is split rather than asked for again.
const TIMEOUTS_MAX: u32 = 2;
/// Tokens refused after which a part is given up; each was refused twice.
const REJECTIONS_MAX: u32 = 3;
/// Refusals for the number of calls after which a part is given up, where no deadline ends it.
const REFUSALS_MAX: u32 = 100;

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is asked again, as soon as the broker grants a call: it knows how long to wait.
    AskBroker,
    /// It is asked again after a wait.
    Wait(Duration),
    /// Less is asked for at once; where that cannot be, rows are missing.
    AskForLess,
    /// Trying again does not help, or has been done often enough.
    GiveUp,
}

/// How often a part was asked for, and what came of it.
#[derive(Debug)]
pub(super) struct Patience {
    attempts: u32,
    failures: u32,
    timeouts: u32,
    refusals: u32,
    rejections: u32,
}

impl Patience {
    /// For a part that is tried so often when the service or the way to it fails.
    pub(super) fn new(attempts: u32) -> Self {
        Self {
            attempts,
            failures: 0,
            timeouts: 0,
            refusals: 0,
            rejections: 0,
        }
    }

    /// What is done after an error. `can_split` is whether the part may be asked for in parts.
    pub(super) fn after(&mut self, error: &ApiError, can_split: bool) -> Next {
        match error.kind {
            ApiErrorKind::Throttled { .. } => {
                self.refusals += 1;
                if self.refusals < REFUSALS_MAX {
                    Next::AskBroker
                } else {
                    Next::GiveUp
                }
            }
            ApiErrorKind::TooLarge | ApiErrorKind::Preempted => Next::AskForLess,
            ApiErrorKind::Timeout => {
                self.timeouts += 1;
                if can_split && self.timeouts >= TIMEOUTS_MAX {
                    return Next::AskForLess;
                }
                match self.fail() {
                    Next::GiveUp => Next::AskForLess,
                    again => again,
                }
            }
            ApiErrorKind::Unavailable => self.fail(),
            // What answered instead of the service may be gone the next time.
            ApiErrorKind::Misconfigured if error.status.is_some() => self.fail(),
            ApiErrorKind::Unauthorized if error.status.is_some() => {
                self.rejections += 1;
                if self.rejections < REJECTIONS_MAX {
                    self.fail()
                } else {
                    Next::GiveUp
                }
            }
            ApiErrorKind::Misconfigured
            | ApiErrorKind::Unauthorized
            | ApiErrorKind::Forbidden
            | ApiErrorKind::InvalidQuery
            | ApiErrorKind::NotFound
            | ApiErrorKind::Bug => Next::GiveUp,
        }
    }

    /// The service is left alone for a while, which is a failure as others are. Whether to wait
    /// for it.
    pub(super) fn waits_for_breaker(&mut self) -> bool {
        self.fail() != Next::GiveUp
    }

    fn fail(&mut self) -> Next {
        self.failures += 1;
        if self.failures >= self.attempts {
            return Next::GiveUp;
        }
        let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failures - 1));
        let half = doubled.min(LONGEST_WAIT) / 2;
        Next::Wait(half + half.mul_f64(fastrand::f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ApiErrorKind, status: Option<u16>) -> ApiError {
        ApiError {
            status,
            ..ApiError::new(kind, "it failed")
        }
    }

    /// What is done after each of several equal errors.
    fn steps(kind: &ApiErrorKind, status: Option<u16>, can_split: bool) -> Vec<Next> {
        let mut patience = Patience::new(4);
        let mut steps = Vec::new();
        while steps.len() < 8 {
            let next = patience.after(&error(kind.clone(), status), can_split);
            steps.push(next);
            if matches!(next, Next::GiveUp | Next::AskForLess) {
                break;
            }
        }
        steps
    }

    #[test]
    fn what_passes_is_tried_again_with_growing_waits() {
        let steps = steps(&ApiErrorKind::Unavailable, Some(503), true);
        let waits: Vec<Duration> = steps
            .iter()
            .filter_map(|step| match step {
                Next::Wait(wait) => Some(*wait),
                _ => None,
            })
            .collect();
        assert_eq!(waits.len(), 3, "{steps:?}");
        assert_eq!(steps[3], Next::GiveUp);
        for (wait, most) in waits.iter().zip([1, 2, 4]) {
            let most = Duration::from_secs(most);
            assert!(*wait >= most / 2 && *wait <= most, "{wait:?} of {most:?}");
        }
        let mut patience = Patience::new(u32::MAX);
        for _ in 0..40 {
            let next = patience.after(&error(ApiErrorKind::Unavailable, None), true);
            assert!(matches!(next, Next::Wait(wait) if wait <= LONGEST_WAIT));
        }
    }

    #[test]
    fn what_does_not_pass_is_given_up_at_once() {
        for kind in [
            ApiErrorKind::InvalidQuery,
            ApiErrorKind::Forbidden,
            ApiErrorKind::NotFound,
            ApiErrorKind::Bug,
        ] {
            assert_eq!(steps(&kind, Some(400), true), [Next::GiveUp], "{kind:?}");
        }
        // No token, or no way there: nobody answered.
        for kind in [ApiErrorKind::Unauthorized, ApiErrorKind::Misconfigured] {
            assert_eq!(steps(&kind, None, true), [Next::GiveUp], "{kind:?}");
        }
        let rejected = steps(&ApiErrorKind::Unauthorized, Some(401), true);
        assert_eq!((rejected.len(), rejected[2]), (3, Next::GiveUp));
        assert_eq!(
            steps(&ApiErrorKind::Misconfigured, Some(200), true).len(),
            4
        );
    }

    #[test]
    fn too_much_is_asked_for_in_parts() {
        for kind in [ApiErrorKind::TooLarge, ApiErrorKind::Preempted] {
            assert_eq!(steps(&kind, Some(400), true), [Next::AskForLess]);
        }
        let late = steps(&ApiErrorKind::Timeout, Some(504), true);
        assert_eq!((late.len(), late[1]), (2, Next::AskForLess));
        // What cannot be split is tried as often as anything else, and then rows are missing.
        let late = steps(&ApiErrorKind::Timeout, Some(504), false);
        assert_eq!((late.len(), late[3]), (4, Next::AskForLess));
    }

    #[test]
    fn refusals_are_waited_for_as_the_broker_says() {
        let refused = ApiErrorKind::Throttled {
            after: None,
            quota: None,
        };
        assert!(
            steps(&refused, Some(429), true)
                .iter()
                .all(|step| *step == Next::AskBroker)
        );
        let mut patience = Patience::new(2);
        assert!(patience.waits_for_breaker());
        assert!(!patience.waits_for_breaker());
    }
}
