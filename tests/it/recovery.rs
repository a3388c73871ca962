//! Nothing is lost and nothing is done twice, whatever happens to huntd or to what it works with.
//! A [`Site`] is an installation with telemetry whose every event is known; after it was killed,
//! stopped or deprived of something, what it left is held against these events.

mod faults;
mod kill;
mod mail;
mod reload;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use huntd::clock::{Clock as _, SystemClock};
use serde_json::Value;

use crate::support::http_server::{Answer, HttpServer};
use crate::support::installation::{Installation, Serving, eventually, longs};

/// Time between two events.
const PACE: TimeDelta = TimeDelta::milliseconds(150);
/// How many events there are: before, during and after the test. What has not happened yet lies
/// in no window.
const EVENTS: i64 = 2000;

/// The telemetry, where the local source reads it.
const TELEMETRY: &str = "telemetry/DeviceProcessEvents.ndjson";
/// A mailbox folder.
const MAILBOX: &str = "{kind: email, to: [soc@example.com], folder: data/mail}";

/// An installation whose hunts find each event once, and tell it by mail and to a webhook.
struct Site {
    installation: Installation,
    webhook: HttpServer,
    hunts: &'static [(&'static str, &'static str)],
    first: DateTime<Utc>,
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

/// What the webhook was told.
#[derive(Default)]
struct Told {
    /// Ids of deliveries, by hunt and window.
    ids: BTreeMap<(String, String), BTreeSet<String>>,
    /// Events told by each delivery, by its hunt.
    events: BTreeMap<String, BTreeMap<String, Vec<i64>>>,
    repeats: usize,
}

impl Site {
    /// With hunts of these names and schedules, and telemetry with `old_events` of the day before,
    /// which make each run take a while.
    async fn new(hunts: &'static [(&'static str, &'static str)], old_events: i64) -> Self {
        let webhook = HttpServer::start(Answer::Late(Duration::from_millis(100), 204)).await;
        let site = Self {
            installation: Installation::new(""),
            webhook,
            hunts,
            first: SystemClock.now() - TimeDelta::seconds(10),
        };
        site.configure(MAILBOX, "");
        site.write_hunts(true);
        site.write_telemetry(old_events);
        site
    }

    fn configure(&self, mail: &str, more: &str) {
        let hook = self.webhook.url("/alerts");
        let config = format!(
            "queries: [queries]\n\
             state: sqlite:data/state.db\n\
             lake: {{url: data/lake}}\n\
             sources: {{lab: {{kind: local, path: telemetry}}}}\n\
             actions: {{mail: {mail}, hook: {{kind: webhook, url: \"{hook}\"}}}}\n\
             defaults:\n\
             \x20 actions: [mail, hook]\n\
             \x20 window: {{delay: 0s}}\n\
             \x20 catch_up: {{policy: each, limit: 1000}}\n\
             {more}"
        );
        self.installation.write("config/huntd.yaml", &config);
    }

    fn write_hunts(&self, enabled: bool) {
        for (name, schedule) in self.hunts {
            self.installation.write(
                &format!("queries/{name}.kql"),
                &format!(
                    "// ---\n// enabled: {enabled}\n// schedule: {schedule}\n\
                     // dedupe: {{key: [ReportId]}}\n// ---\n\
                     DeviceProcessEvents | project Timestamp, DeviceId, ReportId\n"
                ),
            );
        }
    }

    /// An event's number is its `ReportId`.
    fn write_telemetry(&self, old_events: i64) {
        let mut lines = String::new();
        for number in -old_events..EVENTS {
            let at = if number < 0 {
                self.first - TimeDelta::days(1)
            } else {
                self.at(number)
            };
            let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
            let device = number.rem_euclid(7);
            writeln!(
                lines,
                r#"{{"Timestamp":"{at}","DeviceId":"d{device}","ReportId":{number}}}"#
            )
            .unwrap();
        }
        self.installation.write(TELEMETRY, &lines);
    }

    fn at(&self, number: i64) -> DateTime<Utc> {
        let at = self.first + PACE * i32::try_from(number).unwrap();
        DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap()
    }

    /// The events of a window.
    fn within(&self, run: &Run) -> Vec<i64> {
        (0..EVENTS)
            .filter(|number| run.start <= self.at(*number) && self.at(*number) < run.end)
            .collect()
    }

    /// Runs by hunt, oldest first.
    fn runs(&self) -> BTreeMap<String, Vec<Run>> {
        let mut runs: BTreeMap<String, Vec<Run>> = BTreeMap::new();
        for listed in self.installation.listed(&["runs"]) {
            let run = Run::of(&listed);
            runs.entry(run.hunt.clone()).or_default().push(run);
        }
        for runs in runs.values_mut() {
            runs.sort_by_key(|run| run.end);
        }
        runs
    }

    /// Takes the hunts off their schedules, waits until all that is planned is done and delivered,
    /// and stops.
    fn finish(&self, mut serving: Serving) {
        serving.wait_for_log("huntd is serving");
        eventually("each hunt has some windows", || {
            let runs = self.runs();
            let all = runs.len() == self.hunts.len() && runs.values().all(|runs| runs.len() > 2);
            all.then_some(())
        });
        let before = serving.log().len();
        self.write_hunts(false);
        serving.signal("HUP");
        serving.wait_for_log_after(before, "are reloaded");
        eventually("all windows are done and delivered", || {
            let runs = self.runs();
            let done = runs.values().flatten().all(|run| run.status == "complete");
            let open = &self.installation.listed(&["actions"])[0]["deliveries"];
            let delivered = open.as_array().unwrap().is_empty();
            (done && delivered).then_some(())
        });
        let (code, log) = serving.stop();
        assert_eq!(code, Some(0), "{log}");
    }

    /// Every window is done once and without a gap; the lake holds each event of it once, and
    /// nothing else; each event is queued once, and sent by one delivery only. What was told.
    fn check_that_nothing_is_lost_or_double(&self) -> Told {
        let told = Told::of(&self.webhook);
        for (key, ids) in &told.ids {
            assert_eq!(ids.len(), 1, "{key:?} was sent under several ids");
        }
        let mut files = BTreeSet::new();
        let runs = self.runs();
        for (hunt, runs) in &runs {
            for pair in runs.windows(2) {
                assert_eq!(pair[0].end, pair[1].start, "a gap or an overlap: {pair:?}");
            }
            for run in runs {
                let expected = self.within(run);
                assert_eq!(run.rows, expected.len() as u64, "{run:?}");
                let Some(file) = &run.file else {
                    assert!(expected.is_empty(), "{run:?}");
                    continue;
                };
                let mut kept = longs(&self.installation.path("data/lake").join(file), "ReportId");
                kept.sort_unstable();
                assert_eq!(kept, expected, "{run:?}");
                files.insert(file.clone());
            }
            let covered: Vec<i64> = runs.iter().flat_map(|run| self.within(run)).collect();
            let mut sent: Vec<i64> = told.events[hunt].values().flatten().copied().collect();
            sent.sort_unstable();
            assert_eq!(sent, covered, "{hunt}: each event is told once");
        }
        let in_lake = BTreeSet::from_iter(self.installation.files("data/lake"));
        assert_eq!(
            in_lake, files,
            "each window has one file, and nothing is left aside"
        );

        let findings = self.installation.listed(&["findings"]);
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
        eprintln!(
            "{} windows, {} findings, {} alerts of which {} were sent again under the same id",
            runs.values().map(Vec::len).sum::<usize>(),
            findings.len(),
            told.ids.len(),
            told.repeats
        );
        told
    }

    /// The mailbox has each alert once.
    fn check_mailbox(&self, told: &Told) {
        let mut deliveries = BTreeSet::new();
        for mail in self.installation.files("data/mail") {
            assert!(!mail.starts_with('.'), "half a mail: {mail}");
            let (_, delivery) = mail.rsplit_once('-').unwrap();
            assert!(
                deliveries.insert(delivery.to_owned()),
                "{mail} is there twice"
            );
        }
        assert_eq!(deliveries.len(), told.ids.len(), "a mail for each alert");
    }
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

impl Told {
    /// What was answered with success, or was not answered as huntd was killed meanwhile.
    fn of(webhook: &HttpServer) -> Self {
        let mut told = Self::default();
        for request in webhook.requests() {
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
