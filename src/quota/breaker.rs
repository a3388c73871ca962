//! When a tenant's API is left alone: after several failures one after the other that are the
//! tenant's and not a query's. Then calls are refused at once, with the reason and the time of the
//! next try; a single call tries it out, after a wait that grows, while others wait for what comes
//! of it; the first success ends it.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

/// Failures one after the other that open it.
const FAILURES: u32 = 5;
/// The first wait until a call may try it out; it doubles with each that fails.
const WAIT_FIRST: TimeDelta = TimeDelta::seconds(30);
/// The longest.
const WAIT_MAX: TimeDelta = TimeDelta::minutes(15);
/// A call that tries it out and is not heard of for so long does not hold up the next.
const PROBE_MAX: TimeDelta = TimeDelta::minutes(5);

/// A failure that is the tenant's. Failures of a query are none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// What happened and what to do, in a line, without secrets.
    pub what: String,
}

/// Kinds of failures that are the tenant's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FaultKind {
    /// Credentials or roles are refused.
    Unauthorized,
    /// It is not reached, or answers with its own failures.
    Unavailable,
    /// The configuration names what is not there: another tenant, another cloud.
    Misconfigured,
}

impl FaultKind {
    /// Word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a call may go through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Passage {
    /// As any other.
    Free,
    /// To try it out; nobody else may until it is heard of.
    Probe,
    /// Not before it is known what came of the call that tries it out.
    Wait {
        /// When that call is given up.
        until: DateTime<Utc>,
    },
    /// Not before `next_try`.
    Refused {
        /// When a call may try it out.
        next_try: DateTime<Utc>,
        /// The last failure.
        why: String,
    },
}

/// What a failure or a success changed; to be logged, once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// It opened.
    Opened {
        /// The failure that did it.
        fault: Fault,
        /// When it is tried out.
        next_try: DateTime<Utc>,
    },
    /// It closed again.
    Closed {
        /// How long it was open.
        after: TimeDelta,
    },
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Closed,
    Open {
        since: DateTime<Utc>,
        next_try: DateTime<Utc>,
        tries: u32,
        /// Since when a call tries it out.
        probe: Option<DateTime<Utc>>,
    },
}

/// How it stands, to be shown; the worst is the greatest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// Calls go through.
    Closed,
    /// A call tries it out.
    HalfOpen,
    /// Calls are refused.
    Open,
}

/// A breaker.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    state: State,
    failures: u32,
    last: Option<Fault>,
}

impl Breaker {
    /// Whether a call may go through. Of a probe, [`Breaker::succeeded`], [`Breaker::failed`] or
    /// [`Breaker::abandoned`] must tell the end.
    pub fn pass(&mut self, now: DateTime<Utc>) -> Passage {
        self.settle(now);
        let passage = self.view(now);
        if passage == Passage::Probe
            && let State::Open { probe, .. } = &mut self.state
        {
            *probe = Some(now);
        }
        passage
    }

    /// Whether a call that asked now might go through. Unlike [`Breaker::pass`] this lets none.
    pub fn view(&self, now: DateTime<Utc>) -> Passage {
        let State::Open {
            next_try, probe, ..
        } = &self.state
        else {
            return Passage::Free;
        };
        if let Some(since) = *probe
            && is_out(since, now)
        {
            return Passage::Wait {
                until: since + PROBE_MAX,
            };
        }
        if *next_try <= now {
            return Passage::Probe;
        }
        let why = self.last.as_ref().map(|fault| fault.what.clone());
        Passage::Refused {
            next_try: *next_try,
            why: why.unwrap_or_default(),
        }
    }

    /// Forgets a probe that was lost. A clock that was set back must not keep it open, either.
    pub fn settle(&mut self, now: DateTime<Utc>) {
        if let State::Open {
            next_try, probe, ..
        } = &mut self.state
        {
            *probe = probe.filter(|since| is_out(*since, now));
            *next_try = (*next_try).min(now + WAIT_MAX);
        }
    }

    /// A call was answered, be it that the query is wrong.
    pub fn succeeded(&mut self, now: DateTime<Utc>) -> Option<Change> {
        self.failures = 0;
        self.last = None;
        match std::mem::take(&mut self.state) {
            State::Open { since, .. } => Some(Change::Closed { after: now - since }),
            State::Closed => None,
        }
    }

    /// A call failed by the tenant's fault.
    pub fn failed(&mut self, now: DateTime<Utc>, fault: Fault) -> Option<Change> {
        self.last = Some(fault.clone());
        self.failures = self.failures.saturating_add(1);
        match &mut self.state {
            State::Closed if self.failures >= FAILURES => {
                let next_try = now + WAIT_FIRST;
                self.state = State::Open {
                    since: now,
                    next_try,
                    tries: 0,
                    probe: None,
                };
                Some(Change::Opened { fault, next_try })
            }
            State::Closed => None,
            State::Open {
                next_try,
                tries,
                probe,
                ..
            } => {
                // Calls that were under way when it opened change nothing.
                if probe.take().is_some() {
                    *tries = tries.saturating_add(1);
                    let wait = WAIT_FIRST * 2_i32.pow((*tries).min(10));
                    *next_try = now + wait.min(WAIT_MAX);
                }
                None
            }
        }
    }

    /// The probe came to nothing: it was not sent, or nobody waits for it any more.
    pub fn abandoned(&mut self) {
        if let State::Open { probe, .. } = &mut self.state {
            *probe = None;
        }
    }

    /// How it stands, and the failure that keeps it open.
    pub fn standing(&self) -> (Standing, Option<&Fault>, Option<DateTime<Utc>>) {
        match &self.state {
            State::Closed => (Standing::Closed, None, None),
            State::Open {
                next_try, probe, ..
            } => {
                let standing = if probe.is_some() {
                    Standing::HalfOpen
                } else {
                    Standing::Open
                };
                (standing, self.last.as_ref(), Some(*next_try))
            }
        }
    }
}

/// Whether a call that tries it out since then is still waited for.
fn is_out(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    since <= now && now - since < PROBE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_312_000 + seconds, 0).unwrap()
    }

    fn fault() -> Fault {
        Fault {
            kind: FaultKind::Unauthorized,
            what: "the secret has run out".to_owned(),
        }
    }

    #[test]
    fn it_opens_once_and_closes_with_the_first_success() {
        let mut breaker = Breaker::default();
        for second in 0..4 {
            assert_eq!(breaker.failed(at(second), fault()), None);
        }
        assert_eq!(breaker.succeeded(at(4)), None, "only one after the other");
        let opened: Vec<bool> = (5..12)
            .map(|second| breaker.failed(at(second), fault()).is_some())
            .collect();
        assert_eq!(opened, [false, false, false, false, true, false, false]);
        let refused = |next_try| Passage::Refused {
            next_try: at(next_try),
            why: "the secret has run out".to_owned(),
        };
        assert_eq!(breaker.pass(at(12)), refused(39));
        assert_eq!(breaker.pass(at(39)), Passage::Probe);
        assert_eq!(breaker.standing().0, Standing::HalfOpen);
        let waits = Passage::Wait { until: at(339) };
        assert_eq!(breaker.pass(at(40)), waits, "one at a time");
        assert_eq!(breaker.failed(at(41), fault()), None, "said already");
        assert_eq!(breaker.pass(at(42)), refused(101), "twice as long");
        assert_eq!(breaker.pass(at(101)), Passage::Probe);
        breaker.abandoned();
        assert_eq!(breaker.pass(at(102)), Passage::Probe);
        let closed = Change::Closed {
            after: TimeDelta::seconds(94),
        };
        assert_eq!(breaker.succeeded(at(103)), Some(closed));
        assert_eq!(breaker.pass(at(104)), Passage::Free);
    }

    #[test]
    fn waits_grow_to_a_quarter_of_an_hour_and_a_lost_probe_does_not_last() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.failed(at(0), fault());
        }
        let mut now = 30;
        let mut waits = Vec::new();
        for _ in 0..7 {
            assert_eq!(breaker.pass(at(now)), Passage::Probe);
            breaker.failed(at(now), fault());
            let Passage::Refused { next_try, .. } = breaker.pass(at(now)) else {
                panic!("it stays open");
            };
            waits.push((next_try - at(now)).num_seconds());
            now += waits.last().unwrap();
        }
        assert_eq!(waits, [60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(breaker.pass(at(now)), Passage::Probe);
        assert_eq!(breaker.pass(at(now + 301)), Passage::Probe);
    }
}
