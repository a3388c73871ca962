//! The logical node of a union of many tables. Its legs have the columns that they give, and
//! nothing stands in the plan for the others, which are filled in batch by batch; a union of
//! DataFusion has all columns in all legs, thousands times thousands for all tables of a catalog.
//! No rule sees the legs: each is planned by itself when its turn comes (`exec`), so that what a
//! plan costs does not grow with the product of tables and columns.

mod exec;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema as ArrowSchema};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use kql::types::{ScalarType, Schema};

pub(crate) use exec::GatherExec;

use crate::types::arrow_type;

/// The rows of several plans, in any order.
#[derive(Clone, Debug)]
pub(crate) struct Gather {
    legs: Arc<[LogicalPlan]>,
    /// For each leg, where its columns go.
    places: Arc<[Vec<usize>]>,
    /// For each column, whether it is text: what is missing is `""` then, and null otherwise.
    is_text: Arc<[bool]>,
    schema: DFSchemaRef,
}

impl Gather {
    /// The rows of the legs under the columns of `schema`, which `name` gives their names. Each
    /// leg has the columns at its places and no others.
    pub(crate) fn new(
        legs: Vec<LogicalPlan>,
        places: Vec<Vec<usize>>,
        schema: &Schema,
        name: impl Fn(&str) -> String,
    ) -> Result<Self> {
        let columns = schema.columns().iter();
        let is_text: Arc<[bool]> = columns
            .map(|column| column.ty == ScalarType::String)
            .collect();
        let mut nullable: Vec<bool> = is_text.iter().map(|is_text| !is_text).collect();
        for (leg, places) in legs.iter().zip(&places) {
            for (field, place) in leg.schema().fields().iter().zip(places) {
                nullable[*place] |= field.is_nullable();
            }
        }
        let columns = schema.columns().iter().zip(nullable);
        let fields = columns.map(|(column, nullable)| {
            Field::new(name(&column.name), arrow_type(column.ty), nullable)
        });
        let schema = ArrowSchema::new(fields.collect::<Vec<_>>());
        Ok(Self {
            legs: legs.into(),
            places: places.into(),
            is_text,
            schema: Arc::new(DFSchema::try_from(schema)?),
        })
    }
}

impl PartialEq for Gather {
    fn eq(&self, other: &Self) -> bool {
        self.legs == other.legs && self.places == other.places
    }
}

impl Eq for Gather {}

impl Hash for Gather {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.legs.hash(state);
        self.places.hash(state);
    }
}

impl PartialOrd for Gather {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.legs.partial_cmp(&other.legs)
    }
}

impl UserDefinedLogicalNodeCore for Gather {
    fn name(&self) -> &'static str {
        "KqlGather"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        Vec::new()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    /// Filters reached the legs before there was a plan. Those that did not stay above: a leg
    /// does not have all columns.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let fields = self.schema.fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "KqlGather: {} tables", self.legs.len())
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, _: Vec<LogicalPlan>) -> Result<Self> {
        Ok(self.clone())
    }
}
