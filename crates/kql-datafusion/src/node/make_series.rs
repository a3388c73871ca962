//! `make-series`: one row per key from rows of key, bin and values. The rows
//! come from an aggregation, so they are few; arrays are put together from them in `assembly`.

mod assembly;
mod exec;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};

use super::step::Operation;
use crate::function::Bins;

/// Most elements of a series.
pub(crate) const LENGTH_MAX: i64 = 1_048_576;

/// The columns of the input, and what is made of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Layout {
    /// Key columns; they keep their names.
    pub(crate) keys: Vec<String>,
    /// The column of bin numbers; rows without one do not count.
    pub(crate) bin: String,
    pub(crate) series: Vec<Series>,
    /// Name of the column with the axis.
    pub(crate) axis: String,
    pub(crate) bins: Bins,
    /// Without keys and rows there still is a row.
    pub(crate) nonempty: bool,
}

/// One series: a column of JSON values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Series {
    pub(crate) value: String,
    /// Name of the column with the array.
    pub(crate) output: String,
    /// JSON that stands in bins without rows.
    pub(crate) default: String,
}

impl Layout {
    fn outputs(&self) -> impl Iterator<Item = &String> {
        let series = self.series.iter().map(|series| &series.output);
        series.chain([&self.axis])
    }

    fn own_fields(&self) -> impl Iterator<Item = Arc<Field>> {
        self.outputs()
            .map(|name| Arc::new(Field::new(name, DataType::Utf8View, true)))
    }
}

/// The operation: the keys, then the series, then the axis.
impl Operation for Layout {
    fn name(&self) -> &'static str {
        "KqlMakeSeries"
    }

    fn detail(&self) -> String {
        format!("{} series", self.series.len())
    }

    fn schema(&self, input: &Schema) -> Result<Schema> {
        let mut fields = Vec::new();
        for key in &self.keys {
            fields.push(Arc::new(input.field_with_name(key)?.clone()));
        }
        fields.extend(self.own_fields());
        Ok(Schema::new(fields))
    }

    fn holds(&self, position: usize, _: &Schema) -> bool {
        position >= self.keys.len()
    }

    /// All rows of a key meet in one partition.
    fn distribution(&self, input: &SchemaRef) -> Distribution {
        let keys: Option<Vec<Arc<dyn PhysicalExpr>>> = self
            .keys
            .iter()
            .map(|key| Some(Arc::new(Column::new_with_schema(key, input).ok()?) as _))
            .collect();
        match keys {
            Some(keys) if !keys.is_empty() => Distribution::KeyPartitioned(keys),
            _ => Distribution::SinglePartition,
        }
    }

    fn properties(&self, input: &dyn ExecutionPlan, schema: SchemaRef) -> Result<PlanProperties> {
        let partitions = if self.keys.is_empty() {
            1
        } else {
            input.output_partitioning().partition_count()
        };
        Ok(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            input.boundedness(),
        ))
    }

    fn run(
        &self,
        input: SendableRecordBatchStream,
        _: usize,
        schema: SchemaRef,
        context: &Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        exec::run(self, input, schema, context)
    }
}
