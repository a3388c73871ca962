//! The tables of options in the pages about the configuration and about hunt files, from the JSON
//! Schemas.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use huntd::config::schema;
use serde_json::{Map, Value};

use super::check_generated_part;

/// A schema and what its references lead to.
struct Options<'s> {
    root: &'s Value,
    text: String,
    /// Paths and forms that have their table.
    told: BTreeSet<(String, String)>,
}

/// Options that stand together.
struct Section<'s> {
    /// Where they stand, such as `sources.<name>`.
    path: String,
    /// Which of several forms this is: an option and its value.
    form: String,
    about: String,
    schema: &'s Value,
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

fn text_at<'s>(schema: &'s Value, key: &str) -> &'s str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn object_at<'s>(schema: &'s Value, key: &str) -> Option<&'s Map<String, Value>> {
    schema.get(key).and_then(Value::as_object)
}

impl<'s> Options<'s> {
    /// What a schema is, behind references and alternatives to null.
    fn resolve(&self, schema: &'s Value) -> &'s Value {
        if let Some(path) = schema.get("$ref").and_then(Value::as_str)
            && schema.get("properties").is_none()
        {
            return self.resolve(self.root.pointer(path.trim_start_matches('#')).unwrap());
        }
        let is_null = |schema: &Value| schema.get("type").is_some_and(|ty| ty == "null");
        match schema.get("anyOf").and_then(Value::as_array) {
            Some(forms) if forms.iter().any(is_null) => {
                self.resolve(forms.iter().find(|form| !is_null(form)).unwrap())
            }
            _ => schema,
        }
    }

    /// What may be written, in a few words.
    fn type_of(&self, schema: &'s Value) -> String {
        let schema = self.resolve(schema);
        if let Some(forms) = alternatives(schema) {
            let words: Vec<String> = forms
                .iter()
                .filter_map(|form| form.get("const")?.as_str())
                .map(|word| format!("`{word}`"))
                .collect();
            if !words.is_empty() {
                return words.join(", ");
            }
            let mut forms: Vec<String> = forms.iter().map(|form| self.type_of(form)).collect();
            forms.dedup();
            return forms.join(" or ");
        }
        match text_at(schema, "format") {
            "duration-text" => return "duration".to_owned(),
            "secret" => return "reference".to_owned(),
            _ => {}
        }
        let ty = match schema.get("type") {
            Some(Value::Array(types)) => types.iter().find(|ty| *ty != "null").unwrap(),
            Some(ty) => ty,
            None => return String::new(),
        };
        match ty.as_str().unwrap_or_default() {
            "array" => {
                let items = schema.get("items").map(|items| self.type_of(items));
                format!("list of {}", items.unwrap_or_default())
            }
            "object" => "mapping".to_owned(),
            "integer" => "number".to_owned(),
            "boolean" => "`true`, `false`".to_owned(),
            "string" => "text".to_owned(),
            other => other.to_owned(),
        }
    }

    /// Writes a table of options, then the sections below them.
    fn section(&mut self, section: &Section<'s>, level: usize) {
        let properties: Vec<(&'s String, &'s Value)> = object_at(section.schema, "properties")
            .into_iter()
            .flatten()
            .collect();
        let required: Vec<&str> = section
            .schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let marks = "#".repeat(level);
        if !section.path.is_empty() {
            write!(
                self.text,
                "\n{marks} `{}`{}\n\n",
                section.path, section.form
            )
            .unwrap();
        }
        if !section.about.is_empty() {
            writeln!(self.text, "{}\n", section.about).unwrap();
        }
        self.text
            .push_str("| option | takes | what |\n|---|---|---|\n");
        let mut below = Vec::new();
        for (name, schema) in properties {
            if let Some(word) = schema.get("const").and_then(Value::as_str) {
                let line = format!("| `{name}` | `{word}` | This kind. |");
                writeln!(self.text, "{line}").unwrap();
                continue;
            }
            let resolved = self.resolve(schema);
            let mut what = one_line(text_at(schema, "description"));
            if what.is_empty() {
                what = one_line(text_at(resolved, "description"));
            }
            for form in alternatives(resolved).into_iter().flatten() {
                if let Some(word) = form.get("const").and_then(Value::as_str) {
                    let about = one_line(text_at(form, "description"));
                    write!(what, "<br>`{word}`: {about}").unwrap();
                }
            }
            if required.contains(&name.as_str()) {
                what.push_str(" **Needed.**");
            }
            writeln!(
                self.text,
                "| `{name}` | {} | {what} |",
                self.type_of(schema)
            )
            .unwrap();
            let path = match section.path.as_str() {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            below.extend(self.sections_below(&path, resolved));
        }
        for section in below {
            // Settings of hunts have a page of their own, and what several kinds have in common
            // is told once.
            let name = (section.path.clone(), section.form.clone());
            if section.path != "hunts.<name>" && self.told.insert(name) {
                self.section(&section, level);
            }
        }
    }

    fn sections_below(&self, path: &str, schema: &'s Value) -> Vec<Section<'s>> {
        let schema = self.resolve(schema);
        let has_own = |schema: &Value| {
            object_at(schema, "properties").is_some_and(|properties| {
                // The kinds of entities are one option, told in its text.
                !properties.contains_key("registry")
            })
        };
        if has_own(schema) {
            return vec![Section {
                path: path.to_owned(),
                form: String::new(),
                about: String::new(),
                schema,
            }];
        }
        if let Some(forms) = alternatives(schema) {
            let forms = forms.iter().filter(|form| has_own(self.resolve(form)));
            return forms
                .map(|form| {
                    let resolved = self.resolve(form);
                    let kind = resolved
                        .pointer("/properties/kind/const")
                        .and_then(Value::as_str);
                    let first = object_at(resolved, "properties")
                        .and_then(|properties| properties.keys().next());
                    Section {
                        path: path.to_owned(),
                        form: match (kind, first) {
                            (Some(kind), _) => format!(" with `kind: {kind}`"),
                            (None, Some(first)) => format!(" with `{first}`"),
                            (None, None) => String::new(),
                        },
                        about: one_line(text_at(form, "description")),
                        schema: resolved,
                    }
                })
                .collect();
        }
        match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) => {
                self.sections_below(&format!("{path}.<name>"), values)
            }
            _ => Vec::new(),
        }
    }
}

fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema
        .get("oneOf")
        .or_else(|| schema.get("anyOf"))
        .and_then(Value::as_array)
}

fn tables(schema: &str) -> String {
    let root: Value = serde_json::from_str(schema).unwrap();
    let mut options = Options {
        root: &root,
        text: String::new(),
        told: BTreeSet::new(),
    };
    let whole = Section {
        path: String::new(),
        form: String::new(),
        about: String::new(),
        schema: &root,
    };
    options.section(&whole, 3);
    options.text.trim().to_owned()
}

#[test]
fn the_options_of_the_configuration_are_those_of_the_schema() {
    let tables = tables(&schema::config_schema());
    check_generated_part("docs/reference/config.md", "options", &tables);
}

#[test]
fn the_options_of_hunts_are_those_of_the_schema() {
    let tables = tables(&schema::hunt_schema());
    check_generated_part("docs/reference/hunt-file.md", "options", &tables);
}
