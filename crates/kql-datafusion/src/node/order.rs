//! The order of rows: what a node asks of its input, and the numbers that keep it.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};

/// A key that the rows are sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) column: String,
    pub(crate) ascending: bool,
    pub(crate) nulls_first: bool,
}

/// The order that the keys describe; none without keys.
pub(super) fn ordering(keys: &[Key], schema: &SchemaRef) -> Result<Option<LexOrdering>> {
    let keys = keys.iter().map(|key| {
        let options = SortOptions {
            descending: !key.ascending,
            nulls_first: key.nulls_first,
        };
        sort_expression(&key.column, schema, options)
    });
    Ok(LexOrdering::new(keys.collect::<Result<Vec<_>>>()?))
}

/// What a node's output is whose rows come in the order of their numbers, which are in a column.
pub(super) fn numbered_rows(
    position: &str,
    input: &dyn ExecutionPlan,
    schema: SchemaRef,
    emission: EmissionType,
) -> Result<PlanProperties> {
    let by_position = sort_expression(position, &schema, SortOptions::new(false, false))?;
    Ok(PlanProperties::new(
        EquivalenceProperties::new_with_orderings(schema, [vec![by_position]]),
        Partitioning::UnknownPartitioning(1),
        emission,
        input.boundedness(),
    ))
}

fn sort_expression(
    column: &str,
    schema: &SchemaRef,
    options: SortOptions,
) -> Result<PhysicalSortExpr> {
    let column = Column::new_with_schema(column, schema)?;
    Ok(PhysicalSortExpr::new(Arc::new(column), options))
}

/// The batches with the numbers of their rows as the last column.
pub(crate) fn numbered(batches: &[RecordBatch], schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
    let mut next = 0;
    let mut result = Vec::with_capacity(batches.len());
    for batch in batches {
        let end = next + batch.num_rows() as i64;
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(Int64Array::from_iter_values(next..end)));
        next = end;
        result.push(RecordBatch::try_new(Arc::clone(schema), columns)?);
    }
    Ok(result)
}
