//! Identifiers: names that people give to hunts, sources and actions, and ids that we make. Ids
//! are written as 32 hexadecimal digits everywhere, and also read with hyphens.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a name: use letters, digits, `-`, `_` and `.`, at most 100, starting with a letter or digit"
)]
pub struct InvalidName(pub String);

fn is_name(text: &str) -> bool {
    let first_fits = text
        .chars()
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric());
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    first_fits && text.len() <= 100 && text.chars().all(fits)
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize,
            schemars::JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            /// Checks and wraps a name.
            pub fn new(name: &str) -> Result<Self, InvalidName> {
                if is_name(name) { Ok(Self(name.into())) } else { Err(InvalidName(name.into())) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(name: String) -> Result<Self, InvalidName> {
                Self::new(&name)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.as_str().to_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// Name of a hunt: the stem of its file. It is also a folder of the lake.
    HuntName
}
name! {
    /// Name of a source in the configuration.
    SourceName
}
name! {
    /// Name of an action in the configuration.
    ActionName
}

macro_rules! id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $type(
            #[serde(serialize_with = "uuid::serde::simple::serialize")] pub Uuid,
        );

        impl $type {
            /// A new id; ids sort by the time they were made.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.simple())
            }
        }

        impl std::str::FromStr for $type {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id! {
    /// Id of a run. All attempts for one planned window share it.
    RunId
}
id! {
    /// Id of a finding.
    FindingId
}
id! {
    /// Id of a delivery in the outbox.
    DeliveryId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_alike_everywhere_and_read_in_both_forms() {
        let text = "0198c0de00007000800000000000beef";
        let id: RunId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::to_value(id).unwrap(), text);
        for written in [text, "0198c0de-0000-7000-8000-00000000beef"] {
            let read: RunId = serde_json::from_value(written.into()).unwrap();
            assert_eq!(read, id, "{written}");
            assert_eq!(written.parse::<RunId>().unwrap(), id);
        }
    }

    #[test]
    fn names_fit_paths() {
        for name in ["a", "encoded-powershell", "T1059.001_x", "9"] {
            assert!(HuntName::new(name).is_ok(), "{name}");
        }
        for name in ["", ".a", "-a", "a/b", "a b", "\u{e4}", &"a".repeat(101)] {
            assert!(HuntName::new(name).is_err(), "{name}");
        }
    }
}
