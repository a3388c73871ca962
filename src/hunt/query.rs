//! Holds a query against syntax, tables and the rules of the linter, and tells what is wrong at its
//! place in the file.

use chrono::TimeDelta;
use kql::catalog::Catalog;
use kql::diagnostic::Diagnostic;
use kql::hir;
use kql::lint::LintContext;
use kql::span::Span;

use crate::problem::{Problem, SourceFile, code};
use crate::yaml::Excerpt;

/// Binds a query of a file and looks for what is probably not meant; the resolved query if it is
/// right and all of it is known.
pub fn bind(
    file: &SourceFile,
    query: &Excerpt,
    catalog: &dyn Catalog,
    context: &LintContext,
) -> (Option<hir::Query>, Vec<Problem>) {
    if query.text().trim().is_empty() {
        return (None, vec![no_query(file, query)]);
    }
    let parse = kql::syntax::parse(query.text());
    let bound = kql::bind::bind(&parse.script, catalog);
    let diagnostics = kql::lint::lint(query.text(), &parse, &bound, context);
    let resolved = bound.query.filter(|_| !parse.has_errors());
    (resolved, placed(file, query, diagnostics))
}

/// Only parses a query of a file.
pub fn parse(file: &SourceFile, query: &Excerpt) -> Vec<Problem> {
    let parsed = kql::syntax::parse(query.text());
    placed(file, query, parsed.diagnostics)
}

/// A length of time in the unit of KQL, 100 ns.
pub fn ticks(time: TimeDelta) -> Option<i64> {
    time.num_nanoseconds().map(|nanoseconds| nanoseconds / 100)
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
