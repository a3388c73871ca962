//! What was asked of the emulator, for whoever tests: the last requests, their answers' status and
//! what was made to go wrong.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::fault::Kind;

/// Most requests that are remembered.
const KEPT: usize = 10_000;
/// Longest path that is remembered.
const PATH_CHARACTERS: usize = 512;

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestRecord {
    /// Which one since the start.
    pub number: u64,
    /// When it came, by the emulator's clock.
    pub at: DateTime<Utc>,
    /// GET, POST, …
    pub method: String,
    /// Without what follows a question mark.
    pub path: String,
    /// The application, if it signed in.
    pub app: Option<String>,
    /// The status of its answer; none if the client went away before there was one.
    pub status: Option<u16>,
    /// What went wrong on purpose.
    pub fault: Option<Kind>,
}

/// The last requests.
#[derive(Debug, Default)]
pub struct RequestLog {
    next: AtomicU64,
    records: Mutex<VecDeque<RequestRecord>>,
}

impl RequestLog {
    /// The number of the next request.
    pub(super) fn take_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Remembers one.
    pub(super) fn add(&self, mut record: RequestRecord) {
        if record.path.len() > PATH_CHARACTERS {
            record.path = record.path.chars().take(PATH_CHARACTERS).collect();
        }
        let mut records = self.records();
        if records.len() == KEPT {
            records.pop_front();
        }
        records.push_back(record);
    }

    /// Those that are remembered, in the order in which they ended.
    pub fn all(&self) -> Vec<RequestRecord> {
        self.records().iter().cloned().collect()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.records().clear();
    }

    fn records(&self) -> MutexGuard<'_, VecDeque<RequestRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
