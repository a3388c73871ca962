//! `serve`, `run`, `runs` and `findings` through the binary, over telemetry of these seconds.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

const HUNT: &str = "\
// ---
// schedule: \"* * * * * *\"
// dedupe: {key: [DeviceName], for: 1h}
// actions: [soc-mail]
// ---
DeviceProcessEvents
| project Timestamp, DeviceName, FileName
";

/// A working directory with a hunt of every second, and an event in each of these seconds, by one
/// of three devices in turn.
fn bench() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "config/huntd.yaml",
        "state: sqlite:data/state.db\nlake: {url: data/lake}\n\
         sources: {lab: {kind: local, path: telemetry}}\n\
         actions: {soc-mail: {kind: email, from: huntd@example.com, to: [soc@example.com], \
         folder: mail}}\n",
    );
    write("queries/processes.kql", HUNT);
    #[expect(
        clippy::disallowed_methods,
        reason = "the binary under test reads the clock as well"
    )]
    let now = Utc::now();
    let events = (-100..200).map(|second: i64| {
        let at = now + TimeDelta::seconds(second);
        let event = json!({
            "Timestamp": at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "DeviceName": format!("pc{}", second.rem_euclid(3)),
            "FileName": "powershell.exe",
        });
        format!("{event}\n")
    });
    write(
        "telemetry/DeviceProcessEvents.ndjson",
        &events.collect::<String>(),
    );
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huntd"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("HUNTD_CONFIG")
        .env_remove("HUNTD_LOG");
    command
}

fn huntd(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn json_of(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = huntd(folder, arguments);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `huntd serve`, ended at the latest when dropped.
struct Serve {
    child: Child,
    folder: std::path::PathBuf,
}

impl Serve {
    fn start(folder: &Path) -> Self {
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = command(folder, &["serve", "--log-json"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let serve = Self {
            child,
            folder: folder.to_owned(),
        };
        serve.wait_for("huntd is serving");
        serve
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    fn wait_for(&self, text: &str) {
        self.wait_until(text, || self.log().contains(text));
    }

    fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "no `{what}` in:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    }

    fn stop(mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.child.wait().unwrap()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mails(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("mail")).map_or(0, Iterator::count)
}

/// Windows of complete runs follow each other without gap or repetition, and each has the file
/// that its run says.
fn assert_tiled(folder: &Path) {
    let mut runs = json_of(folder, &["runs", "--limit", "0", "--format", "json"]);
    runs.retain(|run| run["status"] == "complete");
    runs.reverse();
    for pair in runs.windows(2) {
        let windows = [&pair[0]["request"]["window"], &pair[1]["request"]["window"]];
        assert_eq!(windows[0]["end"], windows[1]["start"]);
    }
    for run in &runs {
        if let Some(file) = run["file"].as_str() {
            assert!(folder.join("data/lake").join(file).exists(), "{file}");
        }
    }
}

#[test]
fn it_hunts_tells_reloads_and_stops() {
    let folder = bench();
    let path = folder.path();
    let serve = Serve::start(path);
    serve.wait_until("three mails", || mails(path) == 3);

    let second = huntd(path, &["serve"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("is in use by another huntd"));

    let hunt = path.join("queries/processes.kql");
    std::fs::write(&hunt, format!("{HUNT}| where Bogus == 1\n")).unwrap();
    serve.signal("-HUP");
    serve.wait_for("those loaded stay");
    assert!(serve.log().contains("unknown column `Bogus`"));
    std::fs::write(&hunt, format!("{HUNT}| where FileName has 'nothing'\n")).unwrap();
    serve.wait_for("configuration and hunts are reloaded");

    assert!(serve.stop("-TERM").success());
    assert_tiled(path);
    assert_eq!(mails(path), 3, "each device is told once");
    let findings = json_of(path, &["findings", "--limit", "0", "--format", "json"]);
    let told = findings
        .iter()
        .filter(|finding| finding["suppressed"].is_null());
    assert_eq!(told.count(), 3);
}

#[test]
fn killed_and_started_again_it_loses_nothing() {
    let folder = bench();
    let path = folder.path();
    for pause_ms in [300, 700, 1100, 1500] {
        let serve = Serve::start(path);
        std::thread::sleep(Duration::from_millis(pause_ms));
        assert!(!serve.stop("-KILL").success());
    }
    let serve = Serve::start(path);
    serve.wait_until("three mails", || mails(path) >= 3);
    assert!(serve.stop("-INT").success());
    assert_tiled(path);
    let findings = json_of(path, &["findings", "--limit", "0", "--format", "json"]);
    let told = findings
        .iter()
        .filter(|finding| finding["suppressed"].is_null());
    assert_eq!(told.count(), 3);
}

#[test]
fn a_run_by_hand_tells_and_a_dry_run_leaves_no_trace() {
    let folder = bench();
    let path = folder.path();
    let dry = huntd(path, &["run", "processes", "--dry-run"]);
    assert!(dry.status.success(), "{dry:?}");
    assert!(String::from_utf8_lossy(&dry.stdout).contains("soc-mail (not sent)"));
    assert_eq!(
        json_of(path, &["runs", "--format", "json"]),
        [] as [Value; 0]
    );
    assert_eq!(mails(path), 0);
    assert_eq!(
        std::fs::read_dir(path.join("data/lake")).unwrap().count(),
        0
    );

    let done = huntd(path, &["run", "processes"]);
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stdout).contains("soc-mail: done"));
    assert_eq!(mails(path), 1);
    let finding = json_of(path, &["findings", "--format", "json"]).remove(0);
    let id = finding["finding"]["id"].as_str().unwrap();
    let shown = huntd(path, &["findings", id]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("FileName: powershell.exe"));
}

#[test]
fn bad_input_and_failed_runs_have_their_exit_codes() {
    let folder = bench();
    let path = folder.path();
    let unknown = huntd(path, &["run", "proceses"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `processes`?"));
    std::fs::write(
        path.join("telemetry/DeviceProcessEvents.ndjson"),
        "not json\n",
    )
    .unwrap();
    let failed = huntd(path, &["run", "processes"]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(String::from_utf8_lossy(&failed.stderr).contains("DeviceProcessEvents.ndjson:1"));
    std::fs::write(path.join("queries/processes.kql"), "Nothing | where").unwrap();
    let bad = huntd(path, &["serve"]);
    assert_eq!(bad.status.code(), Some(2), "{bad:?}");
}
