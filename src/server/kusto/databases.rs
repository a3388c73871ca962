//! The databases that clients see: sources by name.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::error::ApiError;
use crate::source::Source;

/// The name that clients send where none was configured.
pub const DEFAULT_NAME: &str = "NetDefaultDB";

/// Databases by name, replaced as a whole.
#[derive(Debug)]
pub struct Databases(RwLock<Arc<Set>>);

/// Databases at one moment.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// By name.
    pub sources: BTreeMap<String, Arc<dyn Source>>,
    /// The one that a request means which names none.
    pub default: Option<String>,
    /// Whether a name that is unknown means the default, too.
    pub any_name: bool,
}

impl Databases {
    /// These.
    pub fn new(set: Set) -> Self {
        Self(RwLock::new(Arc::new(set)))
    }

    /// From now on those. Queries under way go on.
    pub fn replace(&self, set: Set) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }

    /// Those of this moment.
    pub(super) fn now(&self) -> Arc<Set> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Set {
    /// A single database, which is meant whatever name a request has for it.
    pub fn single(name: impl Into<String>, source: Arc<dyn Source>, any_name: bool) -> Self {
        let name = name.into();
        Self {
            sources: BTreeMap::from([(name.clone(), source)]),
            default: Some(name),
            any_name,
        }
    }

    /// The database that a request names, and its name here.
    pub(super) fn find(&self, name: Option<&str>) -> Result<(&str, &Arc<dyn Source>), ApiError> {
        let wanted = name.filter(|name| !name.is_empty());
        let found = wanted.and_then(|wanted| {
            let exact = self.sources.get_key_value(wanted);
            exact.or_else(|| {
                self.sources
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            })
        });
        let means_default =
            self.any_name || wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(DEFAULT_NAME));
        let default = || {
            let name = self.default.as_ref().filter(|_| means_default)?;
            self.sources.get_key_value(name)
        };
        match found.or_else(default) {
            Some((name, source)) => Ok((name, source)),
            None => Err(ApiError::no_such_database(
                wanted.unwrap_or_default(),
                self.sources.keys(),
            )),
        }
    }
}
