//! Scheduled-rule and hunting-query YAML of Microsoft Sentinel, as its public repository keeps it.
//!
//! Such a file is known by its keys. Its query is checked where it stands, and its settings are
//! held against what Sentinel documents; `limits` has the numbers and words. What Sentinel would
//! not accept is a warning here: it keeps nobody from reading the query.

mod limits;

use chrono::TimeDelta;
use kql::diagnostic::{Diagnostic, did_you_mean};
use kql::span::Span;
use kql::types::Schema;

use self::limits::Rule;
use crate::problem::code;
use crate::yaml::{Node, Value};

/// Keys that only Sentinel has.
const SENTINEL_KEYS: [&str; 17] = [
    "id",
    "kind",
    "version",
    "requiredDataConnectors",
    "relevantTechniques",
    "queryFrequency",
    "queryPeriod",
    "triggerOperator",
    "triggerThreshold",
    "entityMappings",
    "customDetails",
    "alertDetailsOverride",
    "eventGroupingSettings",
    "suppressionEnabled",
    "suppressionDuration",
    "incidentConfiguration",
    "metadata",
];
/// Keys that only hunts of ours have.
const HUNT_KEYS: [&str; 10] = [
    "schedule",
    "source",
    "window",
    "catch_up",
    "timeout",
    "techniques",
    "entities",
    "detect",
    "dedupe",
    "actions",
];
/// So many keys of Sentinel make a file one of Sentinel's.
const SENTINEL_KEYS_MIN: usize = 2;
/// Keys that every rule has, and those of scheduled ones. Hunting queries have no `kind`.
const REQUIRED: [&str; 3] = ["id", "name", "query"];
const REQUIRED_OF_RULES: [&str; 4] = ["kind", "description", "severity", "requiredDataConnectors"];
const REQUIRED_OF_SCHEDULED: [&str; 4] = [
    "queryFrequency",
    "queryPeriod",
    "triggerOperator",
    "triggerThreshold",
];

/// Whether a document is a rule or a hunting query of Sentinel.
pub fn is_rule(document: &Node) -> bool {
    let has = |key: &&str| document.entry(key).is_some();
    document.entry("query").is_some()
        && SENTINEL_KEYS.iter().filter(|key| has(key)).count() >= SENTINEL_KEYS_MIN
        && !HUNT_KEYS.iter().any(has)
}

/// What Sentinel would not accept of a rule's settings.
pub fn check(document: &Node) -> Vec<Diagnostic> {
    let mut problems = missing(document);
    for rule in limits::RULES {
        check_value(document, rule, &mut problems);
    }
    check_periods(document, &mut problems);
    check_mappings(document, &mut problems);
    problems
}

/// What of a rule's settings names columns that the query's result does not have.
pub fn check_columns(document: &Node, result: &Schema) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut check = |node: &Node| {
        let Some(column) = node.as_text().filter(|name| result.column(name).is_none()) else {
            return;
        };
        let message = format!("the result has no column `{column}`");
        let names = result.columns().iter().map(|column| &*column.name);
        let problem = Diagnostic::warning(code::UNKNOWN_COLUMN, node.span, message);
        problems.push(match did_you_mean(column, names) {
            Some(nearest) => problem.with_help(format!("did you mean `{nearest}`?")),
            None => problem.with_help("let the query keep it"),
        });
    };
    for mapping in items(document, "entityMappings") {
        for field in items(mapping, "fieldMappings") {
            if let Some(entry) = field.entry("columnName") {
                check(&entry.node);
            }
        }
    }
    let details = document.entry("customDetails").map(|entry| &entry.node);
    for entry in details.map_or(&[][..], Node::entries) {
        check(&entry.node);
    }
    let overrides = document
        .entry("alertDetailsOverride")
        .map(|entry| &entry.node);
    for key in ["alertTacticsColumnName", "alertSeverityColumnName"] {
        if let Some(entry) = overrides.and_then(|node| node.entry(key)) {
            check(&entry.node);
        }
    }
    problems
}

fn missing(document: &Node) -> Vec<Diagnostic> {
    let has = |key: &str| document.entry(key).is_some();
    let kind = document
        .entry("kind")
        .and_then(|entry| entry.node.as_text());
    let is_hunting_query = kind.is_none() && !REQUIRED_OF_SCHEDULED.iter().any(|key| has(key));
    let is_scheduled = !is_hunting_query && kind != Some("NRT");
    let mut required = REQUIRED.to_vec();
    if !is_hunting_query {
        required.extend(REQUIRED_OF_RULES);
    }
    if is_scheduled {
        required.extend(REQUIRED_OF_SCHEDULED);
    }
    let place = document.place([]);
    required
        .into_iter()
        .filter(|key| !has(key))
        .map(|key| {
            let message = format!("Sentinel needs `{key}`");
            Diagnostic::warning(code::SENTINEL_MISSING, place, message)
        })
        .collect()
}

fn check_value(document: &Node, rule: &Rule, problems: &mut Vec<Diagnostic>) {
    let mut node = document;
    for key in rule.path {
        match node.entry(key) {
            Some(entry) => node = &entry.node,
            None => return,
        }
    }
    let name = rule.path.join(".");
    let nodes = match (&node.value, rule.is_list) {
        (Value::List(items), true) => items.as_slice(),
        (Value::Null, true) => return,
        _ => std::slice::from_ref(node),
    };
    for node in nodes {
        if let Err((message, help)) = rule.wanted.check(&name, node) {
            let mut problem = Diagnostic::warning(code::SENTINEL_VALUE, node.span, message);
            problem.help = help;
            problems.push(problem);
        }
    }
}

/// How far a rule looks back.
pub fn period(document: &Node) -> Option<TimeDelta> {
    let node = &document.entry("queryPeriod")?.node;
    let minutes = limits::minutes(node.as_text()?)?;
    Some(TimeDelta::seconds((minutes * 60.0).round() as i64))
}

/// How far a rule looks back has to fit how often it runs.
fn check_periods(document: &Node, problems: &mut Vec<Diagnostic>) {
    let minutes = |key: &str| {
        let node = &document.entry(key)?.node;
        Some((limits::minutes(node.as_text()?)?, node.span))
    };
    let Some((frequency, _)) = minutes("queryFrequency") else {
        return;
    };
    let Some((period, span)) = minutes("queryPeriod") else {
        return;
    };
    let mut warn = |message: &str, help: &str| {
        let problem = Diagnostic::warning(code::SENTINEL_VALUE, span, message);
        problems.push(problem.with_help(help));
    };
    if period < frequency {
        warn(
            "`queryPeriod` is shorter than `queryFrequency`",
            "events between two runs would never be looked at",
        );
    } else if frequency < limits::HOUR && period > 2.0 * limits::DAY {
        warn(
            "a rule that runs more often than hourly looks back at most 2d",
            "lower `queryPeriod`, or raise `queryFrequency`",
        );
    }
}

fn check_mappings(document: &Node, problems: &mut Vec<Diagnostic>) {
    let mut warn = |span: Span, message: String, help: Option<String>| {
        let mut problem = Diagnostic::warning(code::SENTINEL_VALUE, span, message);
        problem.help = help;
        problems.push(problem);
    };
    for mapping in items(document, "entityMappings") {
        let ty = mapping.entry("entityType").map(|entry| &entry.node);
        let Some((ty, name)) = ty.and_then(|node| Some((node, node.as_text()?))) else {
            continue;
        };
        let Some(identifiers) = limits::identifiers(name) else {
            let nearest = did_you_mean(name, limits::entity_types());
            let help = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
            warn(
                ty.span,
                format!("Sentinel has no entity type `{name}`"),
                help,
            );
            continue;
        };
        for field in items(mapping, "fieldMappings") {
            let Some(entry) = field.entry("identifier") else {
                continue;
            };
            let Some(identifier) = entry.node.as_text() else {
                continue;
            };
            if !identifiers.is_empty() && !identifiers.contains(&identifier) {
                let help = match did_you_mean(identifier, identifiers.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("use one of {}", identifiers.join(", ")),
                };
                let message = format!("an entity of type {name} has no identifier `{identifier}`");
                warn(entry.node.span, message, Some(help));
            }
        }
    }
    let details = document.entry("customDetails").map(|entry| &entry.node);
    for entry in details.map_or(&[][..], Node::entries) {
        let starts_well = entry.key.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_word = entry.key.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !starts_well || !is_word || entry.key.len() > limits::DETAIL_KEY_MAX {
            let message = format!("`{}` cannot be the key of a custom detail", entry.key);
            let help = format!(
                "begin with a letter, go on with letters, digits and _, {} at most",
                limits::DETAIL_KEY_MAX
            );
            warn(entry.key_span, message, Some(help));
        }
    }
}

/// The items of a list below a mapping.
fn items<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    match node.entry(key).map(|entry| &entry.node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}
