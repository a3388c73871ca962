//! Where in the lake a result lies: `<hunt>/date=YYYY-MM-DD/<window>-<run>.parquet`.

use chrono::NaiveDate;

use super::WriteTarget;

/// Names of the columns of the run, in the order in which they follow the result's columns.
pub const RUN_COLUMNS: [&str; 4] = ["_hunt", "_run", "_window_start", "_window_end"];

impl WriteTarget {
    /// Folder of the file, relative to the lake's root, with `/` between the parts.
    pub fn folder(&self) -> String {
        let date: NaiveDate = self.window.start().date_naive();
        format!("{}/date={}", self.hunt, date.format("%Y-%m-%d"))
    }

    /// Start of the name of every file of this window, whatever run wrote it.
    pub fn name_prefix(&self) -> String {
        format!("{}-", self.window.key())
    }

    /// The file, relative to the lake's root.
    pub fn path(&self) -> String {
        let (folder, prefix, run) = (self.folder(), self.name_prefix(), self.run);
        format!("{folder}/{prefix}{run}.parquet")
    }
}

/// Whether `name` is one that [`WriteTarget::path`] gives: such a file lies in the partition of
/// its window's start, and its rows may be of any day.
pub fn is_result_file(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".parquet") else {
        return false;
    };
    let parts: Vec<&str> = stem.split('-').collect();
    let [start, end, run] = parts.as_slice() else {
        return false;
    };
    let is_instant = |text: &str| {
        text.len() >= 16
            && text.ends_with('Z')
            && text.as_bytes()[8] == b'T'
            && text[..8].bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_run = run.len() == 32 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    start.is_ascii() && end.is_ascii() && is_instant(start) && is_instant(end) && is_run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{HuntName, RunId};
    use crate::window::Window;

    #[test]
    fn a_file_is_named_by_hunt_day_window_and_run() {
        let target = WriteTarget {
            hunt: HuntName::new("encoded-powershell").unwrap(),
            window: Window::new(
                "2026-01-02T23:50:00Z".parse().unwrap(),
                "2026-01-03T00:05:00Z".parse().unwrap(),
            )
            .unwrap(),
            run: "0198c0de00007000800000000000beef".parse::<RunId>().unwrap(),
        };
        let path = target.path();
        assert_eq!(
            path,
            "encoded-powershell/date=2026-01-02/\
             20260102T235000Z-20260103T000500Z-0198c0de00007000800000000000beef.parquet"
        );
        assert!(is_result_file(path.rsplit('/').next().unwrap()));
        assert!(!is_result_file("part-0000-abc.parquet"));
        assert!(!is_result_file("äääääääääääääääää-b-c.parquet"));
    }
}
