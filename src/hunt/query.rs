//! Holds a query against syntax and tables, and tells what is wrong at its place in the file.

use kql::catalog::Catalog;
use kql::diagnostic::Diagnostic;
use kql::hir;
use kql::span::Span;

use crate::problem::{Problem, SourceFile, code};
use crate::yaml::Excerpt;

/// Binds a query of a file; the resolved query if it is right and all of it is known.
pub fn bind(
    file: &SourceFile,
    query: &Excerpt,
    catalog: &dyn Catalog,
) -> (Option<hir::Query>, Vec<Problem>) {
    if query.text().trim().is_empty() {
        return (None, vec![no_query(file, query)]);
    }
    let bound = kql::compile(query.text(), catalog);
    (bound.query, placed(file, query, bound.diagnostics))
}

/// Only parses a query of a file.
pub fn parse(file: &SourceFile, query: &Excerpt) -> Vec<Problem> {
    let parsed = kql::syntax::parse(query.text());
    placed(file, query, parsed.diagnostics)
}

fn no_query(file: &SourceFile, query: &Excerpt) -> Problem {
    let span = query.file_span(Span::at(0));
    let problem = Diagnostic::error(code::MISSING_KEY, span, "the file has no query");
    file.problem(problem.with_help("write KQL below the header"))
}

/// The diagnostics of a query as problems of its file.
fn placed(file: &SourceFile, query: &Excerpt, diagnostics: Vec<Diagnostic>) -> Vec<Problem> {
    let problem = |mut diagnostic: Diagnostic| {
        diagnostic.span = query.file_span(diagnostic.span);
        file.problem(diagnostic)
    };
    diagnostics.into_iter().map(problem).collect()
}
