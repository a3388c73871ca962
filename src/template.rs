//! Texts with placeholders, in minijinja: titles of findings, subjects of mails, bodies of
//! webhooks. An unknown name is an error and never an empty text. What a template may refer to is
//! its user's business; the known names are passed in.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

/// Why a template is wrong, or why it could not be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the template: {reason}")]
pub struct TemplateError {
    /// Line of the template's text, from one.
    pub line: usize,
    /// What is wrong and, where known, what to do.
    pub reason: String,
}

/// How values are written into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As they are.
    Plain,
    /// With `<`, `>`, `&` and quotes escaped.
    Html,
    /// As JSON values: `{"text": {{ title }}}` needs no quotes of its own.
    Json,
}

/// A template whose syntax and names are right.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    escape: Escape,
}

impl Template {
    /// Parses a text. Names that it reads must be among `names`.
    pub fn parse(text: &str, escape: Escape, names: &[&str]) -> Result<Self, TemplateError> {
        let environment = environment(escape);
        let template = environment
            .template_from_str(text)
            .map_err(|error| template_error(&error))?;
        let mut unknown: Vec<String> = template
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| !names.contains(&name.as_str()) && !is_global(&environment, name))
            .collect();
        unknown.sort();
        if let Some(name) = unknown.first() {
            return Err(TemplateError {
                line: line_of(text, name),
                reason: unknown_name(name, names),
            });
        }
        Ok(Self {
            text: text.to_owned(),
            escape,
        })
    }

    /// Fills it in.
    pub fn render(&self, values: &impl Serialize) -> Result<String, TemplateError> {
        environment(self.escape)
            .render_str(&self.text, Serde(values))
            .map_err(|error| template_error(&error))
    }
}

/// Checks a plain template without keeping it.
pub fn check(text: &str, names: &[&str]) -> Result<(), TemplateError> {
    Template::parse(text, Escape::Plain, names).map(|_| ())
}

/// The columns of a finding's row that a template reads. One that asks whether something is defined
/// may do without any.
pub fn row_columns(text: &str) -> Vec<String> {
    let environment = environment(Escape::Plain);
    let Ok(template) = environment.template_from_str(text) else {
        return Vec::new();
    };
    if text.contains("defined") || text.contains("default") {
        return Vec::new();
    }
    let mut columns: Vec<String> = template
        .undeclared_variables(true)
        .into_iter()
        .filter_map(|name| {
            let path = name.strip_prefix("row.")?;
            Some(path.split('.').next()?.to_owned())
        })
        .collect();
    columns.sort();
    columns.dedup();
    columns
}

fn environment(escape: Escape) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.expect("the standard delimiters do not clash"));
    environment.set_auto_escape_callback(move |_| match escape {
        Escape::Plain => AutoEscape::None,
        Escape::Html => AutoEscape::Html,
        Escape::Json => AutoEscape::Json,
    });
    environment
}

fn is_global(environment: &Environment<'_>, name: &str) -> bool {
    environment.globals().any(|(global, _)| global == name)
}

fn unknown_name(name: &str, names: &[&str]) -> String {
    let nearest = names
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len().div_ceil(3));
    match nearest {
        Some((_, known)) => format!("`{name}` is not known here; did you mean `{known}`?"),
        None => format!("`{name}` is not known here; known are {}", names.join(", ")),
    }
}

/// The first line that has the name as a word.
fn line_of(text: &str, name: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.lines()
        .position(|line| line.split(|c| !is_word(c)).any(|word| word == name))
        .map_or(1, |index| index + 1)
}

fn template_error(error: &minijinja::Error) -> TemplateError {
    let reason = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateError {
        line: error.line().unwrap_or(1),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fills_in_values() {
        let template = Template::parse("{{ title }} on {{ row.Device }}", Escape::Plain, NAMES);
        let text = template
            .unwrap()
            .render(&json!({"title": "<Odd>", "row": {"Device": "pc-1"}}));
        assert_eq!(text.unwrap(), "<Odd> on pc-1");
    }

    #[test]
    fn escapes_for_its_place() {
        let values = json!({"title": "\"<b>\"", "row": {}});
        let html = Template::parse("{{ title }}", Escape::Html, NAMES).unwrap();
        assert_eq!(html.render(&values).unwrap(), "&quot;&lt;b&gt;&quot;");
        let json = Template::parse("{\"t\": {{ title }}}", Escape::Json, NAMES).unwrap();
        let rendered: serde_json::Value =
            serde_json::from_str(&json.render(&values).unwrap()).unwrap();
        assert_eq!(rendered, json!({"t": "\"<b>\""}));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let message = |text| check(text, NAMES).unwrap_err().to_string();
        assert_eq!(
            message("a\n{{ tilte }}"),
            "line 2 of the template: `tilte` is not known here; did you mean `title`?"
        );
        assert_eq!(
            message("{{ finding }}"),
            "line 1 of the template: `finding` is not known here; known are title, row"
        );
        assert!(message("{{ title").starts_with("line 1 of the template: syntax error"));
        assert!(check("{% for i in range(3) %}{{ i }}{% endfor %}", NAMES).is_ok());
    }

    #[test]
    fn a_missing_field_is_an_error() {
        let template = Template::parse("{{ row.Device }}", Escape::Plain, NAMES).unwrap();
        let error = template.render(&json!({"row": {}})).unwrap_err();
        assert!(error.reason.starts_with("undefined value"), "{error}");
    }

    const NAMES: &[&str] = &["title", "row"];
}
