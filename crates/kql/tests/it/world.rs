//! A small catalog, and what queries bind to in it.

use kql::bind::Bound;
use kql::catalog::{MemoryCatalog, TableInfo};
use kql::diagnostic::Severity;
use kql::types::{Column, ScalarType, Schema};

/// Tables `T` (a column of each type), `U` (shares `a` and `s` with it), `Events` and
/// `EventsMore` (with a time column).
pub(crate) fn catalog() -> MemoryCatalog {
    use ScalarType::{Bool, DateTime, Decimal, Dynamic, Guid, Int, Long, Real, String, TimeSpan};
    let mut catalog = MemoryCatalog::new();
    let mut add = |name: &str, columns: &[(&str, ScalarType)], time: Option<&str>| {
        let schema: Schema = columns
            .iter()
            .map(|(name, ty)| Column::new(*name, *ty))
            .collect();
        let time_column = time.map(str::to_owned);
        catalog.insert(
            name,
            TableInfo {
                schema,
                time_column,
            },
        );
    };
    let all = [
        ("a", Long),
        ("b", Long),
        ("i", Int),
        ("r", Real),
        ("s", String),
        ("t", DateTime),
        ("ts", TimeSpan),
        ("d", Dynamic),
        ("g", Guid),
        ("f", Bool),
        ("dec", Decimal),
    ];
    add("T", &all, None);
    add("U", &[("a", Long), ("s", String), ("z", Int)], None);
    let event = [
        ("Timestamp", DateTime),
        ("DeviceId", String),
        ("FileName", String),
        ("FileSize", Long),
        ("AdditionalFields", Dynamic),
    ];
    add("Events", &event, Some("Timestamp"));
    add("EventsMore", &event, Some("Timestamp"));
    catalog
}

pub(crate) fn compile(query: &str) -> Bound {
    kql::compile(query, &catalog())
}

/// The columns of a query's result, `name:type` each; its errors if it has any.
pub(crate) fn columns(query: &str) -> String {
    let bound = compile(query);
    let Some(schema) = bound.columns else {
        let errors: Vec<String> = bound
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .map(|diagnostic| format!("{} {}", diagnostic.code, diagnostic.message))
            .collect();
        return errors.join("; ");
    };
    let columns: Vec<String> = schema
        .columns()
        .iter()
        .map(|column| format!("{}:{}", column.name, column.ty))
        .collect();
    columns.join(" ")
}

/// The messages of a query as a person sees them.
pub(crate) fn messages(query: &str) -> String {
    let bound = compile(query);
    bound
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.render("hunt.kql", query))
        .collect()
}
