//! What becomes of a delivery after an attempt. Pure: time and outcome in, record out.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::action::ActionOutcome;
use crate::alert::{Delivery, DeliveryStatus};
use crate::backoff::backoff;
use crate::duration::DurationText;
use crate::state::Settled;

/// A delivery is not given up before so many attempts, however old it is: it may have waited while
/// huntd was down.
const ATTEMPTS_MIN: u32 = 4;

/// How the delivery stands after `outcome`.
pub(super) fn settle(
    delivery: &Delivery,
    outcome: &ActionOutcome,
    now: DateTime<Utc>,
    give_up_after: Duration,
) -> Settled {
    let attempts = delivery.attempts.saturating_add(1);
    let settled = |status, not_before, last_error| Settled {
        id: delivery.id,
        status,
        attempts,
        not_before,
        last_error,
    };
    match outcome {
        ActionOutcome::Done => settled(DeliveryStatus::Done, now, None),
        ActionOutcome::Rejected { why } => settled(DeliveryStatus::Dead, now, Some(why.clone())),
        ActionOutcome::Retry { why, after } => {
            let deadline = delivery.created_at + give_up_after;
            if now >= deadline && attempts >= ATTEMPTS_MIN {
                let time = DurationText(give_up_after);
                let reason = format!("given up after {attempts} attempts and {time}: {why}");
                return settled(DeliveryStatus::Dead, now, Some(reason));
            }
            let next = now + backoff(attempts, *after);
            // The last attempt is made at the deadline, not after it.
            let next = if now < deadline {
                next.min(deadline)
            } else {
                next
            };
            settled(DeliveryStatus::Pending, next, Some(why.clone()))
        }
    }
}

/// Puts off a delivery that was taken but not tried.
pub(super) fn put_off(delivery: &Delivery, until: DateTime<Utc>, why: Option<&str>) -> Settled {
    Settled {
        id: delivery.id,
        status: DeliveryStatus::Pending,
        attempts: delivery.attempts,
        not_before: until,
        last_error: delivery
            .last_error
            .clone()
            .or_else(|| why.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::example;

    const DAY: Duration = Duration::from_hours(24);

    fn after(attempts: u32, hours: u64, outcome: &ActionOutcome) -> Settled {
        let mut delivery = example::delivery();
        delivery.attempts = attempts;
        let now = delivery.created_at + Duration::from_hours(hours);
        settle(&delivery, outcome, now, DAY)
    }

    #[test]
    fn failures_wait_longer_each_time_and_end_at_the_deadline() {
        let created_at = example::delivery().created_at;
        let retry = ActionOutcome::retry("no answer");
        let wait = |attempts, hours| {
            let settled = after(attempts, hours, &retry);
            assert_eq!(settled.status, DeliveryStatus::Pending);
            (settled.not_before - created_at).num_seconds() - 3600 * hours as i64
        };
        assert_eq!([wait(0, 0), wait(1, 0), wait(5, 1)], [10, 20, 320]);
        assert_eq!(wait(50, 1), 900);
        let almost = created_at + DAY - Duration::from_mins(1);
        let mut delivery = example::delivery();
        delivery.attempts = 80;
        let settled = settle(&delivery, &retry, almost, DAY);
        assert_eq!(settled.not_before, created_at + DAY);
        let dead = after(81, 24, &retry);
        assert_eq!(dead.status, DeliveryStatus::Dead);
        assert_eq!(
            dead.last_error.unwrap(),
            "given up after 82 attempts and 1d: no answer"
        );
    }

    #[test]
    fn an_old_delivery_gets_its_attempts() {
        let retry = ActionOutcome::retry("no answer");
        let statuses: Vec<DeliveryStatus> = (0..4)
            .map(|tried| after(tried, 48, &retry).status)
            .collect();
        let pending = DeliveryStatus::Pending;
        assert_eq!(statuses, [pending, pending, pending, DeliveryStatus::Dead]);
    }

    #[test]
    fn the_receiver_is_heard() {
        let created_at = example::delivery().created_at;
        let wait = |seconds| {
            let outcome = ActionOutcome::Retry {
                why: "429".to_owned(),
                after: Some(Duration::from_secs(seconds)),
            };
            (after(0, 0, &outcome).not_before - created_at).num_seconds()
        };
        assert_eq!([wait(1), wait(120), wait(1_000_000)], [10, 120, 3600]);
    }
}
