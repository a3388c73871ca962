//! Something that huntd works with fails: it says where, what and what to do, and when that is put
//! right, all that was missed is done.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Site, TELEMETRY};
use crate::support::http_server::Answer;
use crate::support::installation::{Finished, Installation};
use crate::support::skip;
use crate::support::smtp_server::{Behaviour, SmtpServer};

const HUNTS: &[(&str, &str)] = &[("each-second", "{every: 1s}")];

/// Takes something away before huntd is started, waits until it says `told`, gives it back, and
/// holds what then comes of it against the telemetry.
async fn check_run_time_fault(
    take: impl FnOnce(&Installation),
    told: &[&str],
    give_back: impl FnOnce(&Installation),
) {
    let site = Site::new(HUNTS, 0).await;
    take(&site.installation);
    let mut serving = site.installation.serve();
    let log = serving.wait_for_log("run failed");
    for part in told {
        assert!(log.contains(part), "{part}: {log}");
    }
    let failed = &site.installation.listed(&["runs"]);
    assert!(
        failed.iter().any(|run| run["status"] == "failed"),
        "{failed:?}"
    );
    give_back(&site.installation);
    serving.wait_for_log("the hunt runs again");
    site.finish(serving);
    let told = site.check_that_nothing_is_lost_or_double();
    site.check_mailbox(&told);
}

fn set_aside(installation: &Installation) {
    std::fs::rename(installation.path(TELEMETRY), installation.path("aside")).unwrap();
}

fn put_back(installation: &Installation) {
    std::fs::rename(installation.path("aside"), installation.path(TELEMETRY)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_without_files() {
    check_run_time_fault(
        set_aside,
        &[
            "/telemetry: table `DeviceProcessEvents` has no files",
            "put them into DeviceProcessEvents/ there, or set `missing_tables: empty`",
        ],
        put_back,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_not_there() {
    check_run_time_fault(
        |installation| {
            let folder = installation.path("telemetry");
            std::fs::rename(folder, installation.path("aside")).unwrap();
        },
        &["/telemetry: no such file or folder; check the source's `path`"],
        |installation| {
            let folder = installation.path("telemetry");
            std::fs::rename(installation.path("aside"), folder).unwrap();
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_line() {
    check_run_time_fault(
        |installation| {
            set_aside(installation);
            installation.write(TELEMETRY, "{}\n{\"Timestamp\": \n");
        },
        &[
            "/telemetry/DeviceProcessEvents.ndjson:2: ends inside a JSON value",
            "correct the line",
            "set `on_error: skip`",
        ],
        put_back,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_decompressed() {
    let file = "telemetry/DeviceProcessEvents.ndjson.gz";
    check_run_time_fault(
        |installation| {
            set_aside(installation);
            installation.write(file, "no gzip at all");
        },
        &[
            "/telemetry/DeviceProcessEvents.ndjson.gz: ",
            "replace or remove the file, or set `on_error: skip`",
        ],
        |installation| {
            std::fs::remove_file(installation.path(file)).unwrap();
            put_back(installation);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_parquet_file() {
    let file = "telemetry/DeviceProcessEvents.parquet";
    check_run_time_fault(
        |installation| installation.write(file, "PAR1 and then something else"),
        &[
            "/telemetry/DeviceProcessEvents.parquet: no readable Parquet file",
            "replace or remove the file, or set `on_error: skip`",
        ],
        |installation| std::fs::remove_file(installation.path(file)).unwrap(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_that_cannot_be_written() {
    check_run_time_fault(
        |installation| installation.write("data/lake/each-second", "no folder"),
        &[
            "run failed cause=\"cannot write ",
            "/data/lake/each-second/",
            "check `lake.url`",
        ],
        |installation| {
            std::fs::remove_file(installation.path("data/lake/each-second")).unwrap();
        },
    )
    .await;
}

/// A small file system in memory, gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where mounting needs rights that are missing here.
    #[track_caller]
    fn mount(path: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(path)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path.to_owned()));
        }
        skip("mounting a small file system needs root");
        None
    }

    fn fill(&self) {
        let path = self.0.join("filler");
        let filled = Command::new("dd")
            .args(["if=/dev/zero", "bs=4k"])
            .arg(format!("of={}", path.display()))
            .output();
        assert!(
            !filled.unwrap().status.success(),
            "until nothing fits any more"
        );
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: nothing that still looks at it may keep it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_lake() {
    let site = Site::new(HUNTS, 0).await;
    let Some(disk) = SmallDisk::mount(&site.installation.path("data/lake"), "1m") else {
        return;
    };
    disk.fill();
    let mut serving = site.installation.serve();
    let log = serving.wait_for_log("run failed");
    assert!(log.contains("/data/lake/each-second/"), "{log}");
    let advice = "the disk is full; free space or point `lake.url` at another folder";
    assert!(log.contains(advice), "{log}");
    disk.make_room();
    serving.wait_for_log("the hunt runs again");
    site.finish(serving);
    let told = site.check_that_nothing_is_lost_or_double();
    site.check_mailbox(&told);
}

/// State, lake and mailbox are on one disk, and it fills while huntd serves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_everything() {
    let site = Site::new(HUNTS, 0).await;
    let Some(disk) = SmallDisk::mount(&site.installation.path("data"), "4m") else {
        return;
    };
    let mut serving = site.installation.serve();
    serving.wait_for_log("run finished");
    disk.fill();
    let log = serving.wait_for_log("database or disk is full");
    assert!(log.contains("data/state.db"), "{log}");
    assert!(log.contains("free some space"), "{log}");
    disk.make_room();
    site.finish(serving);
    let told = site.check_that_nothing_is_lost_or_double();
    site.check_mailbox(&told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_are_down() {
    let site = Site::new(HUNTS, 0).await;
    site.webhook.answer_with(Answer::status(500));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let to = |port| {
        format!(
            "{{kind: email, from: huntd@example.com, to: [soc@example.com], \
             smtp: {{host: 127.0.0.1, port: {port}, tls: none}}}}"
        )
    };
    site.configure(&to(port), "");
    let mut serving = site.installation.serve();
    serving.wait_for_log(&format!(
        "no mail to 127.0.0.1:{port}: Connection error: Connection refused"
    ));
    let log = serving.wait_for_log("answered 500 Internal Server Error");
    assert!(log.contains("check `smtp.host`, `smtp.port`"), "{log}");
    let waiting = site.installation.huntd(&["actions"]);
    assert!(waiting.stdout.contains("Connection refused"), "{waiting:?}");
    assert!(
        waiting.stdout.contains("500 Internal Server Error"),
        "{waiting:?}"
    );

    let server = SmtpServer::start(Behaviour::plain()).await;
    site.webhook.answer_with(Answer::status(204));
    site.configure(&to(server.address.port()), "");
    site.finish(serving);
    let told = site.check_that_nothing_is_lost_or_double();
    assert_eq!(
        server.accepted().len(),
        told.ids.len(),
        "a mail for each alert"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_state() {
    let site = Site::new(HUNTS, 0).await;
    let mut serving = site.installation.serve();
    serving.wait_for_log("run finished");
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
    let state = site.installation.path("data/state.db");
    let good = std::fs::read(&state).unwrap();

    std::fs::write(
        &state,
        "this is no database, however long it is".repeat(100),
    )
    .unwrap();
    let refused = site.installation.huntd(&["serve"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("state data/state.db: "),
        "{refused:?}"
    );
    assert!(
        refused.stderr.contains("file is not a database"),
        "{refused:?}"
    );

    let mut damaged = good.clone();
    damaged[4096..20_000].fill(0x5a);
    std::fs::write(&state, damaged).unwrap();
    let refused = site.installation.huntd(&["serve"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("restore it from a backup"),
        "{refused:?}"
    );

    std::fs::write(&state, good).unwrap();
    site.finish(site.installation.serve());
    let told = site.check_that_nothing_is_lost_or_double();
    site.check_mailbox(&told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_serve_on_one_state() {
    let site = Site::new(HUNTS, 0).await;
    let mut serving = site.installation.serve();
    serving.wait_for_log("huntd is serving");
    let second = site.installation.huntd(&["serve"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(
        second.stderr.contains(
            "state data/state.db is in use by another huntd; stop it, or give this one another \
             `state`"
        ),
        "{second:?}"
    );
    serving.wait_for_log("run finished");
    site.finish(serving);
    let told = site.check_that_nothing_is_lost_or_double();
    site.check_mailbox(&told);
}

/// What is wrong before anything runs: `check` finds it, and `serve` does not start.
fn check_refused(hunt: &str, told: &[&str]) {
    let installation = Installation::new("sources: {lab: {kind: local, path: telemetry}}\n");
    installation.write("queries/wrong.kql", hunt);
    let Finished { code, stderr, .. } = installation.huntd(&["serve"]);
    assert_eq!(code, Some(2), "{stderr}");
    let check = installation.huntd(&["check"]);
    assert_eq!(check.code, Some(1), "{check:?}");
    for part in told {
        assert!(stderr.contains(part), "{part}: {stderr}");
        assert!(check.stdout.contains(part), "{part}: {check:?}");
    }
    assert!(!installation.path("data/state.db").exists());
}

#[test]
fn mistakes_in_hunts() {
    check_refused(
        "// ---\n// schedule: \"61 * * * *\"\n// ---\nprint 1\n",
        &[
            "`61 * * * *` is not a cron expression: minute `61`: number out of bounds",
            "queries/wrong.kql:2:14",
            "help: minute hour day-of-month month day-of-week",
        ],
    );
    check_refused(
        "// ---\n// schedule: {cron: \"0 6 * * *\", timezone: Europe/Berln}\n// ---\nprint 1\n",
        &[
            "unknown time zone `Europe/Berln`",
            "queries/wrong.kql:2:44",
            "did you mean `Europe/Berlin`?",
        ],
    );
    check_refused(
        "DeviceProcesEvents | take 1\n",
        &[
            "`DeviceProcesEvents`",
            "queries/wrong.kql:1:1",
            "did you mean `DeviceProcessEvents`?",
        ],
    );
    check_refused(
        "DeviceProcessEvents\n| where Timestamp has \"2026\"\n",
        &[
            "`has` is not defined for datetime and string",
            "queries/wrong.kql:2:19",
            "help: convert",
        ],
    );
}

#[test]
fn a_configuration_that_is_missing() {
    let installation = Installation::new("");
    let missing = installation.huntd(&["serve", "--config", "config/hunt.yaml"]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    for part in [
        "cannot read config/hunt.yaml: No such file or directory",
        "name the configuration with `--config`, or begin with `huntd quickstart`",
    ] {
        assert!(missing.stderr.contains(part), "{part}: {missing:?}");
    }
}

/// Nobody waits for a run by hand: it is not tried again, and says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_by_hand_fails_at_once() {
    let site = Site::new(HUNTS, 0).await;
    set_aside(&site.installation);
    let failed = site.installation.huntd(&["run", "each-second"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("has no files"), "{failed:?}");
    put_back(&site.installation);
    let done = site.installation.huntd(&["run", "each-second"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("complete"), "{done:?}");
}
