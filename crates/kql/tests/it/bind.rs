//! What queries bind to: names and types of the columns they yield, and the shape of the plan.

use kql::hir::{self, ExprKind, JoinKind, PlanKind};

use super::world::{columns, compile};

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        assert_eq!(columns(query), *expected, "\n{query}");
    }
}

#[test]
fn columns_of_project_and_extend() {
    check(&[
        (
            "T | project a, tostring(a), x = a + 1",
            "a:long a1:string x:long",
        ),
        (
            "T | project a+1, b+1, s",
            "Column1:long Column2:long s:string",
        ),
        (
            r#"T | project d.x, d['x'], d[0], d["p q"].r"#,
            "d_x:dynamic d_x1:dynamic d_0:dynamic d_p q_r:dynamic",
        ),
        (
            "T | project tostring(d.x), strlen(s), toupper(s), bin(t, 1h)",
            "d_x:string strlen_s:long Column1:string t:datetime",
        ),
        (
            "T | project (a), -i, i * i, i / 2.0, r % 2",
            "a:long Column1:long Column2:long Column3:real Column4:real",
        ),
        (
            "T | project t - t, t + 1d, ts / ts, ts / 2, 2 * ts, t % 1d",
            "Column1:timespan Column2:datetime Column3:real Column4:timespan Column5:timespan Column6:timespan",
        ),
        (
            "T | project a | extend a = tostring(a), b = a",
            "a:string b:long",
        ),
        (
            "T | project a | extend toupper(tostring(a)) | extend toupper(tostring(a))",
            "a:long Column1:string Column2:string",
        ),
        (
            "T | project-away d*, t*, s, g, f",
            "a:long b:long i:int r:real",
        ),
        (
            "T | project-keep s, a, t*",
            "a:long s:string t:datetime ts:timespan",
        ),
        ("T | project-rename x = a | project x, b", "x:long b:long"),
        (
            "T | project-reorder s, t* desc | take 1",
            "s:string ts:timespan t:datetime a:long b:long i:int r:real d:dynamic g:guid f:bool dec:decimal",
        ),
        (
            "T | project x = iff(a > 1, 1, 2.5), y = iff(f, 'a', d.x), z = iff(f, 1, 'a'), w = case(f, i, a)",
            "x:real y:string z:dynamic w:long",
        ),
        (
            "T | project coalesce(s, 'x'), max_of(a, r), min_of(i, a)",
            "Column1:string Column2:real Column3:long",
        ),
        (
            "T | project extract('(a)', 1, s, typeof(long)), x = extract_all('a', s)",
            "Column1:long x:dynamic",
        ),
        (
            "T | project round(a), abs(i), abs(ts), floor(a, 2), bin(5, 2)",
            "a:real i:long ts:timespan a1:long Column1:long",
        ),
        (
            "T | project a = column_ifexists('a', 0), zz = column_ifexists('zz', '')",
            "a:long zz:string",
        ),
        (
            "T | project x = pack_all(), y = bag_pack('k', a), z = bag_pack_columns(a, s)",
            "x:dynamic y:dynamic z:dynamic",
        ),
        (
            "T | project ago(1h), now(), now(-1d)",
            "Column1:datetime Column2:datetime Column3:datetime",
        ),
        (
            "T | project datetime_diff('week', t, t), datetime_diff('day', t, t), datetime_part('day', t)",
            "Column1:real Column2:long Column3:int",
        ),
    ]);
}

#[test]
fn columns_of_summarize() {
    check(&[
        ("T | summarize count()", "count_:long"),
        (
            "T | summarize count() by s, bin(t, 1h)",
            "s:string t:datetime count_:long",
        ),
        (
            "T | summarize count(), count(), n = count() by tolower(s)",
            "Column1:string count_:long count_1:long n:long",
        ),
        (
            "T | summarize sum(i), avg(a), min(i), max(s), sum(ts), avg(t) by f",
            "f:bool sum_i:long avg_a:real min_i:int max_s:string sum_ts:timespan avg_t:datetime",
        ),
        (
            "T | summarize n = count() * 2, sum(a) / count() by s",
            "s:string n:long Column1:long",
        ),
        (
            "T | summarize round(avg(a), 2), tostring(make_set(s)), make_list(a)[0]",
            "avg_a:real set_s:string list_a_0:dynamic",
        ),
        (
            "T | summarize arg_max(t, *) by a, s | project-away d, g",
            "a:long s:string t:datetime b:long i:int r:real ts:timespan f:bool dec:decimal",
        ),
        (
            "T | summarize arg_max(t, a, x = tolower(s)) by a",
            "a:long t:datetime a1:long x:string",
        ),
        (
            "T | summarize arg_max(a + 1, s), take_any(s)",
            "max_:long s:string s1:string",
        ),
        (
            "T | summarize (x, y) = arg_min(t, s)",
            "x:datetime y:string",
        ),
        (
            "T | summarize take_any(a, s), any(a), take_anyif(s, f)",
            "a:long s:string any_a:long s1:string",
        ),
        (
            "T | summarize percentiles(a, 5, 50.5), percentile(r, 99)",
            "percentile_a_5:long percentile_a_50_5:long percentile_r_99:real",
        ),
        (
            "T | summarize (p, q) = percentiles(i, 5, 50)",
            "p:long q:long",
        ),
        ("T | summarize by a, s", "a:long s:string"),
        (
            "T | summarize dcount(s), dcountif(s, f), countif(a > 1), make_set_if(s, f, 10), make_bag(d)",
            "dcount_s:long dcountif_s:long countif_:long set_s:dynamic bag_d:dynamic",
        ),
        (
            "T | summarize toint(Hits = countif(a > 1)) by s",
            "s:string Hits:int",
        ),
        ("T | count", "Count:long"),
        (
            "U | extend _ingestion_time = now() | project u = ingestion_time()",
            "u:datetime",
        ),
        ("T | distinct a, tolower(s)", "a:long Column1:string"),
        ("T | project a, s | distinct *", "a:long s:string"),
    ]);
}

#[test]
fn columns_of_join_lookup_and_union() {
    check(&[
        (
            "T | project a, s | join U on a",
            "a:long s:string a1:long s1:string z:int",
        ),
        (
            "T | project a, s | join kind=inner U on $left.a == $right.a and $left.s == $right.s",
            "a:long s:string a1:long s1:string z:int",
        ),
        (
            "T | project a, s | join kind=leftanti (U | where z > 1) on a, s",
            "a:long s:string",
        ),
        (
            "T | project a, s | join kind=rightsemi U on a",
            "a:long s:string z:int",
        ),
        (
            "T | project a, s | join kind=leftouter hint.strategy=broadcast (U | project q = a) on $left.a == $right.q",
            "a:long s:string q:long",
        ),
        (
            "T | project i | join kind=inner (U | project a) on $left.i == $right.a",
            "i:int a:long",
        ),
        (
            "T | project a, s | lookup U on a",
            "a:long s:string s1:string z:int",
        ),
        (
            "T | project a, b | lookup kind=inner (U | extend b = 1) on a",
            "a:long b:long s:string z:int b1:long",
        ),
        (
            "union U, (T | project a, x = 1)",
            "a:long s:string z:int x:long",
        ),
        (
            "union withsource=Source U, (U | take 1)",
            "Source:string a:long s:string z:int",
        ),
        ("union kind=inner U, (T | project s, a)", "a:long s:string"),
        (
            "union (print a = 1), (print a = 'x'), (print a = 2.0, a_long = 3)",
            "a_long1:long a_string:string a_real:real a_long:long",
        ),
        ("union isfuzzy=true U, Missing", "a:long s:string z:int"),
        ("union Events* | project Timestamp", "Timestamp:datetime"),
        ("U | union (U | project a)", "a:long s:string z:int"),
        (
            "U | as X | join kind=inner (X | where z > 1) on a",
            "a:long s:string z:int a1:long s1:string z1:int",
        ),
    ]);
}

#[test]
fn columns_of_other_operators() {
    check(&[
        ("T | project s, d | mv-expand d", "s:string d:dynamic"),
        (
            "T | project s, d | mv-expand x = d.y to typeof(long), d",
            "s:string d:dynamic x:long",
        ),
        (
            "T | project s | mv-expand with_itemindex=i split(s, ',')",
            "s:dynamic i:long",
        ),
        (
            "T | project s, d | mv-expand kind=array d limit 10",
            "s:string d:dynamic",
        ),
        (
            r#"T | project s | parse s with "a" x "b" y:long *"#,
            "s:string x:string y:long",
        ),
        (
            r#"T | project s, a | parse kind=regex flags=i s with "a" a:string"#,
            "s:string a:string",
        ),
        (
            r#"T | project s | parse-where s with * "=" v:real"#,
            "s:string v:real",
        ),
        (
            "T | project a, s | getschema",
            "ColumnName:string ColumnOrdinal:long DataType:string ColumnType:string",
        ),
        (
            "T | project a | sort by a asc nulls last | top 3 by a | take 2 | serialize n = a + 1",
            "a:long n:long",
        ),
        (
            "print 1, x = 'a', tolower('B')",
            "print_0:long x:string print_2:string",
        ),
        ("range x from 1 to 5 step 0.5", "x:real"),
        ("range t from ago(1d) to now() step 1h", "t:datetime"),
        (
            "datatable (a: int, b: datetime, c: dynamic, d: string) [1, '2020-01-01', 'x', 5]",
            "a:int b:datetime c:dynamic d:string",
        ),
        (
            r#"Events | where Timestamp > ago(1d) | render timechart with (title = "x")"#,
            "Timestamp:datetime DeviceId:string FileName:string FileSize:long AdditionalFields:dynamic",
        ),
    ]);
}

#[test]
fn columns_through_let_and_functions() {
    check(&[
        ("let n = 5; T | where a > n | take n | project a", "a:long"),
        ("let t = T | where a > 1; t | project a", "a:long"),
        (
            "let f = (x: long, y: long = 2) { x + y }; T | project f(a), z = f(a, y = 3)",
            "Column1:long z:long",
        ),
        (
            "let f = (Q: (a: long), n: long) { Q | where a > n }; T | invoke f(5) | project a",
            "a:long",
        ),
        ("let f = (Q: (*)) { Q | count }; f(T)", "Count:long"),
        ("let f = () { U | where z > 1 }; f | project z", "z:int"),
        (
            r#"let words = () { dynamic(["a", "b"]) }; U | where s has_any (words) | project s"#,
            "s:string",
        ),
        (
            "let v = view () { print x = 1 }; union withsource=Table v, v",
            "Table:string x:long",
        ),
        (
            "let m = materialize(U | where z > 1); m | join kind=inner m on a | project a, a1",
            "a:long a1:long",
        ),
        (
            "let newest = toscalar(T | summarize max(t)); U | extend newest",
            "a:long s:string z:int newest:datetime",
        ),
        (
            "let list = datatable (x: string) ['a']; U | where s in (list) or s in~ ('b', 'c') | project s",
            "s:string",
        ),
        ("U | where s in ((U | project s)) | project s", "s:string"),
        ("set notruncation; U | count", "Count:long"),
        (
            "declare query_parameters (n: long = 5); U | where a == n | project a",
            "a:long",
        ),
        (
            "U | where a == toscalar(U | summarize max(a)) | count",
            "Count:long",
        ),
    ]);
}

#[test]
fn every_table_read_knows_its_time_column() {
    let query = compile("Events | where FileSize > 1").query.expect("binds");
    let PlanKind::Filter { input, .. } = *query.plan.kind else {
        panic!("a filter");
    };
    let PlanKind::Table {
        name, time_column, ..
    } = *input.kind
    else {
        panic!("a table");
    };
    assert_eq!((name.as_str(), time_column), ("Events", Some(0)));
}

#[test]
fn join_defaults_to_innerunique_and_widens_integer_keys() {
    let query = compile("T | project i | join U on $left.i == $right.a");
    let query = query.query.expect("binds");
    let PlanKind::Join { kind, on, .. } = *query.plan.kind else {
        panic!("a join");
    };
    assert_eq!(kind, JoinKind::InnerUnique);
    assert_eq!(on[0].0.ty, on[0].1.ty);
}

#[test]
fn render_is_kept_as_a_hint() {
    let query = compile("U | summarize count() by s | render barchart with (title = 'x')");
    let render = query.query.expect("binds").render.expect("is kept");
    assert_eq!(render.kind, "barchart");
    assert_eq!(render.properties, [("title".to_owned(), "x".to_owned())]);
}

#[test]
fn references_to_a_materialized_table_share_it() {
    let query = compile("let m = materialize(U); union m, m")
        .query
        .expect("binds");
    let PlanKind::Union { inputs } = *query.plan.kind else {
        panic!("a union");
    };
    let ids: Vec<u32> = inputs
        .iter()
        .map(|input| match &*input.plan.kind {
            PlanKind::Shared { id, .. } => *id,
            other => panic!("shared, not {other:?}"),
        })
        .collect();
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn long_chains_of_conditions_become_shallow_trees() {
    let terms: Vec<String> = (0..5_000).map(|n| format!("a == {n}")).collect();
    let query = compile(&format!("T | where {}", terms.join(" or ")));
    let PlanKind::Filter { predicate, .. } = *query.query.expect("binds").plan.kind else {
        panic!("a filter");
    };
    assert!(depth(&predicate) < 20, "{}", depth(&predicate));
}

fn depth(expr: &hir::Expr) -> usize {
    match &expr.kind {
        ExprKind::Binary { left, right, .. } => 1 + depth(left).max(depth(right)),
        _ => 1,
    }
}

#[test]
fn what_the_parser_takes_nested_binds() {
    let sum = vec!["1"; 150].join(" + ");
    assert_eq!(columns(&format!("print x = {sum}")), "x:long");
    let nested = format!("print x = {}1{}", "abs(".repeat(90), ")".repeat(90));
    assert_eq!(columns(&nested), "x:long");
    let tables = format!("{}U{}", "(".repeat(180), ")".repeat(180));
    assert_eq!(columns(&tables), "a:long s:string z:int");
}

#[test]
fn nesting_beyond_all_measure_is_an_error_not_a_crash() {
    let parens = format!("print x = {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(compile(&parens).query.is_none());
    let calls = format!("print x = {}1{}", "not(".repeat(5_000), ")".repeat(5_000));
    assert!(compile(&calls).query.is_none());
    let members = format!("print x = dynamic(1){}", ".a".repeat(5_000));
    assert!(compile(&members).query.is_none());
}

#[test]
fn functions_that_call_functions_without_end_are_refused() {
    let chain: Vec<String> = (1..400)
        .map(|n| format!("let f{n} = (x: long) {{ iff(x > 0, f{}(x), 0) }};", n - 1))
        .collect();
    let query = format!(
        "let f0 = (x: long) {{ x }}; {} print y = f399(1)",
        chain.join(" ")
    );
    assert!(columns(&query).starts_with("KQL218"), "{}", columns(&query));
}

#[test]
fn values_that_double_at_each_call_are_refused() {
    let nested = format!("{}1{}", "f(".repeat(60), ")".repeat(60));
    let errors = columns(&format!(
        "let f = (x: long) {{ x + x }}; print y = {nested}"
    ));
    assert!(errors.starts_with("KQL218"), "{errors}");
}

#[test]
fn tables_that_double_at_each_let_are_refused() {
    let doubled: Vec<String> = (0..40)
        .map(|n| format!("let t{} = union t{n}, t{n};", n + 1))
        .collect();
    let errors = columns(&format!("let t0 = U; {} t40", doubled.join(" ")));
    assert!(errors.starts_with("KQL218"), "{errors}");
    let invoked = "| invoke twice() ".repeat(40);
    let twice = "let twice = (X: (a: long)) { union X, X };";
    let errors = columns(&format!("{twice} U {invoked}"));
    assert!(errors.starts_with("KQL218"), "{errors}");
}
