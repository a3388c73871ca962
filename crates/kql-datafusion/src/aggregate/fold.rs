//! From a fold over rows to a DataFusion aggregate. The state of a group travels between the
//! phases of an aggregation as one binary value.

use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryBuilder};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

/// What an aggregate does to the rows of a group.
pub(super) trait Fold: Clone + Debug + Send + Sync + 'static {
    /// What is known of a group.
    type State: Default + Debug + Send + Sync + 'static;

    /// Takes a batch; `groups` tells the state of each row.
    fn update(
        &self,
        states: &mut [Self::State],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()>;

    /// Writes a state.
    fn save(&self, state: &Self::State, out: &mut Vec<u8>);

    /// Takes what [`Fold::save`] wrote.
    fn merge(&self, state: &mut Self::State, saved: &[u8]);

    /// The results, one per state.
    fn finish(&self, states: Vec<Self::State>) -> Result<ArrayRef>;

    /// Bytes that a state holds beyond its own size.
    fn size(&self, state: &Self::State) -> usize;
}

/// To which group each row of a batch belongs.
pub(super) struct Groups<'a> {
    indices: Option<&'a [usize]>,
    keep: Option<&'a BooleanArray>,
}

impl Groups<'_> {
    /// The group of a row, `None` if the row is left out.
    pub(super) fn of(&self, row: usize) -> Option<usize> {
        if let Some(keep) = self.keep
            && !(keep.is_valid(row) && keep.value(row))
        {
            return None;
        }
        Some(self.indices.map_or(0, |indices| indices[row]))
    }

    /// The texts of a column that are not null, with their groups.
    pub(super) fn texts<'t>(&self, column: &'t ArrayRef) -> impl Iterator<Item = (usize, &'t str)> {
        let values = column.as_string_view();
        let rows = (0..values.len()).filter(|row| values.is_valid(*row));
        rows.filter_map(|row| Some((self.of(row)?, values.value(row))))
    }
}

/// A fold as DataFusion's aggregate. Two are equal if names, arguments and results are; the name
/// therefore spells every option of the fold.
pub(super) struct FoldAggregate<F> {
    name: String,
    fold: F,
    signature: Signature,
    result: DataType,
}

impl<F: Fold> FoldAggregate<F> {
    pub(super) fn udaf(
        name: String,
        fold: F,
        arguments: Vec<DataType>,
        result: DataType,
    ) -> Arc<AggregateUDF> {
        let signature = Signature::exact(arguments, Volatility::Immutable);
        Arc::new(AggregateUDF::new_from_impl(Self {
            name,
            fold,
            signature,
            result,
        }))
    }
}

impl<F> Debug for FoldAggregate<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoldAggregate")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<F> PartialEq for FoldAggregate<F> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.signature == other.signature && self.result == other.result
    }
}

impl<F> Eq for FoldAggregate<F> {}

impl<F> Hash for FoldAggregate<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.signature.hash(state);
        self.result.hash(state);
    }
}

impl<F: Fold> AggregateUDFImpl for FoldAggregate<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format!("{}[state]", args.name);
        Ok(vec![Arc::new(Field::new(
            name,
            DataType::LargeBinary,
            true,
        ))])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Single {
            fold: self.fold.clone(),
            state: F::State::default(),
        }))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many {
            fold: self.fold.clone(),
            states: Vec::new(),
            size: 0,
            unmeasured: 0,
        }))
    }
}

/// One group.
#[derive(Debug)]
struct Single<F: Fold> {
    fold: F,
    state: F::State,
}

impl<F: Fold> Accumulator for Single<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = Groups {
            indices: None,
            keep: None,
        };
        self.fold
            .update(std::slice::from_mut(&mut self.state), values, &groups)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let result = self.fold.finish(vec![std::mem::take(&mut self.state)])?;
        ScalarValue::try_from_array(&result, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.fold.size(&self.state)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut saved = Vec::new();
        self.fold.save(&self.state, &mut saved);
        Ok(vec![ScalarValue::LargeBinary(Some(saved))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for saved in states[0].as_binary::<i64>().iter().flatten() {
            self.fold.merge(&mut self.state, saved);
        }
        Ok(())
    }
}

/// Many groups.
struct Many<F: Fold> {
    fold: F,
    states: Vec<F::State>,
    /// Bytes that the states held when they were last measured.
    size: usize,
    /// Rows taken since then.
    unmeasured: usize,
}

impl<F: Fold> Many<F> {
    fn grow(&mut self, total: usize) {
        self.states.resize_with(total, F::State::default);
    }

    /// Measures the states once as many rows came as there are states, so that measuring many
    /// groups costs no more than filling them.
    fn taken(&mut self, rows: usize) {
        self.unmeasured += rows;
        if self.unmeasured >= self.states.len() {
            self.measure();
        }
    }

    fn measure(&mut self) {
        self.unmeasured = 0;
        self.size = self.states.iter().map(|state| self.fold.size(state)).sum();
    }
}

impl<F: Fold> GroupsAccumulator for Many<F> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let groups = Groups {
            indices: Some(group_indices),
            keep: opt_filter,
        };
        self.fold.update(&mut self.states, values, &groups)?;
        self.taken(group_indices.len());
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = emit_to.take_needed(&mut self.states);
        self.measure();
        self.fold.finish(states)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let states = emit_to.take_needed(&mut self.states);
        self.measure();
        let mut builder = LargeBinaryBuilder::new();
        let mut saved = Vec::new();
        for state in &states {
            saved.clear();
            self.fold.save(state, &mut saved);
            builder.append_value(&saved);
        }
        Ok(vec![Arc::new(builder.finish())])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        for (saved, group) in values[0].as_binary::<i64>().iter().zip(group_indices) {
            if let Some(saved) = saved {
                self.fold.merge(&mut self.states[*group], saved);
            }
        }
        self.taken(group_indices.len());
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, Array::len);
        let mut each_row = Self {
            fold: self.fold.clone(),
            states: Vec::new(),
            size: 0,
            unmeasured: 0,
        };
        let indices: Vec<usize> = (0..rows).collect();
        each_row.update_batch(values, &indices, opt_filter, rows)?;
        each_row.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.size + self.states.capacity() * size_of::<F::State>()
    }
}

/// Appends a length and the bytes.
pub(super) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).expect("a value of an Arrow view is below 4 GiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Reads what [`write_bytes`] wrote, and moves past it.
pub(super) fn read_bytes<'a>(saved: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = saved.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (bytes, rest) = rest.split_at_checked(length)?;
    *saved = rest;
    Some(bytes)
}
