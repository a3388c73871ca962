//! Files that are generated from the code, and must be what the code says.
//! `UPDATE_DOCS=1` writes them anew.

mod kql_support;

use huntd::config::problem::SourceFile;
use huntd::config::schema;

use crate::config::{FixedSurroundings, rendered};

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

#[test]
fn the_schemas_are_those_of_the_types() {
    check_generated("config/schema.json", &schema::config_schema());
    check_generated("config/hunt-schema.json", &schema::hunt_schema());
}

#[test]
fn the_reference_configuration_loads() {
    let file = SourceFile::read("config/huntd.yaml".as_ref()).unwrap();
    let (_, problems) = huntd::config::examine(file, &FixedSurroundings);
    assert_eq!(rendered(&problems), "");
}
