//! The values of metrics, from the broker and the state.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;

use crate::clock::SharedClock;
use crate::quota::breaker;
use crate::server::metrics::Gather;
use crate::source::broker::{Broker, Standing};
use crate::state::sqlite::SqliteStore;
use crate::telemetry::metrics::{Metric, Sample};

/// Gathers them.
#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) clock: SharedClock,
    pub(super) store: Arc<SqliteStore>,
    pub(super) broker: Arc<Broker>,
}

#[async_trait]
impl Gather for Metrics {
    async fn gather(&self) -> anyhow::Result<Vec<Sample>> {
        let mut samples = Vec::new();
        for standing in self.broker.standing().await {
            add_standing(&mut samples, &standing);
        }
        let census = self
            .store
            .census(self.clock.now() - TimeDelta::days(1))
            .await?;
        let mut add = |metric, labels: &[&str], value| {
            samples.push(Sample {
                metric,
                labels: labels.iter().map(ToString::to_string).collect(),
                value,
            });
        };
        for (hunt, status, count) in &census.runs {
            add(Metric::Runs, &[hunt, status], *count as f64);
        }
        for (hunt, completed) in &census.completed {
            let seconds = completed.timestamp_millis() as f64 / 1000.0;
            add(Metric::HuntCompletedUntil, &[hunt], seconds);
        }
        for (hunt, count) in &census.waiting {
            add(Metric::HuntRunsWaiting, &[hunt], *count as f64);
        }
        for (status, count) in &census.deliveries {
            add(Metric::Deliveries, &[status], *count as f64);
        }
        Ok(samples)
    }
}

fn add_standing(samples: &mut Vec<Sample>, standing: &Standing) {
    let (tenant, api) = (standing.scope.tenant.as_str(), standing.scope.api.as_str());
    let mut add = |metric, last: Option<&str>, value| {
        let labels = [Some(tenant), Some(api), last].into_iter().flatten();
        samples.push(Sample {
            metric,
            labels: labels.map(str::to_owned).collect(),
            value,
        });
    };
    for limit in &standing.remaining.uses {
        let name = limit.name();
        add(Metric::QuotaLimit, Some(&name), limit.limit);
        add(Metric::QuotaUsed, Some(&name), limit.used);
        add(Metric::QuotaRemaining, Some(&name), limit.left());
    }
    let blocked = standing.remaining.blocked;
    let until = blocked.map_or(0.0, |(until, _)| until.timestamp_millis() as f64 / 1000.0);
    add(Metric::QuotaBlockedUntil, None, until);
    for (lane, count) in &standing.waiting {
        add(Metric::QuotaWaiting, Some(lane.as_str()), *count as f64);
    }
    let tally = &standing.tally;
    for (result, count) in [
        ("done", tally.done),
        ("throttled", tally.throttled),
        ("failed", tally.failed),
        ("abandoned", tally.abandoned),
        ("returned", tally.returned),
        ("denied", tally.denied),
    ] {
        add(Metric::SourceCalls, Some(result), count as f64);
    }
    let open = match standing.breaker() {
        breaker::Standing::Closed => 0.0,
        breaker::Standing::HalfOpen => 0.5,
        breaker::Standing::Open => 1.0,
    };
    add(Metric::Breaker, None, open);
}
