//! Tables that come in fragments, as Kusto's v2 endpoint sends them if it is asked to: a header,
//! fragments with rows, a completion. Frames without meaning here are refused, for rows are lost
//! otherwise; tables about the result are passed over.

use std::sync::Arc;

use super::super::DecodeError;
use super::super::columns::Plan;
use super::table::Destination;
use super::{Job, Splitter};

/// Most tables about the result that are under way at the same time.
const OTHERS_MAX: usize = 64;

/// The tables that began and are not complete.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The one of the result: its rows are one stream, so there is no second.
    result: Option<Growing>,
    /// Numbers of those about the result.
    others: Vec<i64>,
}

/// A table of the result.
#[derive(Debug)]
struct Growing {
    id: i64,
    plan: Arc<Plan>,
    rows: u64,
}

impl Progress {
    /// Whether a table of the result is not complete.
    pub(super) fn has_result(&self) -> bool {
        self.result.is_some()
    }

    fn is_result(&self, id: i64) -> bool {
        self.result.as_ref().is_some_and(|result| result.id == id)
    }

    fn is_other(&self, id: i64) -> bool {
        self.others.contains(&id)
    }
}

impl Splitter {
    /// Where the rows of a fragment go.
    pub(super) fn fragment(&mut self) -> Result<Destination, DecodeError> {
        let (Some(id), Some(_)) = (self.table.id, &self.table.fragment_type) else {
            return Ok(self.store());
        };
        match &self.progress.result {
            Some(result) if result.id == id => {
                self.table.rows = result.rows;
                let plan = Arc::clone(&result.plan);
                self.refuse_replacement()?;
                Ok(Destination::Decode(plan))
            }
            _ if self.progress.is_other(id) => Ok(Destination::Skip),
            _ => Err(self.not_under_way()),
        }
    }

    fn refuse_replacement(&self) -> Result<(), DecodeError> {
        match self.table.fragment_type.as_deref() {
            Some("dataappend") => Ok(()),
            _ => Err(DecodeError::Replaced),
        }
    }

    fn not_under_way(&self) -> DecodeError {
        self.malformed(self.at, "a frame is of a table that is not under way")
    }

    /// The number of the table that a frame is of.
    fn table_id(&self) -> Result<i64, DecodeError> {
        let what = "a frame does not say which table it is of";
        self.table.id.ok_or_else(|| self.malformed(self.at, what))
    }

    /// The header of a table is whole.
    pub(super) fn end_header(&mut self) -> Result<(), DecodeError> {
        let id = self.table_id()?;
        self.refuse_unknown_kind()?;
        let what = if self.progress.is_result(id) || self.progress.is_other(id) {
            "two tables have the same number"
        } else if self.table.is_status() {
            "the statuses of the query come in fragments"
        } else if self.table.is_primary() && self.progress.has_result() {
            "a table of the result begins before the last one is complete"
        } else if self.table.is_primary() {
            let plan = self.announce();
            self.progress.result = Some(Growing { id, plan, rows: 0 });
            return Ok(());
        } else if self.progress.others.len() < OTHERS_MAX {
            self.progress.others.push(id);
            return Ok(());
        } else {
            "too many tables are under way"
        };
        Err(self.malformed(self.at, what))
    }

    /// A fragment is whole.
    pub(super) fn end_fragment(&mut self) -> Result<(), DecodeError> {
        let id = self.table_id()?;
        if self.progress.is_other(id) {
            if self.table.is_stored {
                self.jobs.push_back(Job::Discard);
            }
            return Ok(());
        }
        self.refuse_rows_not_taken()?;
        let Some(result) = self.progress.result.as_mut().filter(|table| table.id == id) else {
            return Err(self.not_under_way());
        };
        if self.table.is_stored {
            let rows_before = result.rows;
            result.rows += self.table.rows;
            let plan = Arc::clone(&result.plan);
            self.refuse_replacement()?;
            self.jobs.push_back(Job::Replay { plan, rows_before });
        } else {
            result.rows = result.rows.max(self.table.rows);
        }
        Ok(())
    }

    /// The completion of a table is whole.
    pub(super) fn end_completion(&mut self) -> Result<(), DecodeError> {
        let id = self.table_id()?;
        if self.progress.is_other(id) {
            self.progress.others.retain(|other| *other != id);
            return Ok(());
        }
        let Some(result) = self.progress.result.take_if(|table| table.id == id) else {
            return Err(self.not_under_way());
        };
        let told = self.table.row_count.unwrap_or(result.rows);
        if told != result.rows && self.summary.failure.is_none() {
            let what = "a table has not as many rows as the service says";
            return Err(self.malformed(self.at, what));
        }
        Ok(())
    }
}
