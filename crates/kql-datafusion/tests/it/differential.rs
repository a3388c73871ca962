//! Random queries over small tables, answered in ways that must agree: by the optimised plan over
//! rows in memory, by the plan as it was lowered, and over Parquet files that filters and columns
//! are pushed down to.
//!
//! The queries are the same in every run. `KQL_DIFFERENTIAL_CASES` asks for more of them,
//! `KQL_DIFFERENTIAL_SEED` for others.

mod generator;
mod tables;

use std::sync::Arc;

use kql_datafusion::tables::Tables;
use kql_datafusion::{EngineError, KqlContext, QueryTime, json};

use crate::world;
use generator::{Generated, Generator};

const CASES: u64 = 400;
/// What the planner says where it loses the order of a column that another one equals, which
/// happens to few plans, and to them only without optimisation.
const UNPLANNED: &str = "does not satisfy order requirements";

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => default,
    }
}

/// The rows of an answer as text, sorted unless their order is part of it.
async fn answer(context: &KqlContext, generated: &Generated) -> Result<Vec<String>, String> {
    let text_of = |error: EngineError| error.to_string();
    let bound = context.bind(&generated.text);
    let query = bound.query.unwrap_or_else(|| {
        panic!(
            "`{}` does not bind: {:?}",
            generated.text, bound.diagnostics
        );
    });
    let time = QueryTime {
        now: world::NOW,
        window: None,
    };
    let stream = context.stream(&query, time).await.map_err(text_of)?;
    let schema = stream.schema.clone();
    let mut rows = Vec::new();
    for batch in stream.collect().await.map_err(text_of)? {
        let lines = json::rows(&batch, &schema);
        rows.extend(lines.iter().map(|row| serde_json::to_string(row).unwrap()));
    }
    if !generated.is_ordered {
        rows.sort();
    }
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_agree_however_they_are_optimised() {
    let folder = tempfile::tempdir().unwrap();
    let memory: Arc<dyn Tables> = Arc::new(tables::in_memory().await);
    let files: Arc<dyn Tables> = Arc::new(tables::in_files(folder.path()).await);
    let context =
        |tables: &Arc<dyn Tables>| KqlContext::new(Arc::clone(tables), world::limits()).unwrap();
    let optimised = context(&memory);
    let as_lowered = context(&memory).without_optimizer();
    let pushed_down = context(&files);
    let mut generator = Generator::new(setting("KQL_DIFFERENTIAL_SEED", 1));
    let cases = setting("KQL_DIFFERENTIAL_CASES", CASES);
    let (mut answered, mut unplanned) = (0, 0);
    for _ in 0..cases {
        let generated = generator.query();
        let mut expected = answer(&as_lowered, &generated).await;
        if matches!(&expected, Err(error) if error.contains(UNPLANNED)) {
            unplanned += 1;
            expected = answer(&optimised, &generated).await;
        }
        answered += u64::from(expected.as_ref().is_ok_and(|rows| !rows.is_empty()));
        for (way, context) in [("optimised", &optimised), ("pushed down", &pushed_down)] {
            let actual = answer(context, &generated).await;
            assert_eq!(
                actual, expected,
                "{way}, against the plan as lowered, of\n{}",
                generated.text
            );
        }
    }
    assert!(
        answered > cases / 3,
        "{answered} of {cases} queries have rows"
    );
    assert!(
        unplanned <= cases / 50,
        "{unplanned} of {cases} plans as lowered do not run"
    );
}
