//! The order of a sorted input as one binary value per row, for aggregates whose result keeps
//! that order whatever way the rows reach them.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// An expression whose bytes compare as rows sorted by `keys` (column, ascending, nulls first)
/// do; `None` for no keys.
pub(crate) fn order_key(
    keys: impl Iterator<Item = (Expr, bool, bool)>,
    schema: &DFSchema,
) -> Result<Option<Expr>> {
    let mut columns = Vec::new();
    let mut types = Vec::new();
    let mut options = Vec::new();
    for (column, ascending, nulls_first) in keys {
        types.push(column.get_type(schema)?);
        options.push(SortOptions {
            descending: !ascending,
            nulls_first,
        });
        columns.push(column);
    }
    if columns.is_empty() {
        return Ok(None);
    }
    let signature = Signature::exact(types, Volatility::Immutable);
    Ok(Some(
        ScalarUDF::new_from_impl(OrderKey { signature, options }).call(columns),
    ))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OrderKey {
    signature: Signature,
    options: Vec<SortOptions>,
}

impl ScalarUDFImpl for OrderKey {
    fn name(&self) -> &'static str {
        "kql_order_key"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = arguments
            .args
            .iter()
            .map(|value| value.to_array(arguments.number_rows))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let fields = columns
            .iter()
            .zip(&self.options)
            .map(|(column, options)| {
                SortField::new_with_options(column.data_type().clone(), *options)
            })
            .collect();
        let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
        Ok(ColumnarValue::Array(Arc::new(rows.try_into_binary()?)))
    }
}
