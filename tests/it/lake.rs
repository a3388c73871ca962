//! The lake: what is written, where, how it reads back, and what is left after a failure.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Decimal128Array, DurationNanosecondArray,
    Float64Array, Int32Array, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Decimal128Type, Field, Schema as ArrowSchema};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use huntd::id::{HuntName, RunId};
use huntd::lake::{Commit, Lake, LakeConfig, LakeError, ParquetLake, WriteTarget};
use huntd::window::Window;
use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::types::arrow_schema;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{python, skip};

pub(crate) fn window(start: &str, end: &str) -> Window {
    Window::new(start.parse().unwrap(), end.parse().unwrap()).unwrap()
}

fn target() -> WriteTarget {
    WriteTarget {
        hunt: HuntName::new("all-types").unwrap(),
        window: window("2026-01-02T00:00:00Z", "2026-01-02T01:00:00Z"),
        run: RunId::generate(),
    }
}

fn open(folder: &Path) -> ParquetLake {
    ParquetLake::open(&LakeConfig {
        url: folder.to_str().unwrap().to_owned(),
        ..LakeConfig::default()
    })
    .unwrap()
}

fn stream(
    schema: &Schema,
    batches: Vec<Result<RecordBatch, DataFusionError>>,
) -> SendableRecordBatchStream {
    Box::pin(RecordBatchStreamAdapter::new(
        arrow_schema(schema),
        futures::stream::iter(batches),
    ))
}

fn every_type() -> (Schema, RecordBatch) {
    let schema: Schema = ScalarType::ALL
        .iter()
        .map(|ty| Column::new(format!("a_{ty}"), *ty))
        .chain([Column::new("DeviceId", ScalarType::String)])
        .collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(BooleanArray::from(vec![Some(true), None])),
        Arc::new(
            TimestampNanosecondArray::from(vec![Some(1_767_312_000_123_456_700), None])
                .with_timezone("+00:00"),
        ),
        Arc::new(
            Decimal128Array::from(vec![Some(-1_500_000_000_000_000_000), None])
                .with_precision_and_scale(38, 18)
                .unwrap(),
        ),
        Arc::new(StringViewArray::from(vec![Some(r#"{"a":[1,2]}"#), None])),
        Arc::new(StringViewArray::from(vec![
            Some("74be27de-1e4e-49d9-b579-fe0b331d3642"),
            None,
        ])),
        Arc::new(Int32Array::from(vec![Some(-7), None])),
        Arc::new(Int64Array::from(vec![Some(1 << 40), None])),
        Arc::new(Float64Array::from(vec![Some(2.5), None])),
        Arc::new(StringViewArray::from(vec!["übung", ""])),
        Arc::new(DurationNanosecondArray::from(vec![
            Some(90_000_000_000),
            None,
        ])),
        Arc::new(StringViewArray::from(vec!["d1", "d2"])),
    ];
    let batch = RecordBatch::try_new(arrow_schema(&schema), columns).unwrap();
    (schema, batch)
}

pub(crate) async fn write_every_type(folder: &Path) -> (Schema, Commit) {
    let (schema, batch) = every_type();
    let lake = open(folder);
    let batches = stream(&schema, vec![Ok(batch)]);
    let commit = lake.write(&target(), &schema, batches).await.unwrap();
    (schema, commit)
}

/// Every file below a folder, relative to it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(folder).unwrap();
                found.push(relative.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_result_becomes_one_file_with_types_and_columns_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, commit) = write_every_type(folder.path()).await;
    let path = commit.file.unwrap();
    assert_eq!(commit.rows, 2);
    assert_eq!(files(folder.path()), [path.as_str()]);
    let file = std::fs::File::open(folder.path().join(&path)).unwrap();
    assert_eq!(file.metadata().unwrap().len(), commit.bytes);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let fields = reader.schema().fields();
    for (column, field) in schema.columns().iter().zip(fields) {
        assert_eq!(field.metadata()["kql.type"], column.ty.as_str());
    }
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    assert_eq!(
        names[11..],
        ["_hunt", "_run", "_window_start", "_window_end"]
    );
    let metadata = reader.metadata();
    let group = metadata.row_group(0);
    assert!(
        group.column(10).bloom_filter_offset().is_some(),
        "on DeviceId"
    );
    assert!(
        group.column(8).bloom_filter_offset().is_none(),
        "not on any string"
    );
    let pairs = metadata.file_metadata().key_value_metadata().unwrap();
    let version = pairs
        .iter()
        .find(|pair| pair.key == "huntd.version")
        .unwrap();
    assert_eq!(version.value.as_deref(), Some("1"));
}

#[tokio::test]
async fn an_empty_result_makes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, batch) = every_type();
    let batches = stream(&schema, vec![Ok(batch.slice(0, 0))]);
    let commit = open(folder.path())
        .write(&target(), &schema, batches)
        .await
        .unwrap();
    assert_eq!(commit, Commit::default());
    assert_eq!(files(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_stream_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, batch) = every_type();
    let failure = DataFusionError::Execution("line 7 is malformed".into());
    let batches = stream(&schema, vec![Ok(batch), Err(failure)]);
    let lake = open(folder.path());
    let error = lake.write(&target(), &schema, batches).await.unwrap_err();
    assert!(matches!(&error, LakeError::Input(_)), "{error}");
    assert!(error.to_string().contains("line 7 is malformed"));
    assert_eq!(files(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn another_run_of_a_window_replaces_the_file_once_it_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, first) = write_every_type(folder.path()).await;
    let left_by_a_killed_attempt = format!("{}#1", first.file.unwrap());
    std::fs::write(folder.path().join(left_by_a_killed_attempt), "PAR1").unwrap();
    let other_window = WriteTarget {
        window: window("2026-01-02T01:00:00Z", "2026-01-02T02:00:00Z"),
        ..target()
    };
    let lake = open(folder.path());
    let (_, batch) = every_type();
    let batches = stream(&schema, vec![Ok(batch.clone())]);
    let other = lake.write(&other_window, &schema, batches).await.unwrap();
    let second_target = target();
    let batches = stream(&schema, vec![Ok(batch)]);
    let second = lake.write(&second_target, &schema, batches).await.unwrap();
    assert_eq!(files(folder.path()).len(), 4);
    lake.remove_superseded(&second_target, second.file.as_deref())
        .await
        .unwrap();
    let mut kept = vec![other.file.unwrap(), second.file.unwrap()];
    kept.sort();
    assert_eq!(files(folder.path()), kept);
    lake.remove_superseded(&second_target, None).await.unwrap();
    assert_eq!(
        files(folder.path()).len(),
        1,
        "an empty run removes the file"
    );
}

#[tokio::test]
async fn a_full_disk_is_named_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(folder.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        skip("mounting a small file system needs root");
        return;
    }
    let schema = Schema::new([Column::new("Text", ScalarType::String)]);
    let array = StringViewArray::from_iter_values((0..8000).map(incompressible));
    let batch = RecordBatch::try_new(arrow_schema(&schema), vec![Arc::new(array)]).unwrap();
    let batches = stream(&schema, vec![Ok(batch)]);
    let result = open(folder.path()).write(&target(), &schema, batches).await;
    let left = files(folder.path());
    std::process::Command::new("umount")
        .arg(folder.path())
        .status()
        .unwrap();
    let message = result.unwrap_err().to_string();
    assert!(
        message.contains("the disk is full; free space"),
        "{message}"
    );
    assert_eq!(left, Vec::<String>::new());
}

/// Text that does not compress.
fn incompressible(row: u32) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(row.to_le_bytes());
    format!("{digest:x}")
}

#[test]
fn a_lake_in_a_cloud_is_refused_in_words() {
    let config = LakeConfig {
        url: "s3://bucket/lake".to_owned(),
        ..LakeConfig::default()
    };
    let message = ParquetLake::open(&config).unwrap_err().to_string();
    assert_eq!(
        message,
        "cannot write s3://bucket/lake: a lake at `s3://` is not supported yet; use a folder"
    );
}

#[tokio::test]
async fn duckdb_pyarrow_and_polars_read_every_type() {
    let folder = tempfile::tempdir().unwrap();
    let (_, commit) = write_every_type(folder.path()).await;
    let Some(mut python) = python(&["duckdb", "pyarrow", "polars"]) else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lake");
    let output = python
        .arg(script.join("read_with_other_tools.py"))
        .arg(folder.path().join(commit.file.unwrap()))
        .output()
        .unwrap();
    let failure = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{failure}");
    assert_eq!(output.stdout, b"duckdb\npyarrow\npolars\n");
}

#[tokio::test]
async fn version_numbers_stay_what_they_are() {
    let schema: Schema = [Column::new("Version", ScalarType::Decimal)]
        .into_iter()
        .collect();
    // `parse_version()` yields decimals without a fraction, too large for the others.
    let version = 1_000_000_020_000_000_300_000_000;
    let versions = Decimal128Array::from(vec![Some(version), None])
        .with_precision_and_scale(38, 0)
        .unwrap();
    let field = Field::new("Version", versions.data_type().clone(), true);
    let stored = Arc::new(ArrowSchema::new(vec![field]));
    let batch = RecordBatch::try_new(Arc::clone(&stored), vec![Arc::new(versions)]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let batches = futures::stream::iter([Ok(batch)]);
    let batches = Box::pin(RecordBatchStreamAdapter::new(stored, batches));
    let lake = open(folder.path());
    lake.write(&target(), &schema, batches).await.unwrap();
    let files = files(folder.path());
    let file = files.iter().find(|file| file.ends_with(".parquet"));
    let file = std::fs::File::open(folder.path().join(file.unwrap())).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let column = batch.column_by_name("Version").unwrap();
    let values = column.as_primitive::<Decimal128Type>();
    assert_eq!((values.value(0), values.scale()), (version, 0));
    assert!(values.is_null(1));
}
