//! The metrics there are, with their names, labels and meaning, and how they are written for
//! Prometheus (OpenMetrics text). Who serves them gathers the values; nothing is counted here.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The content type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A metric.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Metric {
    /// What may be used of a limit.
    QuotaLimit,
    /// What of it is used.
    QuotaUsed,
    /// What of it is left.
    QuotaRemaining,
    /// Until when an API is left alone.
    QuotaBlockedUntil,
    /// Calls that wait.
    QuotaWaiting,
    /// Calls by what became of them.
    SourceCalls,
    /// How breakers stand.
    Breaker,
    /// Runs that ended of late.
    Runs,
    /// Until when a hunt has covered its windows.
    HuntCompletedUntil,
    /// Runs that wait.
    HuntRunsWaiting,
    /// Deliveries in the outbox.
    Deliveries,
}

/// What kind of metric it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, from the start of the process on.
    Counter,
}

impl Metric {
    /// Every metric, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::QuotaLimit,
        Self::QuotaUsed,
        Self::QuotaRemaining,
        Self::QuotaBlockedUntil,
        Self::QuotaWaiting,
        Self::SourceCalls,
        Self::Breaker,
        Self::Runs,
        Self::HuntCompletedUntil,
        Self::HuntRunsWaiting,
        Self::Deliveries,
    ];

    /// Its name as it is served.
    pub fn name(self) -> &'static str {
        match self {
            Self::QuotaLimit => "huntd_quota_limit",
            Self::QuotaUsed => "huntd_quota_used",
            Self::QuotaRemaining => "huntd_quota_remaining",
            Self::QuotaBlockedUntil => "huntd_quota_blocked_until_timestamp_seconds",
            Self::QuotaWaiting => "huntd_quota_waiting_calls",
            Self::SourceCalls => "huntd_source_calls_total",
            Self::Breaker => "huntd_source_breaker_open",
            Self::Runs => "huntd_runs_last_day",
            Self::HuntCompletedUntil => "huntd_hunt_completed_until_timestamp_seconds",
            Self::HuntRunsWaiting => "huntd_hunt_runs_waiting",
            Self::Deliveries => "huntd_outbox_deliveries",
        }
    }

    /// What it says.
    pub fn help(self) -> &'static str {
        match self {
            Self::QuotaLimit => {
                "What may be used of a limit of a tenant's API: calls in a time (calls_1m), seconds \
                 that queries run in a time (running_seconds_1h), CPU seconds in a quarter of an \
                 hour, calls at a time"
            }
            Self::QuotaUsed => "What of the limit is used",
            Self::QuotaRemaining => "What of the limit is left",
            Self::QuotaBlockedUntil => {
                "Until when an API is not asked because it refused a call; zero if it is asked"
            }
            Self::QuotaWaiting => "Calls that wait for their turn, by lane",
            Self::SourceCalls => {
                "Calls by result: done (answered, also that a query is wrong), throttled (refused \
                 for their number), failed (the tenant's fault), abandoned (nobody waited for the \
                 end), returned (not sent after all), denied (no turn in time, or the breaker is \
                 open)"
            }
            Self::Breaker => {
                "Whether an API is left alone because it failed several times: 0 no, 1 yes (at one \
                 endpoint at least), 0.5 while a call tries it out"
            }
            Self::Runs => "Runs that ended in the last 24 hours, by hunt and status",
            Self::HuntCompletedUntil => {
                "End of the last window that a scheduled hunt has covered with all before it; its \
                 distance to now is the time that is not hunted yet"
            }
            Self::HuntRunsWaiting => "Runs of a hunt that are planned and not done",
            Self::Deliveries => "Deliveries of the outbox that are not done, by status",
        }
    }

    /// Its labels.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::QuotaLimit | Self::QuotaUsed | Self::QuotaRemaining => {
                &["tenant", "api", "limit"]
            }
            Self::QuotaBlockedUntil | Self::Breaker => &["tenant", "api"],
            Self::QuotaWaiting => &["tenant", "api", "lane"],
            Self::SourceCalls => &["tenant", "api", "result"],
            Self::Runs => &["hunt", "status"],
            Self::HuntCompletedUntil | Self::HuntRunsWaiting => &["hunt"],
            Self::Deliveries => &["status"],
        }
    }

    /// Its kind.
    pub fn kind(self) -> Kind {
        match self {
            Self::SourceCalls => Kind::Counter,
            _ => Kind::Gauge,
        }
    }
}

/// A value of a metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Of which.
    pub metric: Metric,
    /// Values of its labels, in their order.
    pub labels: Vec<String>,
    /// The value.
    pub value: f64,
}

type Labels = Vec<(String, String)>;

/// Writes metrics with their values.
pub fn write(samples: &[Sample]) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::default();
    for metric in Metric::ALL {
        let samples = samples.iter().filter(|sample| sample.metric == metric);
        let labels = |sample: &Sample| -> Labels {
            let names = metric.labels().iter().map(ToString::to_string);
            names.zip(sample.labels.iter().cloned()).collect()
        };
        // The library ends the names of counters and the help itself.
        let name = metric.name().trim_end_matches("_total");
        match metric.kind() {
            Kind::Gauge => {
                let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
                for sample in samples {
                    family.get_or_create(&labels(sample)).set(sample.value);
                }
                registry.register(name, metric.help(), family);
            }
            Kind::Counter => {
                let family = Family::<Labels, Counter<f64, AtomicU64>>::default();
                for sample in samples {
                    family.get_or_create(&labels(sample)).inc_by(sample.value);
                }
                registry.register(name, metric.help(), family);
            }
        }
    }
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_written_with_their_labels() {
        let sample = |metric, labels: &[&str], value| Sample {
            metric,
            labels: labels.iter().map(ToString::to_string).collect(),
            value,
        };
        let text = write(&[
            sample(Metric::SourceCalls, &["contoso", "graph", "done"], 7.0),
            sample(Metric::Deliveries, &["de\"ad"], 2.0),
        ])
        .unwrap();
        for line in [
            "# TYPE huntd_source_calls counter",
            r#"huntd_source_calls_total{tenant="contoso",api="graph",result="done"} 7.0"#,
            "# TYPE huntd_outbox_deliveries gauge",
            r#"huntd_outbox_deliveries{status="de\"ad"} 2.0"#,
        ] {
            assert!(
                text.lines().any(|written| written == line),
                "{line}\n{text}"
            );
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn names_say_their_kind_and_are_used_once() {
        let names: std::collections::BTreeSet<_> = Metric::ALL.map(Metric::name).into();
        assert_eq!(names.len(), Metric::ALL.len());
        for metric in Metric::ALL {
            let counts = metric.name().ends_with("_total");
            assert_eq!(counts, metric.kind() == Kind::Counter, "{metric:?}");
        }
    }
}
