//! What is allowed in a query but probably not meant: warnings about cost, about conditions that
//! do not say what they seem to, and about what does not go with running on a schedule.
//!
//! A rule is a row in a table with its explanation and a check, one file per family below
//! `lint/rule/`. Rules look at the query as it was written, with the bound query at their side
//! where it could be bound. A rule that cannot be certain stays silent. Comments that allow
//! findings are `lint/allow.rs`'s business.

mod allow;
mod context;
mod pattern;
mod pipeline;
mod rule;
mod subject;
mod term;

use std::collections::HashSet;

use crate::bind::Bound;
use crate::diagnostic::Diagnostic;
use crate::hir;
use crate::span::Span;
use crate::syntax::Parse;

pub use context::{LintContext, RequiredColumn};
pub use rule::{Rule, rule, rules};

use subject::Subject;

/// Everything there is to say about a query, in the order of the text: what the parser and the
/// binder reported, and what the rules find. Warnings that a comment allows are left out. Rules
/// that need types and tables stay silent if the query could not be bound.
pub fn lint(text: &str, parse: &Parse, bound: &Bound, context: &LintContext) -> Vec<Diagnostic> {
    let query = bound.query.as_ref().filter(|_| !parse.has_errors());
    let subject = Subject::new(text, &parse.script, query, context);
    let mut found = parse.diagnostics.clone();
    found.extend(bound.diagnostics.iter().cloned());
    for rule in rules() {
        if !context.disabled.contains(rule.code) {
            rule.check(&subject, &mut found);
        }
    }
    let mut found = allow::apply(text, parse, query.is_some(), found, context);
    found.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    // The bound query holds the body of a function once per call.
    let mut seen = HashSet::new();
    found.retain(|diagnostic| {
        rule(diagnostic.code).is_none() || seen.insert((diagnostic.code, diagnostic.span))
    });
    found
}

/// The sum of the rules' weights over what was found: zero for a query without findings.
pub fn cost(found: &[Diagnostic]) -> u32 {
    found
        .iter()
        .filter_map(|diagnostic| rule(diagnostic.code))
        .map(|rule| rule.cost)
        .sum()
}

/// The operator that drops a column on its way to the result, and where it stands: `None` if the
/// result has the column, or if it was never there.
pub fn dropped_by(query: &hir::Query, column: &str) -> Option<(&'static str, Span)> {
    rule::dropped_by(&query.plan, column)
}
