//! Whether there is a place to write to, and room in it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::lake::{self, LakeConfig};
use crate::source::diagnosis::Diagnosis;

/// Less than this is soon used up.
const FREE_MIB_MIN: u64 = 1024;
/// With less than this nothing can be recorded.
const FREE_MIB_NEEDED: u64 = 64;
/// What is written into the lake and removed again.
const TRIAL: &str = "_huntd_doctor#1";

/// The lake, and its files if it can be opened.
pub(super) async fn lake(config: &LakeConfig) -> (Vec<Diagnosis>, Option<Arc<dyn ObjectStore>>) {
    let help = "huntd must be able to make files in `lake.url`";
    let lake = match lake::build(config) {
        Ok(lake) => lake,
        Err(error) => {
            return (
                vec![Diagnosis::fail("opens", error.to_string(), help)],
                None,
            );
        }
    };
    let files = lake.files();
    let trial = object_store::path::Path::from(TRIAL);
    let written = match files.put(&trial, "trial".into()).await {
        Ok(_) => files.delete(&trial).await,
        Err(error) => Err(error),
    };
    let written = match written {
        Ok(()) => Diagnosis::ok("opens", format!("{} can be written", config.url)),
        Err(error) => Diagnosis::fail("opens", error.to_string(), help),
    };
    (vec![written, space(&lake.path_of(""))], Some(files))
}

/// Whether there is room where a path is, or will be.
pub(super) fn space(path: &Path) -> Diagnosis {
    let existing = path.ancestors().find(|path| path.exists());
    let Some(free) = existing.and_then(free_mib) else {
        let help = "look with the means of the system";
        return Diagnosis::warn("free space", "it cannot be told here", help);
    };
    let detail = format!("{:.1} GiB", free as f64 / 1024.0);
    let help = "free some space: what is found cannot be recorded on a full disk";
    match free {
        0..FREE_MIB_NEEDED => Diagnosis::fail("free space", detail, help),
        FREE_MIB_NEEDED..FREE_MIB_MIN => Diagnosis::warn("free space", detail, help),
        _ => Diagnosis::ok("free space", detail),
    }
}

/// MiB that may be used, as POSIX `df` tells them.
fn free_mib(path: &Path) -> Option<u64> {
    let absolute = std::path::absolute(path).ok()?;
    // What is not there yet will be made on the disk of the nearest folder that is.
    let existing = absolute.ancestors().find(|folder| folder.exists())?;
    let output = Command::new("df").arg("-Pk").arg(existing).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    free_of(&text)
}

/// The fourth column of the last line. A file system's name may have blanks in it, so it is found
/// from the column that ends with a percent sign.
fn free_of(text: &str) -> Option<u64> {
    let line = text.lines().last()?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let capacity = words.iter().position(|word| word.ends_with('%'))?;
    let free: u64 = words.get(capacity.checked_sub(1)?)?.parse().ok()?;
    Some(free / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_read_from_what_df_prints() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
            a disk 102400 2048 100352 3% /mnt/with blanks\n";
        assert_eq!(free_of(text), Some(98));
        assert_eq!(free_of("df: no such file"), None);
        assert_eq!(free_of("5%"), None);
    }
}
