//! `arg_max`, `arg_min` and `take_any`: the values of several columns in one row of the group.
//! The row is kept in Arrow's row format, whose bytes compare as the values do.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, StructArray, UInt32Array};
use arrow::compute::{SortOptions, take};
use arrow::datatypes::{DataType, Field, Fields, Float64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::fold::{Fold, FoldAggregate, Groups, read_bytes, write_bytes};

/// Which row wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Best {
    /// The one with the greatest key; NaN is above all, null below.
    Greatest,
    /// The one with the least key; NaN is below all, null loses.
    Least,
}

/// The row with the best first argument, as a struct of all arguments, `c0`, `c1`, ….
pub(crate) fn extreme(best: Best, types: &[DataType]) -> Arc<AggregateUDF> {
    let fields: Fields = types
        .iter()
        .enumerate()
        .map(|(position, ty)| Field::new(format!("c{position}"), ty.clone(), true))
        .collect();
    let fold = Extreme {
        best,
        fields: fields.clone(),
    };
    let name = format!("kql_{best:?}").to_lowercase();
    FoldAggregate::udaf(name, fold, types.to_vec(), DataType::Struct(fields))
}

#[derive(Clone, Debug)]
struct Extreme {
    best: Best,
    fields: Fields,
}

/// The best row so far.
#[derive(Debug, Default)]
struct Row {
    key: Vec<u8>,
    values: Vec<u8>,
    found: bool,
}

impl Extreme {
    fn key_converter(&self) -> Result<RowConverter> {
        let options = SortOptions {
            descending: self.best == Best::Least,
            nulls_first: true,
        };
        let ty = self.fields[0].data_type().clone();
        Ok(RowConverter::new(vec![SortField::new_with_options(
            ty, options,
        )])?)
    }

    fn value_converter(&self) -> Result<RowConverter> {
        let fields = self.fields.iter();
        let fields = fields
            .map(|field| SortField::new(field.data_type().clone()))
            .collect();
        Ok(RowConverter::new(fields)?)
    }

    /// The keys with NaN at the winning end.
    fn keys(&self, column: &ArrayRef) -> ArrayRef {
        let Some(reals) = column.as_primitive_opt::<Float64Type>() else {
            return Arc::clone(column);
        };
        let nan = if self.best == Best::Greatest {
            f64::NAN
        } else {
            -f64::NAN
        };
        let keys: Float64Array = reals.unary(|value| if value.is_nan() { nan } else { value });
        Arc::new(keys)
    }
}

impl Fold for Extreme {
    type State = Row;

    fn update(&self, states: &mut [Row], columns: &[ArrayRef], groups: &Groups<'_>) -> Result<()> {
        let keys = self
            .key_converter()?
            .convert_columns(&[self.keys(&columns[0])])?;
        // Only the winners of this batch are converted, because rows can be wide.
        let mut winners: HashMap<usize, usize> = HashMap::new();
        for row in 0..keys.num_rows() {
            let Some(group) = groups.of(row) else {
                continue;
            };
            let key = keys.row(row);
            let better = match winners.get(&group) {
                Some(best) => key.as_ref() > keys.row(*best).as_ref(),
                None => !states[group].found || key.as_ref() > &states[group].key[..],
            };
            if better {
                winners.insert(group, row);
            }
        }
        if winners.is_empty() {
            return Ok(());
        }
        let (groups, rows): (Vec<usize>, Vec<u32>) = winners
            .into_iter()
            .map(|(group, row)| (group, row as u32))
            .unzip();
        let indices = UInt32Array::from(rows);
        let columns = columns
            .iter()
            .map(|column| take(column, &indices, None))
            .collect::<Result<Vec<_>, _>>()?;
        let values = self.value_converter()?.convert_columns(&columns)?;
        for (position, group) in groups.into_iter().enumerate() {
            let state = &mut states[group];
            state.found = true;
            state.key.clear();
            state
                .key
                .extend_from_slice(keys.row(indices.value(position) as usize).as_ref());
            state.values.clear();
            state
                .values
                .extend_from_slice(values.row(position).as_ref());
        }
        Ok(())
    }

    fn save(&self, state: &Row, out: &mut Vec<u8>) {
        if state.found {
            write_bytes(&state.key, out);
            write_bytes(&state.values, out);
        }
    }

    fn merge(&self, state: &mut Row, mut saved: &[u8]) {
        if let Some(key) = read_bytes(&mut saved)
            && let Some(values) = read_bytes(&mut saved)
            && (!state.found || key > &state.key[..])
        {
            *state = Row {
                key: key.to_vec(),
                values: values.to_vec(),
                found: true,
            };
        }
    }

    fn finish(&self, states: Vec<Row>) -> Result<ArrayRef> {
        let converter = self.value_converter()?;
        let nulls: Vec<ArrayRef> = self
            .fields
            .iter()
            .map(|field| arrow::array::new_null_array(field.data_type(), 1))
            .collect();
        let missing = converter.convert_columns(&nulls)?;
        let parser = converter.parser();
        let rows = states.iter().map(|state| {
            if state.found {
                parser.parse(&state.values)
            } else {
                missing.row(0)
            }
        });
        let columns = converter.convert_rows(rows)?;
        Ok(Arc::new(StructArray::try_new(
            self.fields.clone(),
            columns,
            None,
        )?))
    }

    fn size(&self, state: &Row) -> usize {
        state.key.capacity() + state.values.capacity()
    }
}
