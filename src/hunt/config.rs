//! What a configuration says about hunts: where their files are, settings for those that do not
//! say otherwise, settings of single hunts, and the names that hunts may use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Truncated;
use super::header::{CatchUpSetting, Header, WindowSetting};
use crate::duration::DurationText;
use crate::id::{ActionName, HuntName, SourceName};
use crate::problem::SourceFile;
use crate::yaml::Node;

/// Settings of hunts that do not say otherwise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Name of the source. Default: the only one there is.
    #[serde(default)]
    pub source: Option<SourceName>,
    /// IANA zone of cron expressions, such as `Europe/Berlin`. Default: UTC.
    #[serde(default)]
    pub timezone: Option<String>,
    /// Which time a run covers.
    #[serde(default)]
    pub window: Option<WindowSetting>,
    /// What happens with windows missed while huntd was down.
    #[serde(default)]
    pub catch_up: Option<CatchUpSetting>,
    /// What becomes of a window whose result the source cut: `advance` or `hold`.
    /// Default: advance.
    #[serde(default)]
    pub truncated: Option<Truncated>,
    /// Longest time a run may take. Default: 10m.
    #[serde(default)]
    pub timeout: Option<DurationText>,
    /// How long the same finding is not told again. Default: 24h.
    #[serde(default)]
    pub dedupe_for: Option<DurationText>,
    /// Names of the actions that are told. Default: none.
    #[serde(default)]
    pub actions: Vec<ActionName>,
}

/// A configuration as far as hunts are concerned, with the file for places of mistakes.
#[derive(Clone, Copy, Debug)]
pub struct HuntConfig<'c> {
    /// Folders and files with hunts, as the option `queries` lists them.
    pub folders: &'c [PathBuf],
    /// Settings of hunts that do not say otherwise.
    pub defaults: &'c Defaults,
    /// Settings of single hunts; they count more than those in the hunt's file.
    pub overrides: &'c BTreeMap<HuntName, Header>,
    /// Names of the sources.
    pub source_names: &'c BTreeSet<String>,
    /// Names of those that know of any row when it arrived, as services do.
    pub services: &'c BTreeSet<String>,
    /// Names of the actions.
    pub action_names: &'c BTreeSet<String>,
    /// The configuration file.
    pub file: &'c SourceFile,
    /// The configuration as written.
    pub document: &'c Node,
}

/// Settings of one hunt in the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Override<'c> {
    /// The settings.
    pub(super) header: &'c Header,
    /// As written.
    pub(super) document: &'c Node,
    /// The configuration file.
    pub(super) file: &'c SourceFile,
}

impl<'c> HuntConfig<'c> {
    pub(super) fn override_of(&self, name: &HuntName) -> Option<Override<'c>> {
        let written = self.document.entry("hunts")?.node.entry(name.as_str())?;
        Some(Override {
            header: self.overrides.get(name)?,
            document: &written.node,
            file: self.file,
        })
    }
}
