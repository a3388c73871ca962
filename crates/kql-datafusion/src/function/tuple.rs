//! Functions of several values. DataFusion sees one function that yields a struct, which it
//! computes once however many of its fields a query takes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Builder, Int64Builder, StringViewBuilder, StructArray,
};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use kql::types::ScalarType;

use super::arguments::Arguments;
use super::json_writer::write_reals;
use crate::types::arrow_type;

/// The code of a function: appends one row of values per row of the batch.
pub(super) type EvaluateTuple = fn(&Arguments<'_>, &mut Rows) -> Result<()>;

/// One of the values of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Real(f64),
    Long(i64),
    /// An array of reals.
    Reals(Vec<f64>),
    Json(String),
}

/// The values so far, column by column.
pub(super) struct Rows {
    columns: Vec<Builder>,
    fields: Fields,
}

enum Builder {
    Real(Float64Builder),
    Long(Int64Builder),
    Dynamic(StringViewBuilder),
}

impl Rows {
    fn new(types: &[ScalarType], fields: Fields) -> Self {
        let columns = types.iter().map(|ty| match ty {
            ScalarType::Real => Builder::Real(Float64Builder::new()),
            ScalarType::Long => Builder::Long(Int64Builder::new()),
            _ => Builder::Dynamic(StringViewBuilder::new()),
        });
        Self {
            columns: columns.collect(),
            fields,
        }
    }

    /// Appends a row; without values all are null, and so are those that are missing or of
    /// another type than their column.
    pub(super) fn push(&mut self, cells: Option<Vec<Cell>>) {
        let mut cells = cells.unwrap_or_default().into_iter();
        let mut text = String::new();
        for column in &mut self.columns {
            match (column, cells.next()) {
                (Builder::Real(builder), Some(Cell::Real(value))) => builder.append_value(value),
                (Builder::Real(builder), _) => builder.append_null(),
                (Builder::Long(builder), Some(Cell::Long(value))) => builder.append_value(value),
                (Builder::Long(builder), _) => builder.append_null(),
                (Builder::Dynamic(builder), Some(Cell::Json(json))) => builder.append_value(json),
                (Builder::Dynamic(builder), Some(Cell::Reals(values))) => {
                    text.clear();
                    write_reals(&values, &mut text);
                    builder.append_value(&text);
                }
                (Builder::Dynamic(builder), _) => builder.append_null(),
            }
        }
    }

    fn finish(self) -> Result<StructArray> {
        let columns = self.columns.into_iter().map(|column| match column {
            Builder::Real(mut builder) => Arc::new(builder.finish()) as ArrayRef,
            Builder::Long(mut builder) => Arc::new(builder.finish()),
            Builder::Dynamic(mut builder) => Arc::new(builder.finish()),
        });
        Ok(StructArray::try_new(self.fields, columns.collect(), None)?)
    }
}

/// Name of a field of the struct.
fn field_name(index: usize) -> String {
    format!("c{index}")
}

/// A function from the struct to its field of that index. DataFusion's own moves towards the
/// scan, and the function of several values with it, once for each field.
pub(crate) fn field(index: usize, ty: ScalarType) -> Arc<ScalarUDF> {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(TupleField {
        name: format!("kql_field_{index}"),
        index,
        ty,
        signature,
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TupleField {
    name: String,
    index: usize,
    ty: ScalarType,
    signature: Signature,
}

impl ScalarUDFImpl for TupleField {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(self.ty))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let (array, is_constant) = match args.args.as_slice() {
            [ColumnarValue::Array(array)] => (Arc::clone(array), false),
            [ColumnarValue::Scalar(scalar)] => (scalar.to_array()?, true),
            _ => return internal_err!("{} takes one struct", self.name),
        };
        let fields = array.as_struct_opt();
        let Some(field) = fields.and_then(|fields| fields.columns().get(self.index)) else {
            return internal_err!("{} of {} over {rows} rows", self.name, array.data_type());
        };
        if is_constant {
            return ScalarValue::try_from_array(field, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(Arc::clone(field)))
    }
}

/// A KQL function of several values as DataFusion sees it.
pub(super) struct KqlTuple {
    name: String,
    arguments: Vec<ScalarType>,
    results: Vec<ScalarType>,
    signature: Signature,
    evaluate: EvaluateTuple,
}

impl KqlTuple {
    pub(super) fn udf(
        name: String,
        arguments: &[ScalarType],
        results: Vec<ScalarType>,
        evaluate: EvaluateTuple,
    ) -> Arc<ScalarUDF> {
        let types = arguments.iter().map(|ty| arrow_type(*ty)).collect();
        Arc::new(ScalarUDF::new_from_impl(Self {
            name,
            arguments: arguments.to_vec(),
            results,
            signature: Signature::exact(types, Volatility::Immutable),
            evaluate,
        }))
    }

    fn fields(&self) -> Fields {
        let fields = self.results.iter().enumerate();
        fields
            .map(|(index, ty)| Field::new(field_name(index), arrow_type(*ty), true))
            .collect()
    }
}

impl fmt::Debug for KqlTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KqlTuple")
            .field("name", &self.name)
            .field("arguments", &self.arguments)
            .field("results", &self.results)
            .finish_non_exhaustive()
    }
}

impl PartialEq for KqlTuple {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.arguments == other.arguments
    }
}

impl Eq for KqlTuple {}

impl Hash for KqlTuple {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.arguments.hash(state);
    }
}

impl ScalarUDFImpl for KqlTuple {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(self.fields()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        let constant = args.args.iter().all(is_constant);
        let rows = if constant { 1 } else { args.number_rows };
        let arguments = Arguments::new(&args.args, &self.arguments, ScalarType::Dynamic, rows)?;
        let mut values = Rows::new(&self.results, self.fields());
        (self.evaluate)(&arguments, &mut values)?;
        let array: ArrayRef = Arc::new(values.finish()?);
        if array.len() != rows {
            let length = array.len();
            return internal_err!("{} returned {length} rows for {rows}", self.name);
        }
        if constant {
            return ScalarValue::try_from_array(&array, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(array))
    }
}
