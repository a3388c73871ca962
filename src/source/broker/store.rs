//! How the broker's books are kept between starts. Errors of the store are told once and stop
//! nobody: then the books are those of this process.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::Broker;
use crate::quota::ledger::STORED_WITHIN;
use crate::quota::{Scope, Snapshot};

/// No limit counts what is older.
const KEPT: TimeDelta = TimeDelta::hours(25);

/// When books were stored last.
#[derive(Debug, Default)]
pub(super) struct Saved {
    at: Option<DateTime<Utc>>,
    /// Whether the store failed since it last worked.
    failing: bool,
}

impl Broker {
    /// Reads the store's books, the first time.
    pub(super) async fn load(&self) {
        let Some(store) = &self.store else {
            return;
        };
        self.loaded
            .get_or_init(async || {
                let now = self.clock.now();
                let stored = match store.load(now - KEPT).await {
                    Ok(stored) => stored,
                    Err(error) => {
                        tracing::error!(
                            %error,
                            "cannot read what was used of the quotas; they count as unused"
                        );
                        return;
                    }
                };
                let mut by_scope: BTreeMap<Scope, Vec<Snapshot>> = BTreeMap::new();
                for (scope, snapshot) in stored {
                    by_scope.entry(scope).or_default().push(snapshot);
                }
                let mut desks = self.desks();
                for (scope, snapshots) in by_scope {
                    desks.desk(&scope).ledger.absorb(now, &snapshots);
                }
            })
            .await;
    }

    /// Returns once what was stored is at most a second behind what was booked.
    pub(super) async fn store_what_was_booked(&self) {
        if self.store.is_some() {
            let mut saved = self.saving.lock().await;
            let now = self.clock.now();
            let fresh = saved
                .at
                .is_some_and(|at| at <= now && now - at < STORED_WITHIN);
            if !fresh {
                self.save(&mut saved, now, true).await;
            }
        }
    }

    /// Stores everything, before the process ends: the next one need not assume that anything is
    /// missing.
    pub async fn close(&self) {
        let mut saved = self.saving.lock().await;
        if saved.at.is_some() {
            self.save(&mut saved, self.clock.now(), false).await;
        }
    }

    async fn save(&self, saved: &mut Saved, now: DateTime<Utc>, open: bool) {
        let Some(store) = &self.store else {
            return;
        };
        let mut unstored = Unstored::take(self, now, open);
        // Whether it works or not: the next try is a second later.
        saved.at = Some(now);
        match store.save(&unstored.changes, now - KEPT).await {
            Ok(()) => {
                unstored.changes.clear();
                if std::mem::take(&mut saved.failing) {
                    tracing::info!("what is used of the quotas is stored again");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut saved.failing, true) {
                    tracing::error!(
                        %error,
                        "cannot store what is used of the quotas; a restart would forget it"
                    );
                }
            }
        }
    }
}

/// Changes on their way to the store; dropped with any, they go back into the books.
struct Unstored<'a> {
    broker: &'a Broker,
    changes: Vec<(Scope, Snapshot)>,
}

impl<'a> Unstored<'a> {
    fn take(broker: &'a Broker, now: DateTime<Utc>, open: bool) -> Self {
        let mut desks = broker.desks();
        let changed = desks.by_scope.iter_mut();
        let changes = changed
            .map(|(scope, desk)| {
                let mut changes = desk.ledger.take_changes(now);
                changes.open = open;
                (scope.clone(), changes)
            })
            .collect();
        drop(desks);
        Self { broker, changes }
    }
}

impl Drop for Unstored<'_> {
    fn drop(&mut self) {
        let mut desks = self.broker.desks();
        for (scope, changes) in self.changes.drain(..) {
            desks.desk(&scope).ledger.keep_changes(changes);
        }
    }
}
