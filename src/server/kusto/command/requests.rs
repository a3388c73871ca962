//! `.show queries` and `.cancel query`.

use chrono::{DateTime, Utc};
use kql::types::ScalarType::{Bool, DateTime as Time, String as Text, TimeSpan};
use kql::types::Value;

use super::super::running::Running;
use super::table::{Table, text};
use crate::source::kusto_ticks;

pub(super) fn queries(running: &Running, now: DateTime<Utc>) -> Table {
    let mut table = Table::new(&[
        ("ClientActivityId", Text),
        ("Text", Text),
        ("Database", Text),
        ("StartedOn", Time),
        ("LastUpdatedOn", Time),
        ("Duration", TimeSpan),
        ("State", Text),
        ("FailureReason", Text),
        ("User", Text),
        ("Application", Text),
    ]);
    for query in running.queries() {
        let (started, now) = (kusto_ticks(query.started), kusto_ticks(now));
        table.push([
            text(query.client_request_id),
            text(query.text),
            text(query.database),
            Value::DateTime(started),
            Value::DateTime(now),
            Value::TimeSpan(now.saturating_sub(started).max(0)),
            text("InProgress"),
            text(""),
            text(query.user),
            text(query.application),
        ]);
    }
    table
}

pub(super) fn cancel(running: &Running, id: &str, reason: Option<&str>) -> Table {
    let mut table = Table::new(&[
        ("RunningQueryCanceled", Bool),
        ("ClientRequestId", Text),
        ("ReasonPhrase", Text),
    ]);
    let reason = reason.unwrap_or("by `.cancel query`");
    let count = running.cancel(id, reason);
    table.push([Value::Bool(count > 0), text(id), text(reason)]);
    table
}
