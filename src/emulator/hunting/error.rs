//! Why a hunting query is not answered, as the service words it. The texts are those that were
//! observed of it, because clients look for them.

use kql::diagnostic::{Diagnostic, Severity};
use kql::span::LineIndex;

use crate::emulator::product::{Failure, Product};
use crate::source::SourceError;

/// The result has more bytes than it may.
pub(in crate::emulator) fn too_large() -> Failure {
    Failure::new(
        400,
        "BadRequest",
        "Query execution has exceeded the allowed result size. Optimize your query by limiting \
         the number of results and try again",
    )
}

/// The query used more than it may.
pub(in crate::emulator) fn preempted() -> Failure {
    Failure::new(
        400,
        "BadRequest",
        "Query execution has exceeded the allowed limits. The query execution was preempted. \
         Optimize your query and try again.",
    )
}

/// Why the source does not answer.
pub(super) fn of_source(error: &SourceError, product: Product) -> Failure {
    match error {
        SourceError::InvalidQuery { diagnostics, text } => {
            Failure::new(400, "BadRequest", of_query(diagnostics, text))
        }
        SourceError::Limit(_) => preempted(),
        SourceError::Timeout(_) => match product {
            Product::Graph => Failure::new(504, "UnknownError", ""),
            _ => Failure::new(504, "GatewayTimeout", "Query exceeded the timeout period."),
        },
        SourceError::Failed(_)
        | SourceError::Unreadable(_)
        | SourceError::Refused(_)
        | SourceError::Throttled { .. }
        | SourceError::Unauthorized(_)
        | SourceError::Unavailable(_) => {
            tell_owner(error);
            match product {
                Product::Graph => Failure::new(500, "UnknownError", ""),
                _ => Failure::new(
                    500,
                    "InternalServerError",
                    "An unexpected error occurred during query execution. Please try again in a \
                     few minutes.",
                ),
            }
        }
    }
}

/// Says in the log what a service would not tell: files and settings of the emulator itself.
pub(in crate::emulator) fn tell_owner(error: &SourceError) {
    tracing::warn!(error = error.to_string(), "cannot query the telemetry");
}

/// The first thing that is wrong with a query.
pub(in crate::emulator) fn of_query(diagnostics: &[Diagnostic], text: &str) -> String {
    let errors = || {
        diagnostics
            .iter()
            .filter(|one| one.severity == Severity::Error)
    };
    let Some(first) = errors().next().or(diagnostics.first()) else {
        return "The query cannot run. Fix semantic errors in your query.".to_owned();
    };
    let named = first.span.text(text);
    if first.code.starts_with("KQL1") {
        let place = LineIndex::new(text).position(text, first.span.start);
        return format!(
            "Query could not be parsed at '{named}' on line [{},{}]: {}. Fix syntax errors in \
             your query.",
            place.line, place.column, first.message
        );
    }
    let operator = operator_at(text, first.span.start as usize);
    match first.code.strip_prefix("KQL") {
        // Names of columns and of tables.
        Some("201" | "202") => format!(
            "'{operator}' operator: Failed to resolve table or column expression named \
             '{named}'. Fix semantic errors in your query."
        ),
        Some("203") => format!("Unknown function: '{named}'. Fix semantic errors in your query."),
        // The engine would name a setting that the emulator has not.
        Some("900") if first.message.contains("externaldata") => {
            "'externaldata' operator: The external data cannot be read. Fix semantic errors in \
             your query."
                .to_owned()
        }
        _ => format!(
            "'{operator}' operator: {}. Fix semantic errors in your query.",
            first.message
        ),
    }
}

/// The operator that a place of a query belongs to; the first one for what stands before it.
fn operator_at(text: &str, place: usize) -> &str {
    let before = text.get(..place).unwrap_or(text).rfind('|');
    let pipe = before.or_else(|| text.find('|'));
    let behind = pipe
        .and_then(|pipe| text.get(pipe + 1..))
        .unwrap_or_default()
        .trim_start();
    let end = behind.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    match &behind[..end.unwrap_or(behind.len())] {
        "" => "table",
        operator => operator,
    }
}

#[cfg(test)]
mod tests {
    use kql::catalog::MemoryCatalog;

    use super::*;

    fn told(text: &str) -> String {
        let catalog = MemoryCatalog::default();
        let bound = kql::bind::compile(text, &catalog);
        of_query(&bound.diagnostics, text)
    }

    #[test]
    fn unknown_names_are_told_as_the_service_tells_them() {
        assert_eq!(
            told("NoSuchTable | where A == 1"),
            "'where' operator: Failed to resolve table or column expression named \
             'NoSuchTable'. Fix semantic errors in your query."
        );
        assert_eq!(
            told("print A = 1 | project B"),
            "'project' operator: Failed to resolve table or column expression named 'B'. Fix \
             semantic errors in your query."
        );
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        let text = told("print A = 1 | filterr A == 1");
        assert!(
            text.starts_with("Query could not be parsed at 'filterr' on line [1,15]"),
            "{text}"
        );
        assert!(text.ends_with("Fix syntax errors in your query."), "{text}");
    }
}
