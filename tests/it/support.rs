//! What tests share: the other side of what huntd talks to, small but real servers on this
//! machine, and huntd itself as people install it.

use std::process::Command;

pub(crate) mod http_server;
pub(crate) mod installation;
pub(crate) mod outbox;
pub(crate) mod smtp_server;

/// Says that a test cannot run here. That is a failure where `HUNTD_TEST_NO_SKIP` is set.
#[track_caller]
pub(crate) fn skip(reason: &str) {
    let strict = std::env::var_os("HUNTD_TEST_NO_SKIP").is_some();
    assert!(!strict, "HUNTD_TEST_NO_SKIP is set, but {reason}");
    eprintln!("skipped: {reason}");
}

/// The interpreter that `HUNTD_TEST_PYTHON` names, if it has these modules; else the test is to be
/// skipped, which has been said.
#[track_caller]
pub(crate) fn python(modules: &[&str]) -> Option<Command> {
    let Some(interpreter) = std::env::var_os("HUNTD_TEST_PYTHON") else {
        skip("HUNTD_TEST_PYTHON names no Python");
        return None;
    };
    let imports = format!("import {}", modules.join(", "));
    let checked = Command::new(&interpreter).args(["-c", &imports]).output();
    if !checked.is_ok_and(|output| output.status.success()) {
        let modules = modules.join(", ");
        skip(&format!(
            "the Python of HUNTD_TEST_PYTHON cannot import {modules}"
        ));
        return None;
    }
    Some(Command::new(interpreter))
}
