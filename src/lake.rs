//! The area in which results are kept as Parquet, one file a window.
//!
//! `layout` says where a result lies, `parquet` what is in its file, `store` writes it aside and
//! makes it visible whole.

pub mod config;
pub mod layout;
mod parquet;
mod store;

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use kql::types::Schema;
use object_store::ObjectStore;

use crate::id::{HuntName, RunId};
use crate::window::Window;

pub use config::LakeConfig;
pub use parquet::FILE_VERSION;
pub use store::ParquetLake;

/// Opens the lake of a configuration; its folder is created.
pub fn build(config: &LakeConfig) -> Result<Arc<dyn Lake>, LakeError> {
    Ok(Arc::new(ParquetLake::open(config)?))
}

/// Keeps results.
#[async_trait]
pub trait Lake: Debug + Send + Sync {
    /// Streams a result into the lake: written aside and made visible whole, or not at all.
    /// An empty result makes no file.
    async fn write(
        &self,
        target: &WriteTarget,
        schema: &Schema,
        batches: SendableRecordBatchStream,
    ) -> Result<Commit, LakeError>;

    /// Removes every other file of the same hunt and window, and what a killed attempt left
    /// aside. Called once the run that wrote `keep` is recorded.
    async fn remove_superseded(
        &self,
        target: &WriteTarget,
        keep: Option<&str>,
    ) -> Result<(), LakeError>;

    /// Where a committed file lies on this machine.
    fn path_of(&self, file: &str) -> PathBuf;

    /// The lake's files, by their paths in it, for those that only read.
    fn files(&self) -> Arc<dyn ObjectStore>;
}

/// Which file a result becomes: `<hunt>/date=YYYY-MM-DD/<window>-<run>.parquet`, by the day on
/// which the window starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteTarget {
    /// Folder.
    pub hunt: HuntName,
    /// Partition and first part of the name.
    pub window: Window,
    /// Last part of the name.
    pub run: RunId,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Path relative to the lake's root; none for an empty result.
    pub file: Option<String>,
    /// Rows written.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Why a result was not written. Nothing of it is visible then.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The stream failed before its end: the source's error.
    #[error("{}", cause(.0))]
    Input(datafusion::error::DataFusionError),
    /// The store refused: disk full, no permission, …
    #[error("cannot write {path}: {reason}")]
    Store {
        /// What was written.
        path: String,
        /// Why not, and what to do.
        reason: String,
    },
}

/// What a source put into its stream, without DataFusion's wrapping.
fn cause(error: &datafusion::error::DataFusionError) -> String {
    match error {
        datafusion::error::DataFusionError::External(source) => source.to_string(),
        other => other.strip_backtrace(),
    }
}
