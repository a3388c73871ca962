//! The operators with several clauses: what they yield, and what of them is refused. The answers
//! are those of Kusto's own binder.

use super::world::{columns, compile};

/// Columns of the table `T`.
const T: &str = "a:long b:long i:int r:real s:string t:datetime ts:timespan d:dynamic g:guid \
                 f:bool dec:decimal";
const T_WITHOUT_D: &str =
    "a:long b:long i:int r:real s:string t:datetime ts:timespan g:guid f:bool dec:decimal";

#[track_caller]
fn yields(cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        let expected = expected.replace("{T}", T).replace("{T-d}", T_WITHOUT_D);
        assert_eq!(columns(query), expected, "\n{query}");
    }
}

#[track_caller]
fn refused(queries: &[&str]) {
    for query in queries {
        let bound = compile(query);
        assert!(bound.query.is_none(), "\n{query}\n{}", columns(query));
        assert!(!bound.diagnostics.is_empty(), "\n{query}");
    }
}

#[test]
fn columns_of_mv_apply() {
    yields(&[
        ("T | mv-apply d on (take 1)", "{T-d} d:dynamic"),
        (
            "T | mv-apply x=d to typeof(long) on (summarize sum(x))",
            "{T} sum_x:long",
        ),
        (
            "T | mv-apply with_itemindex=ii d, e=d.x to typeof(string) limit 5 on (project e, \
             ii, d, s)",
            "{T-d} e:string ii:long d:dynamic",
        ),
        (
            "T | mv-apply d limit 4 id g on (where a > 1 | count)",
            "{T-d} Count:long",
        ),
        ("T | mvapply d on (take 1)", "{T-d} d:dynamic"),
        ("T | mv-apply d on (project d) | project a", "a:long"),
        (
            "T | mv-apply e=d to typeof(long) on (top 1 by e | project a, e)",
            "{T} e:long",
        ),
        ("T | mv-apply d on (summarize a=count())", "{T-d}"),
        ("T | mv-apply d on (extend a = 1)", "{T-d} d:dynamic"),
        ("T | mv-apply d on (distinct s)", "{T-d}"),
        (
            "T | mv-apply range(1,10) on (take 1)",
            "{T} Column1:dynamic",
        ),
        ("T | mv-apply x=range(1,10) on (take 1)", "{T} x:dynamic"),
        ("T | mv-apply d.x on (take 1)", "{T} d_x:dynamic"),
        (
            "T | mv-apply with_itemindex=ii d, e=d.x on (take 1)",
            "{T-d} d:dynamic e:dynamic ii:long",
        ),
        (
            "T | mv-apply with_itemindex=a d on (take 1)",
            "{T-d} d:dynamic a1:long",
        ),
        (
            "T | mv-apply with_itemindex=ii d on (extend j = ii+1)",
            "{T-d} d:dynamic ii:long j:long",
        ),
        (
            "T | mv-apply d, d.x on (project-away s)",
            "{T-d} d:dynamic d_x:dynamic",
        ),
        ("T | mv-apply d id 1 on (take 1)", "{T-d} d:dynamic"),
        ("T | mv-apply d id bin(a,2) on (take 1)", "{T-d} d:dynamic"),
        (
            "T | mv-apply d on (mv-apply x=d.y on (take 1))",
            "{T-d} d:dynamic x:dynamic",
        ),
        (
            "T | mv-apply d on (take 1 | render table)",
            "{T-d} d:dynamic",
        ),
        (
            "T | mv-apply d to typeof(long) limit 1 on (where d > 1 and toscalar(U | count) > 1)",
            "{T-d} d:long",
        ),
        (
            r#"T | mv-apply with_itemindex=["a b"] d on (take 1)"#,
            "{T-d} d:dynamic a b:long",
        ),
    ]);
}

#[test]
fn mistakes_of_mv_apply() {
    refused(&[
        "T | mv-apply d",
        "T | mv-apply s on (take 1)",
        "T | mv-apply (x,y)=d on (take 1)",
        "T | mv-apply d on (toscalar(U))",
        "T | mv-apply d on (U)",
        r#"T | mv-apply d limit "a" on (take 1)"#,
        "T | mv-apply d to typeof(blah) on (take 1)",
        "T | mv-apply d on (take 1) | where ii > 1",
        "T | mv-apply d on (| take 1)",
        "T | mv-apply d on ()",
        "T | mv-apply d on (where d > 1 | where a > 1 | )",
        "T | mv-apply d on take 1",
        "T | mv-apply d on (let x = 1; take 1)",
        "T | mv-apply d on (where a > 1) on",
        "T | mv-apply limit 4 on (take 1)",
        "T | mv-apply d id g limit 4 on (take 1)",
        "T | mv-apply with_itemindex=x with_itemindex=y d on (take 1)",
    ]);
}

#[test]
fn columns_of_mv_expand() {
    yields(&[
        (r#"T | mv-expand with_itemindex=["a b"] d"#, "{T} a b:long"),
        (r#"T | mv-expand with_itemindex="ab" d"#, "{T} ab:long"),
        (
            "T | mv-expand with_itemindex=k kind=array d to typeof(long), e = d.x to \
             typeof(string) limit 10",
            "a:long b:long i:int r:real s:string t:datetime ts:timespan d:long g:guid f:bool \
             dec:decimal e:string k:long",
        ),
        ("T | mv-expand with_itemindex=a d", "{T} a1:long"),
        (
            "T | mv-expand range(1,2), range(1,3)",
            "{T} Column1:dynamic Column2:dynamic",
        ),
        (
            "T | mv-expand a=d",
            "a:dynamic b:long i:int r:real s:string t:datetime ts:timespan d:dynamic g:guid \
             f:bool dec:decimal",
        ),
        ("T | mv-expand kind=array bagexpansion=bag d", "{T}"),
        (
            "T | mv-expand parse_json(s)",
            "a:long b:long i:int r:real s:dynamic t:datetime ts:timespan d:dynamic g:guid f:bool \
             dec:decimal",
        ),
        (
            r#"T | mv-expand split(s,",")"#,
            "a:long b:long i:int r:real s:dynamic t:datetime ts:timespan d:dynamic g:guid f:bool \
             dec:decimal",
        ),
        ("T | mv-expand todynamic(s).x", "{T} s_x:dynamic"),
        ("T | mvexpand d limit 5", "{T}"),
    ]);
}

#[test]
fn mistakes_of_mv_expand() {
    refused(&[
        "T | mv-expand d, e=d.x, with_itemindex=k",
        "T | mv-expand kind=foo d",
        "T | mv-expand with_itemindex=k with_itemindex=l d",
        "T | mv-expand (x,y)=d",
        "T | mv-expand s",
        "T | mv-expand d, d",
        "T | mv-expand x=d, x=d.y",
        "T | mv-expand foo=3 d",
        "T | mv-expand 1",
        "T | mv-expand nope",
        "T | mv-expand kind=array hint.x=1 d",
    ]);
}

#[test]
fn columns_of_make_series() {
    yields(&[
        (
            "T | make-series count() on t from ago(1d) to now() step 1h by s",
            "s:string count_:dynamic t:dynamic",
        ),
        (
            "T | make-series avg(r) default=0, mx=max(i) default=1.5, dcount(s) on t step 1h",
            "avg_r:dynamic mx:dynamic dcount_s:dynamic t:dynamic",
        ),
        (
            "T | make-series kind=nonempty count() on t step 1h by s, b",
            "s:string b:long count_:dynamic t:dynamic",
        ),
        (
            "T | make-series count() on t in range(ago(1d), now(), 1h) by s",
            "s:string count_:dynamic t:dynamic",
        ),
        (
            "T | make-series c=count() on t2=bin(t,1h) step 1h by x=a+1, tostring(d)",
            "x:long d:string c:dynamic t2:dynamic",
        ),
        (
            "T | make-series count() on a step 1",
            "count_:dynamic a:dynamic",
        ),
        (
            "T | make-series count() on a from 1 to 10 step 1 by d",
            "d:dynamic count_:dynamic a:dynamic",
        ),
        (
            "T | make-series hint.shufflekey=s count() on t step 1h",
            "count_:dynamic t:dynamic",
        ),
        (
            "T | make-series make_list(a), make_set(s), stdev(r) on t step 1h",
            "list_a:dynamic set_s:dynamic stdev_r:dynamic t:dynamic",
        ),
        (
            r#"T | make-series count() default="x" on t step 1h"#,
            "count_:dynamic t:dynamic",
        ),
        (
            "T | make-series sum(a)+1 on t step 1h",
            "Column1:dynamic t:dynamic",
        ),
        (
            "T | make-series count() on bin(t,1d) step 1h",
            "count_:dynamic t:dynamic",
        ),
        (
            "T | make-series count() on t from ago(1d) step 1h",
            "count_:dynamic t:dynamic",
        ),
        (
            "T | make-series count() on t to now() step 1h",
            "count_:dynamic t:dynamic",
        ),
        (
            "T | make-series (x,y)=arg_max(a,b) on t step 1h",
            "x:dynamic y:dynamic t:dynamic",
        ),
        (
            "T | make-series count() on t step 1h by bin(a,1), strlen(s)",
            "a:long strlen_s:long count_:dynamic t:dynamic",
        ),
        (
            "T | make-series count(), count() on t step 1h",
            "count_:dynamic count_1:dynamic t:dynamic",
        ),
        (
            "T | make-series sum(a) default=long(null) on t step 1h",
            "sum_a:dynamic t:dynamic",
        ),
        (
            "T | make-series c=sum(a) default=double(null), d=min(b) default=int(null) on t step \
             1h by i",
            "i:int c:dynamic d:dynamic t:dynamic",
        ),
        (
            "T | make-series min(s) on ts step 1h",
            "min_s:dynamic ts:dynamic",
        ),
        (
            "T | make-series count() on r step 0.1",
            "count_:dynamic r:dynamic",
        ),
    ]);
}

#[test]
fn mistakes_of_make_series() {
    refused(&[
        "T | make-series kind=foo count() on t step 1h",
        "T | make-series on t step 1h",
        "T | make-series count() on t",
        "T | make-series count() on s step 1",
        "T | make-series a on t step 1h",
        "T | make-series strlen(s) on t step 1h",
        "T | make-series count() on t step 1h by t",
        "T | make-series s=count() on t step 1h by s",
        "T | make-series t=count() on t step 1h by s",
        r#"T | make-series count() on t from "a" to "b" step 1h"#,
        "T | make-series count() on d step 1",
        "T | make-series count() on t step 1",
        "T | make-series count() on a step 1h",
        "T | make-series count() on t from datetime(2020-01-01) to datetime(2021-01-01) step 1d \
         in range(1,2,3)",
        "T | make-series count() on t in range(ago(1d), now())",
        "T | make-series count() on t in range()",
        "T | make-series count() on a in range(1, 10, 1h)",
        "T | make-series count() default 0 on t step 1h",
    ]);
}

#[test]
fn columns_of_partition() {
    yields(&[
        ("T | partition by s (top 1 by a)", "{T}"),
        ("T | partition by s (summarize count())", "count_:long"),
        (
            "T | partition hint.strategy=native by s (summarize count() by b)",
            "b:long count_:long",
        ),
        (
            "T | partition hint.strategy=legacy hint.concurrency=2 by s { U | where s == s }",
            "a:long s:string z:int",
        ),
        ("T | partition by s { U | take 1 }", "a:long s:string z:int"),
        ("T | partition hint.strategy=foo by s (take 1)", "{T}"),
        (
            "T | partition by s (where a > toscalar(U | summarize max(a)))",
            "{T}",
        ),
        (
            "T | partition hint.strategy=shuffle hint.spread=2 by s (take 1 | extend k = 1 | \
             project k, s)",
            "k:long s:string",
        ),
        (
            "T | partition by s { U | where a == toscalar(T | take 1 | project a) }",
            "a:long s:string z:int",
        ),
        ("T | partition by s {print 1}", "print_0:long"),
        ("T | partition hint.materialized=true by s (take 1)", "{T}"),
        ("T | partition by s {range x from 1 to 2 step 1}", "x:long"),
        ("T | partition by s (project s, d | distinct s)", "s:string"),
        (
            "T | partition by b {U | where a == b}",
            "a:long s:string z:int",
        ),
        (
            "T | partition by b {U | where b == toscalar(T | count)}",
            "a:long s:string z:int",
        ),
        ("T | partition hint.concurrency=a by a (take 1)", "{T}"),
        ("T | partition by a (union U)", "{T} z:int"),
        (
            "T | partition by a (as X | join X on a)",
            "{T} a1:long b1:long i1:int r1:real s1:string t1:datetime ts1:timespan d1:dynamic \
             g1:guid f1:bool dec1:decimal",
        ),
    ]);
}

#[test]
fn mistakes_of_partition() {
    refused(&[
        "T | partition by bin(a,1) (take 1)",
        "T | partition by d (take 1)",
        "T | partition by nope (take 1)",
        "T | partition by s as P (take 1)",
        "T | partition by d.x (take 1)",
        "T | partition s (take 1)",
        "T | partition by s (take 1; )",
        "T | partition by s id a (take 1)",
        "T | partition by a,b (take 1)",
        "T | partition by a ()",
        "T | partition by a {}",
        "T | partition by a {let x = 1; U}",
        "T | partition hint.foo=1 by a (take 1)",
        "T | partition by a (T | take 1)",
    ]);
}

#[test]
fn columns_of_top_nested() {
    yields(&[
        (
            "T | top-nested 2 of s by count()",
            "s:string aggregated_s:long",
        ),
        (
            "T | top-nested 2 of s with others=\"o\" by sum(a) desc, top-nested 1 of b by max(r) \
             asc",
            "s:string aggregated_s:long b:long aggregated_b:real",
        ),
        (
            "T | top-nested of s by max(1), top-nested 3 of x=bin(t,1d) by y=count()",
            "s:string aggregated_s:long x:datetime y:long",
        ),
        (
            "T | top-nested 3 of s by ignore=max(1), top-nested of a by avg(b)",
            "s:string ignore:long a:long aggregated_a:real",
        ),
        (
            "T | top-nested 2 of strlen(s) by count(), top-nested 2 of bin(a,1) by count()",
            "strlen_s:long aggregated_strlen_s:long a:long aggregated_a:long",
        ),
        (
            "T | top-nested 2 of s with others=1 by count()",
            "s:string aggregated_s:long",
        ),
        (
            "T | top-nested 2 of a by count()+1",
            "a:long aggregated_a:long",
        ),
        (
            "T | top-nested 2 of d by count()",
            "d:dynamic aggregated_d:long",
        ),
        (
            "T | top-nested 2 of d.x by count()",
            "d_x:dynamic aggregated_d_x:long",
        ),
        (
            "T | top-nested 2 of a by count(), top-nested 2 of a by sum(a)",
            "a:long aggregated_a:long a1:long aggregated_a1:long",
        ),
        ("T | top-nested 2 of a by b=count()", "a:long b:long"),
        (
            "T | top-nested 1+1 of a by count()",
            "a:long aggregated_a:long",
        ),
        (
            "T | top-nested 2 of a by count() desc nulls last",
            "a:long aggregated_a:long",
        ),
        (
            "T | top-nested 2 of tostring(d.x) by dcount(s)",
            "d_x:string aggregated_d_x:long",
        ),
        (
            "T | top-nested 2 of k=tolower(s) by count(), top-nested 2 of k2=toupper(s) by min(s)",
            "k:string aggregated_k:long k2:string aggregated_k2:string",
        ),
        (
            "T | top-nested 2 of a by make_set(s)",
            "a:long aggregated_a:dynamic",
        ),
        (
            "T | top-nested 2 of i by sum(i), top-nested of dec by take_any(t)",
            "i:int aggregated_i:long dec:decimal aggregated_dec:datetime",
        ),
    ]);
}

#[test]
fn mistakes_of_top_nested() {
    refused(&[
        r#"T | top-nested "x" of a by count()"#,
        "T | top-nested 2 of a by b",
        "T | top-nested 2 of a by strlen(s)",
        "T | top-nested 2 of a",
        "T | top-nested 2 of a by count(), 3 of b by count()",
    ]);
}

#[test]
fn columns_of_scan() {
    yields(&[
        (
            "T | sort by t asc | scan with_match_id=m with (step s1: true;)",
            "{T} m:long",
        ),
        (
            "T | sort by t | scan with_match_id=m declare (x:string=\"a\", y:datetime) with \
             (step s1 output=all: a > 1 => x=s, y=t; step s2: s1.a > 1 and t - s1.t < 1h => y = \
             s1.y; step s3 output=none: s2.x == \"a\";)",
            "{T} x:string y:datetime m:long",
        ),
        (
            "T | sort by t | scan with_match_id=m order by t asc partition by s declare (x:long) \
             with (step s1: true;)",
            "{T} x:long m:long",
        ),
        (
            "T | sort by t | scan with_match_id=q with (step s1 optional: true;)",
            "{T} q:long",
        ),
        (
            "T | sort by t | scan with_match_id=q declare (x:long=0) with (step s1: true => x = \
             \"a\";)",
            "{T} x:long q:long",
        ),
        (
            "T | sort by t | scan with_match_id=q declare (x:long=0) with (step s1: true => a = \
             1;)",
            "{T} x:long q:long",
        ),
        (
            "T | sort by t | scan with_match_id=q with (step s1: s2.a > 1; step s2: true;)",
            "{T} q:long",
        ),
        (
            "T | sort by t | scan with_match_id=q with (step s1: true; step s1: true;)",
            "{T} q:long",
        ),
        ("T | sort by t | scan with_match_id=q with ()", "{T} q:long"),
        (
            "T | sort by t | scan with_match_id=q declare (x:real=0.0) with (step s1: \
             isnull(s1.x) => x = 1;)",
            "{T} x:real q:long",
        ),
        (
            r#"T | sort by t | scan with_match_id=["a b"] with (step ["s 1"]: true;)"#,
            "{T} a b:long",
        ),
        (
            "T | sort by t | scan with_match_id=q order by t with (step s1: row_number() > 1 and \
             prev(a) > 1;)",
            "{T} q:long",
        ),
        (
            "T | scan with_match_id=q with (step a output = all : true;)",
            "{T} q:long",
        ),
        (
            "T | scan with_match_id=q with (step a optional output=last : true;)",
            "{T} q:long",
        ),
        (
            "T | scan kind=full with_match_id=q with (step x:true;)",
            "{T} q:long",
        ),
        (
            "T | scan with_match_id=q kind=partial with (step x:true;)",
            "{T} q:long",
        ),
        (
            "T | scan with_match_id=q declare () with (step x:true;)",
            "{T} q:long",
        ),
    ]);
}

#[test]
fn mistakes_of_scan() {
    refused(&[
        "T | sort by t | scan partition by s order by t with (step s1: true;)",
        "T | sort by t | scan with_match_id=q with (step s1: true)",
        "T | sort by t | scan with_match_id=q with (step s1 output=foo: true;)",
        "T | sort by t | scan with_match_id=q declare (x:long=0) with (step s1: true => y = 1;)",
        "T | sort by t | scan with_match_id=q with (step s1: s1.nope > 1;)",
        "T | sort by t | scan kind=x with (step s1: true;)",
        r#"T | sort by t | scan with_match_id=q with (step s: s == "a" and s.a > 1;)"#,
        "T | sort by t | scan declare (x=0) with (step s1: true;)",
        "T | sort by t | scan declare (x:real) partition by s with_match_id=id with (step s1: \
         true;)",
        "T | scan with_match_id = m with (step a: true => ;)",
        "T | scan partition by s+1, strlen(s) declare (z:long=1,) with (step x:true;)",
    ]);
}

#[test]
fn columns_of_parse_kv() {
    yields(&[
        (
            "T | parse-kv s as (x:long, y:string)",
            "{T} x:long y:string",
        ),
        (
            r#"T | parse-kv s as (x:long, y:string) with (pair_delimiter=";", kv_delimiter="=")"#,
            "{T} x:long y:string",
        ),
        (
            "T | parse-kv s as (x:long) with (pair_delimiter=\";\", kv_delimiter=\"=\", \
             quote=\"\\\"\", escape=\"\\\\\", greedy=true)",
            "{T} x:long",
        ),
        (
            r#"T | parse-kv s as (x:long) with (regex=@"a(b)")"#,
            "{T} x:long",
        ),
        ("T | parse-kv d as (x:string)", "{T} x:string"),
        ("T | parse-kv a as (x:string)", "{T} x:string"),
        ("T | parse-kv s as ()", "{T}"),
        ("T | parse-kv s as (x:long) with ()", "{T} x:long"),
        (r#"T | parse-kv s as (["a b"]:string)"#, "{T} a b:string"),
        (
            r#"T | parse-kv tolower(s) as (x:long) with (pair_delimiter=" ")"#,
            "{T} x:long",
        ),
    ]);
}

#[test]
fn mistakes_of_parse_kv() {
    refused(&[
        r#"T | parse-kv s as (x:long) with (quote=("(", ")"))"#,
        "T | parse-kv s as (x)",
        "T | parse-kv s as (x:string, x:long)",
        "T | parse-kv s as (x:foo)",
        "T | parse-kv s as (x:long) with (foo=1)",
        "T | parse-kv s as (x:long) with (pair_delimiter=1)",
        "T | parse-kv s as (x:long) with (pair_delimiter=s)",
        r#"T | parse-kv s as (x:long) with (greedy="a")"#,
        "T | parse-kv kind=x s as (x:long)",
        "T | parse-kv s",
        r#"T | parse-kv s with (pair_delimiter=" ")"#,
        "T | parse-kv s as (*)",
        r#"T | parse-kv s as (x:long) with (pair_delimiter=" " kv_delimiter="=")"#,
    ]);
}

#[test]
fn columns_of_parse() {
    yields(&[
        (r#"T | parse s with * "x" q "z""#, "{T} q:string"),
        (r#"T | parse s with "a" "b" x"#, "{T} x:string"),
        (
            r#"T | parse kind=regex flags=Ui s with "a" x"#,
            "{T} x:string",
        ),
        (r#"T | parse flags=i s with "a" x"#, "{T} x:string"),
        (r#"T | parse a with "a" x"#, "{T} x:string"),
        (r#"T | parse d with "a" x"#, "{T} x:string"),
        ("T | parse s with", "{T}"),
        (r#"T | parse s with "a" x:dynamic "b""#, "{T} x:dynamic"),
        (
            r#"T | parse-where kind=relaxed s with x:int ";" y:guid *"#,
            "{T} x:int y:guid",
        ),
        ("T | parse s with *", "{T}"),
        (r#"T | parse s with "a" * "b" * "c""#, "{T}"),
        (r#"T | parse s with @"a" h"b" x"#, "{T} x:string"),
        (r#"T | parse s with "a" "b""#, "{T}"),
        ("T | parse s with x:long *", "{T} x:long"),
        (r#"T | parse s with x "b" *"#, "{T} x:string"),
        (r#"T | parse s with "a" x:dynamic *"#, "{T} x:dynamic"),
    ]);
}

#[test]
fn mistakes_of_parse() {
    refused(&[
        r#"T | parse s with x "a" x"#,
        "T | parse s with x y",
        "T | parse s with * *",
        "T | parse s with x *",
        "T | parse s with * x",
        "T | parse kind=regex s with x y",
        r#"T | parse kind=foo s with "a" x"#,
        "T | parse s with x:foo",
        "T | parse s with 1 x",
        r#"T | parse s with strcat("a","b") x"#,
        r#"let k="a"; T | parse s with k x"#,
        r#"T | parse kind=simple kind=regex s with "a" x"#,
        r#"T | parse s with * ["a b"]:long"#,
        r#"T | parse s with "a", x"#,
        r#"T | parse s "a" x"#,
        "T | parse s with x:long,y:long",
        r#"T | parse s with "a" x:long y:string"#,
        r#"T | parse s with "a" x:long * y:string"#,
        r#"T | parse s with "a" 5 "b""#,
        r#"T | parse hint.x=1 s with "a" x"#,
        "T | parse s with x:string *",
    ]);
}

#[test]
fn hints_and_properties() {
    refused(&[
        "T | join hint.strategy=zzz U on a",
        "T | join hint.remote=zzz U on a",
        "T | join hint.shufflekey=nope U on a",
        "T | summarize hint.strategy=zzz count() by a",
        "T | summarize hint.shufflekey=nope count() by a",
        "T | where hint.foo=x a > 1",
        "T | join kind=inner kind=inner U on a",
        "T | render foo",
        "T | render timechart with (kind=foo)",
        "T | render timechart with (legend=foo)",
        "T | render timechart with (ysplit=foo)",
        "T | render timechart with (xcolumn=nope)",
        "T | render timechart with (title=abc)",
        "T | render timechart with (title=a)",
        "T | render timechart with (foo=1)",
        r#"T | render timechart with (title="a",)"#,
    ]);
    yields(&[
        (
            "T | distinct hint.strategy=shuffle hint.num_partitions=1 a",
            "a:long",
        ),
        ("T | where hint.strategy=x a > 1", "{T}"),
        ("T | sample hint.strategy=x 5", "{T}"),
        ("T | partition kind=x by s (take 1)", "{T}"),
        (
            "T | summarize hint.shufflekey=a hint.shufflekey=b count() by a,b",
            "a:long b:long count_:long",
        ),
        (
            r#"let x="a"; T | render timechart with (title=x, ycolumns=a, b, kind=stacked)"#,
            "{T}",
        ),
    ]);
}

#[test]
fn columns_are_renamed_and_ordered_once() {
    refused(&[
        "T | project-rename b=a",
        "T | project-rename a=b, b=a",
        "T | project-rename a=a",
        "T | project-reorder a, b, a",
        "T | project-reorder a*, a",
        "T | sample-distinct 5 of d",
        "T | sample-distinct 5 of x=a",
        "T | sample-distinct 5 of strlen(s)",
        r#"T | sample-distinct "a" of a"#,
    ]);
    yields(&[
        ("U | project-rename x=a", "x:long s:string z:int"),
        ("U | project-away", "a:long s:string z:int"),
        ("U | project-reorder", "a:long s:string z:int"),
        ("U | project-reorder z, *", "z:int a:long s:string"),
        ("T | sample-distinct 5 of a", "a:long"),
    ]);
}

#[test]
fn constants_of_odd_text_are_null() {
    let bound = compile(r#"print datetime("8:00:00 AM"), int(x), guid(y)"#);
    assert!(bound.query.is_some());
    let codes: Vec<&str> = bound.diagnostics.iter().map(|one| one.code).collect();
    assert_eq!(codes, ["KQL104"; 3]);
    refused(&["T | where t > datetime(x) y"]);
}

#[test]
fn directives_stand_in_front_of_a_query() {
    for (text, is_valid) in [
        ("#connect x\nT", true),
        ("// note\n  #connect x\nT", true),
        ("T\n#connect x\n| take 1", false),
        ("let x = 1; #connect x\nT", false),
    ] {
        let errors = kql::syntax::parse(text).has_errors();
        assert_eq!(errors, !is_valid, "{text}");
    }
}
