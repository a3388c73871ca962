//! A real outbox with deliveries in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use huntd::action::example;
use huntd::alert::{Delivery, DeliveryStatus};
use huntd::id::{ActionName, DeliveryId, RunId};
use huntd::run::{RunCounts, RunRecord, RunRequest, RunStatus, Trigger};
use huntd::state::sqlite::SqliteStore;
use huntd::state::{Lease, Outbox as _, RunOutcome, RunStore as _};
use uuid::Uuid;

/// The instant at which [`queue`] puts deliveries into the outbox.
pub(crate) fn start() -> DateTime<Utc> {
    example::delivery().created_at
}

pub(crate) async fn open(folder: &Path) -> Arc<SqliteStore> {
    let store = SqliteStore::open(&folder.join("state.db")).await;
    Arc::new(store.expect("a new database can be made"))
}

/// A delivery for an action, of a window of its own.
pub(crate) fn delivery(action: &str, number: u32) -> Delivery {
    let mut delivery = example::delivery();
    delivery.id = DeliveryId(Uuid::from_u128(0x1000 + u128::from(number)));
    delivery.action = ActionName::new(action).expect("a name");
    delivery.status = DeliveryStatus::Pending;
    delivery.key = format!("{}/{number}/{action}", delivery.alert.hunt.name);
    delivery
}

/// Records a run that tells these.
pub(crate) async fn queue(store: &SqliteStore, deliveries: Vec<Delivery>) {
    let alert = &deliveries[0].alert;
    let owner = Uuid::from_u128(7);
    let now = start();
    let request = RunRequest {
        id: RunId::generate(),
        hunt: alert.hunt.name.clone(),
        window: alert.window,
        fire_time: now,
        not_before: now,
        trigger: Trigger::Manual,
        attempt: 1,
    };
    let lease = Lease {
        owner,
        now,
        until: now + TimeDelta::minutes(5),
    };
    assert!(store.begin(&request, &lease).await.expect("it begins"));
    let record = RunRecord {
        request,
        status: RunStatus::Complete,
        started_at: Some(now),
        finished_at: Some(now),
        counts: RunCounts::default(),
        file: None,
        message: None,
        report: None,
    };
    let outcome = RunOutcome {
        owner,
        record,
        again: false,
        findings: Vec::new(),
        deliveries,
    };
    store.record(&outcome).await.expect("it is recorded");
}

/// Every delivery: number, status, attempts, error; oldest first.
pub(crate) async fn listing(store: &SqliteStore) -> Vec<(u128, DeliveryStatus, u32, String)> {
    let mut all = store.deliveries(None, 1000).await.expect("it can be read");
    all.sort_by_key(|delivery| delivery.id);
    all.into_iter()
        .map(|delivery| {
            let number = delivery.id.0.as_u128() - 0x1000;
            let error = delivery.last_error.unwrap_or_default();
            (number, delivery.status, delivery.attempts, error)
        })
        .collect()
}

pub(crate) const DAY: Duration = Duration::from_hours(24);
