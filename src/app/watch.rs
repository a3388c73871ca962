//! Notices changed files of configuration and hunts by their time and size: every file system has
//! these, also those shared over a network, where notifications are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::hunt::load::{find_files, is_hunt_file};

/// How often files are looked at.
const PERIOD: Duration = Duration::from_secs(2);

/// How files stood when they were looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Files(BTreeMap<PathBuf, Option<(SystemTime, u64)>>);

impl Files {
    /// Looks at the configuration file and all hunts below `queries`.
    pub(super) async fn look(configuration: &Path, queries: &[PathBuf]) -> Self {
        let (configuration, queries) = (configuration.to_owned(), queries.to_vec());
        let look = tokio::task::spawn_blocking(move || Self::read(&configuration, &queries));
        // What could not be looked at is as if changed.
        look.await.unwrap_or_default()
    }

    fn read(configuration: &Path, queries: &[PathBuf]) -> Self {
        let mut paths = BTreeSet::from([configuration.to_owned()]);
        for folder in queries {
            // What cannot be read is told by the reload that follows once it can be, or by none.
            let _ = find_files(folder, &is_hunt_file, &mut paths);
        }
        let stamp = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        Self(
            paths
                .into_iter()
                .map(|path| (path.clone(), stamp(&path)))
                .collect(),
        )
    }

    /// Ends when the files stand differently.
    pub(super) async fn changed(&self, configuration: &Path, queries: &[PathBuf]) {
        loop {
            tokio::time::sleep(PERIOD).await;
            if Self::look(configuration, queries).await != *self {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_changed_and_removed_files_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let configuration = folder.path().join("huntd.yaml");
        let queries = [folder.path().join("queries")];
        let look = || Files::read(&configuration, &queries);
        let empty = look();
        std::fs::create_dir(&queries[0]).unwrap();
        std::fs::write(queries[0].join("a.kql"), "T").unwrap();
        let one = look();
        assert_ne!(empty, one);
        assert_eq!(one, look());
        std::fs::write(queries[0].join("a.kql"), "T | take 1").unwrap();
        let changed = look();
        assert_ne!(one, changed);
        std::fs::remove_file(queries[0].join("a.kql")).unwrap();
        assert_ne!(changed, look());
    }
}
