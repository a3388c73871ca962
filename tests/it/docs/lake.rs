//! The table of types in the page about the lake, from a file that was written.

use std::fmt::Write as _;

use kql::types::ScalarType;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::check_generated_part;

fn type_text(column: &parquet::schema::types::ColumnDescriptor) -> String {
    let physical = column.physical_type();
    match column.logical_type_ref() {
        None => physical.to_string(),
        Some(LogicalType::String) => format!("{physical}, String (UTF-8)"),
        Some(LogicalType::Timestamp(time)) => {
            assert_eq!(time.unit, TimeUnit::NANOS);
            assert!(time.is_adjusted_to_u_t_c);
            format!("{physical}, Timestamp (nanoseconds, UTC)")
        }
        Some(LogicalType::Decimal(decimal)) => {
            let bytes = column.type_length();
            let (precision, scale) = (decimal.precision, decimal.scale);
            format!("{physical} of {bytes} bytes, Decimal({precision}, {scale})")
        }
        Some(other) => panic!("a type that the page has no words for: {other:?}"),
    }
}

fn remark(ty: ScalarType) -> &'static str {
    match ty {
        ScalarType::String => "Never null: nothing is the empty text.",
        ScalarType::DateTime => "From 1677 to 2262; what is outside is the nearest of these.",
        ScalarType::TimeSpan => "Nanoseconds, as few tools read durations.",
        ScalarType::Guid => "Lower case, with hyphens.",
        ScalarType::Dynamic => "JSON text.",
        _ => "",
    }
}

#[tokio::test]
async fn the_types_are_those_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, commit) = crate::lake::write_every_type(folder.path()).await;
    let path = folder.path().join(commit.file.unwrap());
    let file = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let written = file.metadata().file_metadata().schema_descr();
    let mut table = "| KQL | Parquet | |\n|---|---|---|\n".to_owned();
    for ty in ScalarType::ALL {
        let position = schema.index_of(&format!("a_{ty}")).unwrap();
        let (text, remark) = (type_text(&written.column(position)), remark(ty));
        writeln!(table, "| {ty} | {text} | {remark} |").unwrap();
    }
    check_generated_part("docs/reference/lake.md", "types", table.trim());
}
