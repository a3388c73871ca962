//! Statements: functions and their parameters, query parameters, options, patterns, access.

use crate::world::{columns, compile, messages};

fn check(query: &str, expected: &str) {
    assert_eq!(columns(query), expected, "{query}");
}

#[test]
fn functions_are_checked_where_they_are_written() {
    let unknown = "KQL201 unknown column `nope`";
    check("let f = (x: long) { T | where nope == x }; U", unknown);
    check("let f = () { nope() }; U", "KQL203 unknown function `nope`");
    check(
        "let f = (x: string) { strlen(x, x) }; U",
        "KQL205 `strlen` takes 1 argument, 2 given",
    );
    check(
        "let f = (x: string) { T | extend y = column_ifexists(x, '') | project a }; f('s')",
        "a:long",
    );
    // A mistake that is found at each call, too, is said once.
    let query = "let f = (x: long) { T | where nope == x }; union f(1), f(2)";
    assert_eq!(messages(query).matches("error").count(), 1);
}

#[test]
fn a_table_parameter_has_the_columns_it_declares() {
    check(
        "let f = (t: (a: long)) { t | where a > 1 }; f(U)",
        "a:long s:string z:int",
    );
    check(
        "let f = (t: (a: long)) { t | where z > 1 }; f(U)",
        "KQL201 unknown column `z`",
    );
    check(
        "let f = (t: (*)) { t | count }; T | invoke f()",
        "Count:long",
    );
    check(
        "let f = (t: (*)) { t | where z > 1 }; f(U)",
        "KQL201 unknown column `z`",
    );
    check(
        "let f = (t: (a: long, *)) { t }; f(U)",
        "KQL100 a table parameter lists its columns, or takes any table with `(*)`",
    );
    check(
        "let f = (x: long, t: (a: long)) { t }; f(1, U)",
        "KQL100 table parameters come before all others",
    );
}

#[test]
fn defaults_are_constants_of_the_type() {
    check(
        "let f = (x: real = 5, y: long = -1) { x + y }; print f()",
        "print_0:real",
    );
    check(
        "let f = (x: long = 1 + 1) { x }; print f()",
        "KQL117 the default of a parameter is a constant",
    );
    check(
        "let f = (x: long = 'a') { x }; print f()",
        "KQL206 the default of `x` is of type string, not long",
    );
    check(
        "declare query_parameters(x: datetime = now()); print x",
        "KQL117 the default of a parameter is a constant",
    );
}

#[test]
fn a_query_parameter_without_a_value_binds_but_cannot_run() {
    let bound = compile("declare query_parameters(x: long, y: string = 'a'); print x, y");
    assert!(bound.query.is_none());
    let columns = bound.columns.expect("it binds");
    assert_eq!(columns.len(), 2);
}

#[test]
fn values_given_for_query_parameters_have_their_types() {
    use kql::bind::{KnownColumns, Parameters};
    use kql::hir::{ExprKind, PlanKind};
    use kql::types::Value;

    let run = |query: &str, values: &[(&str, &str)]| {
        let mut parameters = Parameters::new();
        for (name, value) in values {
            parameters.insert(*name, *value);
        }
        kql::compile_given(
            query,
            &crate::world::catalog(),
            &parameters,
            &KnownColumns::new(),
        )
    };
    let query = "declare query_parameters(x: long, y: string = 'a'); print x, y";
    let bound = run(query, &[("x", "long(7)"), ("y", "b | c"), ("z", "unused")]);
    assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
    let plan = bound.query.expect("all parameters have values").plan;
    let PlanKind::Print { columns } = *plan.kind else {
        panic!("{plan:?}");
    };
    let value = |index: usize| match &columns[index].kind {
        ExprKind::Literal(value) => value.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(value(0), Value::Long(7));
    assert_eq!(value(1), Value::String("b | c".into()));
    let bound = run(query, &[("x", "7 | take 1")]);
    let message = &bound.diagnostics[0];
    assert_eq!(
        message.message,
        "the value given for `x` is not of type long"
    );
    assert_eq!(message.span.text(query), "x");
}

#[test]
fn options_take_constants() {
    check(
        "set notruncation; set truncationmaxsize = 5; print 1",
        "print_0:long",
    );
    check(
        "set notruncation = 1; print 1",
        "KQL206 the option `notruncation` is of type bool",
    );
    check(
        "set x = 1 + 1; print 1",
        "KQL117 the value of an option is a constant",
    );
}

#[test]
fn a_body_is_lets_and_one_expression() {
    check(
        "let f = () { T; U }; f",
        "KQL108 a function ends with its first expression",
    );
    check(
        "let f = () { set x = 1; U }; f",
        "KQL108 this statement cannot stand in a function",
    );
    check(";T | count", "KQL100 expected a statement, found `;`");
    check("T | count;", "Count:long");
}

#[test]
fn a_pattern_stands_for_tables() {
    let pattern = "declare pattern app = (id: string)[part: string] {\
                     ('a').['x'] = { T | project a };\
                     ('b').['y'] = { U };\
                   };";
    check(&format!("{pattern} app('a').x"), "a:long");
    check(&format!("{pattern} app('b').['y'] | count"), "Count:long");
    check(
        &format!("{pattern} app('c').x"),
        "KQL202 the pattern `app` has no case for these arguments",
    );
    check(
        "declare pattern one = (n: string) { ('1') = { U }; }; one('1')",
        "a:long s:string z:int",
    );
}

#[test]
fn access_can_be_restricted() {
    check("restrict access to (U); U | count", "Count:long");
    check("let v = T | count; restrict access to (v); v", "Count:long");
    check(
        "restrict access to (U); union U, T",
        "KQL202 the query restricts access to other tables than `T`",
    );
    check("restrict access to (database().*); T | count", "Count:long");
}

#[test]
fn tables_of_other_clusters_are_open() {
    let bound = compile("cluster('c').database('d').X | where Anything == 1");
    assert!(bound.is_open && bound.columns.is_some());
    check("database('d').U", "a:long s:string z:int");
    check(
        "alias database d = cluster('c').database('x'); database('d').U | count",
        "Count:long",
    );
}

#[test]
fn a_command_is_no_query() {
    check(
        ".show tables",
        "KQL303 `.show` is a management command, not a query",
    );
}

#[test]
fn a_value_hides_no_function() {
    check("let count = 5; T | summarize count()", "count_:long");
}
