//! Tables of other places: a database is the one at hand, other clusters are not here.

use kql::types::ScalarType;
use kql_datafusion::{EngineError, MemoryTables};

use crate::world;

async fn run(text: &str) -> Result<(), EngineError> {
    let mut tables = MemoryTables::new();
    let schema = world::schema(&[("x", ScalarType::Long)]);
    tables.insert("T", schema, Vec::new()).unwrap();
    let stream = world::start(tables, world::limits(), text, None).await?;
    stream.collect().await.map(|_| ())
}

#[tokio::test]
async fn a_table_of_another_cluster_is_not_mistaken_for_the_one_here() {
    run("database('d').T | count").await.unwrap();
    for place in ["cluster('c').database('d')", "workspace('w')"] {
        let error = run(&format!("{place}.T | count")).await.unwrap_err();
        assert!(
            error.to_string().contains("a table of another place"),
            "{error}"
        );
    }
}
