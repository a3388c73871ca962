//! What one attempt does, as the runner sees it.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::finding::Finding;
use crate::hunt::Hunt;
use crate::run::RunRequest;
use crate::source::QueryStats;

/// Executes attempts.
#[async_trait]
pub trait Executor: Debug + Send + Sync {
    /// Runs the hunt over the request's window and keeps the result. Repeating it writes to the
    /// same place. Dropping the future cancels it and leaves nothing that can be seen. What the
    /// source tells is in `stats`, also where the attempt fails or is cancelled.
    async fn execute(
        &self,
        hunt: &Arc<Hunt>,
        request: &RunRequest,
        stats: &Arc<QueryStats>,
    ) -> Result<Executed, ExecutionError>;

    /// Removes what the run superseded. Called once it is recorded.
    async fn tidy(&self, request: &RunRequest, file: Option<&str>) -> Result<(), ExecutionError>;
}

/// What an attempt came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Executed {
    /// Rows of the result.
    pub rows: u64,
    /// Bytes of its file.
    pub bytes: u64,
    /// Path of its file in the lake; none for an empty result.
    pub file: Option<String>,
    /// Malformed lines or files that were skipped, as configured.
    pub skipped_inputs: u64,
    /// What was found, in the order to be told.
    pub findings: Vec<Finding>,
    /// Why rows are missing, where the source cut the result.
    pub missing: Option<String>,
}

/// Why an attempt failed: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ExecutionError(pub String);

impl ExecutionError {
    /// In words.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
