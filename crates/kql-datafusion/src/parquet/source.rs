//! DataFusion's Parquet source with this engine's word on filters. All filters run inside the
//! scan, the cheap ones first, so that the columns that only dear ones and the output need are
//! decoded for few rows. Comparisons with constants are stated on the files' own types, where
//! statistics, bloom filters and dictionaries can answer them.

use std::fmt::{self, Formatter};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Int64Type, SchemaRef, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileOpener, FileScanConfig, FileSource, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CastExpr, DynamicFilterPhysicalExpr, InListExpr, Literal, in_list,
};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{
    EquivalenceProperties, PhysicalExpr, PhysicalSortExpr, ScalarFunctionExpr,
};
use datafusion::physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, SortOrderPushdownResult};
use datafusion_datasource::morsel::Morselizer;
use object_store::ObjectStore;

use super::convert::{Converted, nanoseconds_in};
use super::facts::Facts;

/// A Parquet source whose projection converts to KQL's types.
pub(super) struct KqlParquetSource {
    inner: Arc<dyn FileSource>,
    file_schema: SchemaRef,
    facts: Facts,
}

impl KqlParquetSource {
    pub(super) fn new(
        file_schema: &SchemaRef,
        readers: Arc<dyn ParquetFileReaderFactory>,
        projection: &ProjectionExprs,
        facts: Facts,
    ) -> Result<Self> {
        let source = ParquetSource::new(Arc::clone(file_schema))
            .with_parquet_file_reader_factory(readers)
            .with_pushdown_filters(true);
        let inner = source
            .try_pushdown_projection(projection)?
            .ok_or_else(|| internal_datafusion_err!("the Parquet reader refused a projection"))?;
        Ok(Self {
            inner,
            file_schema: Arc::clone(file_schema),
            facts,
        })
    }

    fn around(&self, inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self {
            inner,
            file_schema: Arc::clone(&self.file_schema),
            facts: self.facts.clone(),
        })
    }
}

impl FileSource for KqlParquetSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        self.inner.create_file_opener(store, config, partition)
    }

    fn create_morselizer(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        self.inner.create_morselizer(store, config, partition)
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        self.around(self.inner.with_batch_size(batch_size))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.inner.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn fmt_extra(&self, format: DisplayFormatType, f: &mut Formatter<'_>) -> fmt::Result {
        self.inner.fmt_extra(format, f)
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let mut ordered = filters
            .into_iter()
            .enumerate()
            .map(|(position, filter)| {
                let filter = self.on_file_types(filter)?;
                Ok((cost(&filter)?, position, filter))
            })
            .collect::<Result<Vec<_>>>()?;
        ordered.sort_by_key(|(cost, position, _)| (*cost, *position));
        let positions: Vec<usize> = ordered.iter().map(|(_, position, _)| *position).collect();
        let filters = ordered.into_iter().map(|(_, _, filter)| filter).collect();
        let result = self.inner.try_pushdown_filters(filters, config)?;
        let mut answers = vec![PushedDown::No; positions.len()];
        for (position, answer) in positions.into_iter().zip(result.filters) {
            answers[position] = answer;
        }
        Ok(FilterPushdownPropagation {
            filters: answers,
            updated_node: result.updated_node.map(|inner| self.around(inner)),
        })
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        Ok(match self.inner.try_pushdown_sort(order, properties)? {
            SortOrderPushdownResult::Exact { inner } => SortOrderPushdownResult::Exact {
                inner: self.around(inner),
            },
            SortOrderPushdownResult::Inexact { inner } => SortOrderPushdownResult::Inexact {
                inner: self.around(inner),
            },
            SortOrderPushdownResult::Unsupported => SortOrderPushdownResult::Unsupported,
        })
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.inner.reorder_files(files)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let inner = self.inner.try_pushdown_projection(projection)?;
        Ok(inner.map(|inner| self.around(inner)))
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(visit)
    }
}

impl KqlParquetSource {
    /// The filter with comparisons stated on the files' own columns. A filter only asks whether
    /// it is true, so that null may stand for false below `and` and `or`.
    fn on_file_types(&self, filter: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        if let Some(binary) = filter.downcast_ref::<BinaryExpr>() {
            if matches!(binary.op(), Operator::And | Operator::Or) {
                let left = self.on_file_types(Arc::clone(binary.left()))?;
                let right = self.on_file_types(Arc::clone(binary.right()))?;
                return Ok(Arc::new(BinaryExpr::new(left, *binary.op(), right)));
            }
            if let Some(comparison) = self.comparison(binary) {
                return Ok(comparison);
            }
        }
        if let Some(list) = filter.downcast_ref::<InListExpr>()
            && let Some(list) = self.membership(list)?
        {
            return Ok(list);
        }
        let plain = filter.transform_up(|expr| {
            let converted = expr.downcast_ref::<Converted>();
            Ok(
                match converted.and_then(|converted| self.transparent(converted)) {
                    Some(equal) => Transformed::yes(equal),
                    None => Transformed::no(expr),
                },
            )
        })?;
        Ok(plain.data)
    }

    fn file_field(&self, converted: &Converted) -> Option<&Field> {
        let column = converted.column();
        let column = column.downcast_ref::<datafusion::physical_expr::expressions::Column>()?;
        self.file_schema
            .fields()
            .get(column.index())
            .map(AsRef::as_ref)
    }

    /// The conversion as something that DataFusion sees through when it compares statistics:
    /// the column itself, or a cast.
    fn transparent(&self, converted: &Converted) -> Option<Arc<dyn PhysicalExpr>> {
        let field = self.file_field(converted)?;
        let column = Arc::clone(converted.column());
        let (from, to) = (field.data_type(), converted.target().data_type());
        if from == to {
            let is_same = if *to == DataType::Utf8View {
                converted.is_string()
                    && (!field.is_nullable() || self.facts.is_never_null(field.name()))
            } else {
                true
            };
            return is_same.then_some(column);
        }
        match (from, to) {
            (DataType::Timestamp(unit, _), DataType::Timestamp(TimeUnit::Nanosecond, _))
                if self.facts.fits_times(field.name(), nanoseconds_in(*unit)) =>
            {
                Some(Arc::new(CastExpr::new(column, to.clone(), None)))
            }
            _ => None,
        }
    }

    /// `column op constant` in the file's type.
    fn comparison(&self, binary: &BinaryExpr) -> Option<Arc<dyn PhysicalExpr>> {
        let sides = (
            binary.left().downcast_ref::<Converted>(),
            binary.right().downcast_ref::<Literal>(),
        );
        let swapped = (
            binary.right().downcast_ref::<Converted>(),
            binary.left().downcast_ref::<Literal>(),
        );
        let (converted, operator, value) = match (sides, swapped) {
            ((Some(converted), Some(value)), _) => (converted, *binary.op(), value.value()),
            (_, (Some(converted), Some(value))) => (converted, binary.op().swap()?, value.value()),
            _ => return None,
        };
        let field = self.file_field(converted)?;
        let (operator, value) = in_file_type(field, converted, operator, value)?;
        Some(Arc::new(BinaryExpr::new(
            Arc::clone(converted.column()),
            operator,
            Arc::new(Literal::new(value)),
        )))
    }

    /// `column in (constants)` on the file's column.
    fn membership(&self, list: &InListExpr) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some(converted) = list.expr().downcast_ref::<Converted>() else {
            return Ok(None);
        };
        let Some(field) = self.file_field(converted) else {
            return Ok(None);
        };
        let values = list.list().iter();
        let values: Option<Vec<&ScalarValue>> = values
            .map(|item| item.downcast_ref::<Literal>().map(Literal::value))
            .collect();
        let is_safe = !list.negated()
            && field.data_type() == converted.target().data_type()
            && (converted.target().is_nullable() || converted.is_string())
            && values.is_some_and(|values| {
                let is_empty = |value: &&&ScalarValue| value.try_as_str() == Some(Some(""));
                !values
                    .iter()
                    .any(|value| value.is_null() || is_empty(&value))
            });
        if !is_safe {
            return Ok(None);
        }
        let column = Arc::clone(converted.column());
        in_list(column, list.list().to_vec(), &false, &self.file_schema).map(Some)
    }
}

/// The same comparison on the file's own type; `None` if there is none, or if it may come out
/// null where the converted one is true.
fn in_file_type(
    field: &Field,
    converted: &Converted,
    operator: Operator,
    value: &ScalarValue,
) -> Option<(Operator, ScalarValue)> {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    if value.is_null() || !matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq) {
        return None;
    }
    if let ScalarValue::TimestampNanosecond(Some(at), _) = value {
        let DataType::Timestamp(unit, zone) = field.data_type() else {
            return None;
        };
        let factor = nanoseconds_in(*unit);
        let (down, exact) = (at.div_euclid(factor), at.rem_euclid(factor) == 0);
        let at = match operator {
            Gt | LtEq => down,
            GtEq | Lt => down + i64::from(!exact),
            _ if exact => down,
            _ => return None,
        };
        let value = ScalarValue::new_primitive::<Int64Type>(Some(at), &DataType::Int64);
        let value = value.ok()?;
        let value = value.cast_to(&DataType::Timestamp(*unit, zone.clone()));
        return Some((operator, value.ok()?));
    }
    if value.data_type() != *field.data_type() {
        return None;
    }
    let Some(text) = value.try_as_str() else {
        return (!matches!(operator, NotEq)).then(|| (operator, value.clone()));
    };
    // Null in the file is `""`, which must not make the comparison true.
    let empty_is_true = match operator {
        Eq | GtEq => text == Some(""),
        Lt | NotEq => text != Some(""),
        LtEq => true,
        _ => false,
    };
    (converted.is_string() && (!empty_is_true || !field.is_nullable()))
        .then(|| (operator, value.clone()))
}

/// What a filter costs for a row, roughly in the time that a comparison takes.
fn cost(filter: &Arc<dyn PhysicalExpr>) -> Result<usize> {
    let mut total = 0_usize;
    filter.apply(|expr| {
        total += if expr.is::<DynamicFilterPhysicalExpr>() {
            2
        } else if let Some(call) = expr.downcast_ref::<ScalarFunctionExpr>() {
            function_cost(call.name())
        } else {
            usize::from(!expr.is::<Literal>() && !expr.is::<CastExpr>())
        };
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(total)
}

fn function_cost(name: &str) -> usize {
    let name = name.trim_start_matches("kql_").trim_start_matches("not_");
    match name {
        "startswith" | "endswith" | "equalignoringcase" | "in" | "notin" | "inignoringcase"
        | "notinignoringcase" | "in_set" => 4,
        _ if name.starts_with("matchesregex") || name.starts_with("extract") => 60,
        _ if name.starts_with("has") || name.starts_with("contains") => 30,
        _ => 20,
    }
}
