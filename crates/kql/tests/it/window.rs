//! A window restricts every read of a table with a time column, and ends `now()`.

use kql::window::{Window, apply, bind_now};

use super::world::compile;

const WINDOW: Window = Window {
    from: 1_000,
    to: 2_000,
};

#[track_caller]
fn windowed(query: &str) -> String {
    let query = compile(query).query.expect("binds");
    format!("{:?}", apply(query, WINDOW).plan)
}

#[track_caller]
fn restrictions(query: &str) -> usize {
    windowed(query).matches("DateTime(1000)").count()
}

#[test]
fn tables_with_a_time_column_are_restricted_wherever_they_are_read() {
    assert_eq!(restrictions("Events"), 1);
    assert_eq!(restrictions("union Events*"), 2);
    assert_eq!(restrictions("Events | join Events on DeviceId"), 2);
    assert_eq!(
        restrictions("U | where s in ((Events | project DeviceId))"),
        1
    );
    assert_eq!(restrictions("U | extend n = toscalar(Events | count)"), 1);
    assert_eq!(restrictions("let e = materialize(Events); union e, e"), 2);
}

#[test]
fn tables_without_a_time_column_are_read_whole() {
    assert_eq!(restrictions("T | where t > ago(1d)"), 0);
}

#[test]
fn now_is_the_end_of_the_window() {
    let plan = windowed("T | where t > ago(1tick) and t < now()");
    assert!(!plan.contains("Now"), "{plan}");
    assert_eq!(plan.matches("DateTime(2000)").count(), 1, "{plan}");
    // `ago(1tick)` is worked out, so that a scan can use it.
    assert_eq!(plan.matches("DateTime(1999)").count(), 1, "{plan}");
}

#[test]
fn now_can_be_bound_without_a_window() {
    let query = compile("Events | where Timestamp < now()")
        .query
        .expect("binds");
    let plan = format!("{:?}", bind_now(query, 7).plan);
    assert!(
        plan.contains("DateTime(7)") && !plan.contains("Now"),
        "{plan}"
    );
}
