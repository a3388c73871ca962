//! The exclusive right to serve from a state: a lock on a file beside the database. The system
//! gives it back when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::StateError;

/// Held as long as it lives.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateLock {
    /// Takes the lock of the database at `path`, or says that another process has it.
    pub fn acquire(path: &Path) -> Result<Self, StateError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let refused = |error: std::io::Error| StateError::Database {
            path: Path::new(&name).display().to_string(),
            reason: format!("{error}; huntd must be able to write to this folder"),
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&name)
            .map_err(refused)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse {
                path: path.display().to_string(),
            }),
            Err(TryLockError::Error(error)) => Err(refused(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_has_the_lock_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let held = StateLock::acquire(&path).unwrap();
        assert!(matches!(
            StateLock::acquire(&path),
            Err(StateError::InUse { .. })
        ));
        drop(held);
        StateLock::acquire(&path).unwrap();
    }
}
