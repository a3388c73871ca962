//! The process ends: by SIGKILL in the middle of work, and by SIGTERM.

use std::thread::sleep;

use super::{MAILBOX, Site, delays};
use crate::support::http_server::Answer;
use crate::support::installation::eventually;

/// Schedules of all forms.
const HUNTS: &[(&str, &str)] = &[
    ("each-second", "{every: 1s}"),
    ("by-cron", "\"* * * * * *\""),
    ("with-jitter", "{every: 1s, jitter: 900ms}"),
    ("every-other", "\"*/2 * * * * *\""),
];
/// Enough for a run to take some tenths of a second.
const OLD_EVENTS: i64 = 15_000;

/// A request may reach the webhook twice, when huntd is killed between the answer and its own
/// record of it; both then carry the same Idempotency-Key. A mail is the same file, written again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_it_twenty_times_loses_nothing_and_tells_nothing_twice() {
    let site = Site::new(HUNTS, OLD_EVENTS).await;
    for delay in delays(0x5eed).take(20) {
        let serving = site.installation.serve();
        sleep(delay);
        serving.kill();
    }
    site.finish(site.installation.serve());
    let log = std::fs::read_to_string(site.installation.path("serve.log")).unwrap();
    let interrupted = log.matches("begin again").count();
    eprintln!("{interrupted} of 20 kills interrupted runs or deliveries");
    let told = site.check_that_nothing_is_lost_or_double();
    site.check_mailbox(&told);
}

/// What does not end within `runner.shutdown` begins again with the next start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_it_abandons_nothing_for_good() {
    let site = Site::new(HUNTS, OLD_EVENTS).await;
    site.configure(MAILBOX, "runner: {shutdown: 10ms}\n");
    for delay in delays(0x7e4a).take(5) {
        let mut serving = site.installation.serve();
        serving.wait_for_log("huntd is serving");
        sleep(delay);
        let (code, log) = serving.stop();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("stopped"), "{log}");
        let runs = site.runs();
        let held = runs.values().flatten().find(|run| run.status == "running");
        assert!(held.is_none(), "{held:?}");
    }
    site.finish(site.installation.serve());
    let told = site.check_that_nothing_is_lost_or_double();
    site.check_mailbox(&told);
}

/// A delivery that does not end is abandoned, and made again under the same id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_does_not_answer_keeps_it_from_nothing() {
    let site = Site::new(&HUNTS[..1], 0).await;
    site.webhook.answer_with(Answer::Hang);
    let serving = site.installation.serve();
    eventually("the webhook is asked", || site.webhook.requests().pop());
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
    let said = "deliveries did not end in time and are made again";
    assert!(log.contains(said), "{log}");
    site.webhook.answer_with(Answer::status(204));
    site.finish(site.installation.serve());
    let told = site.check_that_nothing_is_lost_or_double();
    assert!(told.repeats > 0, "the one that was not answered");
    site.check_mailbox(&told);
}
