//! `externaldata`: what it reads, how, and what it refuses.

use kql::hir::{ExprKind, PlanKind};
use kql::types::Value;

use crate::world::{columns, compile, messages};

#[test]
fn the_declared_columns_are_those_of_the_table() {
    for (query, expected) in [
        (
            r#"externaldata(a:string, ['b c']:long)["u"]"#,
            "a:string b c:long",
        ),
        (
            r#"external_data(a:string)["u", h@"v"] with (format="csv")"#,
            "a:string",
        ),
        (r#"externaldata(a:string)["u"] with ()"#, "a:string"),
        (r"externaldata(a:string)[]", "a:string"),
        (
            r#"let u = "x"; externaldata(a:string)[strcat(u, "y")] | where a has "z" | count"#,
            "Count:long",
        ),
        (
            r#"U | where s in (externaldata(a:string)["u"] with (format="txt")) | project s"#,
            "s:string",
        ),
        (
            r#"let X = externaldata(s:string)["u"]; U | join kind=leftanti X on s | project z"#,
            "z:int",
        ),
    ] {
        assert_eq!(columns(query), expected, "{query}");
    }
}

#[test]
fn addresses_and_properties_reach_the_plan_as_the_reference_spells_them() {
    let text = r#"externaldata(a:string)["u", "v"] with (Format=CSV, ignorefirstrecord=True)"#;
    let query = compile(text).query.expect("binds");
    let PlanKind::ExternalData { uris, properties } = *query.plan.kind else {
        panic!("external data");
    };
    let uris: Vec<_> = uris.into_iter().map(|uri| uri.kind).collect();
    let [
        ExprKind::Literal(Value::String(first)),
        ExprKind::Literal(Value::String(second)),
    ] = &uris[..]
    else {
        panic!("two texts, not {uris:?}");
    };
    assert_eq!((&**first, &**second), ("u", "v"));
    let expected = [("format", "csv"), ("ignoreFirstRecord", "true")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(properties, expected);
}

#[test]
fn what_cannot_work_is_refused_with_the_way_out() {
    for (query, expected) in [
        (
            r#"externaldata(a:string)["u"] with (format="parket")"#,
            "did you mean `parquet`?",
        ),
        (
            r#"externaldata(a:string)["u"] with (format="xlsx")"#,
            "the formats are apacheavro, avro,",
        ),
        (
            r#"externaldata(a:string)["u"] with (ignoreFirstRecord=maybe)"#,
            "use `true` or `false`",
        ),
        (
            r#"externaldata(a:string)["u"] with (ignoreFirstRecords=true)"#,
            "did you mean `ignoreFirstRecord`?",
        ),
        (
            "externaldata(a:string)[5]",
            "the address of a file is a constant text",
        ),
        (
            r#"externaldata(a:string, a:long)["u"]"#,
            "there is already a column `a` here",
        ),
        (r#"externaldata(*)["u"]"#, "`*` cannot stand in this schema"),
    ] {
        let found = messages(query);
        assert!(found.contains(expected), "{query}: {found}");
    }
}
