//! `treepath`: the paths that lead somewhere in a dynamic value, all elements of an array under
//! one index.

use std::collections::HashSet;

use kql::types::ScalarType;

use super::json;
use super::udf::{Evaluate, code};

/// Deepest level that is looked into.
const DEPTH_MAX: usize = 256;

/// `treepath` by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    (name == "treepath").then(|| {
        code(|arguments| {
            let values = arguments.raw(0)?;
            arguments.optional_strings(|row, out| {
                let mut paths = Paths::default();
                paths.below(values.get(row)?, &mut String::new(), 0);
                json::write_array(paths.json.iter().map(String::as_str), out);
                Some(())
            })
        })
    })
}

/// Paths in the order they were met.
#[derive(Default)]
struct Paths {
    json: Vec<String>,
    seen: HashSet<String>,
}

impl Paths {
    /// Notes the paths below a value that has the path `path`.
    fn below(&mut self, value: &str, path: &mut String, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let length = path.len();
        for (key, value) in json::entries(value).into_iter().flatten() {
            path.push_str("['");
            path.push_str(&json::unescape(key));
            path.push_str("']");
            self.note(value, path, depth);
            path.truncate(length);
        }
        for element in json::elements(value).into_iter().flatten() {
            path.push_str("[0]");
            self.note(element, path, depth);
            path.truncate(length);
        }
    }

    fn note(&mut self, value: &str, path: &mut String, depth: usize) {
        if self.seen.insert(path.clone()) {
            let mut json = String::new();
            json::write_string(path, &mut json);
            self.json.push(json);
        }
        self.below(value, path, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dynamic, eval};
    use super::*;

    #[test]
    fn examples_of_the_reference() {
        for (value, expected) in [
            (r#"{"a":"b","c":123}"#, r#"["['a']","['c']"]"#),
            (
                r#"{"prop1":[1,2,3,4],"prop2":"value2"}"#,
                r#"["['prop1']","['prop1'][0]","['prop2']"]"#,
            ),
            (
                r#"{"listProperty":[100,200,300,"abcde",{"x":"y"}]}"#,
                r#"["['listProperty']","['listProperty'][0]","['listProperty'][0]['x']"]"#,
            ),
            ("1", "[]"),
            ("null", "null"),
        ] {
            let actual = eval("treepath", ScalarType::Dynamic, &[dynamic(value)]);
            assert_eq!(actual, expected, "{value}");
        }
    }
}
