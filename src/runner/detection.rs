//! Whether a result is a finding, and which findings it makes.
//!
//! Both forms of `detect` are KQL over the table `Results`, which is the file that was just
//! written, or nothing. A threshold decides whether the hunt fires, and findings are made of the
//! result's rows; a detect query yields the rows that findings are made of. `group` forms the
//! findings; whom they are told is decided in `policy`.

mod group;
mod title;

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use kql::bind::Bound;
use kql::catalog::{MemoryCatalog, TableInfo};
use kql::types::Schema;
use kql_datafusion::tables::Tables;
use kql_datafusion::{KqlContext, Limits, MemoryTables, QueryStream, QueryTime};

use crate::finding::Finding;
use crate::hunt::{Detect, Hunt};
use crate::lake;
use crate::run::RunRequest;
use crate::source::{SourceError, kusto_ticks, local};

use group::Groups;

pub use group::{EVIDENCE_ROWS_MAX, FINDINGS_MAX};

/// Name of the table that holds the result.
pub const RESULTS: &str = "Results";

/// Memory of a detection: its queries run beside that of the source.
const MEMORY_BYTES: usize = 256 << 20;

/// What a result came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detected {
    /// Findings, in the order in which their first rows came.
    pub findings: Vec<Finding>,
    /// Whether the hunt fired.
    pub fired: bool,
}

/// Binds what decides whether a hunt fires, against the schema of its result.
pub fn bind(detect: &Detect, result: &Schema) -> Bound {
    let mut catalog = MemoryCatalog::new();
    let info = TableInfo {
        schema: lake::result_columns(result),
        time_column: None,
    };
    catalog.insert(RESULTS, info);
    kql::compile(&detect.to_kql(), &catalog)
}

/// Columns of the rows that findings are made of; `None` if the detect query is wrong.
pub fn finding_columns(detect: &Detect, result: &Schema) -> Option<Schema> {
    let bound = bind(detect, result);
    match detect {
        Detect::Threshold(_) => Some(lake::result_columns(result)),
        Detect::Query(_) => bound.query.map(|query| query.plan.schema),
    }
}

/// Looks at the result of `request`, whose columns are `result`: the Parquet file `file`, or no
/// rows. `now` is when the findings count as detected.
pub async fn detect(
    hunt: &Hunt,
    request: &RunRequest,
    result: &Schema,
    file: Option<&Path>,
    now: DateTime<Utc>,
) -> Result<Detected, SourceError> {
    let results = Results::open(hunt, request, result, file)?;
    let mut groups = Groups::new(hunt, request, now);
    let fired = match &hunt.detect {
        Detect::Threshold(_) => {
            let mut decision = results.stream(&hunt.detect.to_kql()).await?;
            let mut fired = false;
            while let Some(batch) = results.next(&mut decision).await? {
                fired |= batch.num_rows() > 0;
            }
            if fired {
                results.group(RESULTS, &mut groups).await?;
                groups.fire_without_rows();
            }
            fired
        }
        Detect::Query(query) => {
            results.group(query, &mut groups).await?;
            !groups.is_empty()
        }
    };
    Ok(Detected {
        findings: groups.into_findings(),
        fired,
    })
}

/// The table `Results` and what is asked of it.
struct Results {
    context: KqlContext,
    time: QueryTime,
    timeout: std::time::Duration,
}

impl Results {
    fn open(
        hunt: &Hunt,
        request: &RunRequest,
        result: &Schema,
        file: Option<&Path>,
    ) -> Result<Self, SourceError> {
        let schema = lake::result_columns(result);
        let failed = |error: kql_datafusion::EngineError| SourceError::Failed(error.to_string());
        let tables: Arc<dyn Tables> = if let Some(file) = file {
            let table =
                local::parquet_table(RESULTS, schema, file).map_err(SourceError::Unreadable)?;
            Arc::new(table)
        } else {
            let mut tables = MemoryTables::new();
            tables.insert(RESULTS, schema, Vec::new()).map_err(failed)?;
            Arc::new(tables)
        };
        // One partition: rows come in the order of the file, so that a repeated attempt groups
        // and caps them alike.
        let limits = Limits {
            memory_bytes: MEMORY_BYTES,
            target_partitions: 1,
            ..Limits::default()
        };
        let context = KqlContext::new(tables, limits).map_err(failed)?;
        let time = QueryTime {
            now: kusto_ticks(request.window.end()),
            window: None,
        };
        Ok(Self {
            context,
            time,
            timeout: hunt.timeout,
        })
    }

    async fn stream(&self, text: &str) -> Result<QueryStream, SourceError> {
        let bound = self.context.bind(text);
        let Some(query) = bound.query else {
            return Err(SourceError::InvalidQuery {
                diagnostics: bound.diagnostics,
                text: text.to_owned(),
            });
        };
        let failed = SourceError::of_engine(self.timeout, text.to_owned());
        self.context.stream(&query, self.time).await.map_err(failed)
    }

    async fn next(
        &self,
        stream: &mut QueryStream,
    ) -> Result<Option<arrow::array::RecordBatch>, SourceError> {
        let failed = SourceError::of_engine(self.timeout, String::new());
        stream.next_batch().await.map_err(failed)
    }

    async fn group(&self, text: &str, groups: &mut Groups<'_>) -> Result<(), SourceError> {
        let mut stream = self.stream(text).await?;
        let schema = stream.schema.clone();
        while let Some(batch) = self.next(&mut stream).await? {
            groups.push(&batch, &schema);
        }
        Ok(())
    }
}
