//! How often may be asked: calls in sliding windows of time, running time, queries at a time. What
//! is beyond is answered with 429 and the text that the service has for it.
//!
//! The figures are in `limit`; the time is the emulator's, so that hours can pass in seconds.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::caller::Caller;
use super::limit::{Limit, Limits};
use super::product::{Failure, Product};
use super::{EmulatorState, SharedState, hunting, security};
use crate::clock::Clock as _;

const MINUTE: Duration = Duration::from_mins(1);
const QUARTER: Duration = Duration::from_mins(15);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Most groups of calls that are counted; what is idle is forgotten first.
const GROUPS_MAX: usize = 10_000;

/// What was asked so far.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    calls: Mutex<HashMap<(String, Duration), Times>>,
    runs: Mutex<HashMap<String, Runs>>,
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
}

/// When calls came, oldest first.
type Times = VecDeque<DateTime<Utc>>;
/// When queries ended and how long they ran, oldest first.
type Runs = VecDeque<(DateTime<Utc>, Duration)>;

/// Queries at a time of one user.
#[derive(Debug)]
struct Lane {
    slots: Arc<Semaphore>,
    waiting: AtomicU64,
}

/// A limit of calls: how many, in how long, and whose calls count.
struct Rule {
    most: u64,
    window: Duration,
    group: String,
}

/// Lets a request through if it is within the quotas.
pub(super) async fn admit(
    State(state): State<SharedState>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let product = Product::of_path(&path);
    let caller = request.extensions().get::<Caller>().cloned();
    let Some(caller) = caller.filter(|_| state.config.quotas) else {
        return next.run(request).await;
    };
    let is_hunting = hunting::is_query(&path);
    let now = state.clock.now();
    let refused = (is_hunting.then(|| state.quota.check_runs(&state, product, &caller, now)))
        .flatten()
        .or_else(|| {
            let limits = &state.config.limits;
            let rules = rules(limits, product, request.method(), &path, &caller);
            state.quota.check_calls(&rules, now)
        });
    if let Some(refused) = refused {
        let failure = refused.failure(&state, product, is_hunting);
        return product.respond(&failure, request.headers(), now);
    }
    if product != Product::LogAnalytics && product != Product::Arm {
        return next.run(request).await;
    }
    if let Ok(_slot) = state.quota.enter(&state.config.limits, &caller).await {
        return next.run(request).await;
    }
    let failure = throttled(product, false, "");
    product.respond(&failure, request.headers(), state.clock.now())
}

/// The limits of calls that a request counts towards.
fn rules(
    limits: &Limits,
    product: Product,
    method: &Method,
    path: &str,
    caller: &Caller,
) -> Vec<Rule> {
    let group = |name: &str| format!("{}\n{name}", caller.tenant);
    let rule = |most: Option<u64>, window: Duration, name: &str| {
        most.map(|most| Rule {
            most,
            window,
            group: group(name),
        })
    };
    let rules = if hunting::is_query(path) {
        let door = format!("{product:?}");
        [
            rule(limits.get(Limit::HuntingCallsPerMinute), MINUTE, &door),
            rule(limits.get(Limit::HuntingCallsPerHour), HOUR, &door),
        ]
    } else if matches!(product, Product::LogAnalytics | Product::Arm) {
        let most = limits.get(Limit::LogAnalyticsCallsPerHalfMinute);
        [rule(most, MINUTE / 2, &caller.app), None]
    } else {
        let percent = limits.get(Limit::SecurityRatesPercent);
        let Some((call, percent)) = security::call_of(method, path).zip(percent) else {
            return Vec::new();
        };
        // A small share of a small rate is a call still, unless there is to be none.
        let least = percent.min(1);
        let share = |count: Option<u32>| {
            count.map(|count| (u64::from(count).saturating_mul(percent) / 100).max(least))
        };
        let name = format!("{call:?}");
        [
            rule(share(call.rate.per_minute), MINUTE, &name),
            rule(share(call.rate.per_hour), HOUR, &name),
        ]
    };
    rules.into_iter().flatten().collect()
}

/// A quota that is used up.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    kind: RefusedKind,
    /// Until there is room again, by the emulator's clock.
    wait: Duration,
}

#[derive(Debug, PartialEq, Eq)]
enum RefusedKind {
    /// So many calls in that time.
    Calls(u64, Duration),
    /// So much running time in that time.
    Run(Duration, Duration),
    /// The tenant's share of processors.
    Cpu,
}

/// A time as the service's texts have it.
fn clock_text(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    match hours {
        24.. => format!(
            "{}.{:02}:{minutes:02}:{:02}",
            hours / 24,
            hours % 24,
            seconds % 60
        ),
        _ => format!("{hours:02}:{minutes:02}:{:02}", seconds % 60),
    }
}

impl Refused {
    fn failure(&self, state: &EmulatorState, product: Product, is_hunting: bool) -> Failure {
        let real = state.clock.real(self.wait);
        let seconds = real.as_secs() + u64::from(real.subsec_nanos() > 0);
        let failure = match self.kind {
            RefusedKind::Calls(count, window) => {
                let most = format!("{count} per {}", clock_text(window));
                throttled(product, is_hunting, &most)
            }
            RefusedKind::Run(most, window) => {
                let most = format!(
                    "{} of running time per {}",
                    clock_text(most),
                    clock_text(window)
                );
                throttled(product, is_hunting, &most)
            }
            RefusedKind::Cpu => Failure {
                message: format!(
                    "You have exceeded processing resources allocated to this tenant. You can \
                     run queries again in {}.",
                    clock_text(self.wait)
                ),
                ..throttled(product, is_hunting, "")
            },
        };
        failure.with_retry_after(state.config.retry_after.then_some(seconds.max(1)))
    }
}

/// The answer to a call too many. `most` is what is allowed, such as `45 per 00:01:00`.
pub(super) fn throttled(product: Product, is_hunting: bool, most: &str) -> Failure {
    let quota = || format!("API calls quota exceeded! maximum allowed {most}");
    match product {
        Product::LogAnalytics | Product::Arm => Failure::new(
            429,
            "ThrottledError",
            "Requests are throttled: too many queries in a short time, or too many at once",
        ),
        Product::Mde if is_hunting => Failure::new(429, "429", quota()),
        Product::Kusto => Failure::new(429, "TooManyRequests", "The request was throttled."),
        _ => Failure::new(429, "TooManyRequests", quota()),
    }
}

impl Quota {
    /// Counts a call, unless one of its limits is reached.
    fn check_calls(&self, rules: &[Rule], now: DateTime<Utc>) -> Option<Refused> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        for rule in rules {
            let window = delta(rule.window);
            let mut count = 0;
            let mut room = window;
            if let Some(times) = calls.get_mut(&(rule.group.clone(), rule.window)) {
                while times.front().is_some_and(|first| *first + window <= now) {
                    times.pop_front();
                }
                count = times.len() as u64;
                room = times.front().map_or(window, |first| *first + window - now);
            }
            if count >= rule.most {
                return Some(Refused {
                    kind: RefusedKind::Calls(rule.most, rule.window),
                    wait: room.to_std().unwrap_or_default(),
                });
            }
        }
        if calls.len() >= GROUPS_MAX {
            let idle = now - delta(DAY);
            calls.retain(|_, times| times.back().is_some_and(|last| *last > idle));
        }
        for rule in rules {
            if calls.len() < GROUPS_MAX {
                let key = (rule.group.clone(), rule.window);
                calls.entry(key).or_default().push_back(now);
            }
        }
        None
    }

    /// Whether the tenant's queries ran for too long lately.
    fn check_runs(
        &self,
        state: &EmulatorState,
        product: Product,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Option<Refused> {
        let limits = &state.config.limits;
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = runs.get_mut(&run_group(product, caller))?;
        while runs.front().is_some_and(|(at, _)| *at + delta(DAY) <= now) {
            runs.pop_front();
        }
        let since = |start: DateTime<Utc>| -> Duration {
            runs.iter()
                .filter(|(at, _)| *at > start)
                .map(|(_, time)| *time)
                .sum()
        };
        if product != Product::Mde {
            let most = limits.duration(Limit::HuntingCpuSecondsPerQuarterHour)?;
            let quarter = QUARTER.as_secs() as i64;
            let into = now.timestamp().rem_euclid(quarter);
            let wait = Duration::from_secs((quarter - into) as u64);
            let used = since(now - TimeDelta::seconds(into));
            return (used >= most).then_some(Refused {
                kind: RefusedKind::Cpu,
                wait,
            });
        }
        for (limit, window) in [
            (Limit::HuntingRunSecondsPerHour, HOUR),
            (Limit::HuntingRunSecondsPerDay, DAY),
        ] {
            let Some(most) = limits.duration(limit) else {
                continue;
            };
            let start = now - delta(window);
            if since(start) >= most {
                let oldest = runs.iter().find(|(at, _)| *at > start);
                let room = oldest.map_or(delta(window), |(at, _)| *at + delta(window) - now);
                return Some(Refused {
                    kind: RefusedKind::Run(most, window),
                    wait: room.to_std().unwrap_or_default(),
                });
            }
        }
        None
    }

    /// A query ran so long.
    pub(super) fn ran(
        &self,
        product: Product,
        caller: &Caller,
        now: DateTime<Utc>,
        time: Duration,
    ) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.len() >= GROUPS_MAX {
            runs.clear();
        }
        let runs = runs.entry(run_group(product, caller)).or_default();
        // Without a limit of calls nothing else would bound it.
        if runs.len() >= GROUPS_MAX {
            runs.pop_front();
        }
        runs.push_back((now, time));
    }

    /// Waits for a place among the user's queries.
    async fn enter(
        &self,
        limits: &Limits,
        caller: &Caller,
    ) -> Result<Option<OwnedSemaphorePermit>, QueueFull> {
        let Some(most) = limits.get(Limit::LogAnalyticsConcurrent) else {
            return Ok(None);
        };
        let lane = self.lane(caller, usize::try_from(most).unwrap_or(usize::MAX));
        if let Ok(slot) = Arc::clone(&lane.slots).try_acquire_owned() {
            return Ok(Some(slot));
        }
        let queue = limits.get(Limit::LogAnalyticsQueue).unwrap_or(u64::MAX);
        let _waiting = Waiting::begin(&lane, queue)?;
        let slot = Arc::clone(&lane.slots).acquire_owned();
        let longest = limits.duration(Limit::LogAnalyticsQueueSeconds);
        let waited = tokio::time::timeout(longest.unwrap_or(DAY), slot).await;
        // The semaphore is never closed.
        waited
            .map_err(|_| QueueFull)?
            .map(Some)
            .map_err(|_| QueueFull)
    }

    fn lane(&self, caller: &Caller, slots: usize) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= GROUPS_MAX {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        let key = format!("{}\n{}", caller.tenant, caller.app);
        let lane = lanes.entry(key).or_insert_with(|| {
            Arc::new(Lane {
                slots: Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS))),
                waiting: AtomicU64::new(0),
            })
        });
        Arc::clone(lane)
    }
}

/// Too many wait already, or for too long.
struct QueueFull;

/// A query that waits.
struct Waiting<'l>(&'l Lane);

impl<'l> Waiting<'l> {
    fn begin(lane: &'l Lane, most: u64) -> Result<Self, QueueFull> {
        let waiting = Self(lane);
        if lane.waiting.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(QueueFull);
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn run_group(product: Product, caller: &Caller) -> String {
    format!("{}\n{product:?}", caller.tenant)
}

fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn hunt(quota: &Quota, limits: &Limits, now: DateTime<Utc>) -> Option<Refused> {
        let caller = Caller::anybody();
        let path = "/v1.0/security/runHuntingQuery";
        let rules = rules(limits, Product::Graph, &Method::POST, path, &caller);
        quota.check_calls(&rules, now)
    }

    #[test]
    fn the_forty_sixth_call_of_any_minute_is_refused() {
        let (quota, limits) = (Quota::default(), Limits::default());
        for call in 0..45 {
            assert_eq!(hunt(&quota, &limits, at(call)), None, "call {call}");
        }
        let refused = hunt(&quota, &limits, at(45)).unwrap();
        assert_eq!(refused.kind, RefusedKind::Calls(45, MINUTE));
        assert_eq!(refused.wait, Duration::from_secs(15));
        // One refused does not count; room comes back with the first that is a minute old.
        assert_eq!(hunt(&quota, &limits, at(60)), None);
        assert!(hunt(&quota, &limits, at(60)).is_some());
    }

    #[test]
    fn the_hour_counts_too() {
        let quota = Quota::default();
        let limits = Limits::default().with(Limit::HuntingCallsPerMinute, None);
        for call in 0..1_500 {
            assert_eq!(hunt(&quota, &limits, at(call)), None, "call {call}");
        }
        let refused = hunt(&quota, &limits, at(1_500)).unwrap();
        assert_eq!(refused.kind, RefusedKind::Calls(1_500, HOUR));
        assert_eq!(hunt(&quota, &limits, at(3_600)), None);
    }

    #[test]
    fn security_calls_have_rates_of_their_own_that_can_be_scaled() {
        let caller = Caller::anybody();
        let most = |limits: &Limits, method: Method, path: &str| -> Vec<(u64, Duration)> {
            let product = Product::of_path(path);
            let rules = rules(limits, product, &method, path, &caller);
            rules.iter().map(|rule| (rule.most, rule.window)).collect()
        };
        let usual = Limits::default();
        let machines = most(&usual, Method::GET, "/api/machines");
        assert_eq!(machines, [(100, MINUTE), (1_500, HOUR)]);
        assert_eq!(most(&usual, Method::GET, "/api/machines/$count"), machines);
        let package = "/api/machineactions/1/getPackageUri";
        assert_eq!(
            most(&usual, Method::GET, package),
            [(2, MINUTE), (120, HOUR)]
        );
        assert_eq!(
            most(&usual, Method::GET, "/beta/security/incidents"),
            [(150, MINUTE)]
        );
        let tenth = Limits::default().with(Limit::SecurityRatesPercent, Some(10));
        assert_eq!(
            most(&tenth, Method::GET, "/api/machines"),
            [(10, MINUTE), (150, HOUR)]
        );
        assert_eq!(
            most(&tenth, Method::GET, package),
            [(1, MINUTE), (12, HOUR)],
            "one call of two is left"
        );
        let none = Limits::default().with(Limit::SecurityRatesPercent, Some(0));
        assert_eq!(most(&none, Method::GET, package), [(0, MINUTE), (0, HOUR)]);
        let off = Limits::default().with(Limit::SecurityRatesPercent, None);
        assert_eq!(most(&off, Method::GET, "/api/machines"), []);
        assert_eq!(most(&usual, Method::GET, "/api/nothing"), []);
    }

    #[test]
    fn the_texts_are_those_of_the_service() {
        let failure = throttled(
            Product::Mde,
            true,
            &format!("45 per {}", clock_text(MINUTE)),
        );
        assert_eq!(failure.code, "429");
        assert_eq!(
            failure.message,
            "API calls quota exceeded! maximum allowed 45 per 00:01:00"
        );
        assert_eq!(clock_text(HOUR), "01:00:00");
        assert_eq!(clock_text(DAY), "1.00:00:00");
    }

    #[tokio::test]
    async fn queries_wait_for_each_other_but_not_for_ever() {
        let quota = Quota::default();
        let limits = Limits::default()
            .with(Limit::LogAnalyticsConcurrent, Some(1))
            .with(Limit::LogAnalyticsQueueSeconds, Some(0));
        let caller = Caller::anybody();
        let first = quota.enter(&limits, &caller).await.ok().flatten();
        assert!(first.is_some());
        assert!(
            quota.enter(&limits, &caller).await.is_err(),
            "it waited for too long"
        );
        let queue_full = limits
            .clone()
            .with(Limit::LogAnalyticsQueue, Some(0))
            .with(Limit::LogAnalyticsQueueSeconds, None);
        assert!(
            quota.enter(&queue_full, &caller).await.is_err(),
            "nobody may wait"
        );
        let usual = Limits::default();
        let release = async { drop(first) };
        let (second, ()) = tokio::join!(quota.enter(&usual, &caller), release);
        assert!(second.is_ok());
    }
}
