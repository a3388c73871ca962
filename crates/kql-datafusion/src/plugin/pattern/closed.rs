//! Closed patterns: those that cannot fix another attribute without losing rows. Of all patterns
//! that the same rows have, the closed one says most.

use std::collections::{HashMap, HashSet};

use datafusion::error::{DataFusionError, Result};

use super::{Attributes, Pattern, RARE};
use crate::node::whole::Work;

/// Most patterns that are looked at.
const PATTERNS_MAX: usize = 100_000;

/// All closed patterns that `is_frequent` and that up to so many attributes determine.
pub(super) fn closed_patterns(
    attributes: &Attributes,
    dimensions: usize,
    work: &Work,
    is_frequent: impl Fn([f64; 2]) -> bool,
) -> Result<Vec<Pattern>> {
    let width = attributes.columns.len();
    let all: Vec<u32> = (0..attributes.transactions.len() as u32).collect();
    let mut found: Vec<Pattern> = Vec::new();
    let mut known: HashSet<Box<[Option<u32>]>> = HashSet::new();
    let mut level = Vec::new();
    let root = close(attributes, &all);
    known.insert(root.values.clone());
    if root.fixed() > 0 && is_frequent(root.weights) {
        found.push(root.clone());
    }
    level.push((root, all));
    for _ in 0..dimensions.min(width) {
        let mut next = Vec::new();
        for (pattern, members) in &level {
            for attribute in (0..width).filter(|attribute| pattern.values[*attribute].is_none()) {
                work.check()?;
                let mut by_value: HashMap<u32, Vec<u32>> = HashMap::new();
                for member in members {
                    let value = attributes.transactions[*member as usize].values[attribute];
                    if value != RARE {
                        by_value.entry(value).or_default().push(*member);
                    }
                }
                for members in by_value.into_values() {
                    if !is_frequent(weights(attributes, &members)) {
                        continue;
                    }
                    let closed = close(attributes, &members);
                    if !known.insert(closed.values.clone()) {
                        continue;
                    }
                    if known.len() > PATTERNS_MAX {
                        return Err(DataFusionError::Execution(format!(
                            "there are more than {PATTERNS_MAX} patterns; raise the threshold, \
                             project fewer columns, or allow fewer dimensions"
                        )));
                    }
                    work.grow((members.len() + width * 4) * size_of::<u32>())?;
                    found.push(closed.clone());
                    next.push((closed, members));
                }
            }
        }
        level = next;
    }
    Ok(found)
}

fn weights(attributes: &Attributes, members: &[u32]) -> [f64; 2] {
    let mut sum = [0.0; 2];
    for member in members {
        let weights = attributes.transactions[*member as usize].weights;
        sum[0] += weights[0];
        sum[1] += weights[1];
    }
    sum
}

/// What all members have in common.
fn close(attributes: &Attributes, members: &[u32]) -> Pattern {
    let mut values: Vec<Option<u32>> = vec![None; attributes.columns.len()];
    if let Some(first) = members.first() {
        let first = &attributes.transactions[*first as usize].values;
        for (value, first) in values.iter_mut().zip(first) {
            *value = Some(*first).filter(|value| *value != RARE);
        }
    }
    for member in members {
        let other = &attributes.transactions[*member as usize].values;
        for (value, other) in values.iter_mut().zip(other) {
            if value.is_some_and(|value| value != *other) {
                *value = None;
            }
        }
    }
    Pattern {
        values: values.into(),
        weights: weights(attributes, members),
    }
}
