//! `search`, `find` and comparisons with every column: where they look and what they show.

use kql::hir::{BinaryOp, Expr, ExprKind, Plan, PlanKind};

use crate::world::{columns, compile, messages};

const T: &str = "a:long b:long i:int r:real s:string t:datetime ts:timespan d:dynamic g:guid \
                 f:bool dec:decimal";

fn predicate(query: &str) -> Expr {
    let mut plan: Plan = compile(query).query.expect("binds").plan;
    loop {
        plan = match *plan.kind {
            PlanKind::Filter { predicate, .. } => return predicate,
            PlanKind::Project { input, .. } => input,
            other => panic!("a filter, not {other:?}"),
        };
    }
}

/// The string operators of a query's predicate, each with its pattern.
fn sought(query: &str) -> Vec<String> {
    let predicate = predicate(query);
    let mut pending = vec![&predicate];
    let mut found = Vec::new();
    while let Some(expr) = pending.pop() {
        if let ExprKind::Binary {
            op: BinaryOp::String {
                op, case_sensitive, ..
            },
            right,
            ..
        } = &expr.kind
        {
            let ExprKind::Literal(kql::types::Value::String(text)) = &right.kind else {
                panic!("a constant, not {right:?}");
            };
            let cased = if *case_sensitive { " cased" } else { "" };
            found.push(format!("{op:?} {text}{cased}"));
        }
        pending.extend(expr.operands());
    }
    found
}

#[test]
fn search_shows_the_table_and_its_columns() {
    assert_eq!(columns("search in (T) 'x'"), format!("$table:string {T}"));
    let both = "$table:string a:long b:long i:int r:real s:string t:datetime ts:timespan \
                d:dynamic g:guid f:bool dec:decimal z:int";
    for query in [
        "search in (T, U) z > 1 and s == 'x'",
        "search kind=case_sensitive in (U*, T) 'x' or (b == 1 and 'y')",
        "let v = 'x'; search in (T, U) v",
        "search in (table('T'), U) * has 'x' or s:'y*' or not(s : 'z')",
        "search in (T, U) *",
    ] {
        let mut found: Vec<_> = columns(query).split(' ').map(str::to_owned).collect();
        let mut expected: Vec<_> = both.split(' ').map(str::to_owned).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{query}");
    }
    assert_eq!(
        columns("search 'x' | summarize count() by $table"),
        "$table:string count_:long"
    );
    assert_eq!(
        columns("U | where z > 1 | search 'x' | project $table, z"),
        "$table:string z:int"
    );
    assert!(columns("search DeviceId == 'x' or 'y'").contains("AdditionalFields:dynamic"));
}

#[test]
fn stars_in_a_term_say_where_it_may_stand() {
    for (term, expected) in [
        ("x", "Has x"),
        ("x*", "HasPrefix x"),
        ("*x", "HasSuffix x"),
        ("*x*", "Contains x"),
        ("a.*c", "MatchesRegex (?i)a\\..*c cased"),
    ] {
        assert_eq!(sought(&format!("search in (U) s:'{term}'")), [expected]);
    }
    assert_eq!(
        sought("search kind=case_sensitive in (U) s:'x*'"),
        ["HasPrefix x cased"]
    );
    // `a`, `s` and `z`, all as text.
    assert_eq!(sought("search in (U) 'x'").len(), 3);
    assert_eq!(sought("U | where * contains 'x' and z > 1").len(), 3);
}

#[test]
fn a_star_is_compared_with_values_of_its_columns_types() {
    let ExprKind::Binary { op, .. } = predicate("U | where * == 5").kind else {
        panic!("an operator");
    };
    assert_eq!(op, BinaryOp::Or);
    assert_eq!(
        columns("U | extend x = * has 'y'"),
        "a:long s:string z:int x:bool"
    );
    assert_eq!(columns("print x = * has 'y'"), "x:bool");
    assert_eq!(columns("U | summarize countif(* has 'x')"), "countif_:long");
    assert_eq!(sought("U | where * startswith 'x'").len(), 3);
}

#[test]
fn find_shows_common_and_named_columns_and_the_rest_in_a_bag() {
    for (query, expected) in [
        (
            "find in (T, U) where s == 'x'",
            "source_:string a:long s:string pack_:dynamic",
        ),
        (
            "find in (T, U) where z > 1",
            "source_:string a:long s:string z:int",
        ),
        (
            "find in (T, U) where 'x' and z > 1",
            "source_:string a:long s:string z:int pack_:dynamic",
        ),
        (
            "find in (Events, EventsMore, T) where DeviceId == 'x'",
            "source_:string Timestamp:datetime DeviceId:string FileName:string FileSize:long \
             AdditionalFields:dynamic",
        ),
        (
            "find in (Events, T) where DeviceId == 'x' or a == 1 project-smart",
            "source_:string DeviceId:string a:long pack_:dynamic",
        ),
        ("find 'x'", "source_:string pack_:dynamic"),
        ("find s == 'x' project s", "source_:string s:string"),
        (
            "find withsource=Src datascope=all in (T, U) where s == 'x' project z, a:string, *, pack(*)",
            "Src:string z:int a:string pack_:dynamic",
        ),
        (
            "let A = U | project s, z = tostring(z); find in (U, A) where s == 'x' project z",
            "source_:string z:dynamic",
        ),
        (
            "find in (U) where z > 1 | where source_ == 'U' | project s",
            "s:string",
        ),
    ] {
        assert_eq!(columns(query), expected, "{query}");
    }
}

#[test]
fn mistakes_are_named() {
    for (query, expected) in [
        (
            "search in (T) a:'x'",
            "`:` is not defined for long and string",
        ),
        ("search in (T) 5", "the condition is of type long, not bool"),
        (
            "search in (U, Named) 'x' | where a > 1",
            "unknown table `Named`",
        ),
        (
            "union U, (U | extend a = 'x') | where a == 1",
            "the tables have it in several types, as `a_long` and `a_string`",
        ),
        ("search in (T, Q) 'x'", "unknown table `Q`"),
        ("search in (Q*) 'x'", "no table matches `Q*`"),
        (
            "search in ((T)) 'x'",
            "only names of tables can stand in this list",
        ),
        ("search kind=cased 'x'", "`cased` is no value of `kind`"),
        ("search in (T) $table == 'T'", "unknown column `$table`"),
        (
            "T | search in (U) 'x'",
            "`search in (…)` stands only at the start",
        ),
        ("T | where * in ('x')", "expected an expression, found `*`"),
        ("T | where * > 5", "expected an expression, found `*`"),
        (
            "T | where * has 5",
            "`has` is not defined for string and long",
        ),
        ("find in (T) 'x'", "expected `where`"),
        ("find in (T) where nope == 1", "unknown column `nope`"),
        (
            "find in (U) where z == 1 project nope",
            "unknown column `nope`",
        ),
        (
            "find in (U) where z == 1 project pack(*), s",
            "is the last column",
        ),
        (
            "find in (U) where z == 1 project s, s",
            "already a column `s`",
        ),
        (
            "find datascope=new in (U) where z == 1",
            "`new` is no value of `datascope`",
        ),
        (
            "U | find in (U) where z == 1",
            "does not read the table on its left",
        ),
    ] {
        let found = messages(query);
        assert!(found.contains(expected), "{query}: {found}");
    }
}
