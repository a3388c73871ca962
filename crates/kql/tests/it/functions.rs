//! What calls of functions bind to: the columns that they make, the functions of several values,
//! those of the source, and what is said of mistakes.

use insta::assert_snapshot;
use kql::builtin::{aggregate, graph, scalar};
use kql::catalog::{Catalog, FunctionInfo, FunctionInput, MemoryCatalog, TableInfo};
use kql::diagnostic::Severity;
use kql::hir::{ExprKind, PlanKind};
use kql::types::{Column, ScalarType, Schema};

use crate::world::{columns, compile, messages};

/// Facts of Kusto's reference, one call a line.
const FACTS: &str = include_str!("../test_data/functions.txt");

/// A column of each type, under the names that the facts use.
fn catalog() -> MemoryCatalog {
    use ScalarType::{Bool, DateTime, Decimal, Dynamic, Guid, Int, Long, Real, String, TimeSpan};
    let columns = [
        ("b", Bool),
        ("i", Int),
        ("l", Long),
        ("r", Real),
        ("dec", Decimal),
        ("s", String),
        ("t", DateTime),
        ("ts", TimeSpan),
        ("g", Guid),
        ("d", Dynamic),
    ];
    let schema = columns.map(|(name, ty)| Column::new(name, ty));
    let mut catalog = MemoryCatalog::new();
    catalog.insert(
        "T",
        TableInfo {
            schema: Schema::new(schema),
            time_column: None,
        },
    );
    catalog
}

/// The kind, the call and what is expected of it.
fn facts() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    FACTS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (kind, rest) = line.split_once(' ').expect("a fact has a kind");
            let (call, expected) = rest
                .split_once(" => ")
                .expect("a fact says what is expected");
            (kind, call, expected)
        })
}

#[test]
fn calls_make_the_columns_that_kusto_makes() {
    let catalog = catalog();
    let mut wrong = Vec::new();
    for (kind, call, expected) in facts() {
        let query = match kind {
            "S" => format!("T | sort by l asc | project {call}"),
            _ => format!("T | summarize {call}"),
        };
        let bound = kql::compile(&query, &catalog);
        let found = match bound.query {
            Some(query) => {
                let columns = query.plan.schema.columns().iter();
                let columns = columns.map(|column| format!("{}:{}", column.name, column.ty));
                columns.collect::<Vec<_>>().join(" ")
            }
            None => "refused".to_owned(),
        };
        if found != expected {
            wrong.push(format!("{query}: {found}, not {expected}"));
        }
    }
    assert_eq!(wrong.join("\n"), "");
}

#[test]
fn every_function_of_the_reference_is_declared() {
    let mut lost = Vec::new();
    for (kind, call, _) in facts() {
        let (name, _) = call.split_once('(').unwrap();
        let declared = match kind {
            "S" => scalar(name).is_some(),
            _ => aggregate(name).is_some(),
        };
        if !declared {
            lost.push(name);
        }
    }
    let other = ["jaccard_index", "column_names_of"].into_iter();
    lost.extend(other.filter(|name| scalar(name).is_none()));
    let graphs = "all any map inner_nodes node_id node_degree_in node_degree_out labels";
    lost.extend(graphs.split(' ').filter(|name| graph(name).is_none()));
    assert_eq!(lost, Vec::<&str>::new());
}

fn check(cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        assert_eq!(&columns(query), expected, "{query}");
    }
}

#[test]
fn functions_of_several_values_make_several_columns() {
    check(&[
        (
            "T | project series_periods_detect(d, 1, 2, 3)",
            "series_periods_detect_d_periods:dynamic series_periods_detect_d_scores:dynamic",
        ),
        (
            "T | project (x, y) = series_fft(d), series_fft(d.z)",
            "x:dynamic y:dynamic series_fft_d_z_real:dynamic series_fft_d_z_imag:dynamic",
        ),
        (
            "T | project a, d | extend (a, z) = series_decompose_anomalies(d)",
            "a:dynamic d:dynamic z:dynamic",
        ),
        (
            "T | project (a, z) = series_decompose_anomalies(d)",
            "a:dynamic z:dynamic series_decompose_anomalies_d_baseline:dynamic",
        ),
        ("print x = series_stats(dynamic([1]))", "x:real"),
        ("print (x, y) = series_stats(dynamic([1]))", "x:real y:long"),
        (
            "print series_fft(dynamic([1]))",
            "series_fft__real:dynamic series_fft__imag:dynamic",
        ),
        (
            "T | summarize (lo, at) = series_stats(make_list(a)) | project lo, at",
            "lo:real at:long",
        ),
        (
            "T | summarize count() by series_stats(d) | project-keep *_min, count_",
            "series_stats_d_min:real count_:long",
        ),
        (
            "T | project array_sort_asc(d, d.x, false), array_sort_desc(d)",
            "d_sorted:dynamic d_x_sorted:dynamic d_sorted1:dynamic",
        ),
        (
            "T | project n = array_length(array_sort_asc(d, d.x)), s = tostring(series_stats(d))",
            "n:long s:string",
        ),
        (
            "T | project (x, y, z) = series_fft(d)",
            "KQL220 3 names for an expression that yields 2 columns",
        ),
        (
            "T | project (x, y) = a",
            "KQL217 the expression has one value and takes one name",
        ),
        (
            "T | project series_stats(s, q)",
            "KQL201 unknown column `q`",
        ),
    ]);
}

#[test]
fn a_value_of_a_call_keeps_the_call_and_its_place() {
    let query = compile("T | project (lo, at) = series_stats(d)")
        .query
        .unwrap();
    let PlanKind::Project { columns, .. } = &*query.plan.kind else {
        panic!("{:?}", query.plan.kind)
    };
    let ExprKind::Element { call, index } = &columns[1].kind else {
        panic!("{:?}", columns[1])
    };
    assert_eq!((*index, columns[1].ty), (1, ScalarType::Long));
    let ExprKind::Call { function, .. } = &call.kind else {
        panic!("{call:?}")
    };
    assert_eq!(function.columns().unwrap()[*index].0, "min_idx");
}

#[test]
fn names_and_types_of_calls_that_look_at_their_place() {
    check(&[
        (
            "T | project ingestion_time(), ingestion_time()",
            "$IngestionTime:datetime $IngestionTime1:datetime",
        ),
        (
            "T | where ingestion_time() > ago(1h) \
             | summarize max(ingestion_time()) by bin(ingestion_time(), 1d)",
            "$IngestionTime:datetime max_$IngestionTime:datetime",
        ),
        ("print ingestion_time()", "print_0:datetime"),
        (
            "T | project column_ifexists('s', ''), column_ifexists('no', ''), \
             tostring(column_ifexists('a', 1))",
            "s:string Column1:string Column2:string",
        ),
        (
            "T | summarize hll_merge(d), a = dcount_hll(hll_merge(d)), hll(s)",
            "hll_merge_d:dynamic a:long hll_s:dynamic",
        ),
        (
            "T | project hll_merge(d, d), tdigest_merge(d, d)",
            "hll_merged_result:dynamic tdigests_merge_result:dynamic",
        ),
        (
            "let p = 95; T | summarize percentile(a, p), percentiles(a, p, 5.5), \
             percentilesw(a, b, 50)",
            "percentile_a_95:long percentile_a_951:long percentile_a_5_5:long \
             percentile_a_50:long",
        ),
        (
            "T | summarize percentilew(dec, b, 99), percentiles_array(s, 5, 50), \
             cnt(), make_dictionary(d)",
            "percentile_dec_99:real percentiles_s:dynamic cnt_:long dictionary_d:dynamic",
        ),
        (
            "T | project column_ifexists('no', s), q = column_ifexists('s', '')",
            "Column1:string q:string",
        ),
        (
            "T | summarize covariance(a, b), covariancepif(a, r, f), count(s)",
            "covariance_a_b:real covariancepif_a_r:real count_s:long",
        ),
        (
            "T | project pack_array(*), estimate_data_size(*), names = column_names_of(U)",
            "Column1:dynamic Column2:long names:dynamic",
        ),
        (
            "T | project percentile_tdigest(d, 50, typeof(long))",
            "percentile_tdigest_d:long",
        ),
        (
            "T | project x = node_id()",
            "KQL217 `node_id` stands only in the patterns of a graph",
        ),
    ]);
}

#[test]
fn the_names_of_columns_are_a_constant() {
    let query = compile("print column_names_of((U | extend ['a\"b'] = 1))").query;
    let plan = query.unwrap().plan;
    let PlanKind::Print { columns } = &*plan.kind else {
        panic!("{:?}", plan.kind)
    };
    let json = kql::types::Value::Dynamic(r#"["a","s","z","a\"b"]"#.into());
    assert!(matches!(&columns[0].kind, ExprKind::Literal(value) if *value == json));
}

#[test]
fn columns_of_functions_of_the_hunting_service() {
    check(&[
        (
            "U | project SHA1 = s, SHA11 = 1 | invoke FileProfile(SHA1, 500) \
             | project-keep SHA*, FileSize, Global*",
            "SHA1:string SHA11:long SHA12:string SHA256:string FileSize:long GlobalPrevalence:long \
             GlobalFirstSeen:datetime GlobalLastSeen:datetime",
        ),
        (
            "U | project s | invoke FileProfile('s') | project Publisher",
            "Publisher:string",
        ),
        (
            "U | project IP = s | invoke DeviceFromIP()",
            "IP:string IP1:string DeviceId:string",
        ),
        (
            "AssignedIPAddresses('host', now()) | project IPAddress",
            "IPAddress:string",
        ),
        ("U | invoke SeenBy()", "DeviceId:string DeviceName:string"),
        ("SeenBy('id')", "DeviceId:string DeviceName:string"),
        (
            "let known = _GetWatchlist('vips') | project SearchKey; U | where s in (known)",
            "a:long s:string z:int",
        ),
        (
            "_GetWatchlist('vips') | where Risk > 5 and isnotempty(Mail) | project Mail, SearchKey",
            "Mail:dynamic SearchKey:string",
        ),
        ("_GetWatchlistAlias", "WatchlistAlias:string"),
        (
            "AssignedIPAddresses()",
            "KQL205 `AssignedIPAddresses` takes 1 to 2 arguments, 0 given",
        ),
        (
            "U | invoke FileProfile(s, 1, 2)",
            "KQL205 `FileProfile` takes 0 to 2 arguments, 3 given",
        ),
        (
            "U | invoke AssignedIPAddresses('a')",
            "KQL205 `AssignedIPAddresses` takes no table to be invoked on",
        ),
        ("FileProfile()", "KQL205 `FileProfile` takes a table"),
    ]);
}

/// A source with a function of its own, and none of the hunting service's.
struct Own;

impl Catalog for Own {
    fn table(&self, _name: &str) -> Option<TableInfo> {
        None
    }

    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn function(&self, name: &str) -> Option<FunctionInfo> {
        (name == "Assets").then(|| FunctionInfo {
            input: FunctionInput::None,
            parameters: Vec::new(),
            columns: Schema::new(vec![Column::new("Name", ScalarType::String)]),
        })
    }

    fn function_names(&self) -> Vec<String> {
        vec!["Assets".to_owned()]
    }
}

#[test]
fn a_catalog_says_which_functions_there_are() {
    let bound = kql::compile("Assets() | where Name == 'a'", &Own);
    assert!(bound.query.is_some(), "{:?}", bound.diagnostics);
    let bound = kql::compile("Asset()", &Own);
    let error = &bound.diagnostics[0];
    assert_eq!(error.severity, Severity::Error);
    assert_eq!(error.help.as_deref(), Some("did you mean `Assets`?"));
    assert!(kql::compile("SeenBy('a')", &Own).query.is_none());
}

#[test]
fn mistakes_in_arguments() {
    let query = [
        "T",
        "| extend a = bag_keys(split(s, ',')), b = array_length(bag_pack('a', 1))",
        "| extend n = countof(s, 'x', 'regx'), u = url_decode(pack_array(s))",
        "| invoke FileProfil(s)",
    ]
    .join("\n");
    assert_snapshot!(messages(&query), @r"
    error[KQL206]: argument 1 of `bag_keys` is an array, not a dynamic property bag
     --> hunt.kql:2:23
      |
    2 | | extend a = bag_keys(split(s, ',')), b = array_length(bag_pack('a', 1))
      |                       ^^^^^^^^^^^^^
      = help: make a bag with `bag_pack()`
    error[KQL206]: argument 1 of `array_length` is a property bag, not a dynamic array
     --> hunt.kql:2:56
      |
    2 | | extend a = bag_keys(split(s, ',')), b = array_length(bag_pack('a', 1))
      |                                                        ^^^^^^^^^^^^^^^^
      = help: take a property of it, or its names with `bag_keys()`
    error[KQL206]: unknown option `regx`
     --> hunt.kql:3:30
      |
    3 | | extend n = countof(s, 'x', 'regx'), u = url_decode(pack_array(s))
      |                              ^^^^^^
      = help: did you mean `regex`?
    error[KQL206]: argument 1 of `url_decode` is an array, not string
     --> hunt.kql:3:54
      |
    3 | | extend n = countof(s, 'x', 'regx'), u = url_decode(pack_array(s))
      |                                                      ^^^^^^^^^^^^^
      = help: convert it with `tostring()`
    error[KQL203]: unknown function `FileProfil`
     --> hunt.kql:4:10
      |
    4 | | invoke FileProfil(s)
      |          ^^^^^^^^^^
      = help: did you mean `FileProfile`?
    ");
}
