//! A query that nobody waits for any more stops within a moment, wherever it is.

#![expect(clippy::print_stdout, reason = "how fast each query stopped")]

use std::time::{Duration, Instant};

use kql_datafusion::threads::running_tasks;
use kql_datafusion::{Limits, MemoryTables};

use crate::world;

/// How long the query ran before it was dropped.
const HEAD_START: Duration = Duration::from_millis(400);

/// How long to wait for it to stop. Left alone, each of these queries goes on for minutes, so
/// that no busy machine takes one that stops for one that does not.
const PATIENCE: Duration = Duration::from_secs(20);

/// Drops a query that is running; tells how long its tasks went on, at most [`PATIENCE`].
fn time_to_stop(text: &str) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limits = Limits {
        target_partitions: 2,
        ..Limits::default()
    };
    runtime.block_on(async {
        let mut query = Box::pin(async {
            let stream = world::start(MemoryTables::new(), limits, text, None).await;
            stream.unwrap().collect().await
        });
        let answer = tokio::time::timeout(HEAD_START, &mut query).await;
        assert!(answer.is_err(), "too fast to be stopped: {text}");
        assert!(running_tasks() > 0, "nothing runs: {text}");
    });
    let dropped = Instant::now();
    while running_tasks() > 0 && dropped.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    dropped.elapsed()
}

fn check(name: &str, text: &str) {
    let time = time_to_stop(text);
    assert!(time < PATIENCE, "{name} goes on: {text}");
    // Shown with `--no-capture`, for a build with optimisation: the promise is 100 ms.
    println!("{name} stopped after {time:?}");
}

#[test]
fn queries_stop_when_they_are_dropped() {
    let many = "range x from 1 to 1000000000 step 1";
    for (name, rest) in [
        ("filter", "| where x % 7 == 8 | count"),
        ("sort", "| extend h = hash(x) | sort by h desc"),
        ("aggregate", "| summarize count() by h = hash(x)"),
        ("lists", "| summarize make_list(x) by x % 10"),
        ("distinct counts", "| summarize dcount(x) by x % 10"),
        ("percentiles", "| summarize percentile(x, 50)"),
        (
            "window",
            "| extend n = row_number(), p = prev(x) | summarize max(n + p)",
        ),
        (
            "expansion",
            "| extend a = range(1, 1000, 1) | mv-expand a | summarize max(tolong(a))",
        ),
        (
            "scan",
            "| scan declare (s:long=0) with (step a: true => s = x + a.s;) | summarize max(s)",
        ),
        ("reduce", "| extend t = strcat('a', x, ' b') | reduce by t"),
        (
            "groups one by one",
            "| take 10000000 | extend k = x / 100 | partition by k (scan with (step a: true;) | count)",
        ),
        (
            "regex",
            "| extend t = strcat('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', x) \
          | where t matches regex '(a|aa|aaa)+(b|c)' or replace_regex(t, '(a+)(a+)', @'\\2') == 'x'",
        ),
        (
            "long texts",
            "| extend t = strrep(strcat(x, ','), 1000) | extend s = split(t, ',') | where s has 'x'",
        ),
        (
            "long arrays",
            "| extend a = range(x, x + 100000, 1) | where array_length(a) == 7",
        ),
    ] {
        check(name, &format!("{many} {rest}"));
    }
}

#[test]
fn joins_stop_when_they_are_dropped() {
    // Few enough to be looked up soon, and to be many times as many then.
    let many = "range x from 1 to 300000 step 1 | extend k = x % 10";
    for (name, rest) in [
        ("join", "join kind=inner"),
        ("outer join", "join kind=fullouter"),
    ] {
        check(
            name,
            &format!("{many} | {rest} ({many}) on k | summarize max(x1)"),
        );
    }
    check(
        "cross join",
        &format!(
            "{many} | extend c = 1 | join kind=inner ({many} | extend c = 1) on c | where x + x1 == 0"
        ),
    );
    check(
        "building a join",
        "range x from 1 to 1000000000 step 1 | join kind=inner (range x from 1 to 1000000000 step 1) on x | count",
    );
}

#[test]
fn graphs_stop_when_they_are_dropped() {
    let graph = "range x from 0 to 999 step 1 | extend s = x % 30, t = (x * 7 + x / 30) % 30 \
                 | make-graph s --> t with_node_id=id";
    check(
        "graph-match",
        &format!(
            "{graph} | graph-match cycles=all (a)-[e*5..20]->(b) where a.id + b.id == -1 project a.id | count"
        ),
    );
    check(
        "graph-shortest-paths",
        &format!(
            "{graph} | graph-shortest-paths output=all (a)-[e*1..20]->(b) where any(e, s == -1) project a.id | count"
        ),
    );
}

#[test]
fn a_subquery_stops_with_its_query() {
    check(
        "toscalar",
        "print toscalar(range x from 1 to 1000000000 step 1 | summarize max(hash(x)))",
    );
}
