//! `.show version`, `.show cluster` and their like: what clients want to know of a cluster, as far
//! as it is true of one process.

use chrono::{DateTime, Utc};
use kql::types::ScalarType::{Bool, DateTime as Time, Int, Long, String as Text};
use kql::types::Value;

use super::table::{Table, text};
use crate::source::kusto_ticks;

fn time(at: DateTime<Utc>) -> Value {
    Value::DateTime(kusto_ticks(at))
}

pub(super) fn version() -> Table {
    let mut table = Table::new(&[
        ("BuildVersion", Text),
        ("BuildTime", Time),
        ("ServiceType", Text),
        ("ProductVersion", Text),
        ("ServiceOffering", Text),
    ]);
    let version = env!("CARGO_PKG_VERSION");
    table.push([
        text(version),
        Value::Null,
        text("Engine"),
        text(format!("huntd {version}")),
        text(r#"{"Type":"huntd"}"#),
    ]);
    table
}

pub(super) fn cluster(started: DateTime<Utc>) -> Table {
    let mut table = Table::new(&[
        ("NodeId", Text),
        ("Address", Text),
        ("Name", Text),
        ("StartTime", Time),
        ("IsAdmin", Bool),
        ("MachineTotalMemory", Long),
        ("MachineAvailableMemory", Long),
        ("ProcessorCount", Int),
        ("EnvironmentDescription", Text),
    ]);
    let cores = std::thread::available_parallelism().map(usize::from);
    let cores = cores.ok().and_then(|cores| i32::try_from(cores).ok());
    table.push([
        text("huntd"),
        text(""),
        text("huntd"),
        time(started),
        Value::Bool(true),
        Value::Null,
        Value::Null,
        cores.map_or(Value::Null, Value::Int),
        text(format!("huntd {}", env!("CARGO_PKG_VERSION"))),
    ]);
    table
}

pub(super) fn diagnostics(started: DateTime<Utc>) -> Table {
    let mut table = Table::new(&[
        ("IsHealthy", Bool),
        ("IsScaleOutRequired", Bool),
        ("MachinesTotal", Long),
        ("MachinesOffline", Long),
        ("NodeLastRestartedOn", Time),
        ("AdminLastElectedOn", Time),
        ("ProductVersion", Text),
    ]);
    table.push([
        Value::Bool(true),
        Value::Bool(false),
        Value::Long(1),
        Value::Long(0),
        time(started),
        time(started),
        text(format!("huntd {}", env!("CARGO_PKG_VERSION"))),
    ]);
    table
}

/// Whoever may ask may read everything, and change nothing.
pub(super) fn principal_roles(user: &str) -> Table {
    let mut table = Table::new(&[
        ("Scope", Text),
        ("DisplayName", Text),
        ("AADObjectID", Text),
        ("Role", Text),
    ]);
    table.push([
        text("Cluster"),
        text(user),
        text(""),
        text("AllDatabasesViewer"),
    ]);
    table
}
