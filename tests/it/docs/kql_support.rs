//! The page that says what of KQL is there: every declaration is tried, nothing is listed by hand.

use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use kql::builtin::operator::{self, Operator};
use kql::builtin::{Parameter, ResultType, Signature, aggregates, graphs, scalars};
use kql::catalog::{Catalog, EmptyCatalog};
use kql::diagnostic::Severity;
use kql::hir::Query;
use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::{
    EngineError, ExternalData, Fetch, Fetched, KqlContext, Limits, MemoryTables, QueryTime,
};

use super::check_generated;

/// Arguments of functions that do not take just any value of their types: constants with a meaning
/// and types. An entry is for the signature with as many parameters.
const ARGUMENTS: &[(&str, &[&str])] = &[
    ("datetime_add", &["'hour'", "Long", "Time"]),
    ("datetime_diff", &["'hour'", "Time", "Time"]),
    ("datetime_part", &["'hour'", "Time"]),
    ("array_sort_asc", &["Dynamic", "true"]),
    ("array_sort_desc", &["Dynamic", "true"]),
    ("column_names_of", &["Types"]),
    ("countof", &["Text", "Text", "'normal'"]),
    ("estimate_data_size", &["Text"]),
    ("extract", &["'x'", "Long", "Text", "typeof(long)"]),
    ("extract_json", &["'x'", "Text", "typeof(long)"]),
    ("hll", &["Long", "4"]),
    ("hll_if", &["Long", "Bool", "4"]),
    ("next", &["Text", "1", "''"]),
    ("percentile", &["Long", "95"]),
    ("percentiles", &["Long", "95"]),
    ("percentile_tdigest", &["Dynamic", "Real", "typeof(long)"]),
    ("percentiles_array", &["Long", "95"]),
    ("percentilesw_array", &["Long", "Long", "95"]),
    ("percentilesw", &["Long", "Long", "95"]),
    ("percentilew", &["Long", "Long", "95"]),
    ("prev", &["Text", "1", "''"]),
];

/// How far a query comes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Support {
    Parsed,
    Bound,
    Runs,
}

impl Support {
    fn words(self) -> &'static str {
        match self {
            Self::Parsed => "parsed",
            Self::Bound => "bound",
            Self::Runs => "**runs**",
        }
    }
}

/// A column of each type, for functions, and the tables of the operators' examples.
fn tables() -> MemoryTables {
    use ScalarType::{Bool, DateTime, Decimal, Dynamic, Guid, Int, Long, Real, String, TimeSpan};

    let mut tables = MemoryTables::new();
    let mut insert = |name: &str, columns: &[(&str, ScalarType)]| {
        let schema: Schema = columns
            .iter()
            .map(|(name, ty)| Column::new(*name, *ty))
            .collect();
        tables.insert(name, schema, Vec::new()).unwrap();
    };
    insert(
        "Events",
        &[
            ("Timestamp", DateTime),
            ("Device", String),
            ("File", String),
            ("Bytes", Long),
            ("Details", Dynamic),
        ],
    );
    insert("Devices", &[("Device", String), ("Site", String)]);
    insert(
        "Types",
        &[
            ("Bool", Bool),
            ("Int", Int),
            ("Long", Long),
            ("Real", Real),
            ("Decimal", Decimal),
            ("Text", String),
            ("Time", DateTime),
            ("Span", TimeSpan),
            ("Guid", Guid),
            ("Dynamic", Dynamic),
        ],
    );
    // What functions of the source answer from, as a source names it.
    let texts = |names: &[&str]| -> Schema {
        let columns = names.iter().map(|name| Column::new(*name, String));
        columns.collect()
    };
    for (function, key, columns) in [
        ("FileProfile", None, &["SHA1"] as &[&str]),
        ("DeviceFromIP", None, &["IP", "DeviceId"]),
        (
            "AssignedIPAddresses",
            None,
            &["DeviceId", "DeviceName", "IPAddress"],
        ),
        ("SeenBy", None, &["SeenDeviceId", "DeviceId", "DeviceName"]),
        ("_GetWatchlist", Some("vips".to_owned()), &["SearchKey"]),
        ("geo_info_from_ip_address", None, &["network", "country"]),
    ] {
        let columns = texts(columns);
        tables
            .insert_function(function, key, columns, Vec::new())
            .unwrap();
    }
    tables
}

fn column_of(ty: ScalarType) -> &'static str {
    match ty {
        ScalarType::Bool => "Bool",
        ScalarType::Int => "Int",
        ScalarType::Long => "Long",
        ScalarType::Real => "Real",
        ScalarType::Decimal => "Decimal",
        ScalarType::String => "Text",
        ScalarType::DateTime => "Time",
        ScalarType::TimeSpan => "Span",
        ScalarType::Guid => "Guid",
        ScalarType::Dynamic => "Dynamic",
    }
}

/// Arguments that fit a signature.
fn arguments(function: &str, signature: &Signature) -> String {
    let count = signature.parameters.len();
    let own = ARGUMENTS
        .iter()
        .find(|(name, arguments)| *name == function && arguments.len() == count);
    if let Some((_, arguments)) = own {
        return arguments.join(", ");
    }
    let mut arguments: Vec<&str> = Vec::new();
    for parameter in signature.parameters {
        arguments.push(match parameter {
            Parameter::Is(ty) => column_of(*ty),
            Parameter::Any
            | Parameter::Text
            | Parameter::TextOrDynamic
            | Parameter::TextOrArray
            | Parameter::Stringified => "Text",
            Parameter::Array | Parameter::Bag => "Dynamic",
            Parameter::OneOf(_) => unreachable!("functions of options have `ARGUMENTS`"),
            Parameter::Comparable
            | Parameter::Orderable
            | Parameter::Number
            | Parameter::Integer
            | Parameter::IntegerOrArray
            | Parameter::NumberOrBool
            | Parameter::Hashable
            | Parameter::Summable => "Long",
            Parameter::Constant(ScalarType::String) => "'x'",
            Parameter::Constant(ScalarType::Bool) => "true",
            Parameter::Constant(ScalarType::TimeSpan) => "1h",
            Parameter::Constant(_) => "1",
            Parameter::SameAsFirst => arguments[0],
        });
    }
    arguments.join(", ")
}

/// Tries a query. What fails for another reason than that something is not supported is a mistake
/// of its example.
async fn support_of(context: &KqlContext, query: &str) -> Result<Support, String> {
    let bound = context.bind(query);
    let Some(typed) = bound.query else {
        let is_unsupported = |code: &str| code.starts_with("KQL3");
        let errors: Vec<String> = bound
            .diagnostics
            .iter()
            .filter(|diagnostic| {
                diagnostic.severity == Severity::Error && !is_unsupported(diagnostic.code)
            })
            .map(|diagnostic| format!("`{query}`: {}: {}", diagnostic.code, diagnostic.message))
            .collect();
        if errors.is_empty() {
            return Ok(Support::Parsed);
        }
        return Err(errors.join("\n"));
    };
    // 2026-01-01, in ticks.
    let time = QueryTime {
        now: 639_028_224_000_000_000,
        window: None,
    };
    match rows(context, &typed, time).await {
        Ok(()) => Ok(Support::Runs),
        Err(EngineError::NotSupported { .. }) => Ok(Support::Bound),
        Err(error) => Err(format!("`{query}`: {error}")),
    }
}

/// Runs all results of a query to their end.
async fn rows(context: &KqlContext, query: &Query, time: QueryTime) -> Result<(), EngineError> {
    for result in context.streams(query, time).await? {
        result.stream.collect().await?;
    }
    Ok(())
}

/// Every address has an empty file.
#[derive(Debug)]
struct EmptyFiles;

#[async_trait]
impl Fetch for EmptyFiles {
    async fn fetch(&self, _: &str, _: usize) -> Result<Fetched, String> {
        Ok(Fetched::Content(Vec::new()))
    }
}

fn parameter_text(parameter: Parameter) -> String {
    match parameter {
        Parameter::Is(ty) => ty.as_str().to_owned(),
        Parameter::Any => "any".to_owned(),
        Parameter::Comparable => "scalar".to_owned(),
        Parameter::Orderable => "ordered".to_owned(),
        Parameter::Number => "number".to_owned(),
        Parameter::Integer => "integer".to_owned(),
        Parameter::Summable => "summable".to_owned(),
        Parameter::Text => "text".to_owned(),
        Parameter::TextOrDynamic => "text or dynamic".to_owned(),
        Parameter::TextOrArray => "text or array".to_owned(),
        Parameter::IntegerOrArray => "integer or array".to_owned(),
        Parameter::NumberOrBool => "number or bool".to_owned(),
        Parameter::Hashable => "hashable".to_owned(),
        Parameter::Array => "array".to_owned(),
        Parameter::Bag => "bag".to_owned(),
        Parameter::OneOf(options) => format!("`'{}'`", options.join("'` or `'")),
        Parameter::Stringified => "as text".to_owned(),
        Parameter::Constant(ty) => format!("constant {}", ty.as_str()),
        Parameter::SameAsFirst => "same".to_owned(),
    }
}

fn result_text(result: ResultType) -> String {
    match result {
        ResultType::Is(ty) => ty.as_str().to_owned(),
        ResultType::OfArgument(0) | ResultType::WidenedArgument(0) => "as argument".to_owned(),
        ResultType::OfArgument(n) | ResultType::WidenedArgument(n) => {
            format!("as argument {}", n + 1)
        }
        ResultType::CommonFrom(_) => "common type".to_owned(),
        ResultType::Array => "array".to_owned(),
        ResultType::Bag => "bag".to_owned(),
        ResultType::Columns(columns) => {
            let columns = columns.iter();
            let columns = columns.map(|(name, ty)| format!("{name} {ty}"));
            columns.collect::<Vec<_>>().join(", ")
        }
        ResultType::Special => "by its arguments".to_owned(),
    }
}

/// `name(string, [long]) → long`.
fn signature_text(name: &str, signature: &Signature) -> String {
    let required = signature.parameters.len() - signature.optional;
    let mut parts: Vec<String> = Vec::new();
    for (index, parameter) in signature.parameters.iter().enumerate() {
        let text = parameter_text(*parameter);
        parts.push(if index < required {
            text
        } else {
            format!("[{text}]")
        });
    }
    if signature.variadic {
        parts.push("…".to_owned());
    }
    let result = result_text(signature.result);
    format!("`{name}({})` → {result}", parts.join(", "))
}

/// The page so far, and what is wrong with its examples.
struct Page {
    context: KqlContext,
    text: String,
    mistakes: Vec<String>,
}

impl Page {
    async fn support_of(&mut self, query: &str) -> Support {
        support_of(&self.context, query)
            .await
            .unwrap_or_else(|mistake| {
                self.mistakes.push(mistake);
                Support::Parsed
            })
    }
}

struct Function {
    name: &'static str,
    aliases: &'static [&'static str],
    signatures: &'static [Signature],
    doc: &'static str,
}

/// Rows of a table of functions. The least of what its signatures come to is told.
async fn function_rows(page: &mut Page, functions: &[Function], wrap: &str) {
    page.text.push_str("| function | what | |\n|---|---|---|\n");
    for function in functions {
        let mut support = Support::Runs;
        for signature in function.signatures {
            let arguments = arguments(function.name, signature);
            let query = wrap.replace("{}", &format!("{}({arguments})", function.name));
            support = support.min(page.support_of(&query).await);
        }
        let signatures: Vec<String> = function
            .signatures
            .iter()
            .map(|signature| signature_text(function.name, signature))
            .collect();
        let doc = match function.aliases {
            [] => function.doc.to_owned(),
            aliases => format!("{} Also `{}`.", function.doc, aliases.join("`, `")),
        };
        let signatures = signatures.join("<br>");
        let support = support.words();
        writeln!(page.text, "| {signatures} | {doc} | {support} |").unwrap();
    }
    page.text.push('\n');
}

/// An example of each function of the source that every catalog knows.
const SOURCE_EXAMPLES: &[(&str, &str)] = &[
    ("AssignedIPAddresses", "AssignedIPAddresses('host', now())"),
    (
        "DeviceFromIP",
        "Events | project IP = File | invoke DeviceFromIP()",
    ),
    (
        "FileProfile",
        "Events | project SHA1 = File | invoke FileProfile(SHA1, 500)",
    ),
    ("SeenBy", "SeenBy('device')"),
    ("_GetWatchlist", "_GetWatchlist('vips') | project SearchKey"),
    ("_GetWatchlistAlias", "_GetWatchlistAlias"),
];

async fn source_rows(page: &mut Page) {
    let names: Vec<String> = EmptyCatalog.function_names();
    let shown: Vec<&str> = SOURCE_EXAMPLES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, shown, "give each an example");
    page.text.push_str("| | example | |\n|---|---|---|\n");
    for (name, example) in SOURCE_EXAMPLES {
        let support = page.support_of(example).await.words();
        let example = example.replace('|', "\\|");
        writeln!(page.text, "| `{name}` | `{example}` | {support} |").unwrap();
    }
    page.text.push('\n');
}

async fn operator_rows(page: &mut Page, operators: &[Operator]) {
    page.text
        .push_str("| | what | example | |\n|---|---|---|---|\n");
    for operator in operators {
        let support = page.support_of(operator.example).await.words();
        let words: Vec<String> = std::iter::once(operator.name)
            .chain(operator.aliases.iter().copied())
            .map(|word| format!("`{word}`"))
            .collect();
        let (words, doc) = (words.join(" "), operator.doc);
        let example = operator.example.replace('|', "\\|");
        writeln!(page.text, "| {words} | {doc} | `{example}` | {support} |").unwrap();
    }
    page.text.push('\n');
}

const HEAD: &str = "\
# What of KQL is supported

Generated from the declarations in `crates/kql` by running every entry; do not edit it.

- **runs**: the embedded engine runs it; functions of the source do where it names a table for them.
- bound: names and types are checked, but the engine does not run it: a run with it fails and names it.
- parsed: it is read, and refused by its name by `huntd check` already.

Nothing is approximated or left out in silence. What is not on this page is refused as an unknown name.
Where answers differ from Kusto's is told in [kql-deviations.md](kql-deviations.md).
";

const GRAPH_FUNCTIONS: &str = "\
They stand in `graph-match` and its like, which run.

| function | what |
|---|---|
";

const SOURCE_FUNCTIONS: &str = "\
They yield tables: the hunting service and Sentinel run them. Another catalog may have functions of its own.

";

const FUNCTIONS: &str = "\
Types of arguments: `text` is a string, or a dynamic value taken as one; `as text` takes every type by its text; `number` is
int, long, real or decimal; `integer` is int or long; `hashable` is all but real and bool; `array` and `bag` are dynamic values
that hold one; `summable` is a number, timespan or datetime; `ordered` also has
string and bool; `scalar` is all but dynamic; `same` is the type of the first argument; `[…]` may be left out; `…` repeats.

";

#[tokio::test]
async fn the_page_about_kql_is_what_the_engine_does() {
    let mut page = Page {
        context: KqlContext::new(Arc::new(tables()), Limits::default())
            .unwrap()
            .with_external_data(ExternalData {
                allow: vec!["https://example.com/".to_owned()],
                fetch: Some(Arc::new(EmptyFiles)),
                ..ExternalData::default()
            }),
        text: HEAD.to_owned(),
        mistakes: Vec::new(),
    };
    page.text.push_str("\n## Tabular operators\n\n");
    operator_rows(&mut page, operator::TABULAR).await;
    page.text.push_str("## Statements and forms of tables\n\n");
    operator_rows(&mut page, operator::STATEMENTS).await;
    page.text.push_str("## Operators between values\n\n");
    page.text.push_str(
        "The forms with `_cs` heed the case of letters; those with `!` say the opposite.\n\n",
    );
    operator_rows(&mut page, operator::SCALAR).await;

    page.text.push_str("## Scalar functions\n\n");
    page.text.push_str(FUNCTIONS);
    let mut functions: Vec<Function> = scalars()
        .map(|function| Function {
            name: function.name,
            aliases: function.aliases,
            signatures: function.signatures,
            doc: function.doc,
        })
        .collect();
    functions.sort_by_key(|function| function.name);
    let scalar = "Types | sort by Long asc | extend x = {}";
    function_rows(&mut page, &functions, scalar).await;

    page.text
        .push_str("## Functions in the patterns of graphs\n\n");
    page.text.push_str(GRAPH_FUNCTIONS);
    for function in graphs() {
        let signatures = function.signatures.iter();
        let signatures = signatures.map(|signature| signature_text(function.name, signature));
        let signatures = signatures.collect::<Vec<_>>().join("<br>");
        writeln!(page.text, "| {signatures} | {} |", function.doc).unwrap();
    }
    page.text.push('\n');

    page.text.push_str("## Functions of the source\n\n");
    page.text.push_str(SOURCE_FUNCTIONS);
    source_rows(&mut page).await;

    page.text.push_str("## Aggregate functions\n\n");
    let mut functions: Vec<Function> = aggregates()
        .map(|function| Function {
            name: function.name,
            aliases: function.aliases,
            signatures: function.signatures,
            doc: function.doc,
        })
        .collect();
    functions.sort_by_key(|function| function.name);
    function_rows(&mut page, &functions, "Types | summarize x = {}").await;
    assert_eq!(page.mistakes.join("\n"), "", "give them `ARGUMENTS`");
    let text = format!("{}\n", page.text.trim_end());
    check_generated("docs/reference/kql-support.md", &text);
}
