//! huntd as people run it, on an emulated tenant: what a run tells when its result was cut, and
//! that nothing secret is seen anywhere.

use huntd::emulator::limit::Limit;

use super::support::{CLIENT, SECRET, TENANT, World};
use crate::support::installation::{Finished, Installation};

fn installation(world: &World, more: &str) -> Installation {
    let url = world.emulator.url();
    let installation = Installation::new(&format!(
        "sources:\n  defender:\n    kind: graph\n    tenant: {TENANT}\n    url: {url}\n    \
         authority: {url}\n    rows_max: 64\n    auth: {{kind: secret, client_id: {CLIENT}, \
         secret: \"${{file:secret}}\"}}\nactions:\n  mails: {{kind: email, to: [soc@example.com], \
         folder: mails}}\ndefaults: {{source: defender, actions: [mails]}}\n{more}"
    ));
    installation.write("secret", SECRET);
    installation.write(
        "queries/wide.kql",
        "// ---\n// name: Wide\n// schedule: \"0 * * * *\"\n// ---\nDeviceProcessEvents\n\
         | summarize dcount(FileName) by ProcessId\n",
    );
    installation.write(
        "queries/rows.kql",
        "// ---\n// name: Rows\n// schedule: \"0 * * * *\"\n// ---\nDeviceProcessEvents\n\
         | project Timestamp, ProcessId\n",
    );
    installation
}

/// Runs a command while the emulator, which is of this process, answers it.
pub(super) async fn huntd(
    installation: &std::sync::Arc<Installation>,
    arguments: &[&str],
) -> Finished {
    let installation = std::sync::Arc::clone(installation);
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let ran = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        installation.huntd(&arguments)
    });
    let finished = ran.await.unwrap();
    for text in [&finished.stdout, &finished.stderr] {
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.contains("eyJ"), "{text}");
    }
    finished
}

const RANGE: [&str; 4] = [
    "--from",
    "2026-01-05T00:00:00Z",
    "--to",
    "2026-01-05T00:16:40Z",
];

async fn world() -> World {
    World::new(1000, |config| {
        config.limits.put(Limit::HuntingRows, Some(64));
    })
    .await
}

fn id_of(installation: &Installation, hunt: &str) -> String {
    let runs = installation.listed(&["runs", hunt]);
    runs[0]["request"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_result_is_told_in_run_finding_and_mail() {
    let world = world().await;
    let installation = std::sync::Arc::new(installation(&world, ""));
    let ran = huntd(&installation, &[&["run", "wide"][..], &RANGE].concat()).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("truncated"), "{}", ran.stdout);

    let run = installation.listed(&["runs", "wide"]).remove(0);
    assert_eq!(run["status"], "truncated");
    let message = run["message"].as_str().unwrap();
    assert!(message.contains("64 rows"), "{message}");
    let findings = installation.listed(&["findings", "wide"]);
    let titles: Vec<&str> = findings
        .iter()
        .map(|finding| finding["finding"]["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(
        titles.iter().any(|title| title.contains("not complete")),
        "{titles:?}"
    );
    let mail = installation.files("mails").remove(0);
    let mail = std::fs::read_to_string(installation.path("mails").join(mail)).unwrap();
    assert!(mail.contains("not complete"), "{mail}");

    let shown = huntd(&installation, &["runs", &id_of(&installation, "wide")]).await;
    assert!(
        shown.stdout.contains("truncated, 64 rows"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stdout.contains("cannot be run in parts"),
        "{}",
        shown.stdout
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_shows_the_parts_and_calls_it_was_made_of() {
    let world = world().await;
    let installation = std::sync::Arc::new(installation(&world, ""));
    let arguments = [&["--log", "trace", "run", "rows"][..], &RANGE].concat();
    let ran = huntd(&installation, &arguments).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("TRACE"), "{}", ran.stderr);
    let run = installation.listed(&["runs", "rows"]).remove(0);
    assert_eq!(run["status"], "complete");
    assert_eq!(run["counts"]["rows"], 1000);
    let shown = huntd(&installation, &["runs", &id_of(&installation, "rows")]).await;
    let lines: Vec<&str> = shown.stdout.lines().collect();
    let first = lines.iter().position(|line| *line == "parts").unwrap() + 1;
    assert!(
        lines[first].starts_with("  [2026-01-05T00:00:00Z, 2026-01-05T00:16:40Z) split, 1000 rows"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stdout.contains("complete, 63 rows"),
        "{}",
        shown.stdout
    );
    let missing = huntd(&installation, &["runs", "0198c0de00007000800000000000beef"]).await;
    assert_eq!(missing.code, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_of_a_window_that_is_held_is_explained() {
    let world = world().await;
    let more = "hunts: {wide: {truncated: hold}}\n";
    let installation = std::sync::Arc::new(installation(&world, more));
    let explained = huntd(&installation, &["explain", "wide"]).await;
    assert!(
        explained.stdout.contains("the window is tried again"),
        "{}",
        explained.stdout
    );
    // By hand nothing is held: nobody waits behind it.
    let ran = huntd(&installation, &[&["run", "wide"][..], &RANGE].concat()).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_whole_fails_a_query_by_hand() {
    let world = world().await;
    let installation = std::sync::Arc::new(installation(&world, ""));
    let text = "DeviceProcessEvents | summarize dcount(FileName) by ProcessId";
    let asked = huntd(&installation, &["query", text, "--format", "ndjson"]).await;
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(asked.stderr.contains("not complete"), "{}", asked.stderr);
    assert_eq!(asked.stdout.lines().count(), 64);
}
