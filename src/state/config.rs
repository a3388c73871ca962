//! Where state is kept, as the configuration says it: `sqlite:PATH`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateConfig {
    /// A SQLite database.
    Sqlite {
        /// Its file; made when it does not exist.
        path: PathBuf,
    },
}

impl FromStr for StateConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, path) = text.split_once(':').unwrap_or(("", text));
        match kind {
            "sqlite" if path.is_empty() => Err("`sqlite:` needs a path, such as \
                `sqlite:data/state.db`"
                .into()),
            "sqlite" => Ok(Self::Sqlite { path: path.into() }),
            "postgres" | "postgresql" => {
                Err("state in PostgreSQL is not supported yet; use `sqlite:PATH`".into())
            }
            _ => Err(format!(
                "`{text}` names no kind of state; write `sqlite:PATH`"
            )),
        }
    }
}

impl fmt::Display for StateConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
        }
    }
}

impl Default for StateConfig {
    fn default() -> Self {
        Self::Sqlite {
            path: "data/state.db".into(),
        }
    }
}

impl TryFrom<String> for StateConfig {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl<'de> serde::Deserialize<'de> for StateConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for StateConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "State".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Where state is kept: sqlite:PATH.",
            "pattern": "^sqlite:.+$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_and_a_path_are_told_apart() {
        let parsed: StateConfig = "sqlite:data/state.db".parse().unwrap();
        assert_eq!(parsed, StateConfig::default());
        assert_eq!(parsed.to_string(), "sqlite:data/state.db");
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for text in ["sqlite:", "data/state.db", "postgres://localhost/huntd", ""] {
            let error = text.parse::<StateConfig>().unwrap_err();
            assert!(error.contains("sqlite:"), "{text}: {error}");
        }
    }
}
