//! Loads the configuration and its hunts for subcommands that tell about them.

use std::path::Path;
use std::sync::Arc;

use super::terminal::print_note;
use crate::config::problem::Problems;
use crate::config::{self, Loaded};
use crate::hunt::build::SharedCatalog;
use crate::hunt::{Hunt, HuntSet};
use crate::id::SourceName;
use crate::source::schema;

/// How a subcommand prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Loads the configuration and all its hunts, or tells everything that is wrong.
pub(super) fn load(path: &Path) -> Result<(Loaded, HuntSet), Problems> {
    let loaded = config::load(path)?;
    let hunts = HuntSet::load(&loaded, &catalogs(&loaded))?;
    Ok((loaded, hunts))
}

/// The tables of the configuration's sources.
pub(super) fn catalogs(loaded: &Loaded) -> impl Fn(&SourceName) -> Option<SharedCatalog> + use<> {
    let catalogs = schema::catalogs(&loaded.config.sources);
    move |name| catalogs.get(name).cloned()
}

/// The hunts of these names, or all. Tells names that are unknown; then there are none.
pub(super) fn select(set: &HuntSet, names: &[String]) -> Option<Vec<Arc<Hunt>>> {
    if names.is_empty() {
        return Some(set.hunts.values().cloned().collect());
    }
    let mut selected = Vec::new();
    let mut all_known = true;
    for name in names {
        if let Some(hunt) = set.get(name) {
            selected.push(Arc::clone(hunt));
            continue;
        }
        all_known = false;
        let hint = match set.nearest(name) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`huntd list` shows them".to_owned(),
        };
        print_note(&format!("error: unknown hunt `{name}`; {hint}"));
    }
    all_known.then_some(selected)
}
