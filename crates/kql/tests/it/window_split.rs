//! Whether the parts of a window may be computed apart, why, and how far a query reaches back.

use insta::assert_snapshot;
use kql::types::TICKS_PER_SECOND;
use kql::window::{Alignment, Mode, Splitting, Verdict, own_ranges, splitting};

use super::world::compile;

fn split(query: &str, mode: Mode) -> Splitting {
    let bound = compile(query);
    let found = bound.query.map(|found| splitting(&found, mode));
    found.unwrap_or_else(|| panic!("{query}\n{:?}", bound.diagnostics))
}

/// The verdict, the alignment, the reason and the text that it is about.
fn told(query: &str) -> String {
    let Splitting {
        verdict,
        alignment,
        reason,
        span,
    } = split(query, Mode::Event);
    let aligned = alignment.map_or(String::new(), |Alignment { step, offset }| {
        let seconds = |ticks: i64| ticks / TICKS_PER_SECOND;
        format!(" at {}s + {}s", seconds(offset), seconds(step))
    });
    format!("{verdict:?}{aligned}: {reason}: {}", span.text(query))
}

#[track_caller]
fn independent(queries: &[&str]) {
    for query in queries {
        let found = split(query, Mode::Event);
        assert_eq!(found.verdict, Verdict::Independent, "{query}\n{found:?}");
        assert_eq!(found.alignment, None, "{query}");
    }
}

#[track_caller]
fn neither(queries: &[(&str, &str)]) {
    for (query, cause) in queries {
        let found = split(query, Mode::Event);
        assert_eq!(found.verdict, Verdict::Neither, "{query}\n{found:?}");
        assert_eq!(found.span.text(query), *cause, "{query}\n{}", found.reason);
    }
}

#[test]
fn rows_that_are_made_of_one_row_are_independent() {
    independent(&[
        "Events",
        "Events | where FileSize > 1 and Timestamp > ago(1h) | extend x = now() | project x, FileName",
        "union Events*",
        "Events | mv-expand AdditionalFields | parse FileName with * '.' Extension",
        "Events | join kind=inner U on $left.DeviceId == $right.s",
        "Events | lookup U on $left.DeviceId == $right.s",
        "Events | join kind=leftanti (datatable(DeviceId: string)['x']) on DeviceId",
        "U | join Events on $left.s == $right.DeviceId",
        "Events | where DeviceId in (U | project s)",
        "Events | where FileSize > toscalar(U | count)",
        "Events | sort by FileSize | summarize count() by Timestamp",
        "Events | join kind=fullouter EventsMore on Timestamp, DeviceId",
        "Events | distinct Timestamp, DeviceId",
        "Events | mv-apply x = AdditionalFields on (top 1 by tostring(x)) | parse-kv FileName as (k: long)",
    ]);
}

#[test]
fn groups_of_bins_are_independent_where_cuts_are_aligned() {
    assert_snapshot!(told("Events | summarize dcount(FileName) by DeviceId, bin(Timestamp, 1h)"), @"Independent at 0s + 3600s: the groups of `summarize` do not span the bins of their time: bin(Timestamp, 1h)");
    assert_snapshot!(told("let w = 2 * 1h; Events | summarize avg(FileSize) by Hour = bin(Timestamp, w) | where avg_FileSize > 3"), @"Independent at 0s + 7200s: the groups of `summarize` do not span the bins of their time: bin(Timestamp, w)");
    assert_snapshot!(told("Events | extend Day = startofday(Timestamp) | distinct Day, DeviceId"), @"Independent at 0s + 86400s: equal rows do not span the bins of their time: distinct Day, DeviceId");
    assert_snapshot!(told("Events | summarize count() by startofweek(Timestamp)"), @"Independent at 518400s + 604800s: the groups of `summarize` do not span the bins of their time: startofweek(Timestamp)");
    assert_snapshot!(told("Events | summarize count() by bin_at(Timestamp, 1d, datetime(2026-01-01 06:00))"), @"Independent at 21600s + 86400s: the groups of `summarize` do not span the bins of their time: bin_at(Timestamp, 1d, datetime(2026-01-01 06:00))");
    assert_snapshot!(told("Events | summarize n = count() by bin(Timestamp, 1h) | summarize max(n) by bin(Timestamp, 1d)"), @"Independent at 0s + 86400s: the groups of `summarize` do not span the bins of their time: bin(Timestamp, 1d)");
    assert_snapshot!(told("Events | extend h = bin(Timestamp, 1h) | join kind=inner (EventsMore | extend h = bin(Timestamp, 1h)) on h, DeviceId"), @"Independent at 0s + 3600s: the matches of `join` do not span the bins of their time: join kind=inner (EventsMore | extend h = bin(Timestamp, 1h)) on h, DeviceId");
    assert_snapshot!(told("Events | summarize n = count() by bin(Timestamp, 2h) | join (EventsMore | summarize m = count() by bin(Timestamp, 3h)) on Timestamp"), @"Neither: `join` relates rows of different times: no pair of its keys is a bin of both: join (EventsMore | summarize m = count() by bin(Timestamp, 3h)) on Timestamp");
}

#[test]
fn groups_merge_where_their_aggregates_do() {
    assert_snapshot!(told("Events | summarize count(), sum(FileSize), min(Timestamp), max(Timestamp), make_set(FileName, 5) by DeviceId"), @"Mergeable([Aggregate { keys: [0], outputs: [(1, Add), (2, Add), (3, Least), (4, Greatest), (5, Union(Some(5)))] }]): the groups of `summarize` span the window: summarize count(), sum(FileSize), min(Timestamp), max(Timestamp), make_set(FileName, 5) by DeviceId");
    assert_snapshot!(told("Events | summarize arg_max(Timestamp, FileName, FileSize) by DeviceId | project FileName, Device = DeviceId, Timestamp, upper = toupper(DeviceId) | sort by Timestamp desc"), @"Mergeable([Aggregate { keys: [1], outputs: [(0, OfGreatest(2)), (2, Greatest), (3, First)] }, Sort([MergeKey { column: 2, descending: true, nulls_first: false }])]): the rows of all parts are sorted together: sort by Timestamp desc");
    assert_snapshot!(told("Events | count"), @"Mergeable([Aggregate { keys: [], outputs: [(0, Add)] }]): the groups of `summarize` span the window: count");
    assert_snapshot!(told("Events | summarize n = count() by DeviceId | where DeviceId != 'x'"), @"Mergeable([Aggregate { keys: [0], outputs: [(1, Add)] }]): the groups of `summarize` span the window: summarize n = count() by DeviceId");
    assert_snapshot!(told("Events | distinct DeviceId, FileName | where FileName has 'x'"), @"Mergeable([Distinct]): `distinct` drops rows that another part has too: distinct DeviceId, FileName");
    assert_snapshot!(told("Events | project FileName, FileSize | top 3 by FileSize asc | extend a = 1"), @"Mergeable([Sort([MergeKey { column: 1, descending: false, nulls_first: true }]), Take(3)]): only so many rows of all parts are taken: top 3 by FileSize asc");
    assert_snapshot!(told("Events | summarize take_any(FileName, FileSize), take_any(Timestamp) by DeviceId | project-away FileSize"), @"Mergeable([Aggregate { keys: [0], outputs: [(1, First), (2, First)] }]): the groups of `summarize` span the window: summarize take_any(FileName, FileSize), take_any(Timestamp) by DeviceId");
    assert_snapshot!(told("Events | distinct DeviceId, FileName | extend parts = split(FileName, '.')"), @"Mergeable([Aggregate { keys: [0, 1], outputs: [(2, First)] }]): `distinct` drops rows that another part has too: distinct DeviceId, FileName");
    assert_snapshot!(told("Events | take 10"), @"Mergeable([Take(10)]): only so many rows of all parts are taken: take 10");
}

#[test]
fn what_relates_rows_of_different_times_is_named() {
    neither(&[
        ("T | take 1", "take 1"),
        (
            "Events | join EventsMore on DeviceId",
            "join EventsMore on DeviceId",
        ),
        (
            "Events | join U on $left.DeviceId == $right.s",
            "join U on $left.DeviceId == $right.s",
        ),
        (
            "U | join kind=leftouter Events on $left.s == $right.DeviceId",
            "join kind=leftouter Events on $left.s == $right.DeviceId",
        ),
        (
            "Events | where FileSize > toscalar(EventsMore | count)",
            "toscalar(EventsMore | count)",
        ),
        (
            "Events | summarize avg(FileSize) by DeviceId",
            "avg(FileSize)",
        ),
        (
            "Events | summarize n = count() by DeviceId | where n > 5",
            "n > 5",
        ),
        (
            "Events | summarize count() by DeviceId | top 3 by count_",
            "top 3 by count_",
        ),
        (
            "Events | sort by Timestamp asc | extend d = prev(FileSize)",
            "prev(FileSize)",
        ),
        ("Events | sample 3", "sample 3"),
        (
            "Events | make-series count() on Timestamp step 1h",
            "make-series count() on Timestamp step 1h",
        ),
        (
            "Events | mv-apply x = AdditionalFields on (summarize n = count() | extend m = toscalar(Events | count))",
            "toscalar(Events | count)",
        ),
        (
            "AssignedIPAddresses('x') | join Events on Timestamp",
            "AssignedIPAddresses('x')",
        ),
        (
            "Events | top 3 by FileSize | where FileName != ''",
            "FileName != ''",
        ),
        (
            "union (Events | project DeviceId), (U | project DeviceId = s)",
            "project DeviceId = s",
        ),
        (
            "Events | sort by Timestamp | summarize make_list(FileName) by DeviceId",
            "make_list(FileName)",
        ),
        ("Events | summarize min(FileName)", "min(FileName)"),
        // Without keys there is a row of a part that has none.
        (
            "Events | summarize arg_max(FileSize, FileName)",
            "arg_max(FileSize, FileName)",
        ),
        ("Events | count | where 1 == 2", "1 == 2"),
        // Made of parts, a digest is another one.
        (
            "Events | summarize tdigest(FileSize) by DeviceId",
            "tdigest(FileSize)",
        ),
        // The next day is the day of other rows.
        (
            "Events | summarize dcount(FileName) by startofday(Timestamp, 1)",
            "dcount(FileName)",
        ),
        (
            "Events | extend d = startofday(Timestamp, -1) | join kind=leftanti (EventsMore | extend d = startofday(Timestamp)) on d",
            "join kind=leftanti (EventsMore | extend d = startofday(Timestamp)) on d",
        ),
    ]);
}

#[test]
fn an_event_time_is_no_key_where_rows_are_cut_by_arrival() {
    let query = "Events | summarize dcount(FileName) by bin(Timestamp, 1h)";
    let found = split(query, Mode::Ingestion);
    assert_eq!(found.verdict, Verdict::Neither, "{found:?}");
}

#[test]
fn an_alignment_tells_where_to_cut() {
    let alignment = Alignment {
        step: 10,
        offset: 3,
    };
    let cuts = [2, 3, 12, 13].map(|ticks| alignment.floor(ticks));
    assert_eq!(cuts, [-7, 3, 3, 13]);
}

#[test]
fn a_verdict_is_told_in_words() {
    let words = |query: &str| {
        let schema = compile(query).query.expect("binds").plan.schema;
        split(query, Mode::Event).describe(&schema)
    };
    assert_snapshot!(words("Events | summarize n = count() by bin_at(Timestamp, 1d, datetime(2026-01-01 06:00))"), @"independent parts; cut at multiples of 1.00:00:00 plus 06:00:00");
    assert_snapshot!(words("Events | summarize n = count(), arg_max(Timestamp, FileName) by DeviceId | sort by n"), @"parts that are merged: one row for each DeviceId of n (added), Timestamp (the greatest), FileName (where Timestamp is greatest), then sorted by n desc");
    assert_snapshot!(words("Events | distinct FileName | take 5"), @"parts that are merged: made distinct, then cut to 5 rows");
    assert_snapshot!(words("Events | summarize avg(FileSize)"), @"no parts: the window is run as a whole");
}

#[test]
fn a_query_tells_how_far_back_it_reaches() {
    let reach = |query: &str| {
        let bound = compile(query).query.expect("binds");
        let ranges = own_ranges(&bound);
        let ranges = ranges.iter().map(|range| {
            let hours = range.reach.as_secs() / 3600;
            format!("{} {hours}h {}", range.table, range.span.text(query))
        });
        ranges.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        reach("Events | where Timestamp > ago(7d)"),
        "Events 168h Timestamp > ago(7d)"
    );
    assert_eq!(
        reach("let w = 2d; Events | where FileSize > 1 and Timestamp between (ago(w) .. now())"),
        "Events 48h Timestamp between (ago(w) .. now())"
    );
    assert_eq!(
        reach("Events | where startofday(ago(1d)) <= Timestamp"),
        "Events 48h startofday(ago(1d)) <= Timestamp"
    );
    assert_eq!(
        reach("Events | where now() - Timestamp < 3h"),
        "Events 3h now() - Timestamp < 3h"
    );
    assert_eq!(
        reach("Events | where Timestamp >= datetime_add('day', -7, now())"),
        "Events 168h Timestamp >= datetime_add('day', -7, now())"
    );
    assert_eq!(
        reach("union Events, EventsMore | extend x = 1 | where Timestamp > ago(5h)"),
        "Events 5h Timestamp > ago(5h); EventsMore 5h Timestamp > ago(5h)"
    );
    // The widest of several reads from one place; none where one of them is unbounded.
    assert_eq!(
        reach("let e = (w: timespan) { Events | where Timestamp > ago(w) }; union e(1h), e(2h)"),
        "Events 2h Timestamp > ago(w)"
    );
    assert_eq!(
        reach("let e = Events; union e, (e | where Timestamp > ago(1h))"),
        ""
    );
    assert_eq!(reach("Events | where Timestamp > datetime(2026-01-01)"), "");
    assert_eq!(
        reach("Events | where Timestamp < ago(1h) or FileSize > 1"),
        ""
    );
}
