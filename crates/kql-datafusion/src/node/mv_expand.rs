//! One row per element of an array or entry of a bag. Rows stream: one batch of input is turned
//! into as many batches as its elements fill.

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray, StringViewBuilder,
    UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, DFSchemaRef, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};

use crate::function::json;

/// The columns of the node's own making.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MvExpandNames {
    /// Input columns that hold arrays or bags, and what the column of their elements is called.
    pub(crate) values: Vec<(String, String)>,
    /// The column of the 0-based number of the element.
    pub(crate) index: String,
}

/// The logical node: all columns of the input, then the elements, then the index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MvExpand {
    input: LogicalPlan,
    names: MvExpandNames,
    row_limit: Option<u64>,
    bag_as_array: bool,
    schema: DFSchemaRef,
}

impl MvExpand {
    pub(crate) fn new(
        input: LogicalPlan,
        names: MvExpandNames,
        row_limit: Option<u64>,
        bag_as_array: bool,
    ) -> Result<Self> {
        let mut fields: Vec<_> = input.schema().fields().iter().map(Arc::clone).collect();
        fields.extend(own_fields(&names).map(Arc::new));
        let schema = Schema::new(fields);
        let schema = Arc::new(DFSchema::try_from(schema)?);
        Ok(Self {
            input,
            names,
            row_limit,
            bag_as_array,
            schema,
        })
    }
}

fn own_fields(names: &MvExpandNames) -> impl Iterator<Item = Field> {
    let elements = names
        .values
        .iter()
        .map(|(_, name)| Field::new(name, DataType::Utf8View, true));
    elements.chain([Field::new(&names.index, DataType::Int64, false)])
}

impl PartialOrd for MvExpand {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for MvExpand {
    fn name(&self) -> &'static str {
        "MvExpand"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn prevent_predicate_push_down_columns(&self) -> std::collections::HashSet<String> {
        own_fields(&self.names)
            .map(|field| field.name().clone())
            .collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "MvExpand: {} columns", self.names.values.len())
    }

    /// The columns above that come from the input, and those that are expanded.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let input = self.input.schema();
        let mut needed: Vec<usize> = output_columns
            .iter()
            .copied()
            .filter(|position| *position < input.fields().len())
            .collect();
        for (value, _) in &self.names.values {
            needed.push(input.index_of_column_by_name(None, value)?);
        }
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Some(input) = inputs.pop() else {
            return internal_err!("mv-expand has one input");
        };
        Self::new(input, self.names.clone(), self.row_limit, self.bag_as_array)
    }
}

/// The physical node.
#[derive(Clone, Debug)]
pub(crate) struct MvExpandExec {
    input: Arc<dyn ExecutionPlan>,
    names: MvExpandNames,
    /// Positions of the expanded columns in the input.
    values: Vec<usize>,
    row_limit: usize,
    bag_as_array: bool,
    properties: Arc<PlanProperties>,
}

impl MvExpandExec {
    pub(crate) fn new(node: &MvExpand, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let row_limit = node.row_limit.and_then(|limit| usize::try_from(limit).ok());
        Self::over(
            input,
            &node.names,
            row_limit.unwrap_or(usize::MAX),
            node.bag_as_array,
        )
    }

    fn over(
        input: Arc<dyn ExecutionPlan>,
        names: &MvExpandNames,
        row_limit: usize,
        bag_as_array: bool,
    ) -> Result<Self> {
        let input_schema = input.schema();
        let values = names
            .values
            .iter()
            .map(|(value, _)| input_schema.index_of(value).map_err(DataFusionError::from))
            .collect::<Result<_>>()?;
        let mut fields: Vec<_> = input_schema.fields().iter().map(Arc::clone).collect();
        fields.extend(own_fields(names).map(Arc::new));
        let schema = Arc::new(Schema::new(fields));
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            datafusion::physical_plan::Partitioning::UnknownPartitioning(partitions),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Ok(Self {
            input,
            names: names.clone(),
            values,
            row_limit,
            bag_as_array,
            properties: Arc::new(properties),
        })
    }
}

impl DisplayAs for MvExpandExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "MvExpandExec: {} columns", self.values.len())
    }
}

impl ExecutionPlan for MvExpandExec {
    fn name(&self) -> &'static str {
        "MvExpandExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("mv-expand has one input");
        };
        let expanded = Self::over(input, &self.names, self.row_limit, self.bag_as_array)?;
        Ok(Arc::new(expanded))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = context.session_config().batch_size();
        let schema = self.schema();
        let values = self.values.clone();
        let (row_limit, bag_as_array) = (self.row_limit, self.bag_as_array);
        let input = self.input.execute(partition, context)?;
        let output_schema = Arc::clone(&schema);
        let batches = input.map_ok(move |batch| {
            let expansion = Expansion {
                columns: values
                    .iter()
                    .map(|at| batch.column(*at).as_string_view().clone())
                    .collect(),
                schema: Arc::clone(&output_schema),
                input: batch,
                next_row: 0,
                rows,
                row_limit,
                bag_as_array,
            };
            futures::stream::iter(expansion)
        });
        let stream = batches.try_flatten().boxed();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

/// The batches that one batch of input becomes.
struct Expansion {
    input: RecordBatch,
    columns: Vec<StringViewArray>,
    schema: SchemaRef,
    next_row: usize,
    /// Rows after which a batch ends; the elements of one row are not torn apart.
    rows: usize,
    row_limit: usize,
    bag_as_array: bool,
}

impl Iterator for Expansion {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut origins: Vec<u32> = Vec::new();
        let mut numbers: Vec<i64> = Vec::new();
        let mut elements: Vec<StringViewBuilder> = self
            .columns
            .iter()
            .map(|_| StringViewBuilder::new())
            .collect();
        while self.next_row < self.input.num_rows() && origins.len() < self.rows {
            let row = self.next_row;
            self.next_row += 1;
            let count = self.expand(row, &mut elements);
            origins.extend(std::iter::repeat_n(row as u32, count));
            numbers.extend(0..count as i64);
        }
        if origins.is_empty() {
            return None;
        }
        Some(self.batch(origins, numbers, elements))
    }
}

impl Expansion {
    /// Appends the elements of a row and tells how many there are; shorter columns are filled
    /// up with nulls.
    fn expand(&self, row: usize, elements: &mut [StringViewBuilder]) -> usize {
        let counts: Vec<usize> = self
            .columns
            .iter()
            .zip(elements.iter_mut())
            .map(|(column, builder)| {
                let value = column.is_valid(row).then(|| column.value(row));
                append_elements(value, self.bag_as_array, self.row_limit, builder)
            })
            .collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        for (count, builder) in counts.into_iter().zip(elements) {
            for _ in count..most {
                builder.append_null();
            }
        }
        most
    }

    fn batch(
        &self,
        origins: Vec<u32>,
        numbers: Vec<i64>,
        elements: Vec<StringViewBuilder>,
    ) -> Result<RecordBatch> {
        let origins = UInt32Array::from(origins);
        let mut columns = self
            .input
            .columns()
            .iter()
            .map(|column| Ok(take(column, &origins, None)?))
            .collect::<Result<Vec<ArrayRef>>>()?;
        columns.extend(
            elements
                .into_iter()
                .map(|mut e| Arc::new(e.finish()) as ArrayRef),
        );
        columns.push(Arc::new(Int64Array::from(numbers)));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// Appends what a value expands to: the elements of an array, the entries of a bag, one null of
/// a null, itself of anything else.
fn append_elements(
    value: Option<&str>,
    bag_as_array: bool,
    most: usize,
    builder: &mut StringViewBuilder,
) -> usize {
    let Some(value) = value else {
        builder.append_null();
        return 1;
    };
    let mut count = 0;
    if let Some(elements) = json::elements(value) {
        for element in elements.take(most) {
            append(element, builder);
            count += 1;
        }
    } else if let Some(entries) = json::entries(value) {
        for (key, entry) in entries.take(most) {
            let (open, separator, close) = if bag_as_array {
                ('[', ',', ']')
            } else {
                ('{', ':', '}')
            };
            builder.append_value(format!("{open}{key}{separator}{entry}{close}"));
            count += 1;
        }
    } else {
        append(value, builder);
        count = 1;
    }
    count
}

fn append(element: &str, builder: &mut StringViewBuilder) {
    if element == "null" {
        builder.append_null();
    } else {
        builder.append_value(element);
    }
}
