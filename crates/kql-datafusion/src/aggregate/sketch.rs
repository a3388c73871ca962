//! `hll`, `tdigest` and their merges: folds that end in a sketch, written as a dynamic value. The
//! sketches themselves are in `sketch.rs`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;
use kql::types::ScalarType;

use super::fold::{Fold, FoldAggregate, Groups};
use super::percentile::sortable;
use crate::sketch::{Digest, HyperLogLog};
use crate::types::arrow_type;

/// `hll` of values that are JSON; null counts for nothing. `None` if there is no such accuracy.
pub(crate) fn hll(accuracy: i64) -> Option<Arc<AggregateUDF>> {
    let empty = HyperLogLog::new(accuracy)?;
    Some(FoldAggregate::udaf(
        format!("kql_hll_{accuracy}"),
        Distinct { empty: Some(empty) },
        vec![DataType::Utf8View],
        DataType::Utf8View,
    ))
}

/// `hll_merge` of sketches.
pub(crate) fn hll_merge() -> Arc<AggregateUDF> {
    FoldAggregate::udaf(
        "kql_hll_merge".to_owned(),
        Distinct { empty: None },
        vec![DataType::Utf8View],
        DataType::Utf8View,
    )
}

/// `tdigest` of values of a type that [`Digest`] takes, and of their weights if `weighted`.
pub(crate) fn tdigest(ty: ScalarType, weighted: bool) -> Arc<AggregateUDF> {
    let mut arguments = vec![arrow_type(ty)];
    if weighted {
        arguments.push(DataType::Int64);
    }
    FoldAggregate::udaf(
        format!("kql_tdigest_{ty}"),
        Percentiles { ty: Some(ty) },
        arguments,
        DataType::Utf8View,
    )
}

/// `tdigest_merge` of sketches.
pub(crate) fn tdigest_merge() -> Arc<AggregateUDF> {
    FoldAggregate::udaf(
        "kql_tdigest_merge".to_owned(),
        Percentiles { ty: None },
        vec![DataType::Utf8View],
        DataType::Utf8View,
    )
}

/// Counts distinct values, or merges sketches where there is no empty one to begin with.
#[derive(Clone, Debug)]
struct Distinct {
    empty: Option<HyperLogLog>,
}

fn merge_hll(state: &mut Option<HyperLogLog>, json: &str) {
    if let Some(sketch) = HyperLogLog::read(json) {
        match state {
            Some(state) => state.merge(&sketch),
            None => *state = Some(sketch),
        }
    }
}

impl Fold for Distinct {
    type State = Option<HyperLogLog>;

    fn update(
        &self,
        states: &mut [Self::State],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()> {
        let values = columns[0].as_string_view();
        for row in 0..values.len() {
            let Some(group) = groups.of(row) else {
                continue;
            };
            if values.is_null(row) {
                continue;
            }
            let json = values.value(row);
            match &self.empty {
                Some(empty) => states[group]
                    .get_or_insert_with(|| empty.clone())
                    .insert(json.as_bytes()),
                None => merge_hll(&mut states[group], json),
            }
        }
        Ok(())
    }

    fn save(&self, state: &Self::State, out: &mut Vec<u8>) {
        if let Some(sketch) = state {
            let mut json = String::new();
            sketch.write(&mut json);
            out.extend_from_slice(json.as_bytes());
        }
    }

    fn merge(&self, state: &mut Self::State, saved: &[u8]) {
        merge_hll(state, &String::from_utf8_lossy(saved));
    }

    fn finish(&self, states: Vec<Self::State>) -> Result<ArrayRef> {
        let sketches = states.iter().map(Option::as_ref);
        Ok(written(sketches, HyperLogLog::write))
    }

    fn size(&self, state: &Self::State) -> usize {
        state.as_ref().map_or(0, HyperLogLog::size)
    }
}

/// Fills digests of a type, or merges digests where there is none.
#[derive(Clone, Debug)]
struct Percentiles {
    ty: Option<ScalarType>,
}

/// A digest, or the knowledge that there is none because values of different types met.
#[derive(Debug, Default)]
struct Met {
    digest: Option<Digest>,
    mixed: bool,
}

impl Met {
    fn merge(&mut self, json: &str) {
        let Some(theirs) = Digest::read(json) else {
            return;
        };
        match &mut self.digest {
            Some(digest) => self.mixed |= !digest.merge(&theirs),
            None => self.digest = Some(theirs),
        }
    }
}

/// What stands for [`Met::mixed`] between the phases of an aggregation.
const MIXED: &str = "mixed";

impl Fold for Percentiles {
    type State = Met;

    fn update(&self, states: &mut [Met], columns: &[ArrayRef], groups: &Groups<'_>) -> Result<()> {
        let Some(ty) = self.ty else {
            let sketches = columns[0].as_string_view();
            for row in 0..sketches.len() {
                if let Some(group) = groups.of(row)
                    && sketches.is_valid(row)
                {
                    states[group].merge(sketches.value(row));
                }
            }
            return Ok(());
        };
        let values = sortable(&columns[0])?;
        let weights = columns.get(1).map(AsArray::as_primitive::<Int64Type>);
        for row in 0..values.len() {
            let Some(group) = groups.of(row) else {
                continue;
            };
            let weight = match weights {
                Some(weights) if weights.is_null(row) => 0,
                Some(weights) => u64::try_from(weights.value(row)).unwrap_or(0),
                None => 1,
            };
            if values.is_valid(row) && weight > 0 {
                let digest = states[group].digest.get_or_insert_with(|| Digest::new(ty));
                digest.insert(values.value(row), weight);
            }
        }
        Ok(())
    }

    fn save(&self, state: &Met, out: &mut Vec<u8>) {
        if state.mixed {
            out.extend_from_slice(MIXED.as_bytes());
        } else if let Some(digest) = &state.digest {
            let mut json = String::new();
            digest.clone().settled().write(&mut json);
            out.extend_from_slice(json.as_bytes());
        }
    }

    fn merge(&self, state: &mut Met, saved: &[u8]) {
        let saved = String::from_utf8_lossy(saved);
        if saved == MIXED {
            state.mixed = true;
        } else {
            state.merge(&saved);
        }
    }

    fn finish(&self, states: Vec<Met>) -> Result<ArrayRef> {
        let digests = states.into_iter().map(|state| {
            let digest = state.digest.filter(|_| !state.mixed)?;
            Some(digest.settled())
        });
        Ok(written(digests, Digest::write))
    }

    fn size(&self, state: &Met) -> usize {
        state.digest.as_ref().map_or(0, Digest::size)
    }
}

/// The sketches as dynamic values, null where there is none.
fn written<T: std::borrow::Borrow<S>, S>(
    sketches: impl Iterator<Item = Option<T>>,
    write: fn(&S, &mut String),
) -> ArrayRef {
    let mut builder = StringViewBuilder::new();
    let mut json = String::new();
    for sketch in sketches {
        match sketch {
            Some(sketch) => {
                json.clear();
                write(sketch.borrow(), &mut json);
                builder.append_value(&json);
            }
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}
