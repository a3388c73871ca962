//! Detection: what fires, and which findings a result makes.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use huntd::finding::{EntityKind, Finding, Severity};
use huntd::hunt::{Dedupe, Detect, EntityMapping, Hunt, Origin, Threshold, ThresholdOperator};
use huntd::id::{HuntName, RunId, SourceName};
use huntd::lake::{Lake, LakeConfig, ParquetLake, WriteTarget};
use huntd::run::{RunRequest, Trigger};
use huntd::runner::detection::{self, EVIDENCE_ROWS_MAX, FINDINGS_MAX};
use huntd::schedule::{CatchUp, CatchUpPolicy, WindowRule};
use huntd::source::SourceError;
use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::types::arrow_schema;
use serde_json::json;

fn threshold(operator: ThresholdOperator, rows: u64) -> Detect {
    Detect::Threshold(Threshold { operator, rows })
}

fn now() -> DateTime<Utc> {
    "2026-01-02T01:10:00Z".parse().unwrap()
}

fn any_row() -> Detect {
    threshold(ThresholdOperator::Greater, 0)
}

fn hunt(detect: Detect, key: &[&str], entities: &[(EntityKind, &str)]) -> Hunt {
    Hunt {
        name: HuntName::new("odd-hosts").unwrap(),
        title: "Odd hosts".to_owned(),
        description: String::new(),
        origin: Origin {
            path: "odd-hosts.kql".into(),
            query_line: 1,
        },
        enabled: true,
        schedule: None,
        source: SourceName::new("lab").unwrap(),
        window: WindowRule {
            lookback: TimeDelta::hours(1),
            delay: TimeDelta::zero(),
        },
        catch_up: CatchUp {
            policy: CatchUpPolicy::Each,
            limit: 1,
        },
        timeout: Duration::from_mins(1),
        severity: Severity::High,
        tactics: Vec::new(),
        techniques: Vec::new(),
        entities: entities
            .iter()
            .map(|(kind, column)| EntityMapping {
                kind: *kind,
                column: (*column).to_owned(),
            })
            .collect(),
        detect,
        finding_title: None,
        dedupe: Dedupe {
            key: key.iter().map(|column| (*column).to_owned()).collect(),
            window: Duration::ZERO,
        },
        actions: Vec::new(),
        query: "T".to_owned(),
    }
}

fn request() -> RunRequest {
    RunRequest {
        id: RunId::generate(),
        hunt: HuntName::new("odd-hosts").unwrap(),
        window: crate::lake::window("2026-01-02T00:00:00Z", "2026-01-02T01:00:00Z"),
        fire_time: now(),
        not_before: now(),
        trigger: Trigger::Manual,
        attempt: 1,
    }
}

fn schema() -> Schema {
    Schema::new([
        Column::new("Device", ScalarType::String),
        Column::new("Hits", ScalarType::Long),
        // Called like a column of the run.
        Column::new("_run", ScalarType::String),
    ])
}

/// Writes rows into a lake, as the runner does, and looks at the file.
async fn detect(hunt: &Hunt, rows: &[(&str, i64)]) -> Result<Vec<Finding>, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    let lake = ParquetLake::open(&LakeConfig {
        url: folder.path().to_str().unwrap().to_owned(),
        ..LakeConfig::default()
    })
    .unwrap();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringViewArray::from_iter_values(
            rows.iter().map(|row| row.0),
        )),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
        Arc::new(StringViewArray::from_iter_values(
            rows.iter().map(|_| "own"),
        )),
    ];
    let arrow = arrow_schema(&schema());
    let batch = RecordBatch::try_new(Arc::clone(&arrow), columns).unwrap();
    let batches = futures::stream::iter([Ok(batch)]);
    let request = request();
    let target = WriteTarget {
        hunt: request.hunt.clone(),
        window: request.window,
        run: request.id,
    };
    let stream = Box::pin(RecordBatchStreamAdapter::new(arrow, batches));
    let commit = lake.write(&target, &schema(), stream).await.unwrap();
    let file = commit.file.map(|file| folder.path().join(file));
    detection::detect(hunt, &request, &schema(), file.as_deref(), now()).await
}

#[tokio::test]
async fn every_operator_of_a_threshold_compares_the_number_of_rows() {
    use ThresholdOperator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let two = [("pc-1", 1), ("pc-2", 2)];
    for (operator, rows, fires) in [
        (Greater, 1, true),
        (Greater, 2, false),
        (GreaterOrEqual, 2, true),
        (GreaterOrEqual, 3, false),
        (Less, 3, true),
        (Less, 2, false),
        (LessOrEqual, 2, true),
        (LessOrEqual, 1, false),
        (Equal, 2, true),
        (Equal, 0, false),
        (NotEqual, 1, true),
        (NotEqual, 2, false),
    ] {
        let hunt = hunt(threshold(operator, rows), &["Device"], &[]);
        let detected = detect(&hunt, &two).await.unwrap();
        let findings = if fires { 2 } else { 0 };
        assert_eq!(detected.len(), findings, "2 {} {rows}", operator.as_str());
    }
}

#[tokio::test]
async fn a_result_without_rows_may_be_the_finding() {
    let quiet = detect(&hunt(any_row(), &[], &[]), &[]).await.unwrap();
    assert_eq!(quiet, []);
    let silent = hunt(threshold(ThresholdOperator::Equal, 0), &["Device"], &[]);
    let detected = detect(&silent, &[]).await.unwrap();
    let [finding] = &detected[..] else {
        panic!("{:?}", detected);
    };
    assert_eq!((finding.rows, finding.evidence.len()), (0, 0));
    assert_eq!(finding.title, "Odd hosts");
}

#[tokio::test]
async fn rows_are_grouped_by_the_key_or_the_entities_or_not_at_all() {
    let rows = [("pc-1", 1), ("pc-2", 1), ("pc-1", 3)];
    let titles = |detected: &[Finding]| -> Vec<(String, u64)> {
        let findings = detected.iter();
        findings
            .map(|finding| (finding.title.clone(), finding.rows))
            .collect()
    };
    let by_device = [
        ("Odd hosts: pc-1".to_owned(), 2),
        ("Odd hosts: pc-2".to_owned(), 1),
    ];
    let by_key = detect(&hunt(any_row(), &["Device"], &[]), &rows)
        .await
        .unwrap();
    assert_eq!(titles(&by_key), by_device);
    let entities = [(EntityKind::Device, "Device")];
    let by_entity = detect(&hunt(any_row(), &[], &entities), &rows)
        .await
        .unwrap();
    assert_eq!(titles(&by_entity), by_device);
    let finding = &by_entity[0];
    assert_eq!(finding.entities.len(), 1);
    assert_eq!(finding.entities[0].value, "pc-1");
    assert_eq!(finding.severity, Severity::High);
    assert_eq!(finding.fingerprint, by_key[0].fingerprint);
    let evidence = json!([
        {"Device": "pc-1", "Hits": 1, "_run_1": "own"},
        {"Device": "pc-1", "Hits": 3, "_run_1": "own"},
    ]);
    assert_eq!(
        json!(finding.evidence),
        evidence,
        "without the columns of the run"
    );
    let whole = detect(&hunt(any_row(), &[], &[]), &rows).await.unwrap();
    assert_eq!(titles(&whole), [("Odd hosts".to_owned(), 3)]);
}

#[tokio::test]
async fn a_detect_query_yields_the_rows_of_the_findings() {
    let query = "Results | summarize Total = sum(Hits) by Device | where Total >= 4";
    let rows = [("pc-1", 1), ("pc-2", 1), ("pc-1", 3)];
    let mut summed = hunt(Detect::Query(query.to_owned()), &["Device"], &[]);
    summed.finding_title = Some("{{ row.Device }} had\n{{ row.Total }} hits".to_owned());
    let detected = detect(&summed, &rows).await.unwrap();
    assert_eq!(detected.len(), 1);
    assert_eq!(detected[0].title, "pc-1 had 4 hits");
    assert_eq!(
        json!(detected[0].evidence),
        json!([{"Device": "pc-1", "Total": 4}])
    );
    assert_eq!(detect(&summed, &rows[..2]).await.unwrap(), []);
    assert_eq!(detect(&summed, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn findings_and_evidence_are_capped_and_the_rest_is_told() {
    let names: Vec<String> = (0..200).map(|n| format!("pc-{n}")).collect();
    let mut rows: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    rows.extend((0..120).map(|n| ("pc-0", n)));
    let hunt = hunt(any_row(), &["Device"], &[]);
    let detected = detect(&hunt, &rows).await.unwrap();
    assert_eq!(detected.len(), FINDINGS_MAX);
    let first = &detected[0];
    assert_eq!((first.rows, first.evidence.len()), (121, EVIDENCE_ROWS_MAX));
    let last = detected.last().unwrap();
    assert_eq!(last.rows, 51);
    assert_eq!(
        last.title,
        "Odd hosts: 51 further findings in 51 rows, beyond the limit of findings of one run"
    );
    let exactly = detect(&hunt, &rows[..FINDINGS_MAX]).await.unwrap();
    assert_eq!(exactly.last().unwrap().title, "Odd hosts: pc-149");
    let total: u64 = detected.iter().map(|finding| finding.rows).sum();
    assert_eq!(total, rows.len() as u64, "every row is counted");
}
