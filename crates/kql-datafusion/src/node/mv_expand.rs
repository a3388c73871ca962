//! `mv-expand`: one row per element of an array or entry of a bag. What runs
//! it is `exec`.

mod exec;
mod expansion;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, EquivalenceProperties};
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};

use super::step::{Operation, passed_and_read};

/// The columns of the node's own making.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MvExpandNames {
    /// Input columns that hold arrays or bags, and what the column of their elements is called.
    pub(crate) values: Vec<(String, String)>,
    /// The column of the 0-based number of the element.
    pub(crate) index: String,
    /// A column that is equal for the elements of one input row and no other, if asked for.
    pub(crate) row: Option<String>,
}

/// How to expand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MvExpandOptions {
    /// Most elements of one row.
    pub(crate) row_limit: Option<u64>,
    /// Entries of bags become `[key, value]`.
    pub(crate) bag_as_array: bool,
    /// A row without elements becomes one without index.
    pub(crate) keeps_empty: bool,
}

/// The operation: all columns of the input, then the elements, then the index.
#[derive(Debug)]
pub(crate) struct MvExpand {
    pub(crate) names: MvExpandNames,
    pub(crate) options: MvExpandOptions,
}

fn own_fields(names: &MvExpandNames) -> impl Iterator<Item = Field> {
    let elements = names
        .values
        .iter()
        .map(|(_, name)| Field::new(name, DataType::Utf8View, true));
    let index = Field::new(&names.index, DataType::Int64, true);
    let row = names.row.iter();
    let row = row.map(|name| Field::new(name, DataType::Int64, false));
    elements.chain([index]).chain(row)
}

impl Operation for MvExpand {
    fn name(&self) -> &'static str {
        "KqlMvExpand"
    }

    fn detail(&self) -> String {
        format!("{} columns", self.names.values.len())
    }

    fn schema(&self, input: &Schema) -> Result<Schema> {
        let mut fields: Vec<_> = input.fields().iter().map(Arc::clone).collect();
        fields.extend(own_fields(&self.names).map(Arc::new));
        Ok(Schema::new(fields))
    }

    /// The columns above that come from the input, and those that are expanded.
    fn needs(&self, outputs: &[usize], input: &Schema) -> Option<Vec<usize>> {
        let reads = self.names.values.iter().map(|(value, _)| value);
        passed_and_read(outputs, input, reads)
    }

    fn holds(&self, position: usize, input: &Schema) -> bool {
        position >= input.fields().len()
    }

    fn distribution(&self, _: &SchemaRef) -> Distribution {
        Distribution::UnspecifiedDistribution
    }

    fn properties(&self, input: &dyn ExecutionPlan, schema: SchemaRef) -> Result<PlanProperties> {
        let partitions = input.output_partitioning().partition_count();
        Ok(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            input.pipeline_behavior(),
            input.boundedness(),
        ))
    }

    fn run(
        &self,
        input: SendableRecordBatchStream,
        partition: usize,
        schema: SchemaRef,
        context: &Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        exec::run(self, input, partition, schema, context)
    }
}
