//! The requests under way, so that they can be listed and cancelled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::options::Kind;

/// What is known of a request.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) client_request_id: String,
    pub(super) text: String,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) application: String,
    pub(super) started: DateTime<Utc>,
    pub(super) kind: Kind,
}

/// The requests under way.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<Requests>);

#[derive(Debug, Default)]
struct Requests {
    next: u64,
    entries: BTreeMap<u64, (Entry, Stop)>,
}

/// A way to cancel a request, and why that was done.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    token: CancellationToken,
    reason: Arc<Mutex<Option<String>>>,
}

impl Stop {
    fn cancel(&self, reason: &str) {
        let mut told = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        told.get_or_insert_with(|| reason.to_owned());
        self.token.cancel();
    }

    /// Waits for a cancellation; its reason.
    pub(super) async fn cancelled(&self) -> String {
        self.token.cancelled().await;
        let told = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        told.clone().unwrap_or_default()
    }
}

/// A request's place in the list, which it leaves when dropped.
#[derive(Debug)]
pub(super) struct Registration {
    running: Arc<Running>,
    id: u64,
    pub(super) stop: Stop,
}

impl Running {
    /// Puts a request into the list.
    pub(super) fn register(self: &Arc<Self>, entry: Entry) -> Registration {
        let stop = Stop::default();
        let mut requests = self.requests();
        let id = requests.next;
        requests.next += 1;
        requests.entries.insert(id, (entry, stop.clone()));
        Registration {
            running: Arc::clone(self),
            id,
            stop,
        }
    }

    /// The queries under way, oldest first.
    pub(super) fn queries(&self) -> Vec<Entry> {
        let requests = self.requests();
        let queries = requests.entries.values().map(|(entry, _)| entry);
        queries
            .filter(|entry| entry.kind == Kind::Query)
            .cloned()
            .collect()
    }

    /// Cancels the queries of this name; how many there were.
    pub(super) fn cancel(&self, client_request_id: &str, reason: &str) -> usize {
        let requests = self.requests();
        let named = requests.entries.values().filter(|(entry, _)| {
            entry.kind == Kind::Query && entry.client_request_id == client_request_id
        });
        named.map(|(_, stop)| stop.cancel(reason)).count()
    }

    /// Cancels everything.
    pub(super) fn cancel_all(&self, reason: &str) {
        for (_, stop) in self.requests().entries.values() {
            stop.cancel(reason);
        }
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.running.requests().entries.remove(&self.id);
    }
}
