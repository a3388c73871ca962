//! Scans Parquet files with DataFusion's own reader: projected columns only, row groups and pages
//! left out by their statistics and bloom filters, values converted to KQL's types on the way.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::metadata::FieldMetadata;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::physical_expr::expressions::{self, Literal};
use datafusion::physical_expr::{PhysicalExpr, conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::scalar::ScalarValue;
use kql::types::{Column, ScalarType};
use object_store::ObjectMeta;
use object_store::path::Path as StorePath;

use super::convert::Converted;
use super::discover::InputFile;
use super::prune::nanoseconds_in;

/// What is read from files that have one schema.
pub(super) struct ParquetScan<'s> {
    /// Schema of the files.
    pub(super) file_schema: &'s SchemaRef,
    /// Columns of the table that are wanted.
    pub(super) columns: &'s [Column],
    /// Their Arrow schema.
    pub(super) schema: &'s SchemaRef,
    /// Filters of the query: used only to leave out what cannot match.
    pub(super) filters: &'s [Expr],
    /// Most rows that are wanted.
    pub(super) limit: Option<usize>,
    /// Partitions to spread the files over.
    pub(super) partitions: usize,
}

impl ParquetScan<'_> {
    /// A plan that reads `files`.
    pub(super) fn plan(&self, files: &[InputFile]) -> Result<Arc<dyn ExecutionPlan>> {
        let mut source = ParquetSource::new(Arc::clone(self.file_schema));
        if let Some(predicate) = self.predicate()? {
            source = source.with_predicate(predicate);
        }
        let mut positions = Vec::new();
        let mut projection = Vec::new();
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            let expr: Arc<dyn PhysicalExpr> = match self.file_schema.index_of(&column.name) {
                Ok(position) => {
                    let input = expressions::Column::new(&column.name, positions.len());
                    positions.push(position);
                    let source = self.file_schema.field(position);
                    Arc::new(Converted::new(
                        Arc::new(input),
                        source,
                        column.ty,
                        Arc::clone(field),
                    ))
                }
                Err(_) => absent(column.ty, field)?,
            };
            projection.push(ProjectionExpr {
                expr,
                alias: column.name.to_string(),
            });
        }
        let groups = spread(files, self.partitions)?;
        let config =
            FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
                .with_file_groups(groups)
                .with_projection_indices(Some(positions))?
                .with_limit(self.limit)
                .build();
        let scan = DataSourceExec::from_data_source(config);
        Ok(Arc::new(ProjectionExec::try_new(projection, scan)?))
    }

    /// What the files' own values must satisfy. Weaker than the query's filters: only comparisons
    /// that come out false for null may take part, since `""` is null in many files and KQL's
    /// null is not equal to anything.
    fn predicate(&self) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let mut conditions = Vec::new();
        for filter in self.filters {
            self.conditions(filter, &mut conditions)?;
        }
        Ok((!conditions.is_empty()).then(|| conjunction(conditions)))
    }

    fn conditions(&self, filter: &Expr, out: &mut Vec<Arc<dyn PhysicalExpr>>) -> Result<()> {
        match filter {
            Expr::IsTrue(inner) => self.conditions(inner, out),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                match (left.as_ref(), op, right.as_ref()) {
                    (_, Operator::And, _) => {
                        self.conditions(left, out)?;
                        self.conditions(right, out)
                    }
                    (Expr::Column(column), op, Expr::Literal(value, _)) => {
                        self.comparison(&column.name, *op, value, out)
                    }
                    (Expr::Literal(value, _), op, Expr::Column(column)) => {
                        let op = op.swap().unwrap_or(*op);
                        self.comparison(&column.name, op, value, out)
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn comparison(
        &self,
        name: &str,
        operator: Operator,
        value: &ScalarValue,
        out: &mut Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<()> {
        let is_false_for_null = matches!(
            operator,
            Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
        );
        let Ok(field) = self.file_schema.field_with_name(name) else {
            return Ok(());
        };
        if !is_false_for_null || value.is_null() {
            return Ok(());
        }
        let Some((operator, value)) = in_file_type(field, operator, value) else {
            return Ok(());
        };
        let column = expressions::col(name, self.file_schema)?;
        let literal = expressions::lit(value);
        out.push(expressions::binary(
            column,
            operator,
            literal,
            self.file_schema,
        )?);
        Ok(())
    }
}

/// The comparison on the file's own type: the same or a weaker one; `None` if there is none.
fn in_file_type(
    field: &Field,
    operator: Operator,
    value: &ScalarValue,
) -> Option<(Operator, ScalarValue)> {
    if let ScalarValue::TimestampNanosecond(Some(at), _) = value {
        let DataType::Timestamp(unit, zone) = field.data_type() else {
            return None;
        };
        let factor = nanoseconds_in(*unit);
        let (operator, at) = match operator {
            Operator::Gt | Operator::GtEq => (Operator::GtEq, at.div_euclid(factor)),
            Operator::Lt | Operator::LtEq => (Operator::LtEq, at.div_euclid(factor)),
            _ => return None,
        };
        let value =
            ScalarValue::new_primitive::<arrow::datatypes::Int64Type>(Some(at), &DataType::Int64);
        let value = value
            .ok()?
            .cast_to(&DataType::Timestamp(*unit, zone.clone()))
            .ok()?;
        return Some((operator, value));
    }
    let is_empty_text = value.try_as_str().flatten().is_some_and(str::is_empty);
    let is_text = value.try_as_str().is_some();
    // `""` may be null in the file, and comes before every other text.
    let is_safe = !is_empty_text && (!is_text || operator == Operator::Eq);
    (value.data_type() == *field.data_type() && is_safe).then(|| (operator, value.clone()))
}

/// What a column is that the files do not have.
fn absent(ty: ScalarType, field: &Arc<Field>) -> Result<Arc<dyn PhysicalExpr>> {
    let value = if ty == ScalarType::String {
        ScalarValue::Utf8View(Some(String::new()))
    } else {
        ScalarValue::try_from(field.data_type())?
    };
    let metadata = FieldMetadata::from(field.as_ref());
    Ok(Arc::new(Literal::new_with_metadata(value, Some(metadata))))
}

/// File groups of about the same size.
fn spread(files: &[InputFile], partitions: usize) -> Result<Vec<FileGroup>> {
    let count = partitions.clamp(1, files.len().max(1));
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); count];
    for file in files {
        let location = StorePath::from_absolute_path(&file.path)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let meta = ObjectMeta {
            location,
            last_modified: file
                .modified
                .map_or_else(chrono::DateTime::default, Into::into),
            size: file.bytes,
            e_tag: None,
            version: None,
        };
        if let Some((load, group)) = groups.iter_mut().min_by_key(|(load, _)| *load) {
            *load += file.bytes;
            group.push(PartitionedFile::new_from_meta(meta));
        }
    }
    Ok(groups
        .into_iter()
        .map(|(_, files)| FileGroup::new(files))
        .collect())
}
