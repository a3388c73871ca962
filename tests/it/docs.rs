//! The pages for readers. What can be generated from the code is, and must be what the code says:
//! `UPDATE_DOCS=1` writes it anew. Examples are loaded and parsed as the product does.

mod cli;
mod diagnostics;
mod kql_support;
mod lake;
mod metrics;
mod options;
mod reference;
mod snippets;
mod webhook;

use huntd::config::schema;

fn check_generated(path: &str, text: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let folder = std::path::Path::new(path).parent().unwrap();
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == text,
        "{path} is stale; run the tests with UPDATE_DOCS=1"
    );
}

/// The same for a part of a page, between two comments that name it. A page has one such part.
fn check_generated_part(path: &str, name: &str, text: &str) {
    let page = std::fs::read_to_string(path).unwrap();
    let begin = format!("<!-- generated: {name} -->\n");
    let end = format!("<!-- end of {name} -->");
    let (before, rest) = page.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    let whole = format!("{before}{begin}\n{text}\n\n{end}{after}");
    check_generated(path, &whole);
}

/// The code blocks of a page in one language.
fn code_blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let Some((block, next)) = after.split_once("\n```") else {
            break;
        };
        let (word, text) = block.split_once('\n').unwrap_or((block, ""));
        if word == language {
            blocks.push(format!("{text}\n"));
        }
        rest = next;
    }
    blocks
}

#[test]
fn the_schemas_are_those_of_the_types() {
    check_generated("config/schema.json", &schema::config_schema());
    check_generated("config/hunt-schema.json", &schema::hunt_schema());
}
