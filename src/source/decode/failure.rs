//! The service's own error, where the body has one although its status is 200.

use serde_json::{Map, Value};

use super::columns::{WireColumn, member};

/// Most errors within an error that are listed.
const INNER_MAX: usize = 32;
/// Kusto's severity up to which a status means failure.
const FAILED_SEVERITY_MAX: i64 = 2;

/// An error that the service reports within the body: what rows there are is not the whole
/// answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceFailure {
    /// Its code; empty if it has none.
    pub code: String,
    /// Its text; empty if it has none.
    pub message: String,
    /// The errors behind it, outermost first.
    pub inner: Vec<InnerFailure>,
    /// All that the service says, null where it is too long to keep.
    pub raw: Value,
}

/// An error behind an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InnerFailure {
    /// Its code; empty if it has none.
    pub code: String,
    /// Its text; empty if it has none.
    pub message: String,
}

impl ServiceFailure {
    /// The failure that a JSON value tells of: an error object of OneAPI, an object around one, or
    /// a list of those.
    pub(super) fn of(raw: Value) -> Self {
        let mut found = Vec::new();
        collect(&raw, &mut found);
        let mut found = found.into_iter();
        let outermost = found.next().unwrap_or_default();
        Self {
            code: outermost.code,
            message: outermost.message,
            inner: found.collect(),
            raw,
        }
    }

    /// A failure of which no more is known than this.
    pub(super) fn told(code: &str, message: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
            ..Self::default()
        }
    }

    /// The failure that rows of Kusto's `QueryCompletionInformation` or `QueryStatus` tell of.
    pub(super) fn of_status(columns: &[WireColumn], rows: &Value) -> Option<Self> {
        let rows = rows.as_array()?;
        rows.iter().find_map(|row| {
            let Some(cells) = row.as_array() else {
                // Where a row should be, an object is an error.
                return Some(Self::of(row.clone()));
            };
            let names = columns.iter().map(|column| column.name().to_owned());
            let status: Map<String, Value> = names.zip(cells.iter().cloned()).collect();
            is_failed(&status).then(|| Self::of_row(status))
        })
    }

    fn of_row(status: Map<String, Value>) -> Self {
        let payload = text(&status, &["Payload"]);
        let payload: Option<Value> = serde_json::from_str(&payload).ok();
        let mut failure = match payload {
            Some(payload) => Self::of(payload),
            None => Self::default(),
        };
        if failure.code.is_empty() {
            failure.code = text(&status, &["StatusCodeName", "StatusCode"]);
        }
        if failure.message.is_empty() {
            failure.message = text(&status, &["StatusDescription", "Payload"]);
        }
        failure.raw = Value::Object(status);
        failure
    }
}

/// Whether a row of a table of statuses tells of a failure.
fn is_failed(status: &Map<String, Value>) -> bool {
    let level = ["Severity", "Level"]
        .iter()
        .find_map(|name| member(status, name)?.as_i64());
    let name = text(status, &["SeverityName", "LevelName"]).to_ascii_lowercase();
    level.is_some_and(|level| level <= FAILED_SEVERITY_MAX)
        || matches!(name.as_str(), "error" | "critical" | "fatal")
}

fn text(object: &Map<String, Value>, names: &[&str]) -> String {
    let found = names.iter().find_map(|name| match member(object, name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// The errors of a value, outermost first.
fn collect(value: &Value, found: &mut Vec<InnerFailure>) {
    if found.len() == INNER_MAX {
        return;
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::String(message) => found.push(InnerFailure {
            code: String::new(),
            message: message.clone(),
        }),
        Value::Object(object) => {
            let failure = InnerFailure {
                code: text(object, &["code"]),
                message: text(object, &["message", "@message", "Text"]),
            };
            if failure != InnerFailure::default() {
                found.push(failure);
            }
            for name in [
                "error",
                "OneApiErrors",
                "Exceptions",
                "details",
                "innererror",
            ] {
                if let Some(inner) = member(object, name) {
                    collect(inner, found);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::source::decode::columns::wire_columns;

    #[test]
    fn a_failure_lists_what_is_behind_it() {
        let failure = ServiceFailure::of(json!({
            "code": "PartialError", "message": "There were some errors.",
            "details": [{"code": "EngineError", "message": "Something went wrong.",
                "innererror": {"code": "-2133196797", "message": "Too many records.", "severity": 2}}]
        }));
        assert_eq!(failure.code, "PartialError");
        assert_eq!(failure.message, "There were some errors.");
        let codes: Vec<_> = failure.inner.iter().map(|inner| &*inner.code).collect();
        assert_eq!(codes, ["EngineError", "-2133196797"]);
        let failure = ServiceFailure::of(json!({"OneApiErrors": [{"error": {
            "code": "LimitsExceeded", "message": "Request is invalid.", "@message": "Too much."}}]}));
        assert_eq!(
            (&*failure.code, &*failure.message),
            ("LimitsExceeded", "Request is invalid.")
        );
        let failure = ServiceFailure::of(json!({"Exceptions": ["Query ran out of memory"]}));
        assert_eq!(failure.message, "Query ran out of memory");
    }

    #[test]
    fn a_status_of_low_severity_is_a_failure() {
        let columns = wire_columns(&json!([
            {"ColumnName": "Severity"}, {"ColumnName": "StatusCode"}, {"ColumnName": "StatusDescription"}
        ]))
        .unwrap();
        let fine = json!([[4, "S_OK", "Query completed"]]);
        assert_eq!(ServiceFailure::of_status(&columns, &fine), None);
        let failed = json!([
            [4, "S_OK", "x"],
            [2, "E_LOW_MEMORY", "Query ran out of memory"]
        ]);
        let failure = ServiceFailure::of_status(&columns, &failed).unwrap();
        assert_eq!(failure.code, "E_LOW_MEMORY");
        assert_eq!(failure.message, "Query ran out of memory");
    }
}
