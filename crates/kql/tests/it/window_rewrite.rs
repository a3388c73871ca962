//! Which tables a query reads, and the window in its text: the text binds to the plan that the
//! window in the resolved query gives.

use insta::assert_snapshot;
use kql::hir::Query;
use kql::time::parse_datetime;
use kql::window::{Carrier, Mode, Rewritten, Timing, Window, apply, bind_now, reads, rewrite};

use super::world::{columns, compile};

fn timing() -> Timing {
    let tick = |text| parse_datetime(text).expect("a datetime");
    Timing::from(Window {
        from: tick("2026-01-01"),
        to: tick("2026-01-02"),
    })
}

fn bound(text: &str) -> Query {
    let bound = compile(text);
    bound
        .query
        .unwrap_or_else(|| panic!("{text}\n{:?}", bound.diagnostics))
}

/// A plan as text without places, which is how equal plans are told.
fn shape(query: &Query) -> String {
    let text = format!("{:?}", query.plan);
    let mut shape = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("span: ") {
        shape.push_str(&rest[..at]);
        rest = rest[at + 6..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    }
    shape + rest
}

/// The rewritten text, after checking that it means what the window in the plan means.
#[track_caller]
fn rewritten(text: &str, timing: Timing) -> Rewritten {
    let query = bound(text);
    let result = rewrite(text, &query, timing, Carrier::Text);
    assert_eq!(result.unwindowed, [], "{}", result.text);
    assert_eq!(columns(&result.text), columns(text), "{}", result.text);
    let again = bind_now(bound(&result.text), timing.now);
    let applied = apply(query, timing);
    assert_eq!(shape(&again), shape(&applied), "{}", result.text);
    result
}

/// The rewritten text with the window's ends cut short.
#[track_caller]
fn text(query: &str) -> String {
    short(&rewritten(query, timing()).text)
}

fn short(text: &str) -> String {
    text.replace("datetime(2026-01-01T00:00:00.0000000Z)", "FROM")
        .replace("datetime(2026-01-02T00:00:00.0000000Z)", "TO")
}

#[test]
fn the_filter_of_a_pipeline_gets_a_line_of_its_own_where_the_operators_have() {
    assert_snapshot!(text("Events // all of them\n  | where FileSize > 1\n  | count"), @r"
    Events
      | where Timestamp >= FROM and Timestamp < TO // all of them
      | where FileSize > 1
      | count
    ");
    assert_snapshot!(text("Events | count"), @"Events | where Timestamp >= FROM and Timestamp < TO | count");
    assert_snapshot!(text("Events"), @"Events | where Timestamp >= FROM and Timestamp < TO");
    assert_snapshot!(text("['Events'];"), @"['Events'] | where Timestamp >= FROM and Timestamp < TO;");
}

#[test]
fn tables_inside_of_operators_get_parentheses() {
    assert_snapshot!(text("Events | join kind=inner EventsMore on DeviceId"), @"Events | where Timestamp >= FROM and Timestamp < TO | join kind=inner (EventsMore | where Timestamp >= FROM and Timestamp < TO) on DeviceId");
    assert_snapshot!(text("T | join (EventsMore) on $left.s == $right.DeviceId"), @"T | join (EventsMore | where Timestamp >= FROM and Timestamp < TO) on $left.s == $right.DeviceId");
    assert_snapshot!(text("U | where s in (Events) or s in ((EventsMore | project DeviceId))"), @"U | where s in ((Events | where Timestamp >= FROM and Timestamp < TO)) or s in ((EventsMore | where Timestamp >= FROM and Timestamp < TO | project DeviceId))");
    assert_snapshot!(text("print n = toscalar(Events | count)"), @"print n = toscalar(Events | where Timestamp >= FROM and Timestamp < TO | count)");
    assert_snapshot!(text("union withsource=Source Events, (EventsMore | take 1), T"), @"union withsource=Source (Events | where Timestamp >= FROM and Timestamp < TO), (EventsMore | where Timestamp >= FROM and Timestamp < TO | take 1), T");
    assert_snapshot!(text("union Events | count"), @"union (Events | where Timestamp >= FROM and Timestamp < TO) | count");
}

#[test]
fn a_pattern_becomes_the_tables_that_match() {
    assert_snapshot!(text("union withsource=Source Events*, T | count"), @"union withsource=Source (Events | where Timestamp >= FROM and Timestamp < TO), (EventsMore | where Timestamp >= FROM and Timestamp < TO), T | count");
    assert_snapshot!(text("let EventsView = view () { EventsMore | take 1 };\nunion kind=outer Events*"), @r"
    let EventsView = view () { EventsMore | where Timestamp >= FROM and Timestamp < TO | take 1 };
    union kind=outer (Events | where Timestamp >= FROM and Timestamp < TO), (EventsMore | where Timestamp >= FROM and Timestamp < TO), EventsView
    ");
    assert_snapshot!(text("union U*"), @"union U*");
}

#[test]
fn names_that_stand_for_tables_are_followed() {
    assert_snapshot!(text("let E = Events;\nE | join E on DeviceId"), @r"
    let E = Events | where Timestamp >= FROM and Timestamp < TO;
    E | join E on DeviceId
    ");
    assert_snapshot!(text("let E = materialize(Events | project DeviceId);\nunion E, E"), @r"
    let E = materialize(Events | where Timestamp >= FROM and Timestamp < TO | project DeviceId);
    union E, E
    ");
    assert_snapshot!(text("let f = (X: (DeviceId: string), n: long) { X | take n }; f(Events, 5)"), @"let f = (X: (DeviceId: string), n: long) { X | take n }; f((Events | where Timestamp >= FROM and Timestamp < TO), 5)");
    assert_snapshot!(text("let f = (X: (*)) { X | count }; Events | invoke f()"), @"let f = (X: (*)) { X | count }; Events | where Timestamp >= FROM and Timestamp < TO | invoke f()");
    assert_snapshot!(text("let f = () { Events }; union f, f()"), @"let f = () { Events | where Timestamp >= FROM and Timestamp < TO }; union f, f()");
    assert_snapshot!(text("table('Events') | count"), @"table('Events') | where Timestamp >= FROM and Timestamp < TO | count");
    assert_snapshot!(text("let f = (n: string) { table(n) | count }; union f('Events'), f('EventsMore')"), @"let f = (n: string) { table(n) | where Timestamp >= FROM and Timestamp < TO | count }; union f('Events'), f('EventsMore')");
}

#[test]
fn a_name_for_tables_of_both_kinds_asks_for_the_column() {
    let query = "let f = (n: string) { table(n) | count }; union f('Events'), f('T')";
    let result = rewrite(query, &bound(query), timing(), Carrier::Text);
    assert_eq!(result.unwindowed, []);
    assert_snapshot!(short(&result.text), @r#"let f = (n: string) { table(n) | where column_ifexists("Timestamp", FROM) >= FROM and column_ifexists("Timestamp", FROM) < TO | count }; union f('Events'), f('T')"#);
    assert_eq!(columns(&result.text), columns(query));
}

#[test]
fn the_clock_is_bound_in_the_text() {
    assert_snapshot!(text("T | where t between (ago(1h) .. now()) and t > ago(-1d) and t < now(-2d)"), @"T | where t between (datetime(2026-01-01T23:00:00.0000000Z) .. TO) and t > datetime(2026-01-03T00:00:00.0000000Z) and t < datetime(2025-12-31T00:00:00.0000000Z)");
    assert_snapshot!(text("let back = 1d; T | where t > ago(back) and t > ago(2 * back) and t > now(ts)"), @"let back = 1d; T | where t > FROM and t > datetime(2025-12-31T00:00:00.0000000Z) and t > (TO + ts)");
    assert_snapshot!(text("T | where t > ago(now() - datetime(now)) // not now()"), @"T | where t > (TO - (TO - TO)) // not now()");
    assert_snapshot!(text("print 'ago(1d)', timespan(1.00:00:00), ago(timespan(1.00:00:00)), ago(4000000d)"), @"print 'ago(1d)', timespan(1.00:00:00), FROM, (TO - 4000000d)");
    assert_snapshot!(text("let now = () { 1 }; print now()"), @"let now = () { 1 }; print now()");
}

#[test]
fn the_window_can_be_left_to_the_request() {
    let query = "Events | where Timestamp > ago(1d)";
    let result = rewrite(query, &bound(query), timing(), Carrier::Request);
    assert_snapshot!(short(&result.text), @"Events | where Timestamp > FROM");
    let arrived = rewrite(
        query,
        &bound(query),
        timing().by(Mode::Ingestion),
        Carrier::Request,
    );
    assert_snapshot!(short(&arrived.text), @"Events | where ingestion_time() >= FROM and ingestion_time() < TO | where Timestamp > FROM");
}

#[test]
fn parts_of_a_window_share_its_end_as_now() {
    let part = timing().part(Window {
        from: 0,
        to: parse_datetime("2026-01-01").expect("a datetime"),
    });
    assert_snapshot!(short(&rewritten("Events | where Timestamp < now()", part).text), @"Events | where Timestamp >= datetime(0001-01-01T00:00:00.0000000Z) and Timestamp < FROM | where Timestamp < TO");
}

#[test]
fn rewriting_twice_changes_no_meaning() {
    let once = rewritten("union Events*, U | where Timestamp > ago(1h)", timing());
    let twice = rewritten(&once.text, timing());
    assert_eq!(columns(&twice.text), columns(&once.text));
    assert_eq!(twice.edits.len(), 2, "{}", twice.text);
}

#[test]
fn reads_say_what_is_read_and_how_it_is_written() {
    let text = "let f = (n: string) { table(n) }; let e = Events;\n\
                union e, e, f('Events'), f('EventsMore'), Events*, T";
    let found: Vec<String> = reads(text, &bound(text))
        .iter()
        .map(|read| {
            format!(
                "{:?} {} {:?} {:?} x{}",
                read.span,
                read.table,
                read.form,
                read.time_column.as_deref(),
                read.times
            )
        })
        .collect();
    assert_snapshot!(found.join("\n"), @r#"
    28..29 Events TableFunction Some("Timestamp") x1
    28..29 EventsMore TableFunction Some("Timestamp") x1
    42..48 Events Name Some("Timestamp") x2
    92..99 Events Wildcard Some("Timestamp") x1
    92..99 EventsMore Wildcard Some("Timestamp") x1
    101..102 T Name None x1
    "#);
}

#[test]
fn searches_are_restricted_where_their_result_tells_the_time() {
    let check = |query: &str| {
        let result = rewrite(query, &bound(query), timing(), Carrier::Text);
        assert_eq!(result.unwindowed, [], "{}", result.text);
        assert_eq!(columns(&result.text), columns(query), "{}", result.text);
        short(&result.text)
    };
    assert_snapshot!(check("search in (Events*) 'x' or FileName == 'y' | count"), @"search in (Events*) 'x' or FileName == 'y' | where Timestamp >= FROM and Timestamp < TO | count");
    assert_snapshot!(check("search in (Events, U) 'x'"), @r#"search in (Events, U) 'x' | where ($table in ("Events") and Timestamp >= FROM and Timestamp < TO) or $table in ("U")"#);
    assert_snapshot!(check("search 'x' | take 1"), @r#"search 'x' | where ($table in ("Events", "EventsMore") and Timestamp >= FROM and Timestamp < TO) or $table in ("T", "U") | take 1"#);
    assert_snapshot!(check("find in (Events*) where FileName == 'x' project FileName | count"), @"find in (Events, EventsMore) where (FileName == 'x') and Timestamp >= FROM and Timestamp < TO project FileName | count");
    assert_snapshot!(check("find in (Events, EventsMore) where 'x'"), @"find in (Events, EventsMore) where ('x') and Timestamp >= FROM and Timestamp < TO");
    assert_snapshot!(check("find where FileName has 'x' or FileSize > 1"), @"find in (Events, EventsMore) where (FileName has 'x' or FileSize > 1) and Timestamp >= FROM and Timestamp < TO");
    assert_snapshot!(check("let E = Events | project FileName; search in (E, EventsMore) 'x'"), @r#"let E = Events | where Timestamp >= FROM and Timestamp < TO | project FileName; search in (E, EventsMore) 'x' | where $table !in ("EventsMore") or ($table in ("EventsMore") and Timestamp >= FROM and Timestamp < TO)"#);
    assert_snapshot!(check("let E = Events | take 5; search in (E) 'x'"), @"let E = Events | where Timestamp >= FROM and Timestamp < TO | take 5; search in (E) 'x'");
}

#[test]
fn a_find_over_tables_without_a_time_is_told() {
    let query = "let E = EventsMore; find in (Events, E) where 'x'";
    let result = rewrite(query, &bound(query), timing(), Carrier::Text);
    assert_snapshot!(result.unwindowed[0].reason, @"not every table of its list is one that is read from there");
    let query = "find in (Events, U) where 'x'";
    let result = rewrite(query, &bound(query), timing(), Carrier::Text);
    assert_eq!(result.text, query);
    assert_snapshot!(result.unwindowed[0].reason, @"`find` goes through tables whose times are in different columns");
}
