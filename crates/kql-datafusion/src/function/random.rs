//! `rand()` and `new_guid()`: another value for each row, and for each run of a query.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use kql::types::ScalarType;

use super::text;
use crate::types::arrow_type;

/// Random functions by name. They are none of the families because their values, other than
/// those of all others, do not depend on their arguments alone.
pub(super) fn find(name: &str, arguments: &[ScalarType]) -> Option<Arc<ScalarUDF>> {
    let kind = match name {
        "rand" => Kind::Real,
        "new_guid" => Kind::Guid,
        _ => return None,
    };
    let signature = if arguments.is_empty() {
        Signature::nullary(Volatility::Volatile)
    } else {
        let types = arguments.iter().map(|ty| arrow_type(*ty)).collect();
        Signature::exact(types, Volatility::Volatile)
    };
    Some(Arc::new(ScalarUDF::new_from_impl(Random {
        kind,
        signature,
    })))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Real,
    Guid,
}

#[derive(Debug)]
struct Random {
    kind: Kind,
    signature: Signature,
}

impl PartialEq for Random {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.signature == other.signature
    }
}

impl Eq for Random {}

impl Hash for Random {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.signature.hash(state);
    }
}

impl ScalarUDFImpl for Random {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Real => "kql_rand",
            Kind::Guid => "kql_new_guid",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(match self.kind {
            Kind::Real => ScalarType::Real,
            Kind::Guid => ScalarType::Guid,
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let values: ArrayRef = match (self.kind, args.args.first()) {
            (Kind::Guid, _) => Arc::new(guids(rows)),
            (Kind::Real, None) => {
                let values = (0..rows).map(|_| rand::random::<f64>());
                Arc::new(Float64Array::from_iter_values(values))
            }
            (Kind::Real, Some(below)) => {
                let below = cast(&below.to_array(rows)?, &DataType::Int64)?;
                let below = below.as_primitive::<Int64Type>();
                Arc::new(
                    below
                        .iter()
                        .map(|below| Some(integer(below?)))
                        .collect::<Float64Array>(),
                )
            }
        };
        Ok(ColumnarValue::Array(values))
    }
}

/// One of the numbers from 0 up to `below`, or, if that is not above one, up to 1.
fn integer(below: i64) -> f64 {
    if below > 1 {
        (rand::random::<u64>() % below.unsigned_abs()) as f64
    } else {
        rand::random::<f64>()
    }
}

/// Version 4 (RFC 9562).
fn guids(rows: usize) -> arrow::array::StringViewArray {
    let mut builder = StringViewBuilder::with_capacity(rows);
    let mut guid = String::new();
    for _ in 0..rows {
        let bits = rand::random::<u128>();
        let bits = bits & !(0xf << 76) | 4 << 76;
        let bits = bits & !(0b11 << 62) | 0b10 << 62;
        guid.clear();
        text::write(
            &mut guid,
            format_args!(
                "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                bits >> 96,
                bits >> 80 & 0xffff,
                bits >> 64 & 0xffff,
                bits >> 48 & 0xffff,
                bits & 0xffff_ffff_ffff
            ),
        );
        builder.append_value(&guid);
    }
    builder.finish()
}
