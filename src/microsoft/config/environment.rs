//! The environment variables that hosts of huntd set for identities. Handed around as a function,
//! so that tests need none of the process's own.

use std::fmt;
use std::sync::Arc;

type LookUp = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Looks an environment variable up.
#[derive(Clone)]
pub struct Environment(Arc<LookUp>);

impl Environment {
    /// An environment that `look_up` answers for.
    pub fn new(look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(…)")
    }
}

/// The process's own environment.
pub fn process_environment() -> Environment {
    Environment::new(|name| std::env::var(name).ok())
}
