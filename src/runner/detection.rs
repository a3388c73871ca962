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
use kql::types::Schema;
use kql_datafusion::tables::Tables;
use kql_datafusion::{KqlContext, Limits, MemoryTables, QueryStream, QueryTime};

use crate::finding::Finding;
use crate::hunt::{Detect, Hunt, RESULTS};
use crate::run::RunRequest;
use crate::run::result_file::result_columns;
use crate::source::{SourceError, kusto_ticks, local};

use group::Groups;

pub use group::{EVIDENCE_ROWS_MAX, FINDINGS_MAX};

/// Memory of a detection: its queries run beside that of the source.
const MEMORY_BYTES: usize = 256 << 20;

/// Looks at the result of `request`, whose columns are `result`: the Parquet file `file`, or no
/// rows. Findings come in the order of their first rows, detected at `now`.
pub async fn detect(
    hunt: &Hunt,
    request: &RunRequest,
    result: &Schema,
    file: Option<&Path>,
    now: DateTime<Utc>,
) -> Result<Vec<Finding>, SourceError> {
    let results = Results::open(hunt, request, result, file)?;
    let mut groups = Groups::new(hunt, request, now);
    match &hunt.detect {
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
        }
        Detect::Query(query) => results.group(query, &mut groups).await?,
    }
    Ok(groups.into_findings())
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
        let schema = result_columns(result);
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
