//! How much a service lets a tenant ask of it: what it documents, or what the configuration says.
//!
//! The defaults are those of the services' pages about their limits. What is not documented (how
//! many hunting queries may run at a time) is set to what is modest.

use std::num::NonZeroU32;

use chrono::TimeDelta;
use serde::Deserialize;

use super::{Api, Lane};
use crate::duration::DurationText;

/// A quarter of an hour, by which Defender counts CPU time.
pub const QUARTER: TimeDelta = TimeDelta::minutes(15);
/// Of every limit, what each lane may use beyond its share as long as anything is left, in percent.
const SURE_PERCENT: u32 = 5;

/// So many calls in any time of a length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallLimit {
    /// How many.
    pub max: u32,
    /// In which time.
    pub per: TimeDelta,
}

/// So much running time in any time of a length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunningLimit {
    /// How much.
    pub max: TimeDelta,
    /// In which time.
    pub per: TimeDelta,
}

/// What may be asked of one API of one tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Calls, by time.
    pub calls: Vec<CallLimit>,
    /// Running time of queries, by time.
    pub running: Vec<RunningLimit>,
    /// CPU time of queries in a quarter of an hour.
    pub cpu: Option<TimeDelta>,
    /// Calls at the same time.
    pub concurrency: Option<u32>,
    /// What of every limit exports may use, in percent.
    pub export_percent: u32,
    /// What of every limit backfills may use, in percent.
    pub backfill_percent: u32,
    /// How long a call may be on its way before the service counts it.
    pub arrival: TimeDelta,
}

/// Limits of a source that are not those of the service's documentation. Calls are counted over
/// any time of the length, so that it does not matter how the service counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaConfig {
    /// Most calls in 30 seconds. Default: 200 for Log Analytics.
    #[serde(default)]
    pub calls_per_30_seconds: Option<NonZeroU32>,
    /// Most calls in a minute. Default: 45 for hunting; 100 for other calls of Defender.
    #[serde(default)]
    pub calls_per_minute: Option<NonZeroU32>,
    /// Most calls in an hour. Default: 1500.
    #[serde(default)]
    pub calls_per_hour: Option<NonZeroU32>,
    /// Most calls at the same time. Default: 5 for Log Analytics, else 10.
    #[serde(default)]
    pub concurrency: Option<NonZeroU32>,
    /// Longest time that queries may run in an hour, all together. Default: 10m for `mde`.
    #[serde(default)]
    pub running_per_hour: Option<DurationText>,
    /// Longest time that queries may run in a day, all together. Default: 3h for `mde`.
    #[serde(default)]
    pub running_per_day: Option<DurationText>,
    /// Most CPU time of queries in a quarter of an hour. Default: until the service refuses.
    #[serde(default)]
    pub cpu_per_quarter_hour: Option<DurationText>,
    /// What of every limit may be used before exports wait, in percent. Default: 80.
    #[serde(default)]
    pub export_percent: Option<NonZeroU32>,
    /// What of every limit may be used before backfills wait, in percent. Default: 60.
    #[serde(default)]
    pub backfill_percent: Option<NonZeroU32>,
    /// How long a call may be on its way before the service counts it. Default: 2s.
    #[serde(default)]
    pub arrival: Option<DurationText>,
}

impl Limits {
    /// What the service documents.
    pub fn of(api: Api) -> Self {
        let mut limits = Self {
            calls: Vec::new(),
            running: Vec::new(),
            cpu: None,
            concurrency: Some(10),
            export_percent: 80,
            backfill_percent: 60,
            arrival: TimeDelta::seconds(2),
        };
        let (minute, hour, day) = (
            TimeDelta::minutes(1),
            TimeDelta::hours(1),
            TimeDelta::days(1),
        );
        let mut calls = |max, per| limits.calls.push(CallLimit { max, per });
        match api {
            // "At least 45 calls per minute per tenant". The hourly number is documented for the
            // oldest of the three only; the other two are known to refuse by it as well.
            Api::Graph | Api::Xdr => {
                calls(45, minute);
                calls(1500, hour);
            }
            Api::Mde => {
                calls(45, minute);
                calls(1500, hour);
                limits.running = vec![
                    RunningLimit {
                        max: TimeDelta::minutes(10),
                        per: hour,
                    },
                    RunningLimit {
                        max: TimeDelta::hours(3),
                        per: day,
                    },
                ];
            }
            Api::LogAnalytics => {
                calls(200, TimeDelta::seconds(30));
                limits.concurrency = Some(5);
            }
            Api::Kusto => {}
            Api::DefenderReads | Api::DefenderActions => {
                calls(100, minute);
                calls(1500, hour);
            }
            Api::GraphAlerts => calls(150, minute),
            Api::GraphMail => {
                calls(10_000, TimeDelta::minutes(10));
                limits.concurrency = Some(4);
            }
        }
        limits
    }

    /// The same, where the configuration does not say otherwise.
    #[must_use]
    pub fn with(mut self, config: &QuotaConfig) -> Self {
        for (max, per) in [
            (config.calls_per_30_seconds, TimeDelta::seconds(30)),
            (config.calls_per_minute, TimeDelta::minutes(1)),
            (config.calls_per_hour, TimeDelta::hours(1)),
        ] {
            if let Some(max) = max {
                self.calls.retain(|limit| limit.per != per);
                self.calls.push(CallLimit {
                    max: max.get(),
                    per,
                });
            }
        }
        for (max, per) in [
            (config.running_per_hour, TimeDelta::hours(1)),
            (config.running_per_day, TimeDelta::days(1)),
        ] {
            if let Some(max) = max {
                self.running.retain(|limit| limit.per != per);
                self.running.push(RunningLimit {
                    max: max.delta(),
                    per,
                });
            }
        }
        let percent = |given: Option<NonZeroU32>, default| {
            given.map_or(default, |percent| percent.get().min(100))
        };
        self.cpu = config
            .cpu_per_quarter_hour
            .map(DurationText::delta)
            .or(self.cpu);
        self.concurrency = config.concurrency.map(NonZeroU32::get).or(self.concurrency);
        self.export_percent = percent(config.export_percent, self.export_percent);
        self.backfill_percent =
            percent(config.backfill_percent, self.backfill_percent).min(self.export_percent);
        self.arrival = config.arrival.map_or(self.arrival, DurationText::delta);
        self
    }

    /// The same with the lower of each limit: two sources may share a tenant.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for theirs in &other.calls {
            match self.calls.iter_mut().find(|ours| ours.per == theirs.per) {
                Some(ours) => ours.max = ours.max.min(theirs.max),
                None => self.calls.push(*theirs),
            }
        }
        for theirs in &other.running {
            match self.running.iter_mut().find(|ours| ours.per == theirs.per) {
                Some(ours) => ours.max = ours.max.min(theirs.max),
                None => self.running.push(*theirs),
            }
        }
        self.cpu = lower(self.cpu, other.cpu);
        self.concurrency = lower(self.concurrency, other.concurrency);
        self.export_percent = self.export_percent.min(other.export_percent);
        self.backfill_percent = self.backfill_percent.min(other.backfill_percent);
        self.arrival = self.arrival.max(other.arrival);
        self
    }

    /// What of a limit a lane finds used when it has to wait, in percent of it.
    pub fn percent(&self, lane: Lane) -> u32 {
        match lane {
            Lane::Detection => 100,
            Lane::Export => self.export_percent,
            Lane::Backfill => self.backfill_percent,
        }
    }

    /// What a lane may use of a number. It is never nothing.
    pub fn allowance(&self, max: u32, lane: Lane) -> u32 {
        part(max, self.percent(lane))
    }

    /// What a lane may use of a time.
    pub fn time_allowance(&self, max: TimeDelta, lane: Lane) -> TimeDelta {
        max * (self.percent(lane) as i32) / 100
    }

    /// What a lane may use of a number even if others have used its share, as long as anything is
    /// left: it goes slowly then, but it goes on.
    pub fn sure(max: u32) -> u32 {
        part(max, SURE_PERCENT)
    }

    /// The same of a time.
    pub fn time_sure(max: TimeDelta) -> TimeDelta {
        max * (SURE_PERCENT as i32) / 100
    }
}

fn part(max: u32, percent: u32) -> u32 {
    let part = u64::from(max) * u64::from(percent) / 100;
    (part as u32).max(1)
}

fn lower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn calls(limits: &Limits) -> Vec<(u32, i64)> {
        let calls = limits.calls.iter();
        calls
            .map(|limit| (limit.max, limit.per.num_seconds()))
            .collect()
    }

    #[test]
    fn limits_are_those_of_the_documentation_unless_configured() {
        let mde = Limits::of(Api::Mde);
        assert_eq!(calls(&mde), [(45, 60), (1500, 3600)]);
        let running: Vec<_> = mde.running.iter().map(|limit| limit.max).collect();
        assert_eq!(running, [TimeDelta::minutes(10), TimeDelta::hours(3)]);
        let config = json!({"calls_per_minute": 90, "calls_per_30_seconds": 50,
            "running_per_hour": "20m", "backfill_percent": 95});
        let config: QuotaConfig = serde_json::from_value(config).unwrap();
        let mde = mde.with(&config);
        assert_eq!(calls(&mde), [(1500, 3600), (50, 30), (90, 60)]);
        assert_eq!(mde.running.len(), 2);
        assert_eq!(mde.backfill_percent, 80, "not before exports");
        for wrong in [json!({"calls": 3}), json!({"concurrency": 0})] {
            assert!(serde_json::from_value::<QuotaConfig>(wrong).is_err());
        }
    }

    #[test]
    fn of_two_sources_the_lower_limit_counts() {
        let slow = json!({"calls_per_minute": 30, "concurrency": 50});
        let slow = Limits::of(Api::Graph).with(&serde_json::from_value(slow).unwrap());
        let both = Limits::of(Api::Graph).and(&slow);
        assert_eq!(calls(&both), [(30, 60), (1500, 3600)]);
        assert_eq!(both.concurrency, Some(10));
    }

    #[test]
    fn lanes_leave_a_reserve_and_always_have_something() {
        let limits = Limits::of(Api::Graph);
        let allowance = |max| Lane::ALL.map(|lane| limits.allowance(max, lane));
        assert_eq!(allowance(45), [45, 36, 27]);
        assert_eq!(allowance(1), [1, 1, 1]);
        assert_eq!(
            allowance(u32::MAX),
            [u32::MAX, 3_435_973_836, 2_576_980_377]
        );
    }
}
