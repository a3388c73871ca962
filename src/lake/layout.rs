//! Where in the lake a result lies: `<hunt>/date=YYYY-MM-DD/<window>-<run>.parquet`.

use chrono::NaiveDate;

use super::WriteTarget;
use crate::run::result_file::result_file_name;

impl WriteTarget {
    /// Folder of the file, relative to the lake's root, with `/` between the parts.
    pub fn folder(&self) -> String {
        let date: NaiveDate = self.window.start().date_naive();
        format!("{}/date={}", self.hunt, date.format("%Y-%m-%d"))
    }

    /// The file, relative to the lake's root.
    pub fn path(&self) -> String {
        let name = result_file_name(self.window, self.run);
        format!("{}/{name}", self.folder())
    }
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
    }
}
