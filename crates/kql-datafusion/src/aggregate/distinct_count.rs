//! `dcount`: how many distinct values a group has. Up to [`EXACT_MAX`] the count is that of the
//! values' hashes, which differ as the values do; beyond, it is HyperLogLog's estimate over
//! 2^14 registers, whose standard error is 0.8 %. Which of the two it is depends on the values
//! alone, not on the way in which they reach the aggregate.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::logical_expr::AggregateUDF;

use super::fold::{Fold, FoldAggregate, Groups};
use crate::function::distinct::distinct;

/// Most values of a group that are counted one by one.
const EXACT_MAX: usize = 2048;
/// Rows whose places are looked at before they are written.
const AHEAD: usize = 64;
/// Bits of a hash that choose its register.
const REGISTER_BITS: u32 = 14;
/// Registers of an estimate.
const REGISTERS: usize = 1 << REGISTER_BITS;
/// Greatest value of a register: the other bits are all zero.
const RANK_MAX: usize = 64 - REGISTER_BITS as usize + 1;

/// `dcount` of a column of this type.
pub(crate) fn distinct_count(ty: &DataType) -> Arc<AggregateUDF> {
    let arguments = vec![ty.clone()];
    FoldAggregate::udaf(
        "kql_dcount".to_owned(),
        DistinctCount,
        arguments,
        DataType::Int64,
    )
}

#[derive(Clone, Debug)]
struct DistinctCount;

/// The distinct values of a group, by their hashes.
#[derive(Debug, Default)]
enum Values {
    #[default]
    None,
    One(u64),
    /// A hash table with a free slot where there is a zero.
    Few {
        slots: Vec<u64>,
        count: usize,
    },
    /// Registers of HyperLogLog.
    Many(Box<[u8]>),
}

impl Values {
    fn insert(&mut self, hash: u64) {
        // Zero marks what is free.
        let hash = hash.max(1);
        match self {
            Self::None => *self = Self::One(hash),
            Self::One(held) if *held == hash => {}
            Self::One(held) => {
                let mut slots = vec![0; 4];
                place(&mut slots, *held);
                place(&mut slots, hash);
                *self = Self::Few { slots, count: 2 };
            }
            Self::Few { slots, count } => {
                if !place(slots, hash) {
                    return;
                }
                *count += 1;
                if *count > EXACT_MAX {
                    let mut registers = vec![0; REGISTERS].into_boxed_slice();
                    for hash in slots.iter().filter(|hash| **hash != 0) {
                        register(&mut registers, *hash);
                    }
                    *self = Self::Many(registers);
                } else if *count * 4 > slots.len() * 3 {
                    let mut wider = vec![0; slots.len() * 2];
                    for hash in slots.iter().filter(|hash| **hash != 0) {
                        place(&mut wider, *hash);
                    }
                    *slots = wider;
                }
            }
            Self::Many(registers) => register(registers, hash),
        }
    }

    /// Reads where a hash would go.
    fn look(&self, hash: u64) -> u64 {
        match self {
            Self::None => 0,
            Self::One(held) => *held,
            Self::Few { slots, .. } => slots[(hash >> 20) as usize & (slots.len() - 1)],
            Self::Many(registers) => u64::from(registers[hash as usize & (REGISTERS - 1)]),
        }
    }

    fn count(&self) -> i64 {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Few { count, .. } => *count as i64,
            Self::Many(registers) => estimate(registers).round() as i64,
        }
    }
}

/// Puts a hash into its slot; false if it was there.
fn place(slots: &mut [u64], hash: u64) -> bool {
    let mask = slots.len() - 1;
    // The low bits choose the register, so the slot takes others.
    let mut slot = (hash >> 20) as usize & mask;
    while slots[slot] != 0 {
        if slots[slot] == hash {
            return false;
        }
        slot = (slot + 1) & mask;
    }
    slots[slot] = hash;
    true
}

fn register(registers: &mut [u8], hash: u64) {
    let position = hash as usize & (REGISTERS - 1);
    let rest = hash >> REGISTER_BITS;
    let rank = (rest.leading_zeros() - REGISTER_BITS + 1) as u8;
    registers[position] = registers[position].max(rank);
}

/// The estimator of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches",
/// which needs no correction for any range.
fn estimate(registers: &[u8]) -> f64 {
    let mut counts = [0_usize; RANK_MAX + 1];
    for rank in registers {
        counts[usize::from(*rank).min(RANK_MAX)] += 1;
    }
    let registers = REGISTERS as f64;
    let mut sum = registers * tau(1.0 - counts[RANK_MAX] as f64 / registers);
    for count in counts[1..RANK_MAX].iter().rev() {
        sum = 0.5 * (sum + *count as f64);
    }
    sum += registers * sigma(counts[0] as f64 / registers);
    registers * registers / (2.0 * std::f64::consts::LN_2 * sum)
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let next = sum + x * weight;
        weight += weight;
        if next <= sum {
            return sum;
        }
        sum = next;
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        weight *= 0.5;
        let next = sum - (1.0 - x) * (1.0 - x) * weight;
        if next >= sum {
            return sum / 3.0;
        }
        sum = next;
    }
}

/// Hashes of an array's values; what null has is not to be used.
fn hashes(column: &ArrayRef) -> Result<Vec<u64>> {
    let mut hashes = vec![0; column.len()];
    create_hashes([column], &RandomState::default(), &mut hashes)?;
    // The count relies on all bits being alike, whatever the hash was made for.
    for hash in &mut hashes {
        *hash = (*hash ^ (*hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        *hash = (*hash ^ (*hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        *hash ^= *hash >> 32;
    }
    Ok(hashes)
}

impl Fold for DistinctCount {
    type State = Values;

    fn update(
        &self,
        states: &mut [Values],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()> {
        let column = &columns[0];
        let nulls = column.logical_nulls();
        let is_valid = |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let hashes = match distinct(column) {
            Some(distinct) => {
                let hashes = hashes(&distinct.texts)?;
                let rows = distinct.rows.values().iter();
                rows.map(|text| hashes[*text as usize]).collect()
            }
            None => hashes(column)?,
        };
        let mut pending = Vec::with_capacity(AHEAD);
        for (block, hashes) in hashes.chunks(AHEAD).enumerate() {
            pending.clear();
            for (offset, hash) in hashes.iter().enumerate() {
                let row = block * AHEAD + offset;
                if let Some(group) = groups.of(row)
                    && is_valid(row)
                {
                    pending.push((group, *hash));
                }
            }
            // Each look is a miss of the cache, and those that do not wait for each other are
            // all under way at once.
            let looks = pending.iter();
            let looks = looks.fold(0, |seen, (group, hash)| seen ^ states[*group].look(*hash));
            std::hint::black_box(looks);
            for (group, hash) in &pending {
                states[*group].insert(*hash);
            }
        }
        Ok(())
    }

    fn save(&self, state: &Values, out: &mut Vec<u8>) {
        match state {
            Values::None => {}
            Values::One(hash) => out.extend_from_slice(&hash.to_le_bytes()),
            // The table as it is, so that it need not be made again.
            Values::Few { slots, .. } => {
                for hash in slots {
                    out.extend_from_slice(&hash.to_le_bytes());
                }
            }
            // One byte more than registers, so that no number of hashes is as long.
            Values::Many(registers) => {
                out.extend_from_slice(registers);
                out.push(0);
            }
        }
    }

    fn merge(&self, state: &mut Values, saved: &[u8]) {
        let (hashes, rest) = saved.as_chunks::<8>();
        if rest.is_empty() {
            let hashes = hashes.iter().map(|hash| u64::from_le_bytes(*hash));
            if hashes.len() > 1 && matches!(state, Values::None) {
                let slots: Vec<u64> = hashes.collect();
                let count = slots.iter().filter(|hash| **hash != 0).count();
                *state = Values::Few { slots, count };
            } else {
                hashes
                    .filter(|hash| *hash != 0)
                    .for_each(|hash| state.insert(hash));
            }
            return;
        }
        let mut merged: Box<[u8]> = saved[..saved.len() - 1].into();
        match state {
            Values::Many(registers) => {
                for (held, other) in registers.iter_mut().zip(&merged) {
                    *held = (*held).max(*other);
                }
                return;
            }
            Values::None => {}
            Values::One(hash) => register(&mut merged, *hash),
            Values::Few { slots, .. } => {
                for hash in slots.iter().filter(|hash| **hash != 0) {
                    register(&mut merged, *hash);
                }
            }
        }
        *state = Values::Many(merged);
    }

    fn finish(&self, states: Vec<Values>) -> Result<ArrayRef> {
        let counts = states.iter().map(Values::count);
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }

    fn size(&self, state: &Values) -> usize {
        match state {
            Values::None | Values::One(_) => 0,
            Values::Few { slots, .. } => slots.capacity() * size_of::<u64>(),
            Values::Many(registers) => registers.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: std::ops::Range<i64>) -> Values {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(range));
        let mut values = Values::default();
        for hash in hashes(&column).unwrap() {
            values.insert(hash);
        }
        values
    }

    #[test]
    fn few_values_are_counted_exactly() {
        for count in [0, 1, 2, 5, 100, 2048] {
            let mut values = of(0..count);
            assert_eq!(values.count(), count);
            // What comes again does not count.
            let mut saved = Vec::new();
            DistinctCount.save(&of(0..count), &mut saved);
            DistinctCount.merge(&mut values, &saved);
            assert_eq!(values.count(), count);
        }
    }

    #[test]
    fn many_values_are_estimated_within_three_standard_errors() {
        for count in [2_049, 5_000, 20_000, 60_000, 300_000, 2_000_000] {
            let estimate = of(0..count).count();
            let error = (estimate - count).abs() as f64 / count as f64;
            assert!(error < 0.025, "{count}: {estimate}");
        }
    }

    #[test]
    fn the_way_of_the_values_does_not_matter() {
        let whole = of(0..9_000).count();
        for cut in [1, 1_000, 2_500, 8_999] {
            let mut left = of(0..cut);
            let mut saved = Vec::new();
            DistinctCount.save(&of(cut - 1..9_000), &mut saved);
            DistinctCount.merge(&mut left, &saved);
            assert_eq!(left.count(), whole, "{cut}");
        }
    }
}
