//! How the broker's books are kept, and kept in step with those of other processes. Errors of the
//! store are told once and stop nobody: then the books are those of this process.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Broker, Desk};
use crate::quota::{CallId, News, QuotaStoreError, Scope, Seen, Snapshot, Stored};

/// No limit counts what is older.
const KEPT: TimeDelta = TimeDelta::hours(25);
/// How long a store that failed is left alone.
const FAILED_FOR: TimeDelta = TimeDelta::seconds(1);

/// How far the store is known.
#[derive(Debug, Default)]
pub(super) struct Books {
    seen: Seen,
    /// Whether something was stored.
    used: bool,
    /// When the store failed, if it has not worked since.
    failed: Option<DateTime<Utc>>,
}

/// A booked call that may not be sent yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unconfirmed {
    /// It is not stored.
    Booked,
    /// Calls of other processes took its place.
    Lost,
}

impl Broker {
    /// Reads the store's books, if that has not been done.
    pub(super) async fn load(&self) {
        if !self.desks().loaded {
            let mut books = self.books.lock().await;
            if !self.desks().loaded {
                self.read(&mut books).await;
            }
        }
    }

    /// Reads what other processes stored since it was read last, unless somebody is about to: who
    /// looks at the books does not wait for a slow disk.
    pub(super) async fn catch_up(&self) {
        self.load().await;
        if let Ok(mut books) = self.books.try_lock() {
            self.read(&mut books).await;
        }
    }

    async fn read(&self, books: &mut Books) {
        let now = self.clock.now();
        let Some(store) = self.store.as_ref().filter(|_| !books.rests(now)) else {
            return;
        };
        match store.news(books.seen, now - KEPT).await {
            Ok(news) => {
                books.works();
                self.take_in(books, news);
            }
            Err(error) => books.fail(now, &error),
        }
    }

    /// Stores that a call is booked, with all others. Whether it may be sent: if other processes
    /// stored theirs meanwhile, there may be no room for it any more.
    pub(super) async fn confirm(&self, scope: &Scope, call: CallId) -> bool {
        let settled = || self.desks().desk(scope).settled(call);
        if let Some(confirmed) = settled() {
            return confirmed;
        }
        let mut books = self.books.lock().await;
        loop {
            // Who stored before may have stored it, too.
            if let Some(confirmed) = settled() {
                return confirmed;
            }
            self.store(&mut books).await;
        }
    }

    /// Stores everything, before the process ends.
    pub async fn close(&self) {
        let mut books = self.books.lock().await;
        while books.used && self.has_changes() && !self.store(&mut books).await {
            if books.failed.is_some() {
                return;
            }
        }
    }

    fn has_changes(&self) -> bool {
        let desks = self.desks();
        let mut desks = desks.by_scope.values();
        desks.any(|desk| desk.ledger.has_changes())
    }

    /// Stores what is not stored, unless other processes were quicker: then it reads what they
    /// stored. If the store fails, calls go on without it.
    async fn store(&self, books: &mut Books) -> bool {
        let now = self.clock.now();
        let mut unstored = Unstored::take(self, now);
        let Some(store) = self.store.as_ref().filter(|_| !books.rests(now)) else {
            unstored.confirm();
            return false;
        };
        books.used = true;
        match store.save(books.seen, &unstored.changes, now - KEPT).await {
            Ok(Stored::Written(seen)) => {
                books.works();
                books.seen = seen;
                unstored.confirm();
                unstored.changes.clear();
                true
            }
            Ok(Stored::Behind(news)) => {
                books.works();
                drop(unstored);
                self.take_in(books, news);
                false
            }
            Err(error) => {
                books.fail(now, &error);
                unstored.confirm();
                false
            }
        }
    }

    fn take_in(&self, books: &mut Books, news: News) {
        let now = self.clock.now();
        let mut desks = self.desks();
        let mut changed = BTreeSet::new();
        for (scope, snapshot) in news.used {
            desks.desk(&scope).ledger.absorb(now, &snapshot);
            changed.insert(scope);
        }
        for scope in changed {
            let desk = desks.desk(&scope);
            desk.lose_what_does_not_fit(now);
            desk.changed(now);
        }
        books.seen = news.seen;
        desks.loaded = true;
    }
}

impl Books {
    /// Whether the store is left alone, as it has just failed.
    fn rests(&self, now: DateTime<Utc>) -> bool {
        let since = self.failed.map(|failed| now - failed);
        since.is_some_and(|since| TimeDelta::zero() <= since && since < FAILED_FOR)
    }

    fn works(&mut self) {
        if self.failed.take().is_some() {
            tracing::info!("what is used of the quotas is read and stored again");
        }
    }

    fn fail(&mut self, now: DateTime<Utc>, error: &QuotaStoreError) {
        if self.failed.replace(now).is_none() {
            tracing::error!(
                %error,
                "cannot read and store what is used of the quotas; a restart would forget it, and \
                 what other processes use is not counted"
            );
        }
    }
}

impl Desk {
    /// Whether a booked call may be sent, if that is known.
    fn settled(&mut self, call: CallId) -> Option<bool> {
        match self.unconfirmed.get(&call) {
            None => Some(true),
            Some(Unconfirmed::Booked) => None,
            Some(Unconfirmed::Lost) => {
                self.unconfirmed.remove(&call);
                Some(false)
            }
        }
    }

    fn booked(&self) -> BTreeSet<CallId> {
        let unconfirmed = self.unconfirmed.iter();
        let booked = unconfirmed.filter(|(_, state)| **state == Unconfirmed::Booked);
        booked.map(|(call, _)| *call).collect()
    }

    fn lose_what_does_not_fit(&mut self, now: DateTime<Utc>) {
        for call in self.ledger.book_anew(now, &self.booked()) {
            self.unconfirmed.insert(call, Unconfirmed::Lost);
        }
    }
}

/// Changes on their way to the store; dropped with any, they go back into the books.
struct Unstored<'a> {
    broker: &'a Broker,
    changes: Vec<(Scope, Snapshot)>,
    /// The calls among them that may be sent then.
    booked: Vec<(Scope, BTreeSet<CallId>)>,
}

impl<'a> Unstored<'a> {
    fn take(broker: &'a Broker, now: DateTime<Utc>) -> Self {
        let mut desks = broker.desks();
        let (mut changes, mut booked) = (Vec::new(), Vec::new());
        for (scope, desk) in &mut desks.by_scope {
            if desk.ledger.has_changes() {
                changes.push((scope.clone(), desk.ledger.take_changes(now)));
            }
            if !desk.unconfirmed.is_empty() {
                booked.push((scope.clone(), desk.booked()));
            }
        }
        drop(desks);
        Self {
            broker,
            changes,
            booked,
        }
    }

    fn confirm(&mut self) {
        let mut desks = self.broker.desks();
        for (scope, booked) in self.booked.drain(..) {
            let desk = desks.desk(&scope);
            desk.unconfirmed.retain(|call, _| !booked.contains(call));
        }
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
