//! Text to tree: what a query is read as, what is said about mistakes, and that nothing a text
//! holds can make the parser fail.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

use kql::syntax::ast::{Expr, ExprKind, Function, LetValue, OperatorKind, StatementKind};
use kql::syntax::parse;
use kql::types::Value;

/// The expression of a query that has no mistakes, with parentheses around every operation.
fn shape(text: &str) -> String {
    let parsed = parse(text);
    assert!(
        parsed.diagnostics.is_empty(),
        "{text}: {:?}",
        parsed.diagnostics
    );
    match &parsed.script.statements.last().unwrap().kind {
        StatementKind::Expression(expr) => show(expr),
        other => format!("{other:?}"),
    }
}

fn show_all(exprs: &[Expr]) -> String {
    let shown: Vec<String> = exprs.iter().map(show).collect();
    shown.join(", ")
}

fn show(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Missing => "?".to_owned(),
        ExprKind::Literal(literal) => format!("{}:{}", value(&literal.value), literal.ty),
        ExprKind::Name(name) => name.text.to_string(),
        ExprKind::Wildcard(name) => format!("wildcard {}", name.text),
        ExprKind::Star => "*".to_owned(),
        ExprKind::Side(side) => format!("{side:?}"),
        ExprKind::Member { base, member } => format!("{}.{}", show(base), show(member)),
        ExprKind::Index { base, index } => format!("{}[{}]", show(base), show(index)),
        ExprKind::Call {
            function,
            arguments,
        } => format!("{}({})", function.text, show_all(arguments)),
        ExprKind::Unary { op, operand } => format!("{op:?}({})", show(operand)),
        ExprKind::Binary {
            op, left, right, ..
        } => {
            let op = format!("{op:?}");
            let op = op.trim_start_matches("Binary(").trim_end_matches(')');
            format!("({} {op} {})", show(left), show(right))
        }
        ExprKind::In {
            op, value, list, ..
        } => format!("({} {op:?} [{}])", show(value), show_all(list)),
        ExprKind::Between {
            negated,
            value,
            low,
            high,
            ..
        } => {
            let not = if *negated { "!" } else { "" };
            let (value, low, high) = (show(value), show(low), show(high));
            format!("({value} {not}between {low}..{high})")
        }
        ExprKind::Parenthesized(inner) => format!("<{}>", show(inner)),
        ExprKind::Pipe { source, operators } => {
            let operators: Vec<String> = operators
                .iter()
                .map(|operator| format!(" | {}", operator_shape(&operator.kind)))
                .collect();
            format!("{}{}", show(source), operators.concat())
        }
        ExprKind::Source(operator) => operator_shape(&operator.kind),
        ExprKind::DataTable { columns, values } => {
            format!("datatable/{}[{}]", columns.len(), show_all(values))
        }
        ExprKind::ExternalData {
            columns,
            uris,
            properties,
        } => format!(
            "externaldata/{}[{}]/{}",
            columns.len(),
            show_all(uris),
            properties.len()
        ),
        ExprKind::EntityGroup(entities) => format!("entity_group[{}]", show_all(entities)),
        ExprKind::TypeOf(ty) => format!("typeof {}", ty.text),
        ExprKind::TypeOfTable {
            columns,
            keeps_input,
        } => format!("typeof/{}/{keeps_input}", columns.len()),
        ExprKind::Named { names, value, .. } => {
            let names: Vec<&str> = names.iter().map(|name| &*name.text).collect();
            format!("{} = {}", names.join("+"), show(value))
        }
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Long(value) => value.to_string(),
        Value::Real(value) => format!("{value:?}"),
        Value::Decimal(text) | Value::Guid(text) | Value::Dynamic(text) => text.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::DateTime(ticks) => kql::time::format_datetime(*ticks),
        Value::TimeSpan(ticks) => kql::time::format_timespan(*ticks),
    }
}

fn operator_shape(kind: &OperatorKind) -> String {
    match kind {
        OperatorKind::Where { predicate } => format!("where {}", show(predicate)),
        OperatorKind::Project(items) => format!("project {}", show_all(items)),
        OperatorKind::Print(items) => format!("print {}", show_all(items)),
        OperatorKind::Union { tables, properties } => {
            format!("union/{} {}", properties.len(), show_all(tables))
        }
        OperatorKind::Summarize { aggregates, by, .. } => {
            format!("summarize {} by {}", show_all(aggregates), show_all(by))
        }
        OperatorKind::Join { right, on, .. } => {
            format!("join {} on {}", show(right), show_all(on))
        }
        other => {
            let text = format!("{other:?}");
            let end = text.find([' ', '(']).unwrap_or(text.len());
            text[..end].to_owned()
        }
    }
}

/// What is said about a text, rendered.
fn complaints(text: &str) -> String {
    let parsed = parse(text);
    let rendered: Vec<String> = parsed
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.render("hunt.kql", text))
        .collect();
    rendered.join("\n")
}

/// Codes of what is said, in order.
fn codes(text: &str) -> Vec<&'static str> {
    let diagnostics = parse(text).diagnostics;
    diagnostics.iter().map(|d| d.code).collect()
}

#[test]
fn operators_bind_as_in_kusto() {
    let cases = [
        ("print a or b and c", "print (a Or (b And c))"),
        ("print a and b or c", "print ((a And b) Or c)"),
        ("print a + b * c", "print (a Add (b Multiply c))"),
        ("print a - b - c", "print ((a Subtract b) Subtract c)"),
        ("print a + b == c", "print ((a Add b) Equal c)"),
        ("print a < b == c", "print ((a Less b) Equal c)"),
        ("print -a.b", "print Minus(a.b)"),
        ("print -a * b", "print (Minus(a) Multiply b)"),
        ("print 1--1", "print (1:long Subtract Minus(1:long))"),
        ("print a <> b", "print (a NotEqual b)"),
        (
            "print a between (1 .. 2 + 3) and b",
            "print ((a between 1:long..(2:long Add 3:long)) And b)",
        ),
        (
            "T | where a !between (1..2)",
            "T | where (a !between 1:long..2:long)",
        ),
        ("print a in (1) or b", "print ((a In [1:long]) Or b)"),
        (
            "print a !in~ ('x')",
            "print (a NotInIgnoringCase [\"x\":string])",
        ),
        ("T | where not (a)", "T | where not(a)"),
        (
            "print a.b[0]['c d'].e(f)",
            "print a.b[0:long][\"c d\":string].e(f)",
        ),
        ("print a.['c d'].[1]", "print a.c d[1:long]"),
    ];
    for (text, expected) in cases {
        assert_eq!(shape(text), expected, "{text}");
    }
}

#[test]
fn string_operators_bind_tighter_than_sums() {
    let text = "print a + b has 'x' + c";
    assert_eq!(
        shape(text),
        "print ((a Add (b String { op: Has, negated: false, case_sensitive: false } \
         \"x\":string)) Add c)"
    );
    let negated = shape("print a !hassuffix_cs 'x'");
    assert!(negated.contains("HasSuffix, negated: true, case_sensitive: true"));
    let regex = shape("print a matches regex 'x'");
    assert!(regex.contains("MatchesRegex, negated: false, case_sensitive: true"));
}

#[test]
fn literals_have_values_and_types() {
    let cases = [
        ("0x1F", "31:long"),
        ("1.", "1.0:real"),
        ("1e5", "100000.0:real"),
        ("-9223372036854775808", "-9223372036854775808:long"),
        ("1.5h", "01:30:00:timespan"),
        ("10microseconds", "00:00:00.0000100:timespan"),
        ("1tick", "00:00:00.0000001:timespan"),
        ("int(-0x10)", "-16:int"),
        ("long(null)", "null:long"),
        ("real(-inf)", "-inf:real"),
        ("real(nan)", "NaN:real"),
        ("decimal(+012.50e1)", "125.0:decimal"),
        ("decimal(1e-3)", "0.001:decimal"),
        ("bool(1)", "true:bool"),
        ("TRUE", "true:bool"),
        (
            "guid('74BE27DE1E4E49D9B579FE0B331D3642')",
            "74be27de-1e4e-49d9-b579-fe0b331d3642:guid",
        ),
        ("datetime(2020-01)", "2020-01-01T00:00:00.0000000Z:datetime"),
        ("datetime(now)", "now()"),
        ("datetime()", "now()"),
        ("time(2)", "2.00:00:00:timespan"),
        (r"'a\tb' @'c\d' h'e' ```f'g```", r#""a\tbc\\def'g":string"#),
        (r"'\x41\u0042\U00000043\104\u00e9'", "\"ABCDé\":string"),
        ("@'it''s'", "\"it's\":string"),
        (
            "dynamic({'a': [1, -2.50, 'x', null, datetime(1970-05-11)], \"b\": 1d})",
            r#"{"a":[1,-2.5,"x",null,"1970-05-11T00:00:00.0000000Z"],"b":"1.00:00:00"}:dynamic"#,
        ),
        ("dynamic(null)", "null:dynamic"),
        (
            "dynamic(-9223372036854775808)",
            "-9223372036854775808:dynamic",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(shape(&format!("print {text}")), format!("print {expected}"));
    }
}

#[test]
fn keywords_are_names_where_kusto_lets_them() {
    for word in [
        "count", "range", "type", "on", "with", "view", "limit", "step", "guid", "sort", "let",
    ] {
        let text = format!("T | extend {word} = 1 | where {word} > 0 | project {word}");
        assert_eq!(codes(&text), Vec::<&str>::new(), "{text}");
    }
    for word in ["kind", "withsource"] {
        let text = format!("T | where {word} > 0");
        assert_eq!(codes(&text), Vec::<&str>::new(), "{text}");
        let given = format!("T | extend {word} = 1");
        assert_eq!(codes(&given), ["KQL109"], "{given}");
    }
    for word in ["search", "set", "title"] {
        let text = format!("T | extend {word} = 1");
        assert_eq!(codes(&text), Vec::<&str>::new(), "{text}");
        let read = format!("T | where {word} > 0");
        assert_eq!(codes(&read), ["KQL100"], "{read}");
    }
    for word in ["first", "asc", "missing", "long", "project"] {
        let text = format!("T | where {word} > 0");
        assert_eq!(codes(&text), ["KQL109"], "{text}");
        let bracketed = format!("T | where ['{word}'] > 0");
        assert_eq!(codes(&bracketed), Vec::<&str>::new());
    }
}

#[test]
fn spaces_of_every_kind_separate() {
    assert_eq!(
        shape("\u{feff}\u{200b}T\u{a0}|\u{202f}where a // not b\n and c"),
        "T | where (a And c)"
    );
}

#[test]
fn queries_nest() {
    let cases = [
        (
            "union kind=outer withsource=S T*, (U | where a), database('d').V*",
            "union/2 wildcard T*, <U | where a>, database(\"d\":string).wildcard V*",
        ),
        (
            "T | join kind=inner (U | where a) on $left.x == $right.y, z",
            "T | join <U | where a> on (Left.x Equal Right.y), z",
        ),
        (
            "T | where a in ((U | project b)) and c has_any (d)",
            "T | where ((a In [<U | project b>]) And (c HasAny [d]))",
        ),
        (
            "print toscalar(T | summarize max(x), (y, z) = arg_max(a, *) by b = bin(t, 1h))",
            "print toscalar(T | summarize max(x), y+z = arg_max(a, *) by b = bin(t, \
             01:00:00:timespan))",
        ),
        (
            "datatable(a:long, ['b c']:string) [1, 'x', -2, '',] | where a > 1",
            "datatable/2[1:long, \"x\":string, Minus(2:long), \"\":string] | where (a Greater \
             1:long)",
        ),
        (
            "externaldata(a:string)[@'http://x' h'?y'] with (format='csv', ignoreFirstRecord=true)",
            "externaldata/1[\"http://x?y\":string]/2",
        ),
        ("T | mv-apply a on (take 1) | count", "T | MvApply | Count"),
    ];
    for (text, expected) in cases {
        assert_eq!(shape(text), expected, "{text}");
    }
}

#[test]
fn let_binds_functions_with_parameters() {
    let text = "let f = view (T:(a:long), U:(*), x:string = 'd') { let y = 1; T | take y };\n\
                f(A, B)";
    let parsed = parse(text);
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    let StatementKind::Let {
        value: LetValue::Function(function),
        ..
    } = &parsed.script.statements[0].kind
    else {
        panic!("not a function: {:?}", parsed.script.statements[0]);
    };
    let Function {
        view,
        parameters,
        body,
        ..
    } = function;
    assert!(*view);
    assert_eq!(parameters.len(), 3);
    assert!(parameters[2].default.is_some());
    assert_eq!(body.statements.len(), 2);
}

#[test]
fn each_mistake_is_said_once() {
    let text = "let a = 1\nT\n| wher x == 1\n| extend y = f(1 2), z = \n| project p, first";
    assert_eq!(
        codes(text),
        ["KQL108", "KQL106", "KQL100", "KQL100", "KQL109"]
    );
    assert_eq!(codes("T | where (a == 1 | count"), ["KQL114"]);
    assert_eq!(codes("T where a | count"), ["KQL107"]);
    assert_eq!(codes("T | where a && b || !c"), ["KQL112"; 3]);
    assert_eq!(
        codes("T | where a == \u{201c}x\u{201d} | count"),
        ["KQL101"]
    );
    assert_eq!(codes("T | where a == 1 == 2"), ["KQL111"]);
    assert_eq!(codes("T | where a not in ('x')"), ["KQL112"]);
    assert_eq!(codes("T | where a = 1"), ["KQL118"]);
}

#[test]
fn messages_say_where_what_and_what_to_do() {
    insta::assert_snapshot!(complaints("DeviceEvents\n| WHERE a == 1"), @r"
    error[KQL106]: unknown operator `WHERE`
     --> hunt.kql:2:3
      |
    2 | | WHERE a == 1
      |   ^^^^^
      = help: operators are lower-case: write `where`
    ");
    insta::assert_snapshot!(complaints("DeviceEvents\n| sumarize count()"), @r"
    error[KQL106]: unknown operator `sumarize`
     --> hunt.kql:2:3
      |
    2 | | sumarize count()
      |   ^^^^^^^^
      = help: did you mean `summarize`?
    ");
    insta::assert_snapshot!(complaints("T | where a in 'x'"), @r"
    error[KQL100]: expected `(` after `in`, found a string
     --> hunt.kql:1:16
      |
    1 | T | where a in 'x'
      |                ^^^
      = help: put the values in parentheses: `in (…)`
    ");
    insta::assert_snapshot!(complaints("T | where a !has_any ('x')"), @r"
    error[KQL112]: `!has_any` is not an operator of KQL
     --> hunt.kql:1:13
      |
    1 | T | where a !has_any ('x')
      |             ^^^^^^^^
      = help: negate the whole comparison: `not(… has_any …)`
    ");
    insta::assert_snapshot!(complaints(r#"T | where a == "C:\Windows""#), @r#"
    error[KQL103]: `\W` is not an escape sequence
     --> hunt.kql:1:19
      |
    1 | T | where a == "C:\Windows"
      |                   ^^
      = help: write `\\W`, or a verbatim string: @"…"
    "#);
    insta::assert_snapshot!(complaints("print datetime(2020-13-01)"), @r"
    warning[KQL104]: `2020-13-01` is not a valid datetime and reads as null
     --> hunt.kql:1:7
      |
    1 | print datetime(2020-13-01)
      |       ^^^^^^^^^^^^^^^^^^^^
      = help: write it as `datetime(2024-12-31 23:59:59)`
    ");
    insta::assert_snapshot!(complaints("T | where f(a, (b)\n| count"), @r"
    error[KQL114]: expected `)`, found `|`
     --> hunt.kql:2:1
      |
    2 | | count
      | ^
      = note: nothing closes the `(` of line 1, column 12
    ");
    insta::assert_snapshot!(complaints("print 'abc\n"), @r"
    error[KQL102]: string is not closed: expected `'` before the end of the line
     --> hunt.kql:1:7
      |
    1 | print 'abc
      |       ^^^^
      = help: a text of several lines stands between ``` and ```
    ");
    insta::assert_snapshot!(complaints("| where a == 1"), @r"
    error[KQL100]: expected a table before `|`
     --> hunt.kql:1:1
      |
    1 | | where a == 1
      | ^
      = help: begin the query with the name of a table
    ");
    insta::assert_snapshot!(complaints("print dynamic({a: 1})"), @r"
    error[KQL113]: expected a property name in quotes, found `a`
     --> hunt.kql:1:16
      |
    1 | print dynamic({a: 1})
      |                ^
    ");
}

/// Every text of `test_data`, as name and content.
fn test_data(folder: &str) -> Vec<(String, String)> {
    let path = format!("{}/tests/test_data/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut texts: Vec<(String, String)> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    texts.sort();
    texts
}

#[test]
fn good_files_have_no_mistakes() {
    for (name, text) in test_data("ok") {
        assert_eq!(complaints(&text), "", "{name}");
    }
}

#[test]
fn bad_files_have_the_mistakes_they_expect() {
    for (name, text) in test_data("err") {
        let first = text.lines().next().unwrap();
        let expected = first.strip_prefix("// expect: ").unwrap_or_else(|| {
            panic!("{name}: the first line lists the expected codes");
        });
        assert_eq!(codes(&text).join(" "), expected, "{name}");
    }
}

#[test]
fn every_prefix_parses_without_panic() {
    for (_, text) in test_data("ok").into_iter().chain(test_data("err")) {
        for end in 0..=text.len() {
            if text.is_char_boundary(end) {
                let parsed = parse(&text[..end]);
                for diagnostic in &parsed.diagnostics {
                    assert!(diagnostic.span.end as usize <= end);
                }
            }
        }
    }
}

#[test]
fn every_deletion_parses_without_panic() {
    for (_, text) in test_data("ok").into_iter().chain(test_data("err")) {
        let characters: Vec<char> = text.chars().collect();
        for skipped in 0..characters.len() {
            let rest: String = characters[..skipped]
                .iter()
                .chain(&characters[skipped + 1..])
                .collect();
            parse(&rest);
        }
    }
}

#[test]
fn nesting_has_a_limit_and_never_exhausts_the_stack() {
    let times = 10_000;
    for (open, inside, close) in [
        ("(", "1", ")"),
        ("f(", "1", ")"),
        ("f((T | where ", "1", "))"),
        ("-", "1", ""),
        ("a[", "1", "]"),
        ("a.", "b", ""),
        ("1 + ", "1", ""),
        ("dynamic([", "1", "])"),
        ("a in (", "1", ")"),
        ("toscalar(print ", "1", ")"),
    ] {
        let text = format!(
            "print {}{inside}{}",
            open.repeat(times),
            close.repeat(times)
        );
        assert!(parse(&text).has_errors(), "{open}");
    }
    let bodies = format!("let f = {}", "() { let f = ".repeat(times));
    assert!(parse(&bodies).has_errors());
}

#[test]
fn nesting_below_the_limit_is_fine() {
    let text = format!("print {}1{}", "(".repeat(150), ")".repeat(150));
    assert_eq!(codes(&text), Vec::<&str>::new());
}

/// Chains of `and` and `or` are flat for people, and must not become deep trees.
#[test]
fn long_chains_of_conditions_stay_shallow() {
    let terms: Vec<String> = (0..20_000).map(|n| format!("a == {n}")).collect();
    let text = format!("T | where {}", terms.join(" or "));
    let parsed = parse(&text);
    assert!(parsed.diagnostics.is_empty());
    let shown = shape(&text);
    let depth = shown
        .bytes()
        .scan(0_i32, |depth, byte| {
            *depth += i32::from(byte == b'(') - i32::from(byte == b')');
            Some(*depth)
        })
        .max();
    assert!(depth.is_some_and(|depth| depth < 30), "{depth:?}");
}

#[test]
fn a_flood_of_mistakes_is_cut_off() {
    let text = "T\n".repeat(10_000);
    assert_eq!(parse(&text).diagnostics.len(), 200);
}

/// Each level is within the limits, but they must not multiply: what walks the tree recurses.
#[test]
fn heights_add_up_through_nested_queries() {
    let mut text = "1".to_owned();
    for _ in 0..40 {
        text = format!("toscalar(print x = {text} + 1 + 1 + 1 + 1 + 1 + 1)");
    }
    assert_eq!(codes(&format!("print {text}")), ["KQL110"]);
}

/// Each of many quotation marks once made the lexer look for the end of its long line.
#[test]
fn many_typographic_quotation_marks_take_linear_time() {
    let text = format!("T | where {}", "a \u{201c} ".repeat(200_000));
    let started = std::time::Instant::now();
    assert!(kql::syntax::parse(&text).has_errors());
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
