//! What one query may use. Every limit that stops a query is an error that names the limit and
//! how to raise it; nothing is cut silently.

use std::path::PathBuf;

/// Limits of one query, and how it is spread over the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most memory that sorts, joins, aggregates and cached subqueries may hold, in bytes. Those
    /// that can spill to disk do so before they fail.
    pub memory_bytes: usize,
    /// Most rows a query may return.
    pub rows: Option<u64>,
    /// Longest time a query may run, in seconds.
    pub seconds: Option<u64>,
    /// Rows in a batch.
    pub batch_size: usize,
    /// Partitions that run in parallel.
    pub target_partitions: usize,
    /// Folder for spilled data; the system's folder for temporary files if not given.
    pub spill_dir: Option<PathBuf>,
    /// Most disk space that spilled data may take, in bytes.
    pub spill_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            rows: None,
            seconds: None,
            batch_size: 8192,
            target_partitions: std::thread::available_parallelism().map_or(1, usize::from),
            spill_dir: None,
            spill_bytes: 20 << 30,
        }
    }
}
