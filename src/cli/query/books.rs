//! What a query uses of a service's quota is booked in the state, if there is one: it is the quota
//! of the hunts as well. A state is not made for that.

use std::sync::Arc;

use crate::clock::SystemClock;
use crate::source::broker::Broker;
use crate::state::config::StateConfig;
use crate::state::sqlite::SqliteStore;

use crate::cli::terminal::print_note;

/// A broker, with the state that it keeps its books in.
pub(super) struct Books {
    broker: Arc<Broker>,
    store: Option<Arc<SqliteStore>>,
}

impl Books {
    /// Of nothing but this process.
    pub(super) fn none() -> Self {
        Self::of(None)
    }

    /// Of the state, where that can be had.
    pub(super) async fn open(state: &StateConfig) -> Self {
        let StateConfig::Sqlite { path } = state;
        if !path.exists() {
            return Self::none();
        }
        match SqliteStore::open(path).await {
            Ok(store) => Self::of(Some(Arc::new(store))),
            Err(error) => {
                print_note(&format!(
                    "note: what is used of quotas is not known: {error}"
                ));
                Self::none()
            }
        }
    }

    fn of(store: Option<Arc<SqliteStore>>) -> Self {
        let books = store.as_ref().map(|store| Arc::clone(store) as _);
        Self {
            broker: Broker::new(Arc::new(SystemClock), books),
            store,
        }
    }

    /// Who grants calls.
    pub(super) fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// Books what came of the calls.
    pub(super) async fn close(self) {
        self.broker.close().await;
        if let Some(store) = self.store {
            store.close().await;
        }
    }
}
