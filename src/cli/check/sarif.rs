//! Problems as a SARIF 2.1.0 log: the form in which code hosts and editors take what checkers
//! find. See <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path};

use kql::diagnostic::Severity;
use serde_json::{Value, json};

use super::explain::explanations;
use crate::problem::Problem;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The log of one run. Columns count characters, which SARIF calls code points.
pub(super) fn log(problems: &[Problem]) -> Value {
    let explanations = explanations();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rules = Vec::new();
    for (index, explanation) in explanations.iter().enumerate() {
        places.insert(explanation.code, index);
        rules.push(json!({
            "id": explanation.code,
            "shortDescription": {"text": explanation.title},
            "fullDescription": {"text": explanation.text},
            "help": {"text": explanation.to_string()},
        }));
    }
    let results: Vec<Value> = problems
        .iter()
        .map(|problem| result(problem, places.get(problem.diagnostic.code).copied()))
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "huntd",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(problem: &Problem, rule_index: Option<usize>) -> Value {
    let level = match problem.diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let artifact = json!({"uri": uri(&problem.file.path)});
    let mut location = json!({"artifactLocation": artifact});
    if !problem.file.text.is_empty() {
        location["region"] = region(problem);
    }
    let mut result = json!({
        "ruleId": problem.diagnostic.code,
        "level": level,
        "message": {"text": problem.message_with("\n")},
        "locations": [{"physicalLocation": location}],
    });
    if let Some(index) = rule_index {
        result["ruleIndex"] = index.into();
    }
    if let Some(name) = replacement(problem) {
        result["fixes"] = json!([{
            "description": {"text": format!("write `{name}`")},
            "artifactChanges": [{
                "artifactLocation": artifact,
                "replacements": [{
                    "deletedRegion": region(problem),
                    "insertedContent": {"text": name},
                }],
            }],
        }]);
    }
    result
}

fn region(problem: &Problem) -> Value {
    let (start, end) = problem.positions();
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

/// The name that was probably meant by the one at the place, where the help says so.
fn replacement(problem: &Problem) -> Option<&str> {
    let help = problem.diagnostic.help.as_deref()?;
    let (name, _) = help.strip_prefix("did you mean `")?.split_once('`')?;
    let is_word = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || "_-.".contains(c))
    };
    let written = problem.diagnostic.span.text(&problem.file.text);
    (!written.is_empty() && is_word(written) && is_word(name)).then_some(name)
}

/// A path as a reference: relative ones stay so, for those who know where the project is.
fn uri(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(escaped(&part.to_string_lossy())),
            Component::ParentDir => parts.push("..".to_owned()),
            Component::Prefix(prefix) => {
                parts.push(prefix.as_os_str().to_string_lossy().replace('\\', "/"));
            }
            Component::CurDir | Component::RootDir => {}
        }
    }
    let joined = parts.join("/");
    if path.has_root() {
        format!("file:///{joined}")
    } else {
        joined
    }
}

/// Part of a path with everything escaped that has a meaning in references.
fn escaped(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri(Path::new("./a b/ä#1.kql")), "a%20b/%C3%A4%231.kql");
        assert_eq!(uri(Path::new("../x.kql")), "../x.kql");
        assert_eq!(uri(Path::new("/tmp/x.kql")), "file:///tmp/x.kql");
    }
}
