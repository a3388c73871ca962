//! `in`, `has_any` and their family, over lists and over tables.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use kql::hir::{self, InOp, Plan};
use kql::types::ScalarType;

use super::expression::{Use, has_native_order, is_value};
use super::relation::Relation;
use super::{Lowering, Result, column, prepare};
use crate::error::EngineError;
use crate::function;
use crate::types::arrow_type;

/// From how many values on the table of an `in` is a hash set instead of a list of literals,
/// which every pass of the optimizer walks.
const SET_FROM: usize = 256;

impl Lowering<'_> {
    pub(super) fn in_list(
        &self,
        op: InOp,
        value: &hir::Expr,
        list: &[hir::Expr],
        input: &Relation,
        purpose: Use,
    ) -> Result<Expr> {
        let operand = self.value(value, input)?;
        let native = has_native_order(value.ty)
            && self.stored_type(value, input)? == arrow_type(value.ty)
            && list
                .iter()
                .all(|item| item.ty == value.ty && is_value(item));
        let items = list
            .iter()
            .map(|item| self.value(item, input))
            .collect::<Result<Vec<_>>>()?;
        if native
            && let Some(expr) = native_in(op, value.ty, operand.clone(), items.clone(), purpose)
        {
            return Ok(expr);
        }
        let types: Vec<ScalarType> = list.iter().map(|item| item.ty).collect();
        let mut operands = vec![operand];
        operands.extend(items);
        Ok(function::in_list(op, value.ty, &types).call(operands))
    }

    pub(super) fn in_table(
        &self,
        op: InOp,
        value: &hir::Expr,
        table: &Plan,
        input: &Relation,
    ) -> Result<Expr> {
        if let Some(list) = input.windows.get(&prepare::address(table)) {
            let operands = vec![self.value(value, input)?, column(list)];
            return Ok(function::in_list(op, value.ty, &[ScalarType::Dynamic]).call(operands));
        }
        let answer = self.subqueries.get(&prepare::address(table));
        let values = answer.and_then(prepare::Answer::list).ok_or_else(|| {
            EngineError::not_supported("an `in` over a table in this place", table.span)
        })?;
        let operand = self.value(value, input)?;
        let item_type = table
            .schema
            .columns()
            .first()
            .map_or(value.ty, |column| column.ty);
        let native = has_native_order(value.ty)
            && item_type == value.ty
            && self.stored_type(value, input)? == arrow_type(value.ty)
            && values
                .first()
                .is_none_or(|item| item.data_type() == arrow_type(item_type));
        if native && values.len() >= SET_FROM && matches!(op, InOp::In | InOp::NotIn) {
            let set = ValueSet::udf(values)?.call(vec![operand]);
            return Ok(if op == InOp::In {
                set
            } else {
                Expr::Not(Box::new(set))
            });
        }
        let items: Vec<Expr> = values.iter().map(|value| lit(value.clone())).collect();
        if native
            && let Some(expr) = native_in(op, value.ty, operand.clone(), items.clone(), Use::Value)
        {
            return Ok(expr);
        }
        let types = vec![item_type; items.len()];
        let mut operands = vec![operand];
        operands.extend(items);
        Ok(function::in_list(op, value.ty, &types).call(operands))
    }
}

/// DataFusion's own `IN` where it can say the same: null is in no list.
fn native_in(
    op: InOp,
    ty: ScalarType,
    value: Expr,
    items: Vec<Expr>,
    purpose: Use,
) -> Option<Expr> {
    if !matches!(op, InOp::In | InOp::NotIn) {
        return None;
    }
    if items.is_empty() {
        return Some(lit(op == InOp::NotIn));
    }
    let negated = op == InOp::NotIn;
    if ty == ScalarType::String || (purpose == Use::Predicate && !negated) {
        return Some(Expr::InList(InList::new(Box::new(value), items, negated)));
    }
    let found = Expr::InList(InList::new(Box::new(value), items, false));
    Some(if negated {
        found.is_not_true()
    } else {
        found.is_true()
    })
}

/// Membership in a large set of constants.
#[derive(Debug)]
struct ValueSet {
    signature: Signature,
    values: Arc<Values>,
}

#[derive(Debug)]
enum Values {
    Text(HashSet<String>),
    Number(HashSet<i128>),
}

impl ValueSet {
    fn udf(values: &[ScalarValue]) -> Result<ScalarUDF> {
        let ty = values
            .first()
            .map_or(DataType::Null, ScalarValue::data_type);
        let values = if ty == DataType::Utf8View {
            let texts = values.iter().filter_map(|value| match value {
                ScalarValue::Utf8View(text) => text.clone(),
                _ => None,
            });
            Values::Text(texts.collect())
        } else {
            let array = ScalarValue::iter_to_array(values.iter().cloned())?;
            Values::Number(numbers(&array)?.into_iter().flatten().collect())
        };
        Ok(ScalarUDF::new_from_impl(Self {
            signature: Signature::exact(vec![ty], Volatility::Immutable),
            values: Arc::new(values),
        }))
    }
}

/// The values of an array of any type that is a number underneath.
fn numbers(array: &dyn Array) -> DataFusionResult<Vec<Option<i128>>> {
    use arrow::compute::cast;
    let wide = match array.data_type() {
        DataType::Decimal128(..) => {
            return Ok(array
                .as_primitive::<arrow::datatypes::Decimal128Type>()
                .iter()
                .collect());
        }
        DataType::Boolean => cast(array, &DataType::Int8).and_then(|a| cast(&a, &DataType::Int64)),
        _ => cast(array, &DataType::Int64),
    }?;
    let values = wide.as_primitive::<arrow::datatypes::Int64Type>();
    Ok(values.iter().map(|value| value.map(i128::from)).collect())
}

impl PartialEq for ValueSet {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.values, &other.values)
    }
}

impl Eq for ValueSet {}

impl Hash for ValueSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.values).hash(state);
    }
}

impl ScalarUDFImpl for ValueSet {
    fn name(&self) -> &'static str {
        "kql_in_set"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let array = arguments.args[0].to_array(arguments.number_rows)?;
        let found: BooleanArray = match &*self.values {
            Values::Text(set) => array
                .as_string_view()
                .iter()
                .map(|text| Some(text.is_some_and(|text| set.contains(text))))
                .collect(),
            Values::Number(set) => numbers(&array)?
                .into_iter()
                .map(|number| Some(number.is_some_and(|number| set.contains(&number))))
                .collect(),
        };
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}
