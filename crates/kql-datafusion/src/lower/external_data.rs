//! `externaldata`: files are read beforehand, as subqueries are. The plan scans what they hold
//! and converts it to the declared columns, as `tolong()` and its like do: what does not convert
//! is null.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::compute::{CastOptions, cast_with_options};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{Expr, lit};
use kql::hir::{self, Plan};
use kql::span::Span;
use kql::types::{Column, ScalarType, Schema};

use super::relation::Relation;
use super::{Lowering, Result, literal, output_name, prepare};
use crate::error::EngineError;
use crate::external::Refusal;
use crate::external::decode::{Format, Reading, Unreadable, decode};
use crate::function;
use crate::memory::mem_table;
use crate::types::{arrow_type, kql_type};

/// The rows of the files, and where each declared column is in them.
pub(super) struct External {
    table: Arc<datafusion::datasource::MemTable>,
    width: usize,
    columns: Vec<Origin>,
}

/// Where a declared column comes from.
#[derive(Clone, Debug)]
enum Origin {
    /// A column of the files, of a type.
    Column(usize, ScalarType),
    /// A path into the JSON of the record.
    Path(String),
    /// The same for all rows.
    Constant(String),
    Missing,
}

/// What `with (…)` says.
struct Options<'p> {
    format: Option<&'p str>,
    ignores_first: bool,
    mapping: Option<HashMap<String, Mapping>>,
}

/// An entry of a mapping: where a column is.
#[derive(Clone, Debug, Default)]
struct Mapping {
    ordinal: Option<usize>,
    path: Option<String>,
    constant: Option<String>,
}

impl Lowering<'_> {
    /// Reads the files of an `externaldata`.
    pub(super) async fn read_external(
        &mut self,
        uris: &[hir::Expr],
        properties: &[(String, String)],
        plan: &Plan,
    ) -> Result<()> {
        let options = Options::new(properties, plan.span)?;
        let mut files = Vec::with_capacity(uris.len());
        for uri in uris {
            let ScalarValue::Utf8View(Some(written)) = self.constant(uri)? else {
                return Err(EngineError::Invalid {
                    what: "the address of a file is a text".to_owned(),
                    span: uri.span,
                });
            };
            files.push((written, uri.span));
        }
        // All files have the columns of the first.
        let first = files.first().map_or("", |(written, _)| written.as_str());
        let name = options.format.unwrap_or(Format::name_of_file(first));
        let format = Format::of(&name.to_ascii_lowercase()).ok_or_else(|| {
            EngineError::not_supported(format!("externaldata of the format `{name}`"), plan.span)
        })?;
        let origins = options.origins(format, &plan.schema);
        let texts = origins.iter().filter_map(|origin| match origin {
            Origin::Column(at, _) => Some(*at + 1),
            _ => None,
        });
        let reading = Reading {
            format,
            texts: texts.max().unwrap_or(1),
            ignores_first: options.ignores_first,
            bytes_max: self.external.bytes_max,
        };
        let pool = Arc::clone(&self.state.runtime_env().memory_pool);
        let reservation = MemoryConsumer::new("externaldata").register(&pool);
        let mut batches = Vec::new();
        for (written, span) in &files {
            let bytes = self
                .external
                .read(written)
                .await
                .map_err(|refusal| match refusal {
                    Refusal::NotAllowed(what) => EngineError::Invalid { what, span: *span },
                    Refusal::Failed(error) => error,
                })?;
            reservation.try_grow(bytes.len())?;
            let reading = reading.clone();
            let decoding = tokio::task::spawn_blocking(move || decode(bytes, &reading));
            let decoded = decoding
                .await
                .map_err(|error| EngineError::Execution(error.to_string()))?;
            let decoded = decoded.map_err(|unreadable| match unreadable {
                Unreadable::TooLarge => self.external.too_large(),
                Unreadable::Malformed(why) => EngineError::Source(format!(
                    "a file of externaldata could not be read as {name}: {why}"
                )),
            })?;
            for batch in decoded {
                let batch = match format {
                    Format::Parquet => typed(&batch, &plan.schema)?,
                    _ => batch,
                };
                reservation.try_grow(batch.get_array_memory_size())?;
                batches.push(batch);
            }
        }
        self.reservations.push(reservation);
        let schema = match format {
            Format::Parquet => plan.schema.clone(),
            _ => reading.columns(),
        };
        let external = External {
            table: Arc::new(mem_table(&schema, batches)?),
            width: schema.len(),
            columns: origins,
        };
        self.externals.insert(prepare::address(plan), external);
        Ok(())
    }

    pub(super) fn external_data(&self, plan: &Plan) -> Result<Relation> {
        let external = self
            .externals
            .get(&prepare::address(plan))
            .ok_or_else(|| EngineError::not_supported("externaldata in this place", plan.span))?;
        let table = Arc::clone(&external.table);
        let read = Self::read("externaldata", table, external.width)?;
        let mut columns = Vec::with_capacity(external.columns.len());
        for (origin, declared) in external.columns.iter().zip(plan.schema.columns()) {
            let value = match origin {
                Origin::Column(at, ty) => converted(read.column(*at), *ty, declared.ty),
                Origin::Path(path) => converted(
                    at_path(read.column(0), path),
                    ScalarType::Dynamic,
                    declared.ty,
                ),
                Origin::Constant(text) => {
                    let text = lit(ScalarValue::Utf8View(Some(text.clone())));
                    converted(text, ScalarType::String, declared.ty)
                }
                Origin::Missing => lit(literal::missing(declared.ty)?),
            };
            columns.push(value.alias(output_name(&declared.name)));
        }
        self.sourced(read.project(columns)?)
    }
}

/// A value of a file as one of the declared type.
fn converted(value: Expr, from: ScalarType, to: ScalarType) -> Expr {
    match (from, to) {
        (from, to) if from == to => value,
        (ScalarType::String, ScalarType::Dynamic) => {
            // Text that is JSON is what it says.
            match function::scalar("parse_json", &[from], to) {
                Some(parse) => parse.call(vec![value]),
                None => function::convert(from, to).call(vec![value]),
            }
        }
        _ => function::convert(from, to).call(vec![value]),
    }
}

/// The value at a path of a record.
fn at_path(record: Expr, path: &str) -> Expr {
    let mut value = record;
    for step in function::path_steps(path) {
        value = match step {
            Ok(key) => {
                let name = lit(ScalarValue::Utf8View(Some(key)));
                function::member().call(vec![value, name])
            }
            Err(index) => function::index(ScalarType::Long).call(vec![value, lit(index)]),
        };
    }
    value
}

/// The declared columns of a Parquet batch, by name, those that are not there null.
fn typed(batch: &arrow::array::RecordBatch, schema: &Schema) -> Result<arrow::array::RecordBatch> {
    let wanted = crate::types::arrow_schema(schema);
    let lenient = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    let mut columns = Vec::with_capacity(schema.len());
    for declared in schema.columns() {
        let ty = arrow_type(declared.ty);
        let found = batch.schema().index_of(&declared.name).ok();
        let found = found.filter(|at| kql_type(batch.schema().field(*at)).is_some());
        let column = match found {
            Some(at) => cast_with_options(batch.column(at), &ty, &lenient).ok(),
            None => None,
        };
        columns.push(column.unwrap_or_else(|| arrow::array::new_null_array(&ty, batch.num_rows())));
    }
    let nullable = arrow::datatypes::Schema::new(
        wanted
            .fields()
            .iter()
            .map(|field| field.as_ref().clone().with_nullable(true))
            .collect::<Vec<_>>(),
    );
    let batch = arrow::array::RecordBatch::try_new(Arc::new(nullable), columns);
    let batch = batch.map_err(DataFusionError::from)?;
    Ok(crate::stream::conform(&batch, &wanted)?)
}

impl<'p> Options<'p> {
    fn new(properties: &'p [(String, String)], span: Span) -> Result<Self> {
        let get = |name: &str| {
            let mut found = properties.iter().filter(|(known, _)| known == name);
            found.next_back().map(|(_, value)| value.as_str())
        };
        if get("ingestionMappingReference").is_some() {
            let what = "a mapping of externaldata by reference";
            return Err(EngineError::not_supported(what, span));
        }
        let mapping = get("ingestionMapping").map(|text| {
            mapping(text).ok_or_else(|| EngineError::Invalid {
                what: "the ingestionMapping of externaldata is no list of columns".to_owned(),
                span,
            })
        });
        Ok(Self {
            format: get("format"),
            ignores_first: get("ignoreFirstRecord") == Some("true"),
            mapping: mapping.transpose()?,
        })
    }

    fn origins(&self, format: Format, schema: &Schema) -> Vec<Origin> {
        let columns = schema.columns().iter().enumerate();
        let origin = |(at, column): (usize, &Column)| {
            let mapped = self
                .mapping
                .as_ref()
                .map(|mapping| mapping.get(&*column.name));
            let is_json = matches!(format, Format::Json | Format::JsonLines);
            match mapped {
                Some(None) => Origin::Missing,
                Some(Some(Mapping {
                    constant: Some(text),
                    ..
                })) => Origin::Constant(text.clone()),
                Some(Some(Mapping {
                    path: Some(path), ..
                })) if is_json => Origin::Path(path.clone()),
                Some(Some(Mapping {
                    ordinal: Some(at), ..
                })) if !is_json => Origin::Column(*at, ScalarType::String),
                _ if is_json => Origin::Path(format!("$['{}']", column.name)),
                _ if format == Format::Parquet => Origin::Column(at, column.ty),
                _ => Origin::Column(at, ScalarType::String),
            }
        };
        columns.map(origin).collect()
    }
}

/// The columns of an `ingestionMapping`; names of its parts may be in any case.
fn mapping(text: &str) -> Option<HashMap<String, Mapping>> {
    let entries: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(text).ok()?;
    let mut columns = HashMap::with_capacity(entries.len());
    for entry in entries {
        let mut column = None;
        let mut mapping = Mapping::default();
        let mut pending: Vec<(String, serde_json::Value)> = entry.into_iter().collect();
        while let Some((name, value)) = pending.pop() {
            let text = match &value {
                serde_json::Value::String(text) => Some(text.clone()),
                serde_json::Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            match (name.to_ascii_lowercase().as_str(), value) {
                ("column" | "name", _) => column = text,
                ("ordinal", _) => mapping.ordinal = text?.parse().ok().filter(|at| *at < 10_000),
                ("path", _) => mapping.path = text,
                ("constvalue", _) => mapping.constant = text,
                ("properties", serde_json::Value::Object(parts)) => pending.extend(parts),
                _ => {}
            }
        }
        columns.insert(column?, mapping);
    }
    Some(columns)
}
