//! One DataFusion function type for all of KQL's scalar functions: a name that says everything
//! that tells it from others, the KQL types of its arguments and result, and code over a batch.
//! What the code does is the families' business.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use kql::types::ScalarType;

use super::arguments::Arguments;
use super::distinct::{Distinct, distinct};
use crate::types::{arrow_type, is_stored_as};
use crate::watch::Watch;

/// The code of a function: a batch of arguments in, an array of the declared result type out,
/// with one element per row of the batch.
pub(super) type Evaluate = Arc<dyn Fn(&Arguments<'_>) -> Result<ArrayRef> + Send + Sync>;

/// Boxes the code of a function.
pub(super) fn code(
    evaluate: impl Fn(&Arguments<'_>) -> Result<ArrayRef> + Send + Sync + 'static,
) -> Evaluate {
    Arc::new(evaluate)
}

/// A KQL function as DataFusion sees it.
pub(super) struct KqlScalar {
    name: String,
    arguments: Vec<ScalarType>,
    result: ScalarType,
    returned: DataType,
    signature: Signature,
    evaluate: Evaluate,
}

impl KqlScalar {
    /// A function. `name` must differ between functions of equal types that compute differently,
    /// because plans compare functions by name and types.
    pub(super) fn udf(
        name: impl Into<String>,
        arguments: &[ScalarType],
        result: ScalarType,
        evaluate: Evaluate,
    ) -> Arc<ScalarUDF> {
        Self::udf_stored(name, arguments, result, arrow_type(result), evaluate)
    }

    /// The same for one whose result is stored in another way than usual.
    pub(super) fn udf_stored(
        name: impl Into<String>,
        arguments: &[ScalarType],
        result: ScalarType,
        returned: DataType,
        evaluate: Evaluate,
    ) -> Arc<ScalarUDF> {
        let signature = if arguments.is_empty() {
            Signature::nullary(Volatility::Immutable)
        } else if arguments.contains(&ScalarType::Decimal) {
            Signature::user_defined(Volatility::Immutable)
        } else {
            let types = arguments.iter().map(|ty| arrow_type(*ty)).collect();
            Signature::exact(types, Volatility::Immutable)
        };
        Arc::new(ScalarUDF::new_from_impl(Self {
            name: name.into(),
            arguments: arguments.to_vec(),
            result,
            returned,
            signature,
            evaluate,
        }))
    }
}

impl fmt::Debug for KqlScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KqlScalar")
            .field("name", &self.name)
            .field("arguments", &self.arguments)
            .field("result", &self.result)
            .finish_non_exhaustive()
    }
}

impl PartialEq for KqlScalar {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.arguments == other.arguments && self.result == other.result
    }
}

impl Eq for KqlScalar {}

impl Hash for KqlScalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.arguments.hash(state);
        self.result.hash(state);
    }
}

impl ScalarUDFImpl for KqlScalar {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returned.clone())
    }

    /// Decimals are taken as they are stored.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.len() != self.arguments.len() {
            return internal_err!("function {} has {} arguments", self.name, types.len());
        }
        let pairs = self.arguments.iter().zip(types);
        let types = pairs.map(|(ty, given)| {
            if is_stored_as(*ty, given) {
                given.clone()
            } else {
                arrow_type(*ty)
            }
        });
        Ok(types.collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args
            .args
            .iter()
            .all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let watch = Watch::of(&args.config_options);
        if constant {
            let array = self.evaluate(&args.args, 1, watch)?;
            return ScalarValue::try_from_array(&array, 0).map(ColumnarValue::Scalar);
        }
        if let Some((position, distinct)) = only_text(&args.args) {
            let mut values = args.args;
            let count = distinct.texts.len();
            values[position] = ColumnarValue::Array(distinct.texts);
            let results = self.evaluate(&values, count, watch)?;
            return Ok(ColumnarValue::Array(take(&results, &distinct.rows, None)?));
        }
        let array = self.evaluate(&args.args, args.number_rows, watch)?;
        Ok(ColumnarValue::Array(array))
    }
}

impl KqlScalar {
    fn evaluate(
        &self,
        values: &[ColumnarValue],
        rows: usize,
        watch: Option<&Watch>,
    ) -> Result<ArrayRef> {
        let arguments = Arguments::new(values, &self.arguments, self.result, rows, watch)?;
        let array = (self.evaluate)(&arguments)?;
        arguments.check()?;
        if array.data_type() != &self.returned || array.len() != rows {
            return internal_err!(
                "function {} returned {} rows of {} for {rows} rows of {}",
                self.name,
                array.len(),
                array.data_type(),
                self.result
            );
        }
        Ok(array)
    }
}

/// The only argument that varies by row, if it is text that repeats itself: the function, which
/// has no memory, then runs once for each text.
fn only_text(values: &[ColumnarValue]) -> Option<(usize, Distinct)> {
    let mut arrays = values
        .iter()
        .enumerate()
        .filter_map(|(position, value)| match value {
            ColumnarValue::Array(array) => Some((position, array)),
            ColumnarValue::Scalar(_) => None,
        });
    let (Some((position, array)), None) = (arrays.next(), arrays.next()) else {
        return None;
    };
    Some((position, distinct(array)?))
}
