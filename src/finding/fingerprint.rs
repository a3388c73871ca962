//! The stable hash that says "the same finding".

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::HuntName;

/// SHA-256 over the hunt's name and the key values, as lowercase hex.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a hunt's finding with these key columns and values. Every part is
    /// preceded by its length, so that no two different keys read the same.
    pub fn of(hunt: &HuntName, key: &BTreeMap<String, String>) -> Self {
        let mut hasher = Sha256::new();
        let mut part = |text: &str| {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        part("huntd-fingerprint-1");
        part(hunt.as_str());
        for (column, value) in key {
            part(column);
            part(value);
        }
        let mut hex = String::with_capacity(64);
        for byte in hasher.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Self(hex)
    }

    /// A fingerprint read back from state.
    pub fn from_stored(hex: String) -> Self {
        Self(hex)
    }

    /// As lowercase hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hunt: &str, key: &[(&str, &str)]) -> Fingerprint {
        let key = key
            .iter()
            .map(|(column, value)| ((*column).into(), (*value).into()));
        Fingerprint::of(&HuntName::new(hunt).unwrap(), &key.collect())
    }

    #[test]
    fn it_tells_hunts_columns_and_values_apart() {
        let first = of("h", &[("a", "1"), ("b", "2")]);
        assert_eq!(first, of("h", &[("b", "2"), ("a", "1")]));
        assert_ne!(first, of("g", &[("a", "1"), ("b", "2")]));
        assert_ne!(first, of("h", &[("a", "1"), ("c", "2")]));
        assert_ne!(first, of("h", &[("a", "12"), ("b", "")]));
        assert_ne!(of("h", &[("a", "1")]), of("h", &[("a1", "")]));
    }
}
