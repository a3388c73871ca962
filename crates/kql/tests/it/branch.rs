//! Operators with several results, and those that tell what is frequent, alike or asserted.

use kql::hir::PlanKind;

use crate::world::{columns, compile, messages};

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        assert_eq!(columns(query), *expected, "\n{query}");
    }
}

/// The columns of each of several results.
fn results(query: &str) -> Vec<String> {
    let PlanKind::Several { results } = *compile(query).query.expect("binds").plan.kind else {
        panic!("several results");
    };
    let results = results.into_iter().map(|result| {
        let names: Vec<&str> = result
            .plan
            .schema
            .columns()
            .iter()
            .map(|column| &*column.name)
            .collect();
        let name = result.name.as_deref().unwrap_or("_");
        format!("{name}: {}", names.join(" "))
    });
    results.collect()
}

#[test]
fn fork_and_facet_yield_several_tables() {
    assert_eq!(
        results("U | fork (where z > 1 | count) Named=(project s, a) ['a b']=(take 5 | as X)"),
        ["_: Count", "Named: s a", "a b: a s z"]
    );
    assert_eq!(
        results("U | facet by s, ['z'] with (summarize n = sum(a) by s)"),
        ["_: s count_s", "_: z count_z", "_: s n"]
    );
    assert_eq!(
        results("U | facet by s with take 5"),
        ["_: s count_s", "_: a s z"]
    );
}

#[test]
fn what_is_frequent() {
    check(&[
        ("T | sample-distinct 5 of s", "s:string"),
        ("let n = 2; T | sample-distinct n of ['a']", "a:long"),
        (
            "T | top-hitters 5 of s",
            "s:string approximate_count_s:long",
        ),
        (
            "T | top-hitters 5 of s by r",
            "s:string approximate_sum_r:real",
        ),
        (
            "T | top-hitters 5 of a by i * 2",
            "a:long approximate_sum_:long",
        ),
        (
            "T | top-hitters 5 of a by i",
            "a:long approximate_sum_i:int",
        ),
        (
            "T | top-hitters 5 of a by hits = b | where approximate_sum_hits > 1 | count",
            "Count:long",
        ),
        (
            "T | reduce by s with threshold=0.5, characters='.' | top 5 by Count",
            "Pattern:string Count:long Representative:string",
        ),
        (
            "U | reduce kind=source by strcat(s, 'x')",
            "a:long s:string z:int Pattern:string Count:long Representative:string",
        ),
        ("T | consume decodeblocks=true", ""),
        ("U | getschema kind=csl", "Schema:string"),
    ]);
}

#[test]
fn columns_by_names_that_are_texts() {
    check(&[
        (
            "T | project-by-names 's', 'a', dynamic(['t*', 'b', 'a'])",
            "s:string a:long t:datetime ts:timespan b:long",
        ),
        (
            "T | project-by-names column_names_of(U), 'b'",
            "a:long s:string b:long",
        ),
        (
            "let Names = dynamic(['a', 'd\\u0065c']); T | project-by-names Names",
            "a:long dec:decimal",
        ),
        ("T | project-by-names", ""),
        (
            "U | assert-schema (a:long, s:string)",
            "a:long s:string z:int",
        ),
    ]);
}

#[test]
fn macro_expand_goes_through_a_group() {
    check(&[
        (
            "let G = entity_group [database('a'), cluster('c').database('b')]; \
             macro-expand G as X (X.U | where z > 1 | extend d = X.$current_database)",
            "a:long s:string z:int d:string",
        ),
        (
            "macro-expand isfuzzy=true entity_group [T, U] as X (let y = X; y | project a, s)",
            "a:long s:string",
        ),
        (
            "let G = entity_group [database('a')]; \
             union (macro-expand G as X (union X.U, X.E* | project z, FileSize)), (U | project z)",
            "z:int FileSize:long",
        ),
        (
            "macro-expand kind=inner entity_group [T, U] as X (X)",
            "a:long s:string",
        ),
        (
            "macro-expand isfuzzy=true entity_group [U, Missing] as X (X | project a)",
            "a:long",
        ),
        (
            "set query_bin_auto_size = 1h; set query_bin_auto_at = datetime(2020-01-01 00:05); \
             T | summarize count() by bin_auto(t)",
            "t:datetime count_:long",
        ),
    ]);
}

#[test]
fn mistakes_are_named() {
    for (query, expected) in [
        ("T | fork (where q > 1) (count)", "unknown column `q`"),
        ("T | fork (fork (take 1))", "`fork` cannot stand in here"),
        ("T | fork ()", "operator"),
        ("T | fork (take 1), (take 2)", "expected `|`"),
        ("T | fork (take 1) | where a > 1", "unknown column `a`"),
        ("T | facet by q", "unknown column `q`"),
        ("T | facet by d", "cannot group by a value of type dynamic"),
        ("T | facet by a + 1", "expected `|`"),
        (
            "T | sample-distinct 5 of tolower(s)",
            "takes the name of a column",
        ),
        (
            "T | sample-distinct 'x' of s",
            "a number of rows is an integer",
        ),
        (
            "T | top-hitters a of s",
            "a number of rows must be a constant",
        ),
        (
            "T | top-hitters 5 of s by s",
            "sums numbers, not values of type string",
        ),
        ("T | top-hitters 5 of s by count()", "count"),
        ("T | reduce by a", "`reduce` takes a text"),
        (
            "T | reduce kind=minhash by s",
            "`minhash` is no value of `kind`",
        ),
        ("T | reduce by s with threshold=2", "a number from 0 to 1"),
        (
            "T | reduce by s with (threshold=0.5)",
            "expected `threshold=`",
        ),
        ("T | consume foo=true", "expected `|`"),
        ("T | project-by-names 5", "constant texts"),
        (
            "T | project-by-names 'q'",
            "there is no column `q` to project",
        ),
        ("T | assert-schema (a:string)", "the table has it as long"),
        (
            "T | assert-schema (q:string)",
            "the table has no such column",
        ),
        (
            "macro-expand Nope as X (X.T)",
            "unknown entity group `Nope`",
        ),
        (
            "let Group = entity_group [T]; macro-expand Grup as X (X)",
            "did you mean `Group`?",
        ),
        (
            "let G = entity_group [T]; G",
            "an entity group stands only in",
        ),
        (
            "let G = entity_group [database('a')]; macro-expand G as X (X.T | where q > 1)",
            "unknown column `q`",
        ),
    ] {
        let found = messages(query);
        assert!(found.contains(expected), "{query}: {found}");
    }
}
