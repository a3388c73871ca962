//! References in values: `${env:NAME}` is an environment variable, `${file:/path}` the text of a
//! file without its last line end. Whatever is resolved is never part of a message.

use kql::diagnostic::{Diagnostic, did_you_mean};

use super::node::{Node, Value};
use crate::problem::code;

/// What references may ask for.
pub trait Surroundings {
    /// The value of an environment variable.
    fn variable(&self, name: &str) -> Option<String>;

    /// Names of the environment variables, for "did you mean".
    fn variable_names(&self) -> Vec<String>;

    /// The text of a file.
    fn file(&self, path: &str) -> std::io::Result<String>;
}

/// The environment and the files of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessSurroundings;

impl Surroundings for ProcessSurroundings {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn variable_names(&self) -> Vec<String> {
        std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .collect()
    }

    fn file(&self, path: &str) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// Replaces the references in all texts below `node` and tells those that cannot be resolved,
/// which are left as they are.
pub(super) fn resolve(node: &mut Node, surroundings: &dyn Surroundings) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    walk(node, surroundings, &mut problems);
    problems
}

fn walk(node: &mut Node, surroundings: &dyn Surroundings, problems: &mut Vec<Diagnostic>) {
    match &mut node.value {
        Value::List(items) => {
            for item in items {
                walk(item, surroundings, problems);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                walk(&mut entry.node, surroundings, problems);
            }
        }
        Value::Text(text) if text.contains("${") => {
            let is_reference = is_one_reference(text);
            match replace(text, surroundings) {
                Ok(resolved) => {
                    *text = resolved;
                    node.is_reference = is_reference;
                }
                Err(failure) => {
                    let mut problem = Diagnostic::error(failure.code, node.span, failure.message);
                    problem.help = failure.help;
                    problems.push(problem);
                    // What it would have been is not known; it is not a literal secret.
                    node.is_reference = is_reference;
                }
            }
        }
        _ => {}
    }
}

/// Whether a text is one reference and nothing else.
fn is_one_reference(text: &str) -> bool {
    text.starts_with("${") && text.find('}') == Some(text.len() - 1)
}

struct Failure {
    code: &'static str,
    message: String,
    help: Option<String>,
}

fn replace(text: &str, surroundings: &dyn Surroundings) -> Result<String, Failure> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once("${") {
        out.push_str(before);
        let Some((reference, after)) = tail.split_once('}') else {
            return Err(Failure {
                code: code::INVALID_VALUE,
                message: "`${` without its `}`".to_owned(),
                help: Some("write ${env:NAME} or ${file:/path}".to_owned()),
            });
        };
        out.push_str(&look_up(reference, surroundings)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn look_up(reference: &str, surroundings: &dyn Surroundings) -> Result<String, Failure> {
    match reference.split_once(':') {
        Some(("env", name)) => surroundings.variable(name).ok_or_else(|| {
            let names = surroundings.variable_names();
            let nearest = did_you_mean(name, names.iter().map(String::as_str));
            Failure {
                code: code::UNRESOLVED,
                message: format!("the environment variable `{name}` is not set"),
                help: Some(match nearest {
                    Some(nearest) => format!("set it, or did you mean `{nearest}`?"),
                    None => "set it before huntd starts".to_owned(),
                }),
            }
        }),
        Some(("file", path)) => match surroundings.file(path) {
            Ok(text) => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
            }
            Err(error) => Err(Failure {
                code: code::UNRESOLVED,
                message: format!("cannot read the file `{path}`: {error}"),
                help: Some("check the path and who may read it".to_owned()),
            }),
        },
        _ => Err(Failure {
            code: code::INVALID_VALUE,
            message: format!("`${{{reference}}}` is no reference"),
            help: Some("write ${env:NAME} or ${file:/path}".to_owned()),
        }),
    }
}
