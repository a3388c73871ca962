//! Fire times over time zones and their changes, and windows that tile.

use chrono::{SecondsFormat, TimeZone as _};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn cron(text: &str, zone: &str) -> Schedule {
    Schedule::parse_cron(text, zone).unwrap()
}

fn hours(count: i64) -> WindowRule {
    WindowRule {
        lookback: TimeDelta::hours(count),
        delay: TimeDelta::zero(),
    }
}

fn each(limit: usize) -> CatchUp {
    CatchUp {
        policy: CatchUpPolicy::Each,
        limit,
    }
}

/// The fire times in `(from, to]`, found forwards and backwards, in local time with offset.
fn fire_times(schedule: &Schedule, from: &str, to: &str) -> Vec<String> {
    let (from, to) = (at(from), at(to));
    let forwards: Vec<_> = schedule
        .fire_times_after(from)
        .take_while(|fire_time| *fire_time <= to)
        .take(1000)
        .collect();
    let mut backwards = Vec::new();
    let mut candidate = schedule.last_at_or_before(to);
    while let Some(fire_time) = candidate.filter(|fire_time| *fire_time > from) {
        assert!(backwards.len() < 1000, "it goes backwards");
        backwards.push(fire_time);
        candidate = schedule.last_at_or_before(fire_time - TimeDelta::milliseconds(1));
    }
    backwards.reverse();
    assert_eq!(forwards, backwards, "both directions agree");
    let zone = schedule.zone();
    let show = |fire_time: DateTime<Utc>| {
        let local = fire_time.with_timezone(&zone);
        local.to_rfc3339_opts(SecondsFormat::Secs, false)
    };
    forwards.into_iter().map(show).collect()
}

#[test]
fn a_skipped_local_time_fires_once_just_after_the_gap() {
    let schedule = cron("30 2 * * *", "Europe/Berlin");
    assert_eq!(
        fire_times(&schedule, "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z"),
        [
            "2026-03-28T02:30:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:30:00+02:00",
        ]
    );
    let new_york = cron("15 2 * * *", "America/New_York");
    assert_eq!(
        fire_times(&new_york, "2026-03-08T00:00:00Z", "2026-03-09T12:00:00Z"),
        ["2026-03-08T03:00:00-04:00", "2026-03-09T02:15:00-04:00"]
    );
    let lord_howe = cron("15 2 * * *", "Australia/Lord_Howe");
    assert_eq!(
        fire_times(&lord_howe, "2026-10-02T16:00:00Z", "2026-10-04T16:00:00Z"),
        ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]
    );
}

#[test]
fn several_skipped_local_times_fire_once_together() {
    let schedule = cron("*/15 2 * * *", "Europe/Berlin");
    assert_eq!(
        fire_times(&schedule, "2026-03-29T00:00:00Z", "2026-03-30T00:16:00Z"),
        [
            "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:00:00+02:00",
            "2026-03-30T02:15:00+02:00",
        ]
    );
    let with_the_hour_after = cron("0 2,3 * * *", "Europe/Berlin");
    assert_eq!(
        fire_times(
            &with_the_hour_after,
            "2026-03-29T00:00:00Z",
            "2026-03-30T00:00:00Z"
        ),
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]
    );
}

#[test]
fn a_repeated_local_time_fires_once_when_it_comes_first() {
    let schedule = cron("30 2 * * *", "Europe/Berlin");
    assert_eq!(
        fire_times(&schedule, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
        ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    );
    let new_york = cron("30 1 * * *", "America/New_York");
    assert_eq!(
        fire_times(&new_york, "2026-11-01T00:00:00Z", "2026-11-02T12:00:00Z"),
        ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]
    );
    let lord_howe = cron("45 1 * * *", "Australia/Lord_Howe");
    assert_eq!(
        fire_times(&lord_howe, "2026-04-04T00:00:00Z", "2026-04-05T20:00:00Z"),
        ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]
    );
}

#[test]
fn a_schedule_for_all_hours_keeps_its_pace_over_the_changes() {
    let schedule = cron("*/30 * * * *", "Europe/Berlin");
    assert_eq!(
        fire_times(&schedule, "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z"),
        [
            "2026-03-29T01:30:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T03:30:00+02:00",
        ]
    );
    assert_eq!(
        fire_times(&schedule, "2026-10-24T23:45:00Z", "2026-10-25T02:00:00Z"),
        [
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:00:00+01:00",
        ]
    );
    let lord_howe = cron("*/15 * * * *", "Australia/Lord_Howe");
    for (from, to) in [
        ("2026-04-04T13:00:00Z", "2026-04-04T17:00:00Z"),
        ("2026-10-03T13:00:00Z", "2026-10-03T17:00:00Z"),
    ] {
        assert_eq!(
            fire_times(&lord_howe, from, to).len(),
            16,
            "every 15 real minutes"
        );
    }
}

#[test]
fn six_fields_have_seconds_first() {
    let schedule = cron("15,45 * * * * *", "UTC");
    assert_eq!(
        fire_times(&schedule, "2026-01-01T00:00:00Z", "2026-01-01T00:01:15Z"),
        [
            "2026-01-01T00:00:15+00:00",
            "2026-01-01T00:00:45+00:00",
            "2026-01-01T00:01:15+00:00",
        ]
    );
}

#[test]
fn every_fires_at_multiples_since_the_epoch() {
    let schedule = Schedule::every(Duration::from_mins(15)).unwrap();
    assert_eq!(
        fire_times(
            &schedule,
            "2026-01-01T00:00:00.001Z",
            "2026-01-01T00:30:00Z"
        ),
        ["2026-01-01T00:15:00+00:00", "2026-01-01T00:30:00+00:00"]
    );
    assert!(Schedule::every(Duration::from_millis(10)).is_err());
}

#[test]
fn a_part_of_a_second_does_not_hide_a_fire_time() {
    let schedule = cron("* * * * *", "UTC");
    assert_eq!(
        schedule.next_after(at("2026-01-01T00:00:59.999Z")),
        Some(at("2026-01-01T00:01:00Z"))
    );
    assert_eq!(
        schedule.last_at_or_before(at("2026-01-01T00:01:00.999Z")),
        Some(at("2026-01-01T00:01:00Z"))
    );
}

#[test]
fn mistakes_are_named() {
    let wrong = |text: &str, zone: &str| Schedule::parse_cron(text, zone).unwrap_err().to_string();
    assert_eq!(
        wrong("* * *", "UTC"),
        "`* * *` is not a cron expression: it has 3 fields, five or six (seconds first) are needed"
    );
    assert_eq!(
        wrong("0 0 0 1 1 * 2030", "UTC"),
        "`0 0 0 1 1 * 2030` is not a cron expression: it has 7 fields, five or six (seconds first) \
         are needed"
    );
    assert!(wrong("61 * * * *", "UTC").starts_with("`61 * * * *` is not a cron expression: "));
    assert_eq!(
        wrong("0 0 31 2 *", "UTC"),
        "`0 0 31 2 *` is not a cron expression: it never fires"
    );
    assert_eq!(
        wrong("* * * * *", "Europe/Berlim"),
        "unknown time zone `Europe/Berlim`"
    );
}

#[test]
fn a_new_hunt_starts_with_its_next_fire_time() {
    let schedule = cron("0 * * * *", "UTC");
    let rule = WindowRule {
        lookback: TimeDelta::zero(),
        delay: TimeDelta::minutes(10),
    };
    let first_seen = at("2026-01-01T10:20:00Z");
    let watermark = initial_watermark(&schedule, rule, first_seen);
    assert_eq!(watermark, at("2026-01-01T09:50:00Z"));
    let nothing = due(&schedule, rule, watermark, first_seen, each(10));
    assert_eq!(nothing, DuePlan::default());
    let plan = due(
        &schedule,
        rule,
        watermark,
        at("2026-01-01T11:00:00Z"),
        each(10),
    );
    assert_eq!(plan.run.len(), 1);
    assert_eq!(
        plan.run[0].window.to_string(),
        "[2026-01-01T09:50:00Z, 2026-01-01T10:50:00Z)"
    );
}

#[test]
fn policies_choose_among_missed_windows() {
    let schedule = cron("0 * * * *", "UTC");
    let watermark = at("2026-01-01T10:00:00Z");
    let now = at("2026-01-01T15:30:00Z");
    let plan = |policy, limit| {
        let catch_up = CatchUp { policy, limit };
        let plan = due(&schedule, hours(0), watermark, now, catch_up);
        let keys = |list: &[Due]| list.iter().map(|due| due.window.key()).collect::<Vec<_>>();
        (keys(&plan.run), keys(&plan.skip))
    };
    let (run, skip) = plan(CatchUpPolicy::Each, 10);
    assert_eq!((run.len(), skip.len()), (5, 0));
    assert_eq!(
        plan(CatchUpPolicy::Each, 2),
        (
            vec![
                "20260101T130000Z-20260101T140000Z".to_owned(),
                "20260101T140000Z-20260101T150000Z".to_owned(),
            ],
            vec!["20260101T100000Z-20260101T130000Z".to_owned()],
        )
    );
    assert_eq!(
        plan(CatchUpPolicy::Latest, 10),
        (
            vec!["20260101T140000Z-20260101T150000Z".to_owned()],
            vec!["20260101T100000Z-20260101T140000Z".to_owned()],
        )
    );
    assert_eq!(
        plan(CatchUpPolicy::None, 10),
        (vec![], vec!["20260101T100000Z-20260101T150000Z".to_owned()])
    );
}

#[test]
fn a_fire_time_that_just_came_is_run_under_every_policy() {
    let schedule = cron("0 * * * *", "UTC");
    let watermark = at("2026-01-01T10:00:00Z");
    for policy in [
        CatchUpPolicy::Each,
        CatchUpPolicy::Latest,
        CatchUpPolicy::None,
    ] {
        let catch_up = CatchUp { policy, limit: 5 };
        let now = at("2026-01-01T11:00:00.4Z");
        let plan = due(&schedule, hours(0), watermark, now, catch_up);
        assert_eq!((plan.run.len(), plan.skip.len()), (1, 0), "{policy:?}");
    }
}

#[test]
fn years_of_downtime_cost_no_more_than_the_limit() {
    let schedule = cron("* * * * * *", "Europe/Berlin");
    let plan = due(
        &schedule,
        hours(0),
        at("1996-01-01T00:00:00Z"),
        at("2026-01-01T00:00:00Z"),
        each(20),
    );
    assert_eq!((plan.run.len(), plan.skip.len()), (20, 1));
    assert_eq!(plan.skip[0].window.start(), at("1996-01-01T00:00:00Z"));
}

#[test]
fn jitter_is_steady_and_below_its_bound() {
    let schedule = cron("0 * * * *", "UTC").with_jitter(Duration::from_secs(30));
    let fire_time = at("2026-01-01T00:00:00Z");
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..100 {
        let hunt = HuntName::new(&format!("hunt-{number}")).unwrap();
        let jitter = schedule.jitter_for(&hunt, fire_time);
        assert_eq!(jitter, schedule.jitter_for(&hunt, fire_time));
        assert!(jitter < Duration::from_secs(30));
        seen.insert(jitter);
    }
    assert!(seen.len() > 90, "they are spread");
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let text = prop::sample::select(vec![
        "*/15 * * * *",
        "30 2 * * *",
        "0 */2 * * *",
        "5,35 1-3 * * *",
        "0 0 1 * *",
        "0 12 * * MON-FRI",
        "10 */20 * * * *",
        "0 1 29 2 *",
    ]);
    let zone = prop::sample::select(vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "America/Sao_Paulo",
    ]);
    let by_cron = (text, zone).prop_map(|(text, zone)| cron(text, zone));
    let by_period = (60_u64..100_000)
        .prop_map(|seconds| Schedule::every(Duration::from_secs(seconds)).unwrap());
    prop_oneof![3 => by_cron, 1 => by_period]
}

fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    // Half of them lie around the changes of 2026.
    let anywhere = 1_500_000_000_i64..1_900_000_000;
    let changes = [
        1_774_746_000_i64,
        1_792_890_000,
        1_772_953_200,
        1_793_512_800,
        1_775_314_800,
        1_791_039_600,
    ];
    let around = (prop::sample::select(changes.to_vec()), -10_000_i64..10_000)
        .prop_map(|(change, shift)| change + shift);
    prop_oneof![anywhere, around].prop_map(|seconds| Utc.timestamp_opt(seconds, 0).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn neighbours_in_both_directions_agree(schedule in any_schedule(), instant in any_instant()) {
        let next = schedule.next_after(instant).unwrap();
        let last = schedule.last_at_or_before(instant).unwrap();
        prop_assert!(last <= instant && instant < next);
        prop_assert_eq!(schedule.last_at_or_before(next), Some(next));
        prop_assert_eq!(schedule.next_after(last), Some(next));
        prop_assert_eq!(schedule.last_at_or_before(next - TimeDelta::seconds(1)), Some(last));
    }

    #[test]
    fn windows_tile(
        schedule in any_schedule(),
        start in any_instant(),
        steps in prop::collection::vec(0_i64..200_000, 1..12),
        lookback in 0_i64..100_000,
        delay in 0_i64..10_000,
        policy in prop::sample::select(vec![
            CatchUpPolicy::Each, CatchUpPolicy::Latest, CatchUpPolicy::None,
        ]),
        limit in 0_usize..6,
    ) {
        let rule = WindowRule {
            lookback: TimeDelta::seconds(lookback),
            delay: TimeDelta::seconds(delay),
        };
        let mut now = start;
        let mut watermark = initial_watermark(&schedule, rule, now);
        for step in steps {
            now += TimeDelta::seconds(step);
            let plan = due(&schedule, rule, watermark, now, CatchUp { policy, limit });
            prop_assert!(plan.run.len() <= limit.max(1));
            prop_assert!(plan.skip.len() <= 1);
            for skipped in &plan.skip {
                prop_assert_eq!(skipped.window.start(), watermark);
                watermark = skipped.window.end();
            }
            for due in &plan.run {
                let window = due.window;
                prop_assert_eq!(window.end(), due.fire_time - rule.delay);
                prop_assert!(window.start() <= watermark, "no gap");
                let overlap = watermark - window.start();
                prop_assert!(overlap <= rule.lookback, "no overlap beyond the lookback");
                prop_assert!(rule.lookback > TimeDelta::zero() || overlap.is_zero());
                prop_assert!(window.end() > watermark, "the watermark never goes back");
                watermark = window.end();
            }
            prop_assert!(watermark <= now);
            let rest = due(&schedule, rule, watermark, now, CatchUp { policy, limit });
            prop_assert_eq!(rest, DuePlan::default(), "nothing is due twice");
        }
    }
}
