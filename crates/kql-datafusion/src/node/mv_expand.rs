//! The logical node of `mv-expand`: one row per element of an array or entry of a bag. What runs
//! it is `exec`.

mod exec;
mod expansion;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, DFSchemaRef, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

pub(crate) use exec::MvExpandExec;

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

/// The logical node: all columns of the input, then the elements, then the index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MvExpand {
    input: LogicalPlan,
    names: MvExpandNames,
    options: MvExpandOptions,
    schema: DFSchemaRef,
}

impl MvExpand {
    pub(crate) fn new(
        input: LogicalPlan,
        names: MvExpandNames,
        options: MvExpandOptions,
    ) -> Result<Self> {
        let mut fields: Vec<_> = input.schema().fields().iter().map(Arc::clone).collect();
        fields.extend(own_fields(&names).map(Arc::new));
        let schema = Schema::new(fields);
        let schema = Arc::new(DFSchema::try_from(schema)?);
        Ok(Self {
            input,
            names,
            options,
            schema,
        })
    }
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

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
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
        Self::new(input, self.names.clone(), self.options)
    }
}
