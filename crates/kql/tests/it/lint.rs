//! What the linter says, and where it stays silent.

use kql::catalog::{MemoryCatalog, TableInfo};
use kql::diagnostic::Diagnostic;
use kql::lint::{LintContext, RequiredColumn};
use kql::types::{Column, ScalarType, Schema, TICKS_PER_DAY};

const HOUR: i64 = TICKS_PER_DAY / 24;

/// Tables of events as hunts read them, and `Allowed`, which has no time.
fn catalog() -> MemoryCatalog {
    let events = "DeviceId DeviceName ActionType FileName FolderPath ProcessCommandLine \
                  AccountName RemoteUrl RemoteIPType AlertId";
    let mut catalog = MemoryCatalog::new();
    let tables = [
        ("DeviceEvents", true),
        ("DeviceFileEvents", true),
        ("DeviceLogonEvents", true),
        ("DeviceNetworkEvents", true),
        ("DeviceProcessEvents", true),
        ("AlertEvidence", true),
        ("Allowed", false),
    ];
    for (name, has_time) in tables {
        let texts = events.split_whitespace();
        let mut columns: Vec<Column> = texts
            .map(|column| Column::new(column, ScalarType::String))
            .collect();
        columns.push(Column::new("AdditionalFields", ScalarType::Dynamic));
        columns.push(Column::new("FileSize", ScalarType::Long));
        if has_time {
            columns.push(Column::new("Timestamp", ScalarType::DateTime));
        }
        let table = TableInfo {
            schema: columns.into_iter().collect::<Schema>(),
            time_column: has_time.then(|| "Timestamp".to_owned()),
        };
        catalog.insert(name, table);
    }
    catalog
}

/// A hunt with a window of an hour whose rows are stored.
fn hunt() -> LintContext {
    LintContext {
        window_injected: true,
        lookback: Some(HOUR),
        result_stored: true,
        ..LintContext::default()
    }
}

fn lint(query: &str, context: &LintContext) -> Vec<Diagnostic> {
    let parse = kql::syntax::parse(query);
    let bound = kql::bind::bind(&parse.script, &catalog());
    kql::lint::lint(query, &parse, &bound, context)
}

fn codes(found: &[Diagnostic]) -> String {
    let codes: Vec<&str> = found.iter().map(|diagnostic| diagnostic.code).collect();
    codes.join(" ")
}

/// Holds queries against the codes found in them as hunts.
#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        let found = lint(query, &hunt());
        assert_eq!(codes(&found), *expected, "{query}\n{found:#?}");
    }
}

#[test]
fn contains_with_whole_terms() {
    check(&[
        (
            r#"DeviceEvents | where ProcessCommandLine contains "mimikatz""#,
            "KQL402",
        ),
        (
            r#"DeviceEvents | where FileName !contains "Add-MpPreference""#,
            "KQL402",
        ),
        (
            r#"DeviceEvents | where FolderPath contains_cs @"\Temp\""#,
            "KQL402",
        ),
        // Parts of words, terms that are too short, and no filter.
        (r#"DeviceEvents | where ActionType contains "Logon""#, ""),
        (
            r#"DeviceEvents | where ProcessCommandLine contains "-e ""#,
            "",
        ),
        (r#"DeviceEvents | where FolderPath contains @"C:\Us""#, ""),
        (
            r#"DeviceEvents | project X = FileName contains "Add-MpPreference""#,
            "",
        ),
    ]);
    let query = r#"DeviceEvents | where FolderPath contains @"\Temp\""#;
    let found = lint(query, &hunt());
    assert_eq!(
        found[0].help.as_deref(),
        Some(r#"`has @"\Temp\"` uses the index"#)
    );
    assert!(found[0].notes.is_empty(), "the rows are the same");
}

#[test]
fn all_tables() {
    check(&[
        (
            "union * | where DeviceId == 'x' | project DeviceId",
            "KQL404",
        ),
        ("union Device*, Alert* | where DeviceId == 'x'", ""),
        (
            "union DeviceEvents, DeviceFileEvents | where DeviceId == 'x'",
            "",
        ),
    ]);
    let found = lint("search 'mimikatz'", &hunt());
    assert!(codes(&found).contains("KQL403"), "{found:#?}");
    for silent in [
        "search in (DeviceEvents) 'mimikatz'",
        "search kind=case_sensitive in (DeviceEvents) 'mimikatz'",
        "DeviceEvents | search 'mimikatz'",
    ] {
        let found = lint(silent, &hunt());
        assert!(!codes(&found).contains("KQL403"), "{silent}\n{found:#?}");
    }
    for (query, fires) in [
        ("cluster('a').database('b').T | where x == 1", true),
        ("adx('a/b').T | where x == 1", true),
        ("database('b').T | where x == 1", false),
        (
            "let cluster = (x: long) { x }; DeviceEvents | where FileSize == cluster(1)",
            false,
        ),
        ("DeviceEvents | where FileName == 'cluster'", false),
    ] {
        let found = lint(query, &hunt());
        assert_eq!(
            codes(&found).contains("KQL409"),
            fires,
            "{query}\n{found:#?}"
        );
    }
}

#[test]
fn joins() {
    check(&[
        (
            "DeviceEvents | where FileName == 'x' | join kind=inner DeviceFileEvents on DeviceId",
            "KQL405",
        ),
        (
            "let Files = DeviceFileEvents | project DeviceId, FileName;\n\
             DeviceEvents | where FileName == 'x' | lookup (Files) on DeviceId",
            "KQL405",
        ),
        (
            "DeviceEvents | where FileName == 'x' | join kind=inner (Allowed) on DeviceId",
            "",
        ),
        (
            "DeviceEvents | where FileName == 'x'\n\
             | join kind=inner (DeviceFileEvents | distinct DeviceId) on DeviceId",
            "",
        ),
        (
            "let Files = DeviceFileEvents | where FileName == 'y';\n\
             DeviceEvents | where FileName == 'x' | join kind=leftanti Files on DeviceId",
            "",
        ),
        (
            "DeviceEvents | where FileName == 'x' | join Allowed on DeviceId",
            "KQL413",
        ),
        (
            "DeviceEvents | where FileName == 'x' | join hint.remote=left Allowed on AlertId",
            "KQL413",
        ),
        (
            "DeviceEvents | summarize count() by DeviceId, AlertId | join Allowed on AlertId",
            "KQL413",
        ),
        (
            "DeviceEvents | summarize count() by DeviceId | join Allowed on DeviceId",
            "",
        ),
        (
            "DeviceEvents | distinct DeviceId | join Allowed on $left.DeviceId == $right.AlertId",
            "",
        ),
        (
            "DeviceEvents | where FileName == 'x' | join kind=innerunique Allowed on DeviceId",
            "",
        ),
    ]);
}

#[test]
fn regular_expressions() {
    check(&[
        (
            "DeviceEvents | where FileName =~ 'a' and FolderPath matches regex 'temp'",
            "KQL406",
        ),
        (
            "DeviceEvents | where FileName =~ 'a' and FolderPath matches regex '(?i)^a.*'",
            "KQL406",
        ),
        (
            "DeviceEvents | where FileName =~ 'a' | where FolderPath matches regex '(cmd|pwsh)'",
            "KQL406",
        ),
        (
            r"DeviceEvents | where RemoteUrl matches regex @'\.evil\.org/[0-9]+'",
            "KQL406",
        ),
        // Preceded by a filter, or without a word to filter by.
        (
            r"DeviceEvents | where RemoteUrl has 'evil' and RemoteUrl matches regex @'evil\d+'",
            "",
        ),
        (
            r"DeviceEvents | where RemoteUrl matches regex @'^[A-Za-z0-9+/]{50,}={0,2}$'",
            "",
        ),
        (
            r"DeviceEvents | where RemoteUrl matches regex @'\d+\.abcd|\d+\.efgh'",
            "",
        ),
        (
            r"DeviceEvents | summarize count() by RemoteUrl | where RemoteUrl matches regex @'\devil\d'",
            "",
        ),
    ]);
    let helps = [
        ("'^cmd'", "use `startswith_cs \"cmd\"`"),
        ("'(?i)cmd$'", "use `endswith \"cmd\"`"),
        ("@'(?i)^cmd\\.exe$'", "use `=~ \"cmd.exe\"`"),
        ("@'.*a\\\\b.*'", "use `contains_cs @\"a\\b\"`"),
        (
            "'(?i)(?:curl|wget)'",
            "use `has_any (\"curl\", \"wget\")` for whole terms",
        ),
        (
            "@'\\.evil\\.org/[0-9]+'",
            "filter first: `where FolderPath has \"evil\"`",
        ),
        (
            "@'xevil[0-9]+'",
            "filter first: `where FolderPath contains \"xevil\"`",
        ),
        (
            "@'(abc)?\\sprogramx?\\s'",
            "filter first: `where FolderPath contains \"program\"`",
        ),
    ];
    for (pattern, help) in helps {
        let query = format!("DeviceEvents | where FolderPath matches regex {pattern}");
        let found = lint(&query, &hunt());
        let helps: Vec<_> = found.iter().filter_map(|one| one.help.as_deref()).collect();
        assert!(helps.contains(&help), "{query}\n{helps:#?}");
    }
}

#[test]
fn whole_tables() {
    check(&[
        ("DeviceEvents", "KQL407"),
        (
            "DeviceEvents | extend a = 1 | sort by Timestamp",
            "KQL407 KQL410",
        ),
        ("let Raw = DeviceEvents; Raw", "KQL407"),
        ("DeviceEvents | project DeviceId", ""),
        ("DeviceEvents | summarize count()", ""),
        ("Allowed", ""),
        ("print 1", ""),
        (
            "DeviceEvents | mv-expand AdditionalFields | where FileName == 'x'",
            "KQL408",
        ),
        (
            "DeviceEvents | mv-expand AdditionalFields limit 5 | where FileName == 'x'",
            "",
        ),
        (
            "DeviceEvents | where FileName == 'x' | mv-expand AdditionalFields",
            "",
        ),
        (
            "DeviceEvents | summarize a = make_list(FileName) by DeviceId | mv-expand a",
            "",
        ),
    ]);
}

#[test]
fn order() {
    check(&[
        (
            "DeviceEvents | where FileName == 'x' | sort by Timestamp",
            "KQL410",
        ),
        (
            "DeviceEvents | project Timestamp | order by Timestamp asc",
            "KQL410",
        ),
        (
            "DeviceEvents | where FileName == 'x' | top 5 by Timestamp",
            "",
        ),
        (
            "DeviceEvents | where FileName == 'x' | sort by Timestamp | take 5",
            "",
        ),
        (
            "DeviceEvents | where FileName == 'x' | sort by Timestamp | extend a = prev(FileName)",
            "",
        ),
        (
            "DeviceEvents | summarize count() by DeviceId | sort by count_ | render barchart",
            "",
        ),
        ("DeviceEvents | where FileName == 'x' | take 5", "KQL412"),
        ("DeviceEvents | where FileName == 'x' | sample 5", "KQL412"),
        (
            "DeviceEvents | summarize count() by DeviceId | limit 5",
            "KQL412",
        ),
        ("DeviceEvents | summarize count() | take 5", ""),
        ("DeviceEvents | where FileName == 'x' | take 1", ""),
        (
            "DeviceEvents | sort by Timestamp | project DeviceId | take 5",
            "",
        ),
        ("range x from 1 to 5 step 1 | take 2", ""),
        (
            "DeviceEvents | take 100 | where FileName == 'x'",
            "KQL412 KQL425",
        ),
        (
            "DeviceEvents | take 100 | extend a = 1 | where a == 1",
            "KQL412 KQL425",
        ),
        (
            "DeviceEvents | top 100 by Timestamp | where FileName == 'x'",
            "",
        ),
        (
            "Allowed | sort by FileName | take 100 | where FileName == 'x'",
            "",
        ),
        (
            "DeviceEvents | sort by Timestamp | summarize count() by DeviceId",
            "KQL427",
        ),
        (
            "DeviceEvents | sort by Timestamp | distinct DeviceId",
            "KQL427",
        ),
        (
            "DeviceEvents | sort by Timestamp | top 5 by FileName",
            "KQL427",
        ),
        (
            "DeviceEvents | sort by Timestamp | summarize make_list(FileName) by DeviceId",
            "",
        ),
        (
            "DeviceEvents | sort by Timestamp | summarize take_any(FileName) by DeviceId",
            "",
        ),
    ]);
    let shown = LintContext::default();
    let query = "DeviceEvents | where Timestamp > ago(1h) | sort by Timestamp";
    assert_eq!(
        codes(&lint(query, &shown)),
        "",
        "a person reads the rows in order"
    );
}

#[test]
fn letter_case() {
    check(&[
        (
            "DeviceEvents | where tolower(FileName) == 'cmd.exe'",
            "KQL411",
        ),
        (
            "DeviceEvents | where toupper(FileName) in ('CMD.EXE', 'PWSH.EXE')",
            "KQL411",
        ),
        ("DeviceEvents | where tolower(FileName) has 'cmd'", "KQL411"),
        (
            "DeviceEvents | where 'cmd.exe' != tolower(FileName)",
            "KQL411",
        ),
        ("DeviceEvents | where FileName =~ 'cmd.exe'", ""),
        ("DeviceEvents | where tolower(FileName) == FolderPath", ""),
        (
            "DeviceEvents | where tolower(FileName) matches regex 'a+'",
            "",
        ),
        ("DeviceEvents | summarize count() by tolower(FileName)", ""),
    ]);
    let query = "DeviceEvents | where tolower(FileName) == 'Cmd.exe'";
    let found = lint(query, &hunt());
    let message = "what `tolower` returns is never equal to 'Cmd.exe'";
    assert_eq!(found[0].message, message);
}

#[test]
fn randomness() {
    check(&[
        (
            "DeviceEvents | where FileName == 'x' | extend a = rand()",
            "KQL414",
        ),
        (
            "DeviceEvents | where FileName == 'x' | extend a = 1 + rand(9)",
            "KQL414",
        ),
        ("DeviceEvents | where rand(5) == 1", "KQL414"),
        ("DeviceEvents | where FileName == 'rand()'", ""),
        ("DeviceEvents | extend rand = 1 | where rand == 1", ""),
        (
            "DeviceEvents | where FileName == 'x' | extend a = hash(DeviceId)",
            "",
        ),
    ]);
}

#[test]
fn own_ranges() {
    check(&[
        ("DeviceEvents | where Timestamp > ago(10m)", "KQL415"),
        (
            "let d = 5m; DeviceEvents | where Timestamp between (ago(d) .. now())",
            "KQL415",
        ),
        (
            "DeviceEvents | where now() - 30m <= Timestamp and FileName == 'x'",
            "KQL415",
        ),
        ("DeviceEvents | where Timestamp > ago(30d)", "KQL416"),
        (
            "DeviceEvents | where Timestamp between (ago(7d) .. ago(1d))",
            "KQL416",
        ),
        (
            "let d = 2h; DeviceEvents | where FileName == 'x' | where Timestamp >= ago(d)",
            "KQL416",
        ),
        ("DeviceEvents | where Timestamp > ago(1h)", ""),
        (
            "DeviceEvents | extend T = Timestamp | where T > ago(10m)",
            "KQL415",
        ),
        // The recent against the rest of the window.
        (
            "DeviceEvents | where Timestamp > ago(10m)\n\
             | join kind=leftanti (DeviceEvents | where FileName == 'x') on DeviceId",
            "",
        ),
        (
            "union (DeviceEvents | where Timestamp > ago(10m)),\n\
             (DeviceEvents | where Timestamp between (ago(1h) .. ago(10m)))",
            "",
        ),
    ]);
    let ad_hoc = LintContext::default();
    assert_eq!(
        codes(&lint("DeviceEvents | where Timestamp > ago(30d)", &ad_hoc)),
        ""
    );
}

#[test]
fn filters_on_time() {
    let cases = [
        ("DeviceEvents | where FileName == 'x'", "KQL401"),
        (
            "union DeviceEvents, DeviceFileEvents | where FileName == 'x'",
            "KQL401 KQL401",
        ),
        (
            "DeviceEvents | where Timestamp > ago(1d)\n\
             | join kind=inner (DeviceFileEvents | where FileName == 'x') on DeviceId",
            "KQL401",
        ),
        (
            "let Seen = DeviceEvents | distinct DeviceId;\n\
             DeviceFileEvents | where Timestamp > ago(1d) and DeviceId in (Seen)",
            "KQL401",
        ),
        (
            "DeviceEvents | where Timestamp > ago(1d) | where FileName == 'x'",
            "",
        ),
        (
            "union DeviceEvents, DeviceFileEvents | where Timestamp > ago(1d)",
            "",
        ),
        ("Allowed | where FileName == 'x'", ""),
    ];
    for (query, expected) in cases {
        let found = lint(query, &LintContext::default());
        assert_eq!(codes(&found), expected, "{query}\n{found:#?}");
    }
    check(&[
        ("DeviceEvents | where FileName == 'x'", ""),
        (
            "DeviceEvents | where Timestamp < datetime(2021-01-01)",
            "KQL428",
        ),
        (
            "DeviceEvents | where Timestamp between (datetime(2021-01-01) .. 1d)",
            "",
        ),
        (
            "DeviceEvents | where Timestamp between (datetime(2021-01-01) .. datetime(2021-02-01))",
            "KQL428",
        ),
        (
            "DeviceEvents | where datetime(2021-01-01) >= Timestamp",
            "KQL428",
        ),
        ("DeviceEvents | where Timestamp > datetime(2021-01-01)", ""),
        (
            "DeviceEvents | extend T = Timestamp | where T < datetime(2021-01-01)",
            "",
        ),
    ]);
}

#[test]
fn columns_that_the_query_drops() {
    let context = LintContext {
        required_columns: vec![RequiredColumn {
            name: "DeviceName".to_owned(),
            reader: "the title".to_owned(),
        }],
        ..hunt()
    };
    let cases = [
        (
            "DeviceEvents | where FileName == 'x' | project DeviceId, FileName",
            "`project` drops `DeviceName`, which the title reads",
            "keep `DeviceName`",
        ),
        (
            "DeviceEvents | summarize count() by DeviceId | where count_ > 5",
            "`summarize` drops `DeviceName`, which the title reads",
            "keep `DeviceName`",
        ),
        (
            "DeviceEvents | where FileName == 'x' | project DeviceNames = DeviceName",
            "`project` drops `DeviceName`, which the title reads",
            "keep `DeviceName`",
        ),
        (
            "print DeviceNam = 1",
            "the result has no `DeviceName`, which the title reads",
            "did you mean `DeviceNam`?",
        ),
        (
            "print a = 1",
            "the result has no `DeviceName`, which the title reads",
            "the result has a",
        ),
    ];
    for (query, message, help) in cases {
        let found = lint(query, &context);
        assert_eq!(codes(&found), "KQL417", "{query}");
        assert_eq!(found[0].message, message, "{query}");
        assert_eq!(found[0].help.as_deref(), Some(help), "{query}");
    }
    for silent in [
        "DeviceEvents | where FileName == 'x'",
        "DeviceEvents | where FileName == 'x' | project DeviceName",
        "DeviceEvents | summarize count() by DeviceName",
    ] {
        assert_eq!(codes(&lint(silent, &context)), "", "{silent}");
    }
}

#[test]
fn estimates() {
    let query = |tail: &str| format!("DeviceEvents | summarize N = dcount(DeviceId) {tail}");
    for (tail, expected) in [
        ("| where N == 1000", "KQL418"),
        ("by FileName | extend a = 1 | where N != 5000", "KQL418"),
        (
            ", dcount(FileName) | where dcount_FileName == 500",
            "KQL418",
        ),
        ("| where N >= 1000", ""),
        ("| where N == 1", ""),
        (", M = count() | where M == 1000", ""),
    ] {
        let query = query(tail);
        assert_eq!(codes(&lint(&query, &hunt())), expected, "{query}");
    }
}

#[test]
fn conditions() {
    check(&[
        (
            "DeviceEvents | where FileName != 'a' or FileName != 'b'",
            "KQL419",
        ),
        (
            "DeviceEvents | where FileName == 'a' and (FileSize > 1 and FileName == 'b')",
            "KQL419",
        ),
        (
            "DeviceEvents | where FileName == 'a' | where FileName == 'b'",
            "KQL419",
        ),
        (
            "DeviceEvents | where FileName =~ 'a' and FileName =~ 'b'",
            "KQL419",
        ),
        ("DeviceEvents | where isnull(FileName)", "KQL419"),
        (
            "DeviceEvents | where isnotnull(DeviceId) and FileName == 'x'",
            "KQL419",
        ),
        ("DeviceEvents | where FileName == FileName", "KQL419"),
        ("DeviceEvents | where FileName contains ''", "KQL419"),
        ("DeviceEvents | where FileSize between (5 .. 1)", "KQL419"),
        (
            "DeviceEvents | where Timestamp between (ago(10m) .. ago(1h))",
            "KQL415 KQL419",
        ),
        (
            "DeviceEvents | where FileName == 'a' or FileName == 'b'",
            "",
        ),
        (
            "DeviceEvents | where FileName != 'a' and FileName != 'b'",
            "",
        ),
        (
            "DeviceEvents | where FileName =~ 'a' and FileName =~ 'A'",
            "",
        ),
        (
            "DeviceEvents | where FileName == 'a' | extend FileName = 'b' | where FileName == 'b'",
            "",
        ),
        (
            "DeviceEvents | where isnull(FileSize) or isempty(FileName)",
            "",
        ),
        ("DeviceEvents | where FileSize between (1 .. 5)", ""),
        ("DeviceEvents | where 1 == 1", ""),
        (
            "DeviceEvents | where FileName has 'a' or FileName has 'a'",
            "KQL423",
        ),
        (
            "DeviceEvents | where FileName has 'a' | where (FileName  has 'a')",
            "KQL423",
        ),
        (
            "DeviceEvents | where FileSize > 1 and (FileName has 'a' and FileSize > 1)",
            "KQL423",
        ),
        (
            "DeviceEvents | where FileName has 'a' or FileName has 'b'",
            "",
        ),
        (
            "DeviceEvents | where FileName has 'a' and not(FolderPath has 'b' or FileName has 'a')",
            "",
        ),
        (
            "DeviceEvents | where FileName has 'a' | extend FileName = 'b' | where FileName has 'a'",
            "",
        ),
    ]);
}

#[test]
fn texts_and_lists() {
    check(&[
        ("DeviceEvents | where FileName == 'python*'", "KQL420"),
        ("DeviceEvents | where FileName in~ ('*.exe', 'a')", "KQL420"),
        ("DeviceEvents | where FileName !~ '*cmd*'", "KQL420"),
        (
            "DeviceEvents | where ProcessCommandLine contains '*net* group*'",
            "KQL420",
        ),
        (
            "DeviceEvents | where ProcessCommandLine contains 'copy *.doc'",
            "",
        ),
        ("DeviceEvents | where FileName == '*'", ""),
        ("DeviceEvents | where FileName has 'a*'", ""),
        ("DeviceEvents | where FileName == 'a*b'", ""),
        (
            r#"DeviceEvents | where ProcessCommandLine has "--""#,
            "KQL421",
        ),
        (
            r#"DeviceEvents | where ProcessCommandLine has_any ("a", "..")"#,
            "KQL421",
        ),
        (r#"DeviceEvents | where AccountName !has "@""#, "KQL421"),
        (r#"DeviceEvents | where ProcessCommandLine has "-e""#, ""),
        (
            r#"DeviceEvents | where ProcessCommandLine contains "--""#,
            "",
        ),
        (
            r#"DeviceEvents | where ProcessCommandLine has_all ("net", "use")"#,
            "",
        ),
        (
            "DeviceEvents | where FileName in~ ('a', 'b', 'A')",
            "KQL422",
        ),
        (
            "DeviceEvents | where FileName has_any ('abc', 'abc')",
            "KQL422",
        ),
        (
            "DeviceEvents | where FileName in ('Cmd.exe', 'cmd.exe')",
            "KQL422",
        ),
        ("DeviceEvents | where FileName in ('a', 'b')", ""),
        ("DeviceEvents | where FileSize in (1, 1)", ""),
        ("DeviceEvents | where FileName in~ ('a', 'ab')", ""),
        (
            "DeviceEvents | where FileName == 'cmd\u{200b}.exe'",
            "KQL426",
        ),
        (
            "DeviceEvents | where FileName in (dynamic(['a\u{ad}b']))",
            "KQL426",
        ),
        (
            "DeviceEvents // \u{202e} turned\n| where FileName == 'x'",
            "KQL426",
        ),
        (
            "DeviceEvents | where FileName in (dynamic(['a',\u{a0}'b']))",
            "",
        ),
        ("\u{200b}DeviceEvents | where FileName == 'x'", ""),
        ("DeviceEvents | where FileName contains '\\u202e'", ""),
        ("DeviceEvents | where FileName == 'Übung'", ""),
    ]);
}

#[test]
fn ways_around_wildcards() {
    for (condition, help) in [
        (r#"== "python*""#, r#"use `startswith "python"`"#),
        (r#"!= "*.exe""#, r#"use `!endswith ".exe"`"#),
        (r#"contains @"*\Run\*""#, r#"use `contains @"\Run\"`"#),
        (
            r#"contains "*net* user*""#,
            r#"look for the parts: `contains "net"`, `contains " user"`"#,
        ),
    ] {
        let found = lint(
            &format!("DeviceEvents | where FileName {condition}"),
            &hunt(),
        );
        assert_eq!(found[0].help.as_deref(), Some(help));
    }
}

#[test]
fn names_that_nothing_uses() {
    check(&[
        ("let a = 1; DeviceEvents | where FileName == 'x'", "KQL424"),
        (
            "let f = (x: long) { let y = 1; x }; DeviceEvents | where FileSize == f(1)",
            "KQL424",
        ),
        (
            "let T = DeviceEvents; let U = 1; T | where FileSize == 1",
            "KQL424",
        ),
        ("let a = 1; DeviceEvents | where FileSize == a", ""),
        ("let f = () { 1 }; DeviceEvents | where FileSize == f()", ""),
    ]);
    let library = "let f = (x: long) { x };";
    assert!(!codes(&lint(library, &hunt())).contains("KQL424"));
}

#[test]
fn comments_allow_findings() {
    check(&[
        (
            "// huntd: allow-file KQL407 it is exported\nDeviceEvents",
            "",
        ),
        ("DeviceEvents // huntd: allow KQL407 it is exported", ""),
        (
            "// huntd: allow KQL407 it is exported\n// and more\n\nDeviceEvents",
            "",
        ),
        (
            "DeviceEvents // huntd: allow KQL412, KQL425 only\n\
             | take 5 // huntd: allow KQL412 a sample is enough\n\
             // huntd: allow KQL425: that is how it is\n\
             | where FileName == 'x'",
            "KQL430 KQL430",
        ),
        ("DeviceEvents // huntd: allow KQL407", "KQL429"),
        ("DeviceEvents // huntd: allow KQL407 --", "KQL429"),
        ("DeviceEvents // huntd: allow KQL470 why", "KQL407 KQL430"),
        (
            "DeviceEvents // huntd: allow no-reduction why",
            "KQL407 KQL430",
        ),
        ("DeviceEvents // huntd: ignore KQL407 why", "KQL407 KQL430"),
        (
            "DeviceEvents | project DeviceId // huntd: allow KQL407 why",
            "KQL430",
        ),
        (
            "// huntd: allow KQL407 why\nprint 1;\nDeviceEvents",
            "KQL430 KQL223 KQL407",
        ),
        ("DeviceEvents // kql-guard:disable KQL008", ""),
        ("// kql-guard:disable-next-line KQL008\nDeviceEvents", ""),
        ("// kql-guard:disable-file\nDeviceEvents | take 5", ""),
        ("// kql-guard:disable-file KQL003\nDeviceEvents", "KQL407"),
        (
            "DeviceEvents | where FileName == 'x' // kql-guard:disable KQL003",
            "",
        ),
    ]);
    let found = lint("DeviceEvents // huntd: allow no-reduction why", &hunt());
    let help = found.last().and_then(|one| one.help.as_deref());
    assert_eq!(help, Some("did you mean `KQL407`?"));
}

#[test]
fn errors_cannot_be_allowed() {
    let query = "DeviceEvents | where FileNam == 'x' // huntd: allow KQL201 later";
    assert_eq!(codes(&lint(query, &hunt())), "KQL201 KQL430");
}

#[test]
fn rules_can_be_switched_off() {
    let mut context = hunt();
    context.disabled.insert("KQL407".to_owned());
    assert_eq!(codes(&lint("DeviceEvents", &context)), "");
    let allowed = "DeviceEvents // huntd: allow KQL407 why";
    assert_eq!(codes(&lint(allowed, &context)), "");
}

#[test]
fn the_cost_is_the_sum_of_the_weights() {
    assert_eq!(kql::lint::cost(&lint("DeviceEvents", &hunt())), 1);
    let query = "union * | take 5 | where nothing == 1";
    assert_eq!(kql::lint::cost(&lint(query, &hunt())), 5);
}

/// Each rule fires on its bad example, and no rule of its family on the good one.
#[test]
fn examples_show_what_they_say() {
    for rule in kql::lint::rules() {
        let mut context = match rule.code {
            "KQL401" => LintContext::default(),
            _ => hunt(),
        };
        if rule.code == "KQL417" {
            context.required_columns.push(RequiredColumn {
                name: "DeviceName".to_owned(),
                reader: "the title".to_owned(),
            });
        }
        let bad = lint(rule.bad, &context);
        assert!(codes(&bad).contains(rule.code), "{}\n{bad:#?}", rule.bad);
        if rule.code == "KQL416" {
            context.lookback = Some(30 * TICKS_PER_DAY);
        }
        let good = lint(rule.good, &context);
        assert!(
            !codes(&good).contains(rule.code),
            "{}\n{good:#?}",
            rule.good
        );
    }
}

#[test]
fn the_table_of_rules_is_in_order() {
    let codes: Vec<&str> = kql::lint::rules().map(|rule| rule.code).collect();
    assert!(codes.is_sorted() && codes.windows(2).all(|pair| pair[0] != pair[1]));
    for rule in kql::lint::rules() {
        assert!(!rule.summary.ends_with('.'), "{}", rule.code);
        assert!(rule.explanation.ends_with('.'), "{}", rule.code);
        assert_eq!(
            kql::lint::rule(rule.code).map(|found| found.name),
            Some(rule.name)
        );
    }
}
