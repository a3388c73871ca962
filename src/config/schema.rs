//! JSON Schemas of the configuration and of hunts, for editors. They are generated from the types;
//! the files in `config/` are kept true by a test.

use super::Config;
use crate::hunt::header::Header;

/// The schema of the configuration file, as text.
pub fn config_schema() -> String {
    pretty(&schemars::schema_for!(Config))
}

/// The schema of a hunt's settings, as text.
pub fn hunt_schema() -> String {
    pretty(&schemars::schema_for!(Header))
}

fn pretty(schema: &schemars::Schema) -> String {
    let mut text = serde_json::to_string_pretty(schema).expect("a schema is JSON");
    text.push('\n');
    text
}
