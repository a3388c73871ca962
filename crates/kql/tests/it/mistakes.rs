//! One mistake gives one message, which says what to do. What follows from a mistake is not said.

use kql::diagnostic::Severity;

use super::world::compile;

/// The errors of a query, each with its help.
fn errors(query: &str) -> Vec<String> {
    let found = compile(query).diagnostics;
    found
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(|found| match &found.help {
            Some(help) => format!("{}: {help}", found.message),
            None => found.message.clone(),
        })
        .collect()
}

#[track_caller]
fn check(query: &str, expected: &str) {
    assert_eq!(errors(query), [expected], "{query}");
}

#[test]
fn operators_of_texts() {
    check(
        r#"Events | where FileName containss "cmd""#,
        "expected `|` or the end of the operator, found `containss`: did you mean `contains`?",
    );
    check(
        r#"Events | where FileName matches "cmd""#,
        "expected `|` or the end of the operator, found `matches`: write `matches regex`",
    );
    check(
        "Events | where FileName is null",
        "expected `|` or the end of the operator, found `is`: use `isnull(…)`, or `isempty(…)` \
         for texts",
    );
    check(
        r#"Events | where startswith(FileName, "cmd") and FileSize > 1"#,
        "`startswith` is an operator, not a function: write `text startswith \"…\"`",
    );
    check(
        "Events | where !isempty(FileName)",
        "`!` is not an operator of KQL: use `not(isempty(…))`",
    );
    check(
        r#"Events | where not FileName == "a""#,
        "expected `|` or the end of the operator, found `FileName`: write `not(…)`",
    );
}

#[test]
fn a_single_equal_sign() {
    let expected = "`=` does not compare: use `==` to compare";
    check("Events | where FileName = 'a'", expected);
    assert_eq!(
        compile("Events | where FileName = 'a'").diagnostics.len(),
        1
    );
    // The language service takes it in front of a bool.
    assert!(errors("T | where f = true").is_empty());
}

#[test]
fn brackets() {
    check(
        "Events | where (FileSize > 1 and (FileSize < 4) | take 10",
        "expected `)`, found the end of the query",
    );
    check(
        r#"Events | where FileName in ("a", "b" | take 10"#,
        "expected `)`, found the end of the query",
    );
    check(
        "Events | where Timestamp between (ago(7d), now())",
        "expected `..`, found `,`: write the bounds as `between (low .. high)`",
    );
    check(
        "Events | where Timestamp between (ago(7d) and now())",
        "expected `..`, found `)`: write the bounds as `between (low .. high)`",
    );
}

#[test]
fn commas_and_words() {
    check(
        "Events | project Timestamp, | take 5",
        "expected an expression, found `|`: take away the `,` in front of it",
    );
    check(
        "Events | summarize count(), by DeviceId",
        "expected an expression, found `by`: take away the `,` in front of it",
    );
    check(
        "Events | summarize count by DeviceId",
        "unknown column `count`: `count` is a function: write `count(…)`",
    );
    check(
        "Events | where FileSize == null",
        "unknown column `null`: use `isnull(…)`, or `isempty(…)` for texts",
    );
    check(
        "Events | sort by Timestamp descending",
        "unknown order `descending`: did you mean `desc`?",
    );
    check(
        "Events | sort Timestamp desc",
        "expected `by`, found `Timestamp`: write `sort by Column desc`",
    );
    check(
        "Events | top 10 Timestamp",
        "expected `by`, found `Timestamp`: write `top 10 by Column desc`",
    );
    check(
        "Events | distinct by DeviceId",
        "`distinct` takes no `by`: name the columns right behind it: `distinct A, B`",
    );
    check(
        "Events | group by DeviceId",
        "unknown operator `group`: use `summarize … by …`",
    );
    check(
        "SELECT * FROM Events WHERE FileSize = 4",
        "expected `|` or `;`, found `Events`: write `Table | where … | project …`",
    );
    check(
        "datatable(Name: strng)['a']",
        "unknown type `strng`: did you mean `string`?",
    );
}

#[test]
fn a_join_by_a_misspelt_column() {
    let found = compile("Events | join kind=inner EventsMore on DeviceIdd").diagnostics;
    let [found] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(found.notes, ["on both sides of the join"]);
    assert_eq!(found.help.as_deref(), Some("did you mean `DeviceId`?"));
}

#[test]
fn three_mistakes_are_three_messages() {
    let query = "Events | where FileNmae == 'a' | extend l = tolowr(FileName) | summarise count()";
    let expected = [
        "unknown operator `summarise`: did you mean `summarize`?",
        "unknown column `FileNmae`: did you mean `FileName`?",
        "unknown function `tolowr`: did you mean `tolower`?",
    ];
    assert_eq!(errors(query), expected);
    // A misspelt name in front of what cannot be read is a mistake of its own.
    let query = "Events | where FileNmae containss 'a'";
    assert_eq!(errors(query).len(), 2);
}

#[test]
fn options_are_words() {
    check(
        "T | join kind='inner' U on a",
        "`kind` takes a word without quotes: write `kind=inner`",
    );
    check(
        "union isfuzzy='true' T, U",
        "`isfuzzy` takes a word without quotes: write `isfuzzy=true`",
    );
    check(
        "T | project-rename (x) = a",
        "`project-rename` takes `new = old`",
    );
}

#[test]
fn tables_written_out() {
    check(
        "union T, datatable(a: long)[1]",
        "`datatable` as an operand of `union` needs parentheses: write `(datatable …)`",
    );
    assert!(errors("union T, (datatable(a: long)[1])").is_empty());
    check(
        "T | join (materialize(U)) on a",
        "`materialize` can only be the whole value of a `let`: write `let Name = \
         materialize(…);` and use the name",
    );
    check(
        "let m = materialize(U) | take 1; m",
        "`materialize` can only be the whole value of a `let`: write `let Name = \
         materialize(…);` and use the name",
    );
    assert!(errors("let m = materialize(U | take 1); m").is_empty());
}

#[test]
fn tables_of_other_clusters_may_have_more_columns() {
    let far = "cluster('c').database('d').U";
    assert!(errors(&format!("{far} | where other == 1")).is_empty());
    check(
        &format!("{far} | project a | where other == 1"),
        "unknown column `other`: the columns here are `a`",
    );
    check(
        "database('d').U | where other == 1",
        "unknown column `other`: the columns here are `a`, `s`, `z`",
    );
}
