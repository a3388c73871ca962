//! The logical node of `make-series`: one row per key from rows of key, bin and values. The rows
//! come from an aggregation, so they are few; arrays are put together from them in `assembly`.

mod assembly;
mod exec;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, DFSchemaRef, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

use crate::function::Bins;

pub(crate) use exec::MakeSeriesExec;

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

/// The logical node: the keys, then the series, then the axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MakeSeries {
    input: LogicalPlan,
    layout: Layout,
    schema: DFSchemaRef,
}

impl MakeSeries {
    pub(crate) fn new(input: LogicalPlan, layout: Layout) -> Result<Self> {
        let schema = input.schema();
        let mut fields = Vec::new();
        for key in &layout.keys {
            fields.push(Arc::clone(schema.field_with_unqualified_name(key)?));
        }
        fields.extend(layout.own_fields());
        let schema = Arc::new(DFSchema::try_from(Schema::new(fields))?);
        Ok(Self {
            input,
            layout,
            schema,
        })
    }
}

impl PartialOrd for MakeSeries {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for MakeSeries {
    fn name(&self) -> &'static str {
        "MakeSeries"
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

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.layout.outputs().cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "MakeSeries: {} series", self.layout.series.len())
    }

    /// Everything: what is not needed was never computed below.
    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Some(input) = inputs.pop() else {
            return internal_err!("make-series has one input");
        };
        Self::new(input, self.layout.clone())
    }
}
