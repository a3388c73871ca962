//! `config/huntd.yaml`, the commented reference of the configuration.

use std::collections::BTreeSet;

use huntd::config::schema;
use huntd::hunt::load;
use huntd::problem::SourceFile;
use serde_json::Value;

use crate::config::{FixedSurroundings, defender_tables, rendered};

const REFERENCE: &str = "config/huntd.yaml";

#[test]
fn it_loads_with_the_hunts_it_names() {
    let file = SourceFile::read(REFERENCE.as_ref()).unwrap();
    let (loaded, problems) = huntd::config::examine(file, &FixedSurroundings);
    assert_eq!(rendered(&problems), "");
    let examined = load::examine(&loaded.unwrap().hunts(), &defender_tables);
    assert_eq!(rendered(&examined.problems), "");
    assert!(examined.set.hunts.len() >= 12);
}

/// Names of all options below a schema.
fn option_names(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties")
                // The kinds of entities are told in one line.
                && !properties.contains_key("registry")
            {
                names.extend(properties.keys().cloned());
            }
            for value in object.values() {
                option_names(value, names);
            }
        }
        Value::Array(items) => {
            for item in items {
                option_names(item, names);
            }
        }
        _ => {}
    }
}

#[test]
fn every_option_occurs_in_it() {
    let schema: Value = serde_json::from_str(&schema::config_schema()).unwrap();
    let mut names = BTreeSet::new();
    option_names(&schema, &mut names);
    assert!(names.len() > 50, "{names:?}");
    // The query is in the hunt's file.
    names.remove("query");
    let text = std::fs::read_to_string(REFERENCE).unwrap();
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| {
            let option = regex::Regex::new(&format!(r"[\s{{]{name}:")).unwrap();
            !option.is_match(&text)
        })
        .collect();
    assert!(missing.is_empty(), "{REFERENCE} lacks {missing:?}");
}

/// What is commented out, too, is as the product takes it: without its `#`, the file loads.
#[test]
fn what_is_commented_out_loads_as_well() {
    let text = std::fs::read_to_string(REFERENCE).unwrap();
    // Sentences begin with a capital letter, options do not, nor do their continuations in
    // brackets.
    let option =
        regex::Regex::new(r"(?m)^(\s*)# ((?:\s*)[a-z][A-Za-z_-]*:(?: .*)?|\s+\S.*)$").unwrap();
    let (_, text) = text
        .split_once('\n')
        .expect("the first line names the schema");
    let whole = option.replace_all(text, "$1$2").into_owned();
    let whole = whole.replace("hunts: {}", "hunts:");
    let file = SourceFile::new(REFERENCE, whole);
    let (loaded, problems) = huntd::config::examine(file, &AnySurroundings);
    assert_eq!(rendered(&problems), "");
    let loaded = loaded.unwrap();
    assert!(loaded.config.actions.len() >= 3);
    assert!(!loaded.config.hunts.is_empty());
    let examined = load::examine(&loaded.hunts(), &defender_tables);
    assert_eq!(rendered(&examined.problems), "");
}

/// Every variable and file is there.
pub(super) struct AnySurroundings;

impl huntd::yaml::Surroundings for AnySurroundings {
    fn variable(&self, name: &str) -> Option<String> {
        Some(match name {
            name if name.ends_with("URL") => "https://chat.example.com/hook".to_owned(),
            name if name.ends_with("TENANT_ID") => "contoso.example".to_owned(),
            name if name.ends_with("CLIENT_ID") => {
                "11111111-2222-4333-8444-555555555555".to_owned()
            }
            _ => "0123".to_owned(),
        })
    }

    fn variable_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn file(&self, _path: &str) -> std::io::Result<String> {
        Ok("a key\n".to_owned())
    }
}
