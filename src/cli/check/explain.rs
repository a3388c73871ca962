//! `huntd check --explain`: what a code means.

use std::process::ExitCode;

use kql::diagnostic::codes::{self, Explanation};
use kql::diagnostic::did_you_mean;

use crate::cli::terminal::{print_line, print_note};
use crate::cli::{EXIT_BAD_INPUT, EXIT_OK};
use crate::problem;

/// What all codes mean that `huntd check` may print, in their order.
pub fn explanations() -> Vec<Explanation> {
    let all = [problem::codes::EXPLANATIONS, codes::EXPLANATIONS];
    let rules = kql::lint::rules().map(kql::lint::Rule::explained);
    let explanations = all.into_iter().flatten().copied();
    let mut explanations: Vec<Explanation> = explanations.chain(rules).collect();
    explanations.sort_by_key(|explanation| explanation.code);
    explanations
}

/// Prints what a code means, or which one was probably meant.
pub(super) fn explain(code: &str) -> ExitCode {
    let explanations = explanations();
    let upper = code.trim().to_uppercase();
    if let Some(found) = explanations.iter().find(|found| found.code == upper) {
        print_line(&found.to_string());
        return ExitCode::from(EXIT_OK);
    }
    let codes = explanations.iter().map(|explanation| explanation.code);
    let hint = match did_you_mean(&upper, codes) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "codes look like KQL201 and CFG101".to_owned(),
    };
    print_note(&format!("error: unknown code `{code}`; {hint}"));
    ExitCode::from(EXIT_BAD_INPUT)
}
