//! What every store keeps to. An implementation runs all of it with `conformance!`.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Claim, FindingFilter, Holder, Lease, Registration, RunFilter, RunOutcome, Settled, StateError,
    Store, StoredFinding,
};
use crate::alert::{ALERT_VERSION, Alert, Delivery, DeliveryStatus, HuntSummary};
use crate::finding::{Finding, Fingerprint, Severity};
use crate::id::{ActionName, DeliveryId, FindingId, HuntName, RunId, SourceName};
use crate::run::{RunCounts, RunRecord, RunRequest, RunStatus, Trigger};
use crate::window::Window;

/// Makes a test of every case, for the store that `$open` makes; `$open` yields a guard for what
/// the store needs, and the store.
macro_rules! conformance {
    ($open:expr; $($case:ident)+) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (_guard, store) = $open.await;
                crate::state::suite::$case(&store).await;
            }
        )+
    };
    ($open:expr) => {
        crate::state::suite::conformance! {
            $open;
            a_hunt_keeps_its_first_watermark
            a_hunt_without_schedule_has_no_watermark_until_it_gets_one
            planning_moves_the_watermark_and_plans_a_window_once
            runs_of_a_hunt_are_claimed_one_at_a_time_oldest_first
            claims_keep_to_slots_and_loaded_hunts
            a_failed_run_holds_back_later_windows_until_its_time
            a_manual_run_does_not_wait_for_a_failed_one
            begin_refuses_while_a_run_is_under_way
            recording_is_whole_and_only_for_the_owner
            the_completed_watermark_follows_runs_and_skips
            what_was_told_is_remembered_by_fingerprint
            an_effect_is_queued_once
            orphans_are_recovered
            a_window_has_the_file_of_its_last_run
            released_runs_wait_again
            deliveries_are_taken_settled_and_sent_again
            deliveries_of_some_actions_can_be_left
            listings_are_newest_first_and_limited
        }
    };
}
pub(super) use conformance;

pub(super) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_312_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn hunt(name: &str) -> HuntName {
    HuntName::new(name).unwrap()
}

fn source(name: &str) -> SourceName {
    SourceName::new(name).unwrap()
}

fn registration(name: &str, source_name: &str) -> Registration {
    Registration {
        hunt: hunt(name),
        source: source(source_name),
        initial: Some(at(0)),
    }
}

/// A scheduled run of the minute before `minute`.
pub(super) fn request(name: &str, minute: i64) -> RunRequest {
    RunRequest {
        id: RunId::generate(),
        hunt: hunt(name),
        window: Window::new(at(minute - 1), at(minute)).unwrap(),
        fire_time: at(minute),
        not_before: at(minute),
        trigger: Trigger::Schedule,
        attempt: 1,
    }
}

fn lease(minute: i64) -> Lease {
    Lease {
        owner: Uuid::from_u128(7),
        now: at(minute),
        until: at(minute + 5),
    }
}

fn claim(minute: i64, limit: usize) -> Claim {
    let slots = BTreeMap::from([(source("lab"), 100), (source("other"), 100)]);
    Claim {
        lease: lease(minute),
        limit,
        slots,
    }
}

fn finding(request: &RunRequest, key: &str) -> StoredFinding {
    let key = BTreeMap::from([("DeviceId".to_owned(), key.to_owned())]);
    let finding = Finding {
        id: FindingId::generate(),
        hunt: request.hunt.clone(),
        run: request.id,
        window: request.window,
        title: "Something".into(),
        severity: Severity::High,
        entities: Vec::new(),
        fingerprint: Fingerprint::of(&request.hunt, &key),
        key,
        evidence: vec![serde_json::Map::from_iter([
            ("b".into(), 1.into()),
            ("a".into(), 2.into()),
        ])],
        rows: 1,
        detected_at: request.fire_time,
    };
    StoredFinding {
        finding,
        suppressed: None,
    }
}

fn delivery(request: &RunRequest, findings: &[StoredFinding]) -> Delivery {
    let action = ActionName::new("soc-mail").unwrap();
    Delivery {
        id: DeliveryId::generate(),
        key: format!("{}/{}/{action}", request.hunt, request.window.key()),
        action,
        alert: Alert {
            missing: None,
            version: ALERT_VERSION,
            hunt: HuntSummary {
                name: request.hunt.clone(),
                title: "Title".into(),
                description: String::new(),
                tactics: Vec::new(),
                techniques: Vec::new(),
                query: "T".into(),
            },
            run: request.id,
            window: request.window,
            status: RunStatus::Complete,
            rows: 1,
            file: None,
            findings: findings
                .iter()
                .map(|stored| stored.finding.clone())
                .collect(),
            suppressed: 0,
            created_at: request.fire_time,
        },
        status: DeliveryStatus::Pending,
        attempts: 0,
        not_before: request.fire_time,
        created_at: request.fire_time,
        last_error: None,
    }
}

fn outcome(request: &RunRequest, status: RunStatus) -> RunOutcome {
    let record = RunRecord {
        status,
        started_at: Some(request.fire_time),
        finished_at: Some(request.fire_time),
        counts: RunCounts {
            rows: 3,
            bytes: 4,
            skipped_inputs: 5,
            matched: 6,
            ..Default::default()
        },
        file: Some("h/date=2026-01-02/w.parquet".into()),
        message: Some("note".into()),
        ..RunRecord::planned(request.clone())
    };
    RunOutcome {
        owner: lease(0).owner,
        again: status == RunStatus::Failed && request.trigger == Trigger::Schedule,
        record,
        findings: Vec::new(),
        deliveries: Vec::new(),
    }
}

/// Plans and claims one run.
async fn claimed(store: &dyn Store, name: &str, minute: i64) -> RunRequest {
    store.plan(&[request(name, minute)], &[]).await.unwrap();
    let runs = store.claim(&claim(minute, 10)).await.unwrap();
    runs.into_iter()
        .find(|run| run.hunt.as_str() == name)
        .expect("the run is claimed")
}

pub(super) async fn a_hunt_keeps_its_first_watermark(store: &dyn Store) {
    let unseen = store.watermarks(&[(hunt("a"), at(9))]).await.unwrap();
    assert_eq!(unseen, BTreeMap::from([(hunt("a"), at(9))]));
    store.register(&[registration("a", "lab")]).await.unwrap();
    let later = Registration {
        initial: Some(at(5)),
        ..registration("a", "other")
    };
    let watermarks = store
        .register(&[later, registration("b", "lab")])
        .await
        .unwrap();
    assert_eq!(
        watermarks,
        BTreeMap::from([(hunt("a"), at(0)), (hunt("b"), at(0))])
    );
    assert_eq!(store.completed(&hunt("a")).await.unwrap(), Some(at(0)));
    assert_eq!(store.completed(&hunt("c")).await.unwrap(), None);
}

pub(super) async fn a_hunt_without_schedule_has_no_watermark_until_it_gets_one(store: &dyn Store) {
    let unscheduled = Registration {
        initial: None,
        ..registration("a", "lab")
    };
    let none = store
        .register(std::slice::from_ref(&unscheduled))
        .await
        .unwrap();
    assert_eq!(none, BTreeMap::new());
    assert_eq!(store.completed(&hunt("a")).await.unwrap(), None);
    let scheduled = Registration {
        initial: Some(at(7)),
        ..unscheduled.clone()
    };
    store.register(&[scheduled]).await.unwrap();
    store.register(&[unscheduled]).await.unwrap();
    assert_eq!(store.completed(&hunt("a")).await.unwrap(), Some(at(7)));
}

pub(super) async fn planning_moves_the_watermark_and_plans_a_window_once(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let first = request("a", 1);
    store
        .plan(&[first.clone(), request("a", 2)], &[])
        .await
        .unwrap();
    store
        .plan(&[request("a", 1)], &[request("a", 2)])
        .await
        .unwrap();
    let marks = store.watermarks(&[(hunt("a"), at(0))]).await.unwrap();
    assert_eq!(marks[&hunt("a")], at(2));
    let runs = store.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[1], RunRecord::planned(first));
    assert_eq!(store.completed(&hunt("a")).await.unwrap(), Some(at(0)));
}

pub(super) async fn runs_of_a_hunt_are_claimed_one_at_a_time_oldest_first(store: &dyn Store) {
    store
        .register(&[registration("a", "lab"), registration("b", "lab")])
        .await
        .unwrap();
    let runs = [request("a", 2), request("a", 1), request("b", 1)];
    store.plan(&runs, &[]).await.unwrap();
    assert_eq!(store.claim(&claim(0, 10)).await.unwrap(), []);
    let mut taken = store.claim(&claim(3, 10)).await.unwrap();
    taken.sort_by(|a, b| a.hunt.cmp(&b.hunt));
    assert_eq!(taken, [runs[1].clone(), runs[2].clone()]);
    assert_eq!(store.claim(&claim(3, 10)).await.unwrap(), []);
    store
        .record(&outcome(&taken[0], RunStatus::Complete))
        .await
        .unwrap();
    assert_eq!(store.claim(&claim(3, 10)).await.unwrap(), [runs[0].clone()]);
}

pub(super) async fn claims_keep_to_slots_and_loaded_hunts(store: &dyn Store) {
    let hunts = [
        registration("a", "lab"),
        registration("b", "lab"),
        registration("c", "other"),
        registration("gone", "lab"),
    ];
    store.register(&hunts).await.unwrap();
    let runs = [
        request("gone", 1),
        request("a", 1),
        request("b", 2),
        request("c", 3),
    ];
    store.plan(&runs, &[]).await.unwrap();
    store.register(&hunts[..3]).await.unwrap();
    let slots = BTreeMap::from([(source("lab"), 1), (source("other"), 1)]);
    let taken = store
        .claim(&Claim {
            slots,
            ..claim(9, 2)
        })
        .await
        .unwrap();
    assert_eq!(taken, [runs[1].clone(), runs[3].clone()]);
    let slots = BTreeMap::from([(source("lab"), 0)]);
    assert_eq!(
        store
            .claim(&Claim {
                slots,
                ..claim(9, 2)
            })
            .await
            .unwrap(),
        []
    );
    assert_eq!(store.claim(&claim(9, 0)).await.unwrap(), []);
    assert_eq!(store.claim(&claim(9, 10)).await.unwrap(), [runs[2].clone()]);
    store.register(&hunts).await.unwrap();
    assert_eq!(store.claim(&claim(9, 10)).await.unwrap(), [runs[0].clone()]);
}

pub(super) async fn a_failed_run_holds_back_later_windows_until_its_time(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let run = claimed(store, "a", 1).await;
    store.plan(&[request("a", 2)], &[]).await.unwrap();
    let again = RunRequest {
        attempt: 2,
        not_before: at(10),
        ..run.clone()
    };
    store
        .record(&outcome(&again, RunStatus::Failed))
        .await
        .unwrap();
    assert_eq!(
        store.run(run.id).await.unwrap().unwrap().status,
        RunStatus::Failed
    );
    assert_eq!(store.claim(&claim(9, 10)).await.unwrap(), []);
    assert_eq!(store.claim(&claim(10, 10)).await.unwrap(), [again]);
    assert_eq!(store.completed(&hunt("a")).await.unwrap(), Some(at(0)));
}

pub(super) async fn a_manual_run_does_not_wait_for_a_failed_one(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let run = claimed(store, "a", 1).await;
    let again = RunRequest {
        attempt: 2,
        not_before: at(10),
        ..run
    };
    store
        .record(&outcome(&again, RunStatus::Failed))
        .await
        .unwrap();
    let manual = RunRequest {
        trigger: Trigger::Manual,
        ..request("a", 3)
    };
    store
        .plan(std::slice::from_ref(&manual), &[])
        .await
        .unwrap();
    assert_eq!(
        store.claim(&claim(4, 10)).await.unwrap(),
        std::slice::from_ref(&manual)
    );
    store
        .record(&outcome(&manual, RunStatus::Failed))
        .await
        .unwrap();
    assert_eq!(store.claim(&claim(99, 10)).await.unwrap(), [again]);
    let marks = store.watermarks(&[(hunt("a"), at(0))]).await.unwrap();
    assert_eq!(marks[&hunt("a")], at(1), "a manual run moves no watermark");
}

pub(super) async fn begin_refuses_while_a_run_is_under_way(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let first = RunRequest {
        trigger: Trigger::Manual,
        ..request("a", 1)
    };
    let second = RunRequest {
        trigger: Trigger::Manual,
        ..request("a", 1)
    };
    assert!(store.begin(&first, &lease(1)).await.unwrap());
    assert!(!store.begin(&second, &lease(1)).await.unwrap());
    store
        .record(&outcome(&first, RunStatus::Complete))
        .await
        .unwrap();
    assert!(store.begin(&second, &lease(1)).await.unwrap());
}

pub(super) async fn recording_is_whole_and_only_for_the_owner(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let run = claimed(store, "a", 1).await;
    let found = finding(&run, "pc1");
    let mut done = outcome(&run, RunStatus::Complete);
    done.findings = vec![found.clone()];
    done.deliveries = vec![delivery(&run, &done.findings)];
    let stranger = RunOutcome {
        owner: Uuid::from_u128(8),
        ..done.clone()
    };
    let refused = store.record(&stranger).await;
    assert!(
        matches!(refused, Err(StateError::LeaseLost { .. })),
        "{refused:?}"
    );
    assert_eq!(store.findings(&FindingFilter::default()).await.unwrap(), []);
    assert_eq!(store.deliveries(None, 0).await.unwrap(), []);

    // The same finding twice breaks the transaction in its middle: nothing of it may remain.
    let mut broken = done.clone();
    broken.findings.push(found.clone());
    assert!(store.record(&broken).await.is_err());
    assert_eq!(
        store.run(run.id).await.unwrap().unwrap().status,
        RunStatus::Running
    );
    assert_eq!(store.findings(&FindingFilter::default()).await.unwrap(), []);
    assert_eq!(
        store
            .last_told(std::slice::from_ref(&found.finding.fingerprint))
            .await
            .unwrap()
            .len(),
        0
    );

    store.record(&done).await.unwrap();
    assert_eq!(store.run(run.id).await.unwrap(), Some(done.record.clone()));
    assert_eq!(
        store.findings(&FindingFilter::default()).await.unwrap(),
        [found]
    );
    assert_eq!(store.deliveries(None, 0).await.unwrap(), done.deliveries);
    assert_eq!(store.completed(&hunt("a")).await.unwrap(), Some(at(1)));
    let again = store.record(&done).await;
    assert!(
        matches!(again, Err(StateError::LeaseLost { .. })),
        "{again:?}"
    );
}

pub(super) async fn the_completed_watermark_follows_runs_and_skips(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    store
        .plan(&[], &[request("a", 1), request("a", 2)])
        .await
        .unwrap();
    assert_eq!(store.completed(&hunt("a")).await.unwrap(), Some(at(2)));
    let run = claimed(store, "a", 3).await;
    store.plan(&[request("a", 4)], &[]).await.unwrap();
    store
        .record(&outcome(&run, RunStatus::Partial))
        .await
        .unwrap();
    assert_eq!(store.completed(&hunt("a")).await.unwrap(), Some(at(3)));
    let run = store.claim(&claim(4, 1)).await.unwrap().remove(0);
    store.plan(&[], &[request("a", 5)]).await.unwrap();
    assert_eq!(store.completed(&hunt("a")).await.unwrap(), Some(at(3)));
    store
        .record(&outcome(&run, RunStatus::Truncated))
        .await
        .unwrap();
    assert_eq!(store.completed(&hunt("a")).await.unwrap(), Some(at(5)));
}

pub(super) async fn what_was_told_is_remembered_by_fingerprint(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let run = claimed(store, "a", 1).await;
    let told = finding(&run, "pc1");
    let quiet = StoredFinding {
        suppressed: Some("told before".into()),
        ..finding(&run, "pc2")
    };
    let mut done = outcome(&run, RunStatus::Complete);
    done.findings = vec![told.clone(), quiet.clone()];
    store.record(&done).await.unwrap();
    let asked = [told.finding.fingerprint.clone(), quiet.finding.fingerprint];
    let remembered = store.last_told(&asked).await.unwrap();
    assert_eq!(
        remembered,
        BTreeMap::from([(told.finding.fingerprint, at(1))])
    );
    assert_eq!(store.last_told(&[]).await.unwrap(), BTreeMap::new());
}

pub(super) async fn an_effect_is_queued_once(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let run = claimed(store, "a", 1).await;
    let found = [finding(&run, "pc1")];
    let mut done = outcome(&run, RunStatus::Complete);
    done.deliveries = vec![delivery(&run, &found), delivery(&run, &found)];
    store.record(&done).await.unwrap();
    assert_eq!(
        store.deliveries(None, 0).await.unwrap(),
        done.deliveries[..1]
    );
}

pub(super) async fn orphans_are_recovered(store: &dyn Store) {
    let hunts = [
        registration("a", "lab"),
        registration("b", "lab"),
        registration("c", "lab"),
    ];
    store.register(&hunts).await.unwrap();
    let scheduled = claimed(store, "a", 1).await;
    let manual = RunRequest {
        trigger: Trigger::Manual,
        ..request("b", 1)
    };
    assert!(store.begin(&manual, &lease(1)).await.unwrap());
    let done = claimed(store, "c", 1).await;
    let mut record = outcome(&done, RunStatus::Complete);
    record.deliveries = vec![delivery(&done, &[finding(&done, "pc1")])];
    store.record(&record).await.unwrap();
    assert_eq!(take(store, 2, &[]).await.unwrap().len(), 1);

    assert_eq!(store.recover(&lease(2), Holder::Shared).await.unwrap(), 0);
    assert_eq!(
        store.recover(&lease(2), Holder::Exclusive).await.unwrap(),
        2
    );
    assert_eq!(
        store.claim(&claim(2, 10)).await.unwrap(),
        std::slice::from_ref(&scheduled)
    );
    assert_eq!(take(store, 2, &[]).await.unwrap().len(), 1);

    store.renew(&[scheduled.id], &lease(50)).await.unwrap();
    assert_eq!(store.recover(&lease(20), Holder::Shared).await.unwrap(), 1);
    let failed = store.run(manual.id).await.unwrap().unwrap();
    assert_eq!(failed.status, RunStatus::Failed);
    assert!(failed.message.unwrap().contains("stopped"));
    assert_eq!(
        store.run(scheduled.id).await.unwrap().unwrap().status,
        RunStatus::Running
    );
    assert_eq!(store.recover(&lease(60), Holder::Shared).await.unwrap(), 1);
}

pub(super) async fn a_window_has_the_file_of_its_last_run(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let first = claimed(store, "a", 1).await;
    let file_of = async || store.result_of(&first.hunt, first.window).await.unwrap();
    let ended = async || store.ended_last(10).await.unwrap();
    assert_eq!((file_of().await, ended().await), (None, vec![]));
    let ends = async |request: &RunRequest, status, file: Option<&str>, minute| {
        let mut outcome = outcome(request, status);
        outcome.record.file = file.map(str::to_owned);
        outcome.record.finished_at = Some(at(minute));
        store.record(&outcome).await.unwrap();
    };
    ends(&first, RunStatus::Complete, Some("first"), 2).await;
    assert_eq!(file_of().await.as_deref(), Some("first"));

    let by_hand = || RunRequest {
        id: RunId::generate(),
        trigger: Trigger::Manual,
        ..first.clone()
    };
    let (failing, empty) = (by_hand(), by_hand());
    assert!(store.begin(&failing, &lease(3)).await.unwrap());
    assert_eq!(ended().await, [], "a run of the hunt is under way");
    ends(&failing, RunStatus::Failed, None, 4).await;
    assert_eq!(ended().await, [failing.clone(), first.clone()]);
    assert_eq!(file_of().await.as_deref(), Some("first"));
    assert!(store.begin(&empty, &lease(5)).await.unwrap());
    ends(&empty, RunStatus::Complete, None, 6).await;
    assert_eq!(file_of().await, None, "the last one found nothing");
    assert_eq!(store.ended_last(1).await.unwrap(), [empty]);
}

pub(super) async fn released_runs_wait_again(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let run = claimed(store, "a", 1).await;
    let stranger = Lease {
        owner: Uuid::from_u128(8),
        ..lease(1)
    };
    store.release(&[run.id], &stranger).await.unwrap();
    assert_eq!(store.claim(&claim(1, 1)).await.unwrap(), []);
    store.release(&[run.id], &lease(1)).await.unwrap();
    assert_eq!(
        store.run(run.id).await.unwrap().unwrap().status,
        RunStatus::Planned
    );
    assert_eq!(store.claim(&claim(1, 1)).await.unwrap(), [run]);
}

/// Up to ten deliveries that are due at a minute, but for those of these actions.
async fn take(
    store: &dyn Store,
    minute: i64,
    except: &[&str],
) -> Result<Vec<Delivery>, StateError> {
    let except = except
        .iter()
        .map(|action| ActionName::new(action).unwrap())
        .collect();
    store.take_due(at(minute), 10, &except).await
}

pub(super) async fn deliveries_of_some_actions_can_be_left(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let run = claimed(store, "a", 1).await;
    let mut done = outcome(&run, RunStatus::Complete);
    let mail = delivery(&run, &[finding(&run, "pc1")]);
    let hook = Delivery {
        id: DeliveryId::generate(),
        key: format!("{}/hook", mail.key),
        action: ActionName::new("hook").unwrap(),
        ..mail.clone()
    };
    done.deliveries = vec![mail.clone(), hook.clone()];
    store.record(&done).await.unwrap();
    let both = ["hook", mail.action.as_str()];
    assert_eq!(take(store, 1, &both).await.unwrap(), []);
    let taken = take(store, 1, &[mail.action.as_str()]).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].id, hook.id);
    assert_eq!(take(store, 1, &[]).await.unwrap()[0].id, mail.id);
}

pub(super) async fn deliveries_are_taken_settled_and_sent_again(store: &dyn Store) {
    store.register(&[registration("a", "lab")]).await.unwrap();
    let run = claimed(store, "a", 1).await;
    let mut done = outcome(&run, RunStatus::Complete);
    done.deliveries = vec![delivery(&run, &[finding(&run, "pc1")])];
    store.record(&done).await.unwrap();
    let id = done.deliveries[0].id;
    assert_eq!(store.next_due().await.unwrap(), Some(at(1)));
    assert_eq!(take(store, 0, &[]).await.unwrap(), []);
    let taken = take(store, 1, &[]).await.unwrap();
    assert_eq!(
        taken,
        [Delivery {
            status: DeliveryStatus::Sending,
            ..done.deliveries[0].clone()
        }]
    );
    assert_eq!(take(store, 1, &[]).await.unwrap(), []);
    assert_eq!(store.next_due().await.unwrap(), None);
    let mut settled = Settled {
        id,
        status: DeliveryStatus::Pending,
        attempts: 1,
        not_before: at(3),
        last_error: Some("connection refused".into()),
    };
    store.settle(&settled).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(3)));
    assert!(!store.resend(id, at(3)).await.unwrap());
    settled.status = DeliveryStatus::Dead;
    store.settle(&settled).await.unwrap();
    assert_eq!(take(store, 99, &[]).await.unwrap(), []);
    let dead = store
        .deliveries(Some(DeliveryStatus::Dead), 0)
        .await
        .unwrap();
    assert_eq!(dead[0].last_error.as_deref(), Some("connection refused"));
    assert!(store.resend(id, at(100)).await.unwrap());
    assert!(!store.resend(DeliveryId::generate(), at(100)).await.unwrap());
    let taken = take(store, 100, &[]).await.unwrap();
    assert_eq!((taken[0].attempts, taken[0].created_at), (0, at(100)));
}

pub(super) async fn listings_are_newest_first_and_limited(store: &dyn Store) {
    store
        .register(&[registration("a", "lab"), registration("b", "lab")])
        .await
        .unwrap();
    let mut found = Vec::new();
    for minute in 1..=3 {
        let run = claimed(store, "a", minute).await;
        let mut done = outcome(&run, RunStatus::Complete);
        done.findings = vec![finding(&run, &minute.to_string())];
        found.push(done.findings[0].clone());
        store.record(&done).await.unwrap();
    }
    claimed(store, "b", 4).await;
    let runs = store
        .runs(&RunFilter {
            hunt: Some(hunt("a")),
            limit: 2,
        })
        .await
        .unwrap();
    let minutes: Vec<_> = runs.iter().map(|run| run.request.fire_time).collect();
    assert_eq!(minutes, [at(3), at(2)]);
    assert_eq!(store.runs(&RunFilter::default()).await.unwrap().len(), 4);
    let filter = FindingFilter {
        hunt: Some(hunt("a")),
        limit: 1,
        ..Default::default()
    };
    assert_eq!(store.findings(&filter).await.unwrap(), found[2..]);
    let filter = FindingFilter {
        run: Some(found[1].finding.run),
        ..Default::default()
    };
    assert_eq!(store.findings(&filter).await.unwrap(), found[1..2]);
    let filter = FindingFilter {
        id: Some(found[0].finding.id),
        ..Default::default()
    };
    assert_eq!(store.findings(&filter).await.unwrap(), found[..1]);
    let filter = FindingFilter {
        hunt: Some(hunt("b")),
        ..Default::default()
    };
    assert_eq!(store.findings(&filter).await.unwrap(), []);
}
