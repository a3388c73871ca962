//! `schema_merge`: schemas that `getschema` told, made one: each column once, with a type that
//! suits all.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use kql::types::ScalarType;

use super::columns::{Columns, batch};
use super::rows::Rows;
use crate::function::Datum;
use crate::node::whole::{WholeTable, Work};

/// The computation. Its input has the names, ordinals and types of columns, in this order.
#[derive(Debug)]
pub(crate) struct SchemaMerge {
    /// Whether a column must stand where the first schema that has it put it.
    pub(crate) preserves_order: bool,
    pub(crate) types: Vec<ScalarType>,
    pub(crate) output: SchemaRef,
}

/// A column of the merged schema.
struct Merged {
    name: String,
    ordinal: i64,
    /// None if there is no common type.
    ty: Option<ScalarType>,
    types: Vec<String>,
    is_out_of_order: bool,
}

impl WholeTable for SchemaMerge {
    fn name(&self) -> &'static str {
        "schema_merge"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let rows = Rows::of(input, &self.types, work)?;
        let mut merged: Vec<Merged> = Vec::new();
        for row in 0..rows.len {
            let text = |column: usize| {
                let mut text = String::new();
                rows.get(row, column).write_text(&mut text);
                text
            };
            let (name, ty) = (text(0), text(2));
            let ordinal = rows.get(row, 1).to_long().unwrap_or(0);
            let parsed = ScalarType::from_name(&ty);
            match merged.iter_mut().find(|column| column.name == name) {
                Some(known) => {
                    known.is_out_of_order |= known.ordinal != ordinal;
                    // Where the order is free, a column comes behind all that any schema has
                    // before it.
                    known.ordinal = known.ordinal.max(ordinal);
                    known.ty = common(known.ty, parsed);
                    if !known.types.contains(&ty) {
                        known.types.push(ty);
                    }
                }
                None => merged.push(Merged {
                    name,
                    ordinal,
                    ty: parsed,
                    types: vec![ty],
                    is_out_of_order: false,
                }),
            }
        }
        merged.sort_by_key(|column| column.ordinal);
        let mut columns = Columns::new([
            ScalarType::String,
            ScalarType::Long,
            ScalarType::String,
            ScalarType::String,
        ]);
        let count = merged.len();
        // A column that cannot be merged stands last, with what is wrong with it.
        merged.sort_by_key(|column| self.error(column).is_some());
        let mut ordinal = 0;
        for column in &merged {
            let error = self.error(column);
            let (number, data_type, ty) = match (&error, column.ty) {
                (None, Some(ty)) => {
                    ordinal += 1;
                    (
                        ordinal - 1,
                        ty.clr_name().to_owned(),
                        ty.as_str().to_owned(),
                    )
                }
                (error, _) => {
                    let error = error.clone().unwrap_or_default();
                    (-1, format!("ERROR(unknown CSL type:{error})"), error)
                }
            };
            columns.push([
                Datum::String(&column.name),
                Datum::Long(number),
                Datum::String(&data_type),
                Datum::String(&ty),
            ]);
        }
        Ok(vec![batch(&self.output, columns.finish(), count)?])
    }
}

impl SchemaMerge {
    fn error(&self, column: &Merged) -> Option<String> {
        if column.ty.is_none() {
            return Some(format!("ERROR(types differ: {})", column.types.join(", ")));
        }
        (self.preserves_order && column.is_out_of_order)
            .then(|| "ERROR(columns are out of order)".to_owned())
    }
}

/// The type that holds values of both.
fn common(left: Option<ScalarType>, right: Option<ScalarType>) -> Option<ScalarType> {
    use ScalarType::{Int, Long, Real};
    match (left?, right?) {
        (left, right) if left == right => Some(left),
        (Int, Long) | (Long, Int) => Some(Long),
        (Int | Long, Real) | (Real, Int | Long) => Some(Real),
        _ => None,
    }
}
