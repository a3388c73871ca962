//! The hunts of `queries/`, as they were when huntd was built.

/// A hunt file: its path below `queries/`, and its text.
pub(super) type BundledHunt = (&'static str, &'static str);

macro_rules! hunt {
    ($path:literal) => {
        (
            $path,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/", $path)),
        )
    };
}

/// All of them.
pub(super) const HUNTS: &[BundledHunt] = &[
    hunt!("alerts/high-severity-alert.kql"),
    hunt!("collection/password-protected-archive.kql"),
    hunt!("command-and-control/beacon-from-writable-folder.kql"),
    hunt!("credential-access/lsass-memory-dump.kql"),
    hunt!("credential-access/lsass-opened-for-reading.kql"),
    hunt!("credential-access/password-spray.kql"),
    hunt!("defense-evasion/event-log-cleared.kql"),
    hunt!("discovery/discovery-burst.kql"),
    hunt!("execution/encoded-powershell.kql"),
    hunt!("execution/office-starts-script-host.kql"),
    hunt!("exfiltration/cloud-copy-tool.kql"),
    hunt!("impact/shadow-copies-deleted.kql"),
    hunt!("initial-access/unauthenticated-sender-with-macro.kql"),
    hunt!("lateral-movement/logon-fan-out.kql"),
    hunt!("lateral-movement/remote-service-execution.kql"),
    hunt!("persistence/run-key-in-writable-folder.kql"),
    hunt!("persistence/scheduled-task-in-writable-folder.kql"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::HUNTS;

    fn hunt_files(folder: &Path, files: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                hunt_files(&path, files);
            } else {
                files.insert(path);
            }
        }
    }

    #[test]
    fn no_hunt_is_missing() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let mut files = BTreeSet::new();
        hunt_files(&root, &mut files);
        let bundled: BTreeSet<PathBuf> = HUNTS.iter().map(|(path, _)| root.join(path)).collect();
        assert_eq!(files, bundled);
    }
}
