//! Opens the state for subcommands that look at it.

use crate::state::config::StateConfig;
use crate::state::sqlite::SqliteStore;

/// The state, if there is one already: looking at it does not make it.
pub(super) async fn open_existing(config: &StateConfig) -> anyhow::Result<Option<SqliteStore>> {
    let StateConfig::Sqlite { path } = config;
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(SqliteStore::open(path).await?))
}
