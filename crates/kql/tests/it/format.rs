//! The printer: what texts look like in their canonical form, that their trees and comments stay
//! what they were, and that a second pass changes nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

use std::path::{Path, PathBuf};

use kql::format::format;
use kql::syntax::parse;

/// Formats a text and holds the result against what must not change.
fn formatted(text: &str) -> String {
    let first = format(text).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
    assert!(
        tree(&first) == tree(text),
        "the tree changed:\n{text}\n{first}"
    );
    assert_eq!(
        comments(&first),
        comments(text),
        "comments changed:\n{text}"
    );
    assert_eq!(format(&first).unwrap(), first, "a second pass changed it");
    assert!(
        !first.contains(" \n"),
        "blanks at the end of a line:\n{first}"
    );
    first
}

/// The tree without its places, which `Debug` shows as `3..5`.
fn tree(text: &str) -> String {
    let shown = std::format!("{:?}", parse(text).script);
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("..") {
        let before = rest[..at].trim_end_matches(|c: char| c.is_ascii_digit());
        let behind = rest[at + 2..].trim_start_matches(|c: char| c.is_ascii_digit());
        out.push_str(before);
        rest = behind;
    }
    out + rest
}

fn comments(text: &str) -> Vec<String> {
    let parsed = parse(text);
    let texts = parsed.comments.iter().map(|span| span.text(text));
    texts.map(|text| text.trim_end().to_owned()).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "kql") {
            found.push(path);
        }
    }
}

/// The texts below a folder that is named from this crate's.
fn texts(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        &mut found,
    );
    assert!(!found.is_empty());
    let texts = found
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap());
    texts.collect()
}

#[test]
fn every_text_keeps_its_tree_and_its_comments() {
    for text in [texts("tests/test_data/ok"), texts("../../queries")].concat() {
        formatted(&text);
    }
}

/// Wherever a line may end, a comment may stand.
#[test]
fn comments_survive_wherever_they_stand() {
    for text in texts("tests/test_data/ok") {
        let plain = formatted(&text);
        let gaps = plain.match_indices([' ', '\n']).map(|(at, _)| at);
        for (number, at) in gaps.step_by(2).enumerate() {
            let comment = [
                " // behind\n",
                "\n  // on its own\n",
                " // a\n\n\n// b\n//c\n",
            ][number % 3];
            let commented = std::format!("{}{comment}{}", &plain[..at], &plain[at + 1..]);
            let is_apart = comments(&commented).len() > comments(&plain).len();
            if is_apart && !parse(&commented).has_errors() {
                formatted(&commented);
            }
        }
    }
}

#[test]
fn operators_stand_on_lines_of_their_own() {
    insta::assert_snapshot!(
        formatted("T|where  a==1   and b!~'x'|extend c=-a,d=a *-2|project-away  x*,  *y|take 5"),
        @r"
    T
    | where a == 1 and b !~ 'x'
    | extend c = -a, d = a * -2
    | project-away x*, *y
    | take 5
    "
    );
}

#[test]
fn wide_lists_and_conditions_are_broken() {
    insta::assert_snapshot!(
        formatted(
            "DeviceProcessEvents | where FileName in~ ('powershell.exe', 'pwsh.exe') and \
             (ProcessCommandLine has_any ('-enc', '-EncodedCommand') or ProcessCommandLine has \
             'frombase64string' and not(InitiatingProcessFileName =~ 'MsSense.exe')) \
             | summarize Runs = count(), FirstSeen = min(Timestamp), LastSeen = max(Timestamp), \
             Lines = make_set(ProcessCommandLine, 10) by DeviceId, DeviceName, AccountName"
        ),
        @r"
    DeviceProcessEvents
    | where FileName in~ ('powershell.exe', 'pwsh.exe')
        and (
            ProcessCommandLine has_any ('-enc', '-EncodedCommand')
            or ProcessCommandLine has 'frombase64string'
                and not(InitiatingProcessFileName =~ 'MsSense.exe')
        )
    | summarize
        Runs = count(),
        FirstSeen = min(Timestamp),
        LastSeen = max(Timestamp),
        Lines = make_set(ProcessCommandLine, 10)
        by DeviceId, DeviceName, AccountName
    "
    );
}

#[test]
fn queries_in_parentheses_are_indented() {
    insta::assert_snapshot!(
        formatted(
            "let Known=materialize(DeviceInfo|where OnboardingStatus=='Onboarded'|distinct DeviceId\
             |take 100000);\n\n\n\nDeviceEvents|join kind = leftouter hint.strategy = broadcast(Known\
             |extend Seen=true|where isnotempty(DeviceId)|project DeviceId, Seen, DeviceType, OSPlatform\
             )on DeviceId|union (T|take 1)"
        ),
        @r"
    let Known = materialize(
        DeviceInfo
        | where OnboardingStatus == 'Onboarded'
        | distinct DeviceId
        | take 100000
    );

    DeviceEvents
    | join kind=leftouter hint.strategy=broadcast (
        Known
        | extend Seen = true
        | where isnotempty(DeviceId)
        | project DeviceId, Seen, DeviceType, OSPlatform
    ) on DeviceId
    | union (T | take 1)
    "
    );
}

/// Where a join is too wide, its query is broken before its columns are.
#[test]
fn the_query_of_a_join_gives_way_first() {
    insta::assert_snapshot!(
        formatted(
            "DeviceEvents | join kind=leftanti (Processes | where isnotempty(SHA256)) on DeviceId, \
             SHA256, ProcessCommandLine, FileName | join kind=inner (Processes) on DeviceId"
        ),
        @r"
    DeviceEvents
    | join kind=leftanti (
        Processes
        | where isnotempty(SHA256)
    ) on DeviceId, SHA256, ProcessCommandLine, FileName
    | join kind=inner (Processes) on DeviceId
    "
    );
}

#[test]
fn statements_functions_and_comments() {
    insta::assert_snapshot!(
        formatted(
            "// What this is.\n\nset notruncation; let a=1; // one\nlet f=(x:long,y:string='z'){// body\n\
             T|where b==x // the row\n// last\n};let g = () { 1+2 };\n\n\n// the query\nT // table\n\
             // first\n|where f(1) //second\n  or c\n// end"
        ),
        @r"
    // What this is.

    set notruncation;
    let a = 1; // one
    let f = (x: long, y: string = 'z') { // body
        T
        | where b == x // the row
        // last
    };
    let g = () { 1 + 2 };

    // the query
    T // table
    // first
    | where f(1) //second
        or c
    // end
    "
    );
}

#[test]
fn constants_stay_as_they_are() {
    insta::assert_snapshot!(
        formatted(
            "print h\"secret\",@'C:\\x' , datetime( 2020-01-01 ), 1 .. 2, ```\n  a\n   b```, \
             dynamic({'a':[1,-2],\"b\":{}}), x [0].y ['z'] . w, 1e5, guid (a)"
                .replace("1 .. 2, ", "")
                .as_str()
        ),
        @r#"
    print
        h"secret",
        @'C:\x',
        datetime( 2020-01-01 ),
        ```
      a
       b```,
        dynamic({'a': [1, -2], "b": {}}),
        x[0].y['z'].w,
        1e5,
        guid (a)
    "#
    );
    insta::assert_snapshot!(
        formatted("T | where a between(1..5) and Timestamp!between (ago(1d)..now())"),
        @r"
    T
    | where a between (1 .. 5) and Timestamp !between (ago(1d) .. now())
    "
    );
}

#[test]
fn tables_have_a_row_a_line() {
    insta::assert_snapshot!(
        formatted(
            "datatable(a:long,b:string)[1,'x',2,'y'];datatable (a:long) [1,2,3];\
             (externaldata(['a b']:string)[h'https://example.com/a.csv'] with(format = 'csv'))"
        ),
        @r"
    datatable(a: long, b: string) [
        1, 'x',
        2, 'y'
    ];
    datatable(a: long) [1, 2, 3];
    (externaldata(['a b']: string) [h'https://example.com/a.csv'] with (format='csv'))
    "
    );
}

#[test]
fn operators_with_a_syntax_of_their_own() {
    insta::assert_snapshot!(
        formatted(
            "T|parse kind=regex a with * 'x=' X:long ',' *|mv-expand kind=array y=p to typeof(long)\
             |top 3 by z desc nulls last|render timechart with(title='t',ycolumns = a,b ,legend=hidden)"
        ),
        @r"
    T
    | parse kind=regex a with * 'x=' X:long ',' *
    | mv-expand kind=array y = p to typeof(long)
    | top 3 by z desc nulls last
    | render timechart with (title='t', ycolumns=a, b, legend=hidden)
    "
    );
    insta::assert_snapshot!(
        formatted(
            "T|mv-apply e=Entities on(where e.Type=='ip'|summarize make_set(tostring(e.Address)) by \
             tostring(e.Type)|project-away Type)|make-series n=count()default = 0 on Timestamp \
             from ago(1d)to now()step 1h by DeviceId"
        ),
        @r"
    T
    | mv-apply e = Entities on (
        where e.Type == 'ip'
        | summarize make_set(tostring(e.Address)) by tostring(e.Type)
        | project-away Type
    )
    | make-series n = count() default=0 on Timestamp from ago(1d) to now() step 1h by DeviceId
    "
    );
    insta::assert_snapshot!(
        formatted(
            "T|scan with_match_id = m declare(s:long=0)with(step a:x==1;step b output=last : y>a.y \
             =>s=a.s+1;)|make-graph A-->B with N on id|graph-match (a)-[e*1..3]->(b)<-- (c) \
             where a.x==1 project a.id,n=b.id"
        ),
        @r"
    T
    | scan with_match_id=m declare (s: long = 0) with (
        step a: x == 1;
        step b output=last: y > a.y => s = a.s + 1;
    )
    | make-graph A --> B with N on id
    | graph-match (a)-[e*1..3]->(b)<--(c) where a.x == 1 project a.id, n = b.id
    "
    );
}

#[test]
fn texts_with_errors_are_left_alone() {
    let errors = format("T | where (a == 1 | take 5").unwrap_err();
    assert_eq!(errors[0].code, "KQL114");
    assert_eq!(format("  \r\n").unwrap(), "");
    assert_eq!(format("// only this  ").unwrap(), "// only this\n");
    assert_eq!(
        format("T\r\n// a\r\n| take 1\r\n").unwrap(),
        "T\n// a\n| take 1\n"
    );
}

#[test]
fn lines_for_a_desktop_tool_stay() {
    let text = "#connect \"help\"\n// a\n\n# b\nT|take 1";
    let formatted = format(text).unwrap();
    assert_eq!(formatted, "#connect \"help\"\n// a\n\n# b\nT\n| take 1\n");
    assert_eq!(format(&formatted).unwrap(), formatted);
}

#[test]
fn size_and_depth_have_no_bad_end() {
    let deep = std::format!(
        "T | scan with ({}1{})",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    assert!(format(&deep).is_err());
    let long = std::format!("T | where x in ({}0)", "'indicator', ".repeat(100_000));
    assert_eq!(format(&long).unwrap().lines().count(), 100_004);
    let conditions = std::format!("T | where {}b", "(a == 1 and b) or ".repeat(50_000));
    assert_eq!(format(&conditions).unwrap().lines().count(), 50_002);
}
