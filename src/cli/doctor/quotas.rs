//! What is left of the quotas, and which tenants are left alone.

use crate::source::broker::{Broker, Standing};
use crate::source::diagnosis::Diagnosis;

/// A part for each tenant and API.
pub(super) async fn check(broker: &Broker) -> Vec<super::Part> {
    let standing = broker.standing().await;
    standing
        .iter()
        .map(|standing| (format!("quota {}", standing.scope), of(standing)))
        .collect()
}

fn of(standing: &Standing) -> Vec<Diagnosis> {
    let mut checks = Vec::new();
    for limit in &standing.remaining.uses {
        let detail = format!("{limit} left");
        checks.push(if limit.left() > 0.0 {
            Diagnosis::ok("left", detail)
        } else {
            Diagnosis::warn("left", detail, "calls wait until there is room again")
        });
    }
    if let Some((until, cause)) = &standing.remaining.blocked {
        let until = until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        checks.push(Diagnosis::warn(
            "refused",
            format!("not asked before {until}: {cause}"),
            "see what else uses the tenant's quota",
        ));
    }
    for failing in &standing.failing {
        let next_try = failing
            .next_try
            .to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let (door, what) = (&failing.door, &failing.fault.what);
        checks.push(Diagnosis::fail(
            "failing",
            format!("{door} is not asked before {next_try}: {what}"),
            "remove the cause; it is tried again by itself",
        ));
    }
    checks
}
