//! Words of scalars, read back from where the file is said to have them.

use super::*;
use crate::yaml::parse;

/// The words of the scalar `query`, each read back from where the file is said to have it.
#[track_caller]
fn check(file: &str, text: &str) {
    let (document, problems) = parse(file, &Excerpt::whole(file));
    assert!(problems.is_empty(), "{problems:?}");
    let document = document.unwrap();
    let node = &document.entry("query").unwrap().node;
    assert_eq!(node.as_text().unwrap(), text);
    check_node(file, node, text);
    check_node(file, node, text.trim());
}

#[track_caller]
fn check_node(file: &str, node: &Node, text: &str) {
    let excerpt = Excerpt::of_scalar(file, node, text);
    assert_eq!(excerpt.text(), text);
    let mut offset = 0;
    let mut last = 0;
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\')) {
        let span = Span::new(offset, offset + word.len());
        offset += word.len() + 1;
        if word.is_empty() {
            continue;
        }
        let place = excerpt.file_span(span);
        assert_eq!(place.text(file), word, "{place:?} in {file:?}");
        assert!(place.start >= last, "{word} stands before what it follows");
        last = place.end;
    }
}

#[test]
fn literal_blocks_lose_their_indentation() {
    check(
        "a: 1\nquery: |\n  T\n    | where a == 1\n\n  | take 10\nb: 2\n",
        "T\n  | where a == 1\n\n| take 10\n",
    );
    check(
        "query: |-  # a | b\n\n    a | b\n    // c\n    | c\n",
        "\na | b\n// c\n| c",
    );
    check("query: |2\n    T\n   | x\n", "  T\n | x\n");
    check("query: |+\r\n  T \r\n  | x\r\n\r\n", "T \n| x\n\n");
    check("query: |\n  ä | ü\n  )\n  ö )\n", "ä | ü\n)\nö )\n");
}

#[test]
fn folded_blocks_join_lines() {
    check(
        "query: >\n  T\n  | where a\n  == 1\n\n  | take\n    more\n    yet\n  end\n",
        "T | where a == 1\n| take\n  more\n  yet\nend\n",
    );
    check("query: >-\n  a a\n  a\n", "a a a");
}

#[test]
fn quoted_scalars_have_escapes() {
    check(
        "query: \"T | where a == \\\"x\\\" and b\"\n",
        "T | where a == \"x\" and b",
    );
    check("query: \"T\\n| where b\\u0020c\"\n", "T\n| where b c");
    check(
        "query: \"T |\n  where a\n\n  b \\\n  c\"\n",
        "T | where a\nb c",
    );
    check(
        "query: 'T | where a == ''x'' and b'\n",
        "T | where a == 'x' and b",
    );
    check("query: 'T\n\n  | where a\n  and b'\n", "T\n| where a and b");
}

#[test]
fn plain_scalars_fold() {
    check("query: T | where a == 1\n", "T | where a == 1");
    check(
        "query:\n  T\n  | where\n    a == 1\n\n  | b\nc: 1\n",
        "T | where a == 1\n| b",
    );
}

#[test]
fn the_header_of_a_query_has_slashes() {
    let file = "// ---\n// query: |\n//   Results\n//   // two\n//   | take 3\n// ---\nT\n";
    let lines: Vec<(usize, &str)> = vec![
        (10, "query: |"),
        (22, "  Results"),
        (35, "  // two"),
        (47, "  | take 3"),
    ];
    let header = Excerpt::of_lines(lines);
    let (document, _) = parse(file, &header);
    let document = document.unwrap();
    let node = &document.entry("query").unwrap().node;
    assert_eq!(node.as_text().unwrap(), "Results\n// two\n| take 3\n");
    check_node(file, node, "Results\n// two\n| take 3\n");
}

#[test]
fn an_alias_is_where_it_is_written() {
    let file = "a: &it T | take 1\nquery: *it\n";
    let (document, _) = parse(file, &Excerpt::whole(file));
    let document = document.unwrap();
    let node = &document.entry("query").unwrap().node;
    let excerpt = Excerpt::of_scalar(file, node, "T | take 1");
    assert_eq!(
        excerpt.file_span(Span::new(4, 8)).start as usize,
        file.len() - 4
    );
}
