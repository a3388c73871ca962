//! Keeps what was compiled for a constant argument across the batches of a query: regular
//! expressions, term matchers, sets.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::Result;

/// The last value built, with the key it was built for.
pub(super) struct Cached<K, V> {
    last: Mutex<Option<(K, Arc<V>)>>,
}

impl<K: PartialEq, V> Cached<K, V> {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self {
            last: Mutex::new(None),
        }
    }

    /// The value of `key`, built unless it is the last one.
    pub(super) fn get(&self, key: K, build: impl FnOnce(&K) -> Result<V>) -> Result<Arc<V>> {
        // A panic while building leaves the previous entry, which is still right.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((held, value)) = &*last
            && *held == key
        {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(build(&key)?);
        *last = Some((key, Arc::clone(&value)));
        Ok(value)
    }
}
