//! What the file of a run's result is called (the window, then the run), and what its columns are.

use kql::types::{Column, Schema};

use crate::id::RunId;
use crate::window::Window;

/// Columns that say of which run a row is, in the order in which they follow the result's own.
pub const RUN_COLUMNS: [&str; 4] = ["_hunt", "_run", "_window_start", "_window_end"];

/// Start of the name of every file of a window, whatever run wrote it.
pub fn result_file_prefix(window: Window) -> String {
    format!("{}-", window.key())
}

/// Name of the file of a run's result.
pub fn result_file_name(window: Window, run: RunId) -> String {
    format!("{}{run}.parquet", result_file_prefix(window))
}

/// Whether `name` is one that [`result_file_name`] gives.
pub fn is_result_file_name(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".parquet") else {
        return false;
    };
    let parts: Vec<&str> = stem.split('-').collect();
    let [start, end, run] = parts.as_slice() else {
        return false;
    };
    let is_instant = |text: &str| {
        let text = text.as_bytes();
        text.len() >= 16
            && text.last() == Some(&b'Z')
            && text[8] == b'T'
            && text[..8].iter().all(u8::is_ascii_digit)
    };
    let is_run = run.len() == 32 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_instant(start) && is_instant(end) && is_run
}

/// Columns of a result as its file names them: a column that is called like one of the run's
/// gets a number.
pub fn result_columns(result: &Schema) -> Schema {
    let columns = result.columns().iter();
    columns
        .map(|column| Column::new(free_name(&column.name, result), column.ty))
        .collect()
}

/// The name of a result column in the file: its own, unless a column of the run has it.
fn free_name(name: &str, result: &Schema) -> String {
    let is_taken = |name: &str| RUN_COLUMNS.contains(&name);
    let mut free = name.to_owned();
    let mut number = 0;
    while is_taken(&free) || (number > 0 && result.index_of(&free).is_some()) {
        number += 1;
        free = format!("{name}_{number}");
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_those_of_others() {
        let window = |start: &str, end: &str| {
            Window::new(start.parse().unwrap(), end.parse().unwrap()).unwrap()
        };
        let run = RunId::generate();
        let plain = window("2026-01-02T23:50:00Z", "2026-01-03T00:05:00Z");
        assert!(is_result_file_name(&result_file_name(plain, run)));
        let parts_of_a_second = window("2026-01-02T23:50:00.5Z", "2026-01-03T00:05:00.25Z");
        assert!(is_result_file_name(&result_file_name(
            parts_of_a_second,
            run
        )));
        for other in [
            "part-0000-abc.parquet",
            "äääääääää-b-c.parquet",
            "a.parquet",
            "x.csv",
        ] {
            assert!(!is_result_file_name(other), "{other}");
        }
    }
}
