//! Nothing is lost and nothing is done twice, however huntd ends: the binary is killed, stopped
//! and reloaded while it works, and what it left is held against the telemetry.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use crate::support::http_server::{Answer, HttpServer, Request};
use crate::support::installation::{Installation, Serving, eventually, longs};

/// Events of the day before, which make each run take a while.
const OLD_EVENTS: i64 = 15_000;
/// Time between two events.
const PACE: TimeDelta = TimeDelta::milliseconds(150);

/// Events that happen one after the other; their number is their `ReportId`.
struct Telemetry {
    first: DateTime<Utc>,
    count: i64,
}

impl Telemetry {
    /// Before, during and after the test: what has not happened yet lies in no window.
    fn around_now() -> Self {
        Self {
            first: Utc::now() - TimeDelta::seconds(10),
            count: 2000,
        }
    }

    fn write(&self, installation: &Installation) {
        let mut lines = String::new();
        for number in -OLD_EVENTS..self.count {
            let at = if number < 0 {
                self.first - TimeDelta::days(1)
            } else {
                self.at(number)
            };
            let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
            writeln!(
                lines,
                r#"{{"Timestamp":"{at}","DeviceId":"d{}","ReportId":{number}}}"#,
                number.rem_euclid(7)
            )
            .unwrap();
        }
        installation.write("telemetry/DeviceProcessEvents.ndjson", &lines);
    }

    fn at(&self, number: i64) -> DateTime<Utc> {
        let at = self.first + PACE * i32::try_from(number).unwrap();
        DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap()
    }

    /// The events of a window.
    fn within(&self, run: &Run) -> Vec<i64> {
        (0..self.count)
            .filter(|number| run.start <= self.at(*number) && self.at(*number) < run.end)
            .collect()
    }
}

/// A run as `huntd runs` lists it.
#[derive(Clone, Debug)]
struct Run {
    hunt: String,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    status: String,
    rows: u64,
    file: Option<String>,
}

impl Run {
    fn of(listed: &Value) -> Self {
        let request = &listed["request"];
        let instant = |value: &Value| value.as_str().unwrap().parse().unwrap();
        Self {
            hunt: request["hunt"].as_str().unwrap().to_owned(),
            start: instant(&request["window"]["start"]),
            end: instant(&request["window"]["end"]),
            status: listed["status"].as_str().unwrap().to_owned(),
            rows: listed["counts"]["rows"].as_u64().unwrap(),
            file: listed["file"].as_str().map(str::to_owned),
        }
    }
}

const HUNTS: [(&str, &str); 4] = [
    ("each-second", "{every: 1s}"),
    ("by-cron", "\"* * * * * *\""),
    ("with-jitter", "{every: 1s, jitter: 900ms}"),
    ("every-other", "\"*/2 * * * * *\""),
];

/// Four hunts that find every event once, a mailbox folder and a webhook.
fn installation(webhook: &HttpServer) -> Installation {
    let installation = Installation::new(&format!(
        "queries: [queries]\n\
         state: sqlite:data/state.db\n\
         lake: {{url: data/lake}}\n\
         sources: {{lab: {{kind: local, path: telemetry}}}}\n\
         actions:\n\
         \x20 mail: {{kind: email, to: [soc@example.com], folder: mail}}\n\
         \x20 hook: {{kind: webhook, url: \"{}\"}}\n\
         defaults:\n\
         \x20 actions: [mail, hook]\n\
         \x20 window: {{delay: 0s}}\n\
         \x20 catch_up: {{policy: each, limit: 1000}}\n",
        webhook.url("/alerts")
    ));
    write_hunts(&installation, true);
    installation
}

fn write_hunts(installation: &Installation, enabled: bool) {
    for (name, schedule) in HUNTS {
        installation.write(
            &format!("queries/{name}.kql"),
            &format!(
                "// ---\n// enabled: {enabled}\n// schedule: {schedule}\n\
                 // dedupe: {{key: [ReportId]}}\n// ---\n\
                 DeviceProcessEvents | project Timestamp, DeviceId, ReportId\n"
            ),
        );
    }
}

/// Scheduled runs by hunt, oldest first.
fn runs_by_hunt(installation: &Installation) -> BTreeMap<String, Vec<Run>> {
    let mut runs: BTreeMap<String, Vec<Run>> = BTreeMap::new();
    for listed in installation.listed(&["runs"]) {
        let run = Run::of(&listed);
        runs.entry(run.hunt.clone()).or_default().push(run);
    }
    for runs in runs.values_mut() {
        runs.sort_by_key(|run| run.end);
    }
    runs
}

/// Takes the hunts off their schedules, waits until all that is planned is done and delivered, and
/// stops.
fn finish(installation: &Installation, mut serving: Serving) {
    let before = serving.wait_for_log("huntd is serving").len();
    write_hunts(installation, false);
    serving.signal("HUP");
    serving.wait_for_log_after(before, "are reloaded");
    eventually("all windows are done and delivered", || {
        let runs = runs_by_hunt(installation);
        let done = runs.values().flatten().all(|run| run.status == "complete");
        let open = &installation.listed(&["actions"])[0]["deliveries"];
        (done && runs.len() == HUNTS.len() && open.as_array().unwrap().is_empty()).then_some(())
    });
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
}

/// What the webhook was told.
struct Told {
    /// Ids of deliveries, by hunt and window.
    ids: BTreeMap<(String, String), BTreeSet<String>>,
    /// Events told by each delivery, by its hunt.
    events: BTreeMap<String, BTreeMap<String, Vec<i64>>>,
    repeats: usize,
}

impl Told {
    fn of(requests: &[Request]) -> Self {
        let mut told = Self {
            ids: BTreeMap::new(),
            events: BTreeMap::new(),
            repeats: 0,
        };
        for request in requests {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let hunt = body["hunt"]["name"].as_str().unwrap().to_owned();
            let window = body["window"].to_string();
            let id = request.headers["idempotency-key"].clone();
            assert_eq!(body["id"], id.as_str());
            let ids = told.ids.entry((hunt.clone(), window)).or_default();
            ids.insert(id.clone());
            let findings = body["findings"].as_array().unwrap();
            let events = findings
                .iter()
                .map(|finding| {
                    finding["key"]["ReportId"]
                        .as_str()
                        .unwrap()
                        .parse()
                        .unwrap()
                })
                .collect();
            let before = told.events.entry(hunt).or_default().insert(id, events);
            told.repeats += usize::from(before.is_some());
        }
        told
    }
}

/// Every window is done once and without a gap; the lake holds each event of it once, and nothing
/// else; each event is queued once for each action, and sent by one delivery only.
fn check_that_nothing_is_lost_or_double(
    installation: &Installation,
    telemetry: &Telemetry,
    requests: &[Request],
) {
    let runs = runs_by_hunt(installation);
    let told = Told::of(requests);
    for (key, ids) in &told.ids {
        assert_eq!(ids.len(), 1, "{key:?} was sent under several ids");
    }
    let mut files = BTreeSet::new();
    let mut mails = BTreeSet::new();
    for (hunt, runs) in &runs {
        assert!(runs.len() > 1, "{runs:?}");
        for pair in runs.windows(2) {
            assert_eq!(pair[0].end, pair[1].start, "a gap or an overlap: {pair:?}");
        }
        for run in runs {
            let expected = telemetry.within(run);
            assert_eq!(run.rows, expected.len() as u64, "{run:?}");
            let Some(file) = &run.file else {
                assert!(expected.is_empty(), "{run:?}");
                continue;
            };
            let mut kept = longs(&installation.path("data/lake").join(file), "ReportId");
            kept.sort_unstable();
            assert_eq!(kept, expected, "{run:?}");
            files.insert(file.clone());
        }
        let covered: Vec<i64> = runs.iter().flat_map(|run| telemetry.within(run)).collect();
        let mut sent: Vec<i64> = told.events[hunt].values().flatten().copied().collect();
        sent.sort_unstable();
        assert_eq!(sent, covered, "{hunt}: each event is told once");
    }
    let in_lake: BTreeSet<String> = installation
        .files("data/lake")
        .into_iter()
        .filter(|file| file.ends_with(".parquet"))
        .collect();
    assert_eq!(in_lake, files, "each window has one file");

    let findings = installation.listed(&["findings"]);
    let fingerprints: BTreeSet<&str> = findings
        .iter()
        .map(|stored| {
            assert!(stored["suppressed"].is_null(), "{stored}");
            stored["finding"]["fingerprint"].as_str().unwrap()
        })
        .collect();
    assert_eq!(
        fingerprints.len(),
        findings.len(),
        "a finding is queued once"
    );

    for mail in installation.files("mail") {
        assert!(!mail.starts_with('.'), "half a mail: {mail}");
        let (_, delivery) = mail.rsplit_once('-').unwrap();
        assert!(mails.insert(delivery.to_owned()), "{mail} is there twice");
    }
    assert_eq!(mails.len(), told.ids.len(), "a mail for each alert");
    eprintln!(
        "{} windows, {} findings, {} requests of which {} were repeats under the same id",
        runs.values().map(Vec::len).sum::<usize>(),
        findings.len(),
        requests.len(),
        told.repeats
    );
}

/// Delays that look random and are the same each time.
fn delays(seed: u64) -> impl Iterator<Item = Duration> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Duration::from_millis(20 + state % 1000)
    })
}

/// A request may reach the webhook twice, when huntd is killed between the answer and its own
/// record of it; both then carry the same Idempotency-Key. A mail is the same file, written again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_it_twenty_times_loses_nothing_and_tells_nothing_twice() {
    let webhook = HttpServer::start(Answer::Late(Duration::from_millis(100), 204)).await;
    let installation = installation(&webhook);
    let telemetry = Telemetry::around_now();
    telemetry.write(&installation);

    for delay in delays(0x5eed).take(20) {
        let serving = installation.serve();
        std::thread::sleep(delay);
        serving.kill();
    }
    let serving = installation.serve();
    finish(&installation, serving);
    let log = std::fs::read_to_string(installation.path("serve.log")).unwrap();
    let interrupted = log.matches("begin again").count();
    eprintln!("{interrupted} of 20 kills interrupted runs or deliveries");
    check_that_nothing_is_lost_or_double(&installation, &telemetry, &webhook.requests());
}

/// A second of work is under way when it is asked to stop; what does not end within
/// `runner.shutdown` begins again with the next start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_it_abandons_nothing_for_good() {
    let webhook = HttpServer::start(Answer::Late(Duration::from_millis(100), 204)).await;
    let installation = installation(&webhook);
    let config = std::fs::read_to_string(installation.path("config/huntd.yaml")).unwrap();
    installation.write(
        "config/huntd.yaml",
        &format!("{config}runner: {{shutdown: 10ms}}\n"),
    );
    let telemetry = Telemetry::around_now();
    telemetry.write(&installation);
    for delay in delays(0x7e4a).take(5) {
        let mut serving = installation.serve();
        serving.wait_for_log("huntd is serving");
        std::thread::sleep(delay);
        let (code, log) = serving.stop();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("stopped"), "{log}");
        let runs = installation.listed(&["runs"]);
        let held = runs.iter().find(|run| run["status"] == "running");
        assert!(held.is_none(), "{held:?}");
    }
    finish(&installation, installation.serve());
    check_that_nothing_is_lost_or_double(&installation, &telemetry, &webhook.requests());
}

/// A broken hunt leaves those loaded as they are, and says where it is broken; once it is put
/// right it is loaded without being asked.
#[tokio::test]
async fn a_reload_takes_all_or_nothing() {
    let installation = Installation::new(
        "sources: {lab: {kind: local, path: telemetry, missing_tables: empty}}\n\
         defaults: {window: {delay: 0s}}\n",
    );
    let query = "DeviceProcessEvents | project DeviceId\n";
    installation.write("queries/first.kql", &every_second(query));
    let mut serving = installation.serve();
    serving.wait_for_log("run finished");

    let before = serving.log().len();
    let broken = every_second("DeviceProcessEvents | project DeviceIdd\n");
    installation.write("queries/first.kql", &broken);
    installation.write("queries/second.kql", &every_second(query));
    serving.signal("HUP");
    let log = serving.wait_for_log_after(before, "are not reloaded");
    for part in [
        "those loaded stay",
        "queries/first.kql:4:31",
        "unknown column `DeviceIdd`",
        "did you mean `DeviceId`?",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    let before = serving.log().len();
    serving.wait_for_log_after(before, "hunt.name=first");
    assert!(!serving.log().contains("hunt.name=second"));

    installation.write("queries/first.kql", &every_second(query));
    let log = serving.wait_for_log_after(before, "are reloaded");
    assert!(log.contains("added=\"second\""), "{log}");
    serving.wait_for_log_after(before, "hunt.name=second");
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
}

fn every_second(query: &str) -> String {
    format!("// ---\n// schedule: {{every: 1s}}\n// ---\n{query}")
}
