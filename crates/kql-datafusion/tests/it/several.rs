//! Queries with several results.

use std::sync::Arc;

use kql_datafusion::{KqlContext, MemoryTables, QueryTime, json};

use crate::world;

/// The results of a query, each with its name and rows.
async fn results(text: &str) -> Vec<(Option<String>, Vec<String>, String)> {
    let context = KqlContext::new(Arc::new(MemoryTables::new()), world::limits()).unwrap();
    let query = context.bind(text).query.unwrap();
    let time = QueryTime {
        now: world::NOW,
        window: None,
    };
    let mut results = Vec::new();
    for result in context.streams(&query, time).await.unwrap() {
        let schema = result.stream.schema.clone();
        let columns = schema.columns().iter();
        let columns = columns.map(|column| column.name.to_string()).collect();
        let mut rows = Vec::new();
        for batch in result.stream.collect().await.unwrap() {
            rows.extend(json::rows(&batch, &schema));
        }
        let name = result.name.map(|name| name.to_string());
        results.push((name, columns, serde_json::to_string(&rows).unwrap()));
    }
    results
}

#[tokio::test]
async fn fork_gives_each_branch_in_order() {
    let answer = results(
        "range x from 1 to 4 step 1 \
         | fork (where x > 2 | sort by x asc) Sum=(summarize s = sum(x)) (count | as Rows)",
    )
    .await;
    let names: Vec<_> = answer.iter().map(|(name, _, _)| name.as_deref()).collect();
    assert_eq!(names, [None, Some("Sum"), Some("Rows")]);
    let rows: Vec<_> = answer.iter().map(|(_, _, rows)| rows.as_str()).collect();
    assert_eq!(rows, ["[[3],[4]]", "[[10]]", "[[4]]"]);
    assert_eq!(answer[2].1, ["Count"]);
}

#[tokio::test]
async fn branches_read_the_same_rows() {
    let answer = results("range x from 1 to 1000 step 1 | sample 3 | fork (count) (summarize sum(x)) (summarize make_list(x))").await;
    let sum: Vec<Vec<i64>> = serde_json::from_str(&answer[1].2).unwrap();
    let list: Vec<Vec<Vec<i64>>> = serde_json::from_str(&answer[2].2).unwrap();
    assert_eq!(answer[0].2, "[[3]]");
    assert_eq!(list[0][0].iter().sum::<i64>(), sum[0][0]);
}

#[tokio::test]
async fn facet_counts_the_values_of_each_column() {
    let answer = results(
        "datatable(a:string, b:long)['x', 1, 'y', 2, 'x', 2] \
         | facet by a, b with (where b > 1 | count)",
    )
    .await;
    let rows: Vec<_> = answer.iter().map(|(_, _, rows)| rows.as_str()).collect();
    assert_eq!(rows, [r#"[["x",2],["y",1]]"#, "[[2,2],[1,1]]", "[[2]]"]);
    assert_eq!(answer[0].1, ["a", "count_a"]);
}

#[tokio::test]
async fn one_table_of_several_is_not_to_be_had() {
    let tables = MemoryTables::new();
    let query = "range x from 1 to 4 step 1 | fork (take 1) (take 2)";
    let error = world::start(tables, world::limits(), query, None).await;
    let message = error.unwrap_err().to_string();
    assert!(message.contains("several results"), "{message}");
}
