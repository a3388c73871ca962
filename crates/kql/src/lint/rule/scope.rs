//! Queries that read more tables, or other places, than they name.

use crate::diagnostic::Diagnostic;
use crate::lint::subject::Subject;
use crate::span::Span;
use crate::syntax::ast::{ExprKind, Node, OperatorKind};

use super::Rule;

pub(super) const UNSCOPED_SEARCH: Rule = Rule {
    code: "KQL403",
    name: "unscoped-search",
    guard: Some("KQL004"),
    cost: 5,
    summary: "`search` or `find` over all tables",
    explanation: "`search` and `find` without `in (…)` read every column of every table. Name the \
        tables that can hold what you look for.",
    bad: "search \"mimikatz\"",
    good: "search in (DeviceProcessEvents, DeviceFileEvents) \"mimikatz\"",
    check: unscoped_search,
};

pub(super) const WILDCARD_UNION: Rule = Rule {
    code: "KQL404",
    name: "wildcard-union",
    guard: Some("KQL005"),
    cost: 4,
    summary: "`union` of all tables",
    explanation: "`union *` reads every table there is, and more as tables are added. Name the \
        tables, or a group of them such as `Device*`.",
    bad: "union * | where DeviceId == \"x\"",
    good: "union DeviceProcessEvents, DeviceFileEvents | where DeviceId == \"x\"",
    check: wildcard_union,
};

pub(super) const CROSS_CLUSTER: Rule = Rule {
    code: "KQL409",
    name: "cross-cluster",
    guard: Some("KQL010"),
    cost: 2,
    summary: "a table of another cluster",
    explanation: "`cluster(…)` and `adx(…)` read over the network from a place that the hunt's \
        source does not name: with other permissions, other limits and another time of arrival of \
        data. Give the hunt the source that holds the table, or join the results afterwards.",
    bad: "cluster(\"other\").database(\"db\").DeviceEvents | where DeviceId == \"x\"",
    good: "DeviceEvents | where DeviceId == \"x\"",
    check: cross_cluster,
};

fn unscoped_search(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_expr(|expr| {
        // Behind a bar they read what comes through it.
        let ExprKind::Source(operator) = &expr.kind else {
            return;
        };
        let keyword = &*operator.keyword.text;
        if !matches!(keyword, "search" | "find") {
            return;
        }
        let after_keyword = Span {
            start: operator.keyword.span.end,
            end: operator.span.end,
        };
        if names_tables(subject.slice(after_keyword)) {
            return;
        }
        let message = format!("`{keyword}` reads every table there is");
        found.push(
            Diagnostic::warning(UNSCOPED_SEARCH.code, operator.keyword.span, message)
                .with_help(format!("name the tables: `{keyword} in (A, B) …`")),
        );
    });
}

/// Whether `in (` follows the options at the beginning of a clause.
fn names_tables(clause: &str) -> bool {
    let mut rest = clause.trim_start();
    loop {
        let word_end = rest
            .find(|one: char| !(one.is_alphanumeric() || matches!(one, '_' | '.')))
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        let after = after.trim_start();
        if word == "in" && after.starts_with('(') {
            return true;
        }
        let Some(value) = after.strip_prefix('=').filter(|_| !word.is_empty()) else {
            return false;
        };
        let value = value.trim_start();
        let value_end = value.find(char::is_whitespace).unwrap_or(value.len());
        rest = value[value_end..].trim_start();
    }
}

fn wildcard_union(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_operator(|operator| {
        let OperatorKind::Union { tables, .. } = &operator.kind else {
            return;
        };
        for table in tables {
            let is_all = match &table.kind {
                ExprKind::Star => true,
                ExprKind::Wildcard(name) => &*name.text == "*",
                _ => false,
            };
            if is_all {
                let message = "`union *` reads every table there is";
                found.push(
                    Diagnostic::warning(WILDCARD_UNION.code, table.span, message)
                        .with_help("name the tables, or a group of them such as `Device*`"),
                );
            }
        }
    });
}

fn cross_cluster(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.script.walk(|node| {
        let Node::Expr(expr) = node else { return };
        let ExprKind::Call { function, .. } = &expr.kind else {
            return;
        };
        let name = &*function.text;
        if matches!(name, "cluster" | "adx") && !subject.is_let(name) {
            let message = format!("`{name}(…)` reads outside of the source of the query");
            found.push(
                Diagnostic::warning(CROSS_CLUSTER.code, expr.span, message)
                    .with_help("run the query at the source that holds the table"),
            );
        }
    });
}
