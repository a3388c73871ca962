//! Plugins of `evaluate`: their arguments, and the columns that they make.

use kql::hir::PlanKind;
use kql::types::{Column, ScalarType, Schema};

use crate::world::{catalog, columns, compile};

fn check(call: &str, expected: &str) {
    assert_eq!(columns(&format!("T | evaluate {call}")), expected, "{call}");
}

const T: &str = "a:long b:long i:int r:real s:string t:datetime ts:timespan d:dynamic g:guid \
                 f:bool dec:decimal";

#[test]
fn a_plugin_makes_the_columns_of_the_reference() {
    check("narrow()", "Row:long Column:string Value:string");
    check(
        "session_count(s, t, ago(1d), now(), 1h, 2h, g)",
        "t:datetime g:guid count_sessions:long",
    );
    check(
        "activity_engagement(s, t, 1d, 7d)",
        "t:datetime dcount_activities_inner:long dcount_activities_outer:long activity_ratio:real",
    );
    check(
        "new_activity_metrics(s, a, 1, 2, 1, g, U)",
        "from_a:long to_a:long g:guid dcount_new_values:long dcount_retained_values:long \
         dcount_churn_values:long retention_rate:real churn_rate:real",
    );
    check(
        "funnel_sequence(s, t, ago(1d), now(), 1d, 1d, a, dynamic([1, 2]))",
        "t:datetime prev:long next:long dcount:long samples:dynamic",
    );
    check(
        "sequence_detect(t, 5m, 1h, one = s == 'x', then = s == 'y', g, a)",
        "g:guid a:long one_t:datetime then_t:datetime Duration:timespan",
    );
    check(
        "rolling_percentile(a, 50, t, 1d, 3, s)",
        "t:datetime s:string rolling_3_percentile_a_50:long",
    );
    check(
        "autocluster(0.5, '~', 3)",
        &format!("SegmentId:long Count:long Percent:real {T}"),
    );
    check(
        "ai_embeddings(s, 'x')",
        &format!("{T} s_embeddings:dynamic"),
    );
    check("dcount_intersect(d, d)", &format!("{T} s0:long s1:long"));
}

#[test]
fn a_lookup_adds_the_columns_of_the_other_table() {
    check(
        "ipv4_lookup(U, s, s)",
        &format!("{T} a1:long s1:string z:int"),
    );
    check("ipv4_lookup(U, s, s, a)", &format!("{T} s1:string z:int"));
    check(
        "ipv4_lookup(U, s, s, a, return_unmatched = true)",
        &format!("{T} s1:string z:int"),
    );
    check("ipv4_lookup(U, s, nope)", "KQL201 unknown column `nope`");
    check("ipv4_lookup(Nope, s, s)", "KQL202 unknown table `Nope`");
}

#[test]
fn columns_may_be_declared() {
    check("bag_unpack(d) : (x: string, y: long)", "x:string y:long");
    check("pivot(s, sum(a), g) : (*, x: long)", "g:guid x:long");
    check("python(typeof(*, x: real), 'code')", &format!("{T} x:real"));
    check("python(typeof(x: real), 'code', dynamic({}))", "x:real");
    check(
        "narrow() : (x: long, *)",
        "KQL100 `*` comes first among the columns of a result",
    );
}

#[test]
fn a_plugin_may_leave_the_columns_open() {
    let bound = compile("T | project a, d | evaluate bag_unpack(d)");
    let query = bound.query.expect("it binds");
    assert!(query.plan.schema.is_open());
    assert_eq!(query.plan.schema.len(), 1);

    let known = "T | project a, s, d | evaluate bag_unpack(d)";
    let check = |rest: &str, expected: &str| {
        assert_eq!(columns(&format!("{known} | {rest}")), expected, "{rest}");
    };
    check("where New > 3 and Other has 'x'", "a:long s:string");
    check(
        "project New, x = strlen(New), a",
        "New:dynamic x:long a:long",
    );
    check(
        "extend Key = New | summarize count() by Key",
        "Key:dynamic count_:long",
    );
    check("sort by New | distinct New", "New:dynamic");
    check(
        "where strlenn(New) > 1",
        "KQL203 unknown function `strlenn`",
    );
    check("count", "Count:long");
    check(
        "join (U) on a | where New == 1",
        "a:long s:string a1:long s1:string z:int",
    );
    assert!(
        !compile(&format!("{known} | project a"))
            .columns
            .expect("it binds")
            .is_open()
    );
    check("where New | project-rename Old = New", "a:long s:string");
}

#[test]
fn arguments_are_checked() {
    check("bag_unpak(d)", "KQL203 unknown plugin `bag_unpak`");
    check(
        "tostring(d)",
        "KQL203 `tostring` is a function, not a plugin",
    );
    check("bag_unpack(nope)", "KQL201 unknown column `nope`");
    check(
        "bag_unpack(d.x)",
        "KQL206 expected the name of a column, found an expression",
    );
    check(
        "bag_unpack()",
        "KQL205 the plugin `bag_unpack` takes 1 to 4 arguments, 0 given",
    );
    check(
        "session_count(s, s, ago(1d), now(), 1h, 1h)",
        "KQL206 the argument `TimelineColumn` of `session_count` is of type string, not a number, \
         timespan or datetime",
    );
    check(
        "session_count(s, t, ago(1d), now(), a, 1h)",
        "KQL211 the argument `Bin` of `session_count` must be a constant",
    );
    check(
        "pivot(d)",
        "KQL206 the argument `pivotColumn` of `pivot` is of type dynamic, not anything but dynamic",
    );
    check(
        "funnel_sequence(s, t, ago(1d), now(), 1d, 1d, a, dynamic({}))",
        "KQL206 the argument `Sequence` of `funnel_sequence` is of type dynamic, not a dynamic array",
    );
    check(
        "hint.distribution=everywhere narrow()",
        "KQL215 `everywhere` is no value of `hint.distribution`",
    );
    assert_eq!(
        columns("evaluate sql_request('server', 'select 1') : (x: long)"),
        "x:long"
    );
}

#[test]
fn columns_that_running_a_plugin_told_are_bound_exactly() {
    let unpacked = "T | project a, d | evaluate bag_unpack(d)";
    let bound = compile(&format!("{unpacked} | join (U) on $left.Other == $right.s"));
    assert!(
        bound.is_open,
        "which column the join is on, only running tells"
    );
    // What is bound leads to the call all the same.
    let mut plan = &bound.query.expect("a part of it is bound").plan;
    let call = loop {
        match &*plan.kind {
            PlanKind::Plugin { call, .. } => break call.expect("its columns depend on the rows"),
            _ => plan = plan.inputs()[0],
        }
    };
    let told = Schema::new([
        Column::new("a", ScalarType::Long),
        Column::new("New", ScalarType::Int),
    ]);
    let known = [(call, told)].into();
    let bind = |rest: &str| {
        let text = format!("{unpacked} | where New > 0 {rest}");
        kql::compile_with(&text, &catalog(), &known)
    };
    let columns = bind("| extend x = a + New").columns.expect("it binds");
    assert!(!columns.is_open());
    let columns: Vec<String> = columns
        .columns()
        .iter()
        .map(|column| format!("{}:{}", column.name, column.ty))
        .collect();
    assert_eq!(columns, ["a:long", "New:int", "x:long"]);
    let bound = bind("| project Other");
    assert_eq!(bound.diagnostics[0].message, "unknown column `Other`");
}
