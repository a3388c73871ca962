//! Walks over the syntax tree.

use kql::syntax::ast::{ExprKind, Node};

/// The names of a query in the order in which the walk meets them.
fn names(query: &str) -> String {
    let parse = kql::syntax::parse(query);
    assert!(parse.diagnostics.is_empty(), "{:?}", parse.diagnostics);
    let mut names = Vec::new();
    parse.script.walk(|node| {
        if let Node::Expr(expr) = node
            && let ExprKind::Name(name) | ExprKind::Wildcard(name) = &expr.kind
        {
            names.push(name.text.to_string());
        }
    });
    names.join(" ")
}

#[test]
fn a_walk_meets_every_name_in_the_order_of_the_text() {
    let queries = [
        ("let f = (a: long = 1) { T1 | where c }; f(d)", "T1 c d"),
        ("set a = \"b\"; T", "T"),
        ("T | where a == b.c[d] and -e in (f, g)", "T a b c d e f g"),
        ("T | where a between (b .. c)", "T a b c"),
        (
            "T | summarize hint.shufflekey=a count(b), c = d by e, bin(f, g)",
            "T a b d e f g",
        ),
        (
            "T | join kind=inner (U | project a, b = c) on d",
            "T inner U a c d",
        ),
        ("T | lookup (U) on $left.a == $right.b", "T U a b"),
        ("union withsource=w T, D*, (U | take a)", "w T D* U a"),
        ("T | mv-expand a, b = c limit d", "T a c d"),
        ("T | top a by b desc | sort by c, d", "T a b c d"),
        ("T | parse kind=simple a with 'x' b:long *", "T simple a"),
        ("range x from a to b step c", "a b c"),
        ("T | project-reorder a, b* asc | project-away c", "T a b* c"),
        ("T | sample-distinct a of b | sample c", "T a b c"),
        ("T | evaluate f(a) | invoke g(b)", "T a b"),
        (
            "T | extend a = toscalar(U | summarize max(b)), c",
            "T U b c",
        ),
    ];
    for (query, expected) in queries {
        assert_eq!(names(query), expected, "{query}");
    }
}
