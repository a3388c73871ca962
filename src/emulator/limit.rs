//! What the services allow: how many calls in how long, how many rows, bytes and seconds an answer
//! may have. Each limit has a name by which it is set, and can be switched off.
//!
//! The figures are those of the services' documentation. Who counts calls is `quota`.

use std::time::Duration;

/// A limit of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Hunting calls per minute, tenant and API.
    HuntingCallsPerMinute,
    /// Hunting calls per hour, tenant and API.
    HuntingCallsPerHour,
    /// Running time of MDE's hunting per hour and tenant.
    HuntingRunSecondsPerHour,
    /// Running time of MDE's hunting per day and tenant.
    HuntingRunSecondsPerDay,
    /// Running time of hunting by Graph and XDR in a quarter of an hour.
    HuntingCpuSecondsPerQuarterHour,
    /// Rows of a hunting answer.
    HuntingRows,
    /// Bytes of a hunting answer.
    HuntingBytes,
    /// Running time of one hunting query by Graph and XDR.
    HuntingSeconds,
    /// Running time of one hunting query by MDE.
    MdeHuntingSeconds,
    /// Rows after which a hunting query is pre-empted.
    HuntingPreemptRows,
    /// Characters of a hunting query.
    HuntingQueryBytes,
    /// Calls of the security APIs, in percent of what each of them allows.
    SecurityRatesPercent,
    /// Log Analytics calls per half minute and user.
    LogAnalyticsCallsPerHalfMinute,
    /// Log Analytics queries at a time per user; further ones wait.
    LogAnalyticsConcurrent,
    /// Log Analytics queries per user that wait; further ones are refused.
    LogAnalyticsQueue,
    /// Seconds that a Log Analytics query waits.
    LogAnalyticsQueueSeconds,
    /// Rows of a Log Analytics answer.
    LogAnalyticsRows,
    /// Bytes of a Log Analytics answer.
    LogAnalyticsBytes,
}

use Limit as L;

/// Limits with their names, defaults and what they are.
const TABLE: [(Limit, &str, Option<u64>); 18] = [
    (
        L::HuntingCallsPerMinute,
        "hunting-calls-per-minute",
        Some(45),
    ),
    (
        L::HuntingCallsPerHour,
        "hunting-calls-per-hour",
        Some(1_500),
    ),
    (
        L::HuntingRunSecondsPerHour,
        "hunting-run-seconds-per-hour",
        Some(600),
    ),
    (
        L::HuntingRunSecondsPerDay,
        "hunting-run-seconds-per-day",
        Some(10_800),
    ),
    (
        L::HuntingCpuSecondsPerQuarterHour,
        "hunting-cpu-seconds-per-quarter-hour",
        None,
    ),
    (L::HuntingRows, "hunting-rows", Some(100_000)),
    (L::HuntingBytes, "hunting-bytes", Some(50_000_000)),
    (L::HuntingSeconds, "hunting-seconds", Some(180)),
    (L::MdeHuntingSeconds, "mde-hunting-seconds", Some(200)),
    (L::HuntingPreemptRows, "hunting-preempt-rows", None),
    (L::HuntingQueryBytes, "hunting-query-bytes", Some(1_000_000)),
    (L::SecurityRatesPercent, "security-rates-percent", Some(100)),
    (
        L::LogAnalyticsCallsPerHalfMinute,
        "log-analytics-calls-per-half-minute",
        Some(200),
    ),
    (
        L::LogAnalyticsConcurrent,
        "log-analytics-concurrent",
        Some(5),
    ),
    (L::LogAnalyticsQueue, "log-analytics-queue", Some(200)),
    (
        L::LogAnalyticsQueueSeconds,
        "log-analytics-queue-seconds",
        Some(180),
    ),
    (L::LogAnalyticsRows, "log-analytics-rows", Some(500_000)),
    (
        L::LogAnalyticsBytes,
        "log-analytics-bytes",
        Some(104_857_600),
    ),
];

/// The limits in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits([Option<u64>; TABLE.len()]);

/// A limit that there is not, or that cannot be set so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLimit {
    /// No such name.
    #[error("there is no limit `{name}`{}", meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    Name {
        /// As given.
        name: String,
        /// What was probably meant.
        meant: Option<&'static str>,
    },
    /// No number.
    #[error("`{0}` is no limit: write NAME=NUMBER or NAME=off, such as hunting-rows=1000")]
    Value(String),
}

impl Default for Limits {
    fn default() -> Self {
        Self(TABLE.map(|(_, _, default)| default))
    }
}

impl Limits {
    /// The limit, or none if it is off.
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.0.get(limit as usize).copied().flatten()
    }

    /// The limit as seconds.
    pub fn duration(&self, limit: Limit) -> Option<Duration> {
        self.get(limit).map(Duration::from_secs)
    }

    /// Changes a limit; `None` switches it off.
    pub fn put(&mut self, limit: Limit, value: Option<u64>) {
        if let Some(slot) = self.0.get_mut(limit as usize) {
            *slot = value;
        }
    }

    /// The same.
    #[must_use]
    pub fn with(mut self, limit: Limit, value: Option<u64>) -> Self {
        self.put(limit, value);
        self
    }

    /// Changes a limit by its name, as in `hunting-rows=1000` or `hunting-bytes=off`.
    pub fn set(&mut self, text: &str) -> Result<(), InvalidLimit> {
        let invalid = || InvalidLimit::Value(text.to_owned());
        let (name, value) = text.split_once('=').ok_or_else(invalid)?;
        let found = TABLE.iter().find(|(_, known, _)| *known == name);
        let Some((limit, ..)) = found else {
            let names = TABLE.iter().map(|(_, known, _)| *known);
            return Err(InvalidLimit::Name {
                name: name.to_owned(),
                meant: kql::diagnostic::did_you_mean(name, names)
                    .and_then(|meant| TABLE.iter().find(|(_, known, _)| *known == meant))
                    .map(|(_, known, _)| *known),
            });
        };
        let value = match value {
            "off" => None,
            number => Some(number.replace('_', "").parse().map_err(|_| invalid())?),
        };
        self.put(*limit, value);
        Ok(())
    }

    /// Names and values of all, in order.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        TABLE
            .iter()
            .map(|(limit, name, _)| (*name, self.get(*limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_limits() {
        for (position, (limit, ..)) in TABLE.iter().enumerate() {
            assert_eq!(*limit as usize, position, "{limit:?}");
        }
    }

    #[test]
    fn limits_are_set_by_name_and_switched_off() {
        let mut limits = Limits::default();
        assert_eq!(limits.get(Limit::HuntingRows), Some(100_000));
        limits.set("hunting-rows=1_000").unwrap();
        limits.set("hunting-bytes=off").unwrap();
        assert_eq!(limits.get(Limit::HuntingRows), Some(1_000));
        assert_eq!(limits.get(Limit::HuntingBytes), None);
        assert_eq!(limits.get(Limit::HuntingCallsPerMinute), Some(45));
        let error = limits.set("hunting-row=1").unwrap_err().to_string();
        assert!(error.contains("did you mean `hunting-rows`"), "{error}");
        assert!(limits.set("hunting-rows").is_err());
        assert!(limits.set("hunting-rows=-1").is_err());
    }
}
