//! Loads the configuration and its hunts for subcommands that tell about them.

use std::path::Path;
use std::sync::Arc;

use super::terminal::print_note;
use crate::config::{self, Loaded};
use crate::hunt::{Hunt, HuntSet};
use crate::problem::Problems;
use crate::source::schema::KnownTables;

/// Loads the configuration and all its hunts, or tells everything that is wrong.
pub(super) fn load(path: &Path) -> Result<(Loaded, HuntSet), Problems> {
    let loaded = config::load(path)?;
    let known = known_tables(&loaded);
    let hunts = HuntSet::load(&loaded.hunts(), &|source| known.tables(source))?;
    Ok((loaded, hunts))
}

/// The tables of the configuration's sources.
pub(super) fn known_tables(loaded: &Loaded) -> KnownTables {
    KnownTables::of(&loaded.config.sources, &loaded.config.catalog)
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
