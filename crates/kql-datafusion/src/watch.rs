//! Whether anybody still waits for a query. Code that works on a batch for long asks its
//! [`Watch`] on the way, which reaches it through the session's options; the query's stream
//! tells it when it is dropped.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};

/// What a query's code knows of whoever waits for it. Copies are of the same query.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    is_over: Arc<AtomicBool>,
    memory_bytes: usize,
}

impl Watch {
    /// Of a query that may use this much memory.
    pub(crate) fn new(memory_bytes: usize) -> Self {
        Self {
            is_over: Arc::default(),
            memory_bytes,
        }
    }

    /// The watch of the query that these options are of.
    pub(crate) fn of(options: &ConfigOptions) -> Option<&Self> {
        options.extensions.get::<Self>()
    }

    /// Whether nobody waits any more.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// An error if nobody waits any more.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_over() {
            let message = "the query was cancelled".to_owned();
            return Err(DataFusionError::Execution(message));
        }
        Ok(())
    }

    /// An error if so many bytes are more than the query may use at all.
    pub(crate) fn check_size(&self, bytes: usize, what: &str) -> Result<()> {
        if bytes > self.memory_bytes {
            let message = format!("{what} takes {bytes} bytes and more");
            return Err(DataFusionError::ResourcesExhausted(message));
        }
        Ok(())
    }

    /// What ends the watch when it is dropped.
    pub(crate) fn end_on_drop(&self) -> WatchEnd {
        WatchEnd(Arc::clone(&self.is_over))
    }
}

/// Ends a watch when it is dropped.
#[derive(Debug)]
pub(crate) struct WatchEnd(Arc<AtomicBool>);

impl Drop for WatchEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl ConfigExtension for Watch {
    const PREFIX: &'static str = "kql_watch";
}

/// There is nothing to set or to list.
impl ExtensionOptions for Watch {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _: &str) -> Result<()> {
        Err(DataFusionError::Configuration(format!("no option `{key}`")))
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}
