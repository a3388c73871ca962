//! Tables of other places: what they are taken to have, and what of them is refused.

use kql::hir::{PlaceKind, PlanKind};

use crate::world::{columns, compile, messages};

#[test]
fn a_table_elsewhere_has_the_columns_of_the_one_of_its_name() {
    for (query, expected) in [
        (r#"workspace("w").U"#, "a:long s:string z:int"),
        (
            r#"cluster("c").database("d").U | where z > 1 | count"#,
            "Count:long",
        ),
        (r#"let d = "x"; database(d).['U'] | project z"#, "z:int"),
        (r#"app("a").table("U", "all") | project s"#, "s:string"),
        (
            r#"union withsource=Where workspace("a").U, workspace("b").U | project Where, z"#,
            "Where:string z:int",
        ),
        (
            r#"union database("d").E* | project FileSize"#,
            "FileSize:long",
        ),
        (
            r#"search in (database("d").U) "x" | project z, $table"#,
            "z:int $table:string",
        ),
        (r#"T | where a in (database("d").U) | project a"#, "a:long"),
        (r#"external_table("U", "mapping") | project z"#, "z:int"),
    ] {
        assert_eq!(columns(query), expected, "{query}");
    }
}

#[test]
fn the_place_is_kept() {
    let query = compile(r#"cluster("c").database("d").U"#)
        .query
        .expect("binds");
    let PlanKind::Table { name, place, .. } = *query.plan.kind else {
        panic!("a table");
    };
    assert_eq!(name, "U");
    let steps = place.expect("a place").steps;
    let steps: Vec<_> = steps.iter().map(|(kind, name)| (*kind, &**name)).collect();
    assert_eq!(
        steps,
        [(PlaceKind::Cluster, "c"), (PlaceKind::Database, "d")]
    );
}

#[test]
fn what_nobody_knows_is_taken_to_be_right() {
    for query in [
        r#"cluster("c").database("d").Unheard | where q == 1 | summarize count() by w"#,
        r#"workspace("w").Unheard | project q | where q has "x""#,
        r#"database("d").Function(5) | where q == 1"#,
        r#"T | join kind=inner (database("d").Unheard) on a | where q == 1"#,
        r#"union isfuzzy=true database("d").Unheard, T | where q == 1"#,
        r#"T | invoke database("d").Function(5) | where q == 1"#,
        r#"print x = toscalar(database("d").Unheard | summarize max(q))"#,
    ] {
        let bound = compile(query);
        assert_eq!(bound.diagnostics, [], "{query}");
        assert!(bound.is_open && bound.query.is_none(), "{query}");
    }
}

#[test]
fn mistakes_are_named() {
    for (query, expected) in [
        (r#"cluster("c").T"#, "a cluster has databases, not tables"),
        (
            r#"database("d").cluster("c").T"#,
            "there is no cluster in such a place",
        ),
        (r#"cluster("c").databse("d").T"#, "did you mean `database`?"),
        (
            "database(5).T",
            "`database` takes a name as a constant text",
        ),
        (
            r#"database("a", "b").T"#,
            "`database` takes 1 argument, 2 given",
        ),
        (r#"database("d").T*"#, "expected"),
        (r#"database("d")"#, "name a table behind it"),
        (r#"external_table("Nope")"#, "unknown table `Nope`"),
        (r#"workspace("w").U | where q == 1"#, "unknown column `q`"),
    ] {
        let found = messages(query);
        assert!(found.contains(expected), "{query}: {found}");
    }
}
