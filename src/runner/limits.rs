//! How much is run at a time.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;

use crate::duration::DurationText;

/// Limits of the runner.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunnerConfig {
    /// Most runs at the same time. Default: 4.
    pub concurrency: NonZeroUsize,
    /// Most runs at the same time on one source. Default: 4.
    pub per_source: NonZeroUsize,
    /// How long runs under way may take to finish when huntd is stopped; what is not done by then
    /// begins again at the next start. Default: 30s.
    pub shutdown: DurationText,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        let four = const { NonZeroUsize::new(4).unwrap() };
        Self {
            concurrency: four,
            per_source: four,
            shutdown: DurationText(Duration::from_secs(30)),
        }
    }
}
