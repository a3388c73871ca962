//! Settings of the lake. Reading them touches nothing: [`super::build`] opens the store.

use serde::Deserialize;

/// `lake:` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LakeConfig {
    /// Folder in which results are kept: a path (relative to the working directory) or a
    /// `file://` URL. Default: `data/lake`.
    #[serde(default = "default_url")]
    pub url: String,
    /// Format of the files. Default: `parquet`.
    #[serde(default)]
    pub format: LakeFormat,
}

impl Default for LakeConfig {
    fn default() -> Self {
        Self {
            url: default_url(),
            format: LakeFormat::default(),
        }
    }
}

/// Format of the lake's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LakeFormat {
    /// Apache Parquet, one file a window.
    #[default]
    Parquet,
}

fn default_url() -> String {
    "data/lake".to_owned()
}
