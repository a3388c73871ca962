//! `autocluster`: from rows spread over the input, attributes are dropped as long as that makes a
//! better pattern. The best patterns of different rows are the clusters.

use std::collections::HashMap;

use datafusion::error::Result;

use super::{Attributes, Pattern, RARE};
use crate::node::whole::Work;

pub(super) fn patterns(
    attributes: &Attributes,
    size_weight: f64,
    seeds: usize,
    work: &Work,
) -> Result<Vec<Pattern>> {
    let mut candidates: Vec<(f64, Pattern)> = Vec::new();
    for seed in seeds_of(attributes, seeds) {
        work.check()?;
        let found = climb(attributes, seed, size_weight);
        if found.1.fixed() > 0
            && candidates
                .iter()
                .all(|(_, known)| known.values != found.1.values)
        {
            candidates.push(found);
        }
    }
    candidates.sort_by(|left, right| {
        let by_score = right.0.total_cmp(&left.0);
        by_score.then_with(|| left.1.values.cmp(&right.1.values))
    });
    let mut covered = vec![false; attributes.transactions.len()];
    let mut chosen: Vec<Pattern> = Vec::new();
    for (_, pattern) in candidates {
        work.check()?;
        let mut new = 0.0;
        let transactions = || attributes.transactions.iter().zip(&covered);
        for (transaction, covered) in transactions() {
            if !covered && pattern.holds(transaction) {
                new += transaction.weights[0];
            }
        }
        // A pattern most of whose rows are in better ones tells nothing new.
        if new * 2.0 < pattern.weights[0] {
            continue;
        }
        for (transaction, covered) in attributes.transactions.iter().zip(&mut covered) {
            *covered |= pattern.holds(transaction);
        }
        chosen.push(pattern);
    }
    chosen.sort_by(|left, right| right.rank().total_cmp(&left.rank()));
    Ok(chosen)
}

/// Rows at equal distances by what they count, so that what is frequent is met.
fn seeds_of(attributes: &Attributes, count: usize) -> Vec<usize> {
    let step = attributes.totals[0] / count as f64;
    let mut seeds = Vec::new();
    let (mut sum, mut next) = (0.0, step / 2.0);
    for (number, transaction) in attributes.transactions.iter().enumerate() {
        sum += transaction.weights[0];
        if sum > next {
            seeds.push(number);
            let passed = ((sum - next) / step).ceil().max(1.0);
            next += passed * step;
        }
    }
    seeds
}

/// The best pattern on the way from all values of a row to none, and its score.
fn climb(attributes: &Attributes, seed: usize, size_weight: f64) -> (f64, Pattern) {
    let seed = &attributes.transactions[seed].values;
    // What other rows share with the seed, and how much those count.
    let mut shared: HashMap<Box<[bool]>, f64> = HashMap::new();
    for transaction in &attributes.transactions {
        let same = seed.iter().zip(&transaction.values);
        let same: Box<[bool]> = same
            .map(|(wanted, value)| wanted == value && *value != RARE)
            .collect();
        *shared.entry(same).or_default() += transaction.weights[0];
    }
    let weight = |fixed: &[bool]| -> f64 {
        let holds = shared.iter().filter(|(same, _)| {
            let mut pairs = fixed.iter().zip(same.iter());
            pairs.all(|(fixed, same)| !fixed || *same)
        });
        holds.map(|(_, weight)| weight).sum()
    };
    let score = |fixed: &[bool], weight: f64| {
        let informative = fixed.iter().filter(|fixed| **fixed).count() as f64;
        let informative = informative / fixed.len().max(1) as f64;
        (weight / attributes.totals[0]).powf(size_weight) * informative.powf(1.0 - size_weight)
    };
    let mut fixed: Vec<bool> = seed.iter().map(|value| *value != RARE).collect();
    let mut best_weight = weight(&fixed);
    let mut best = score(&fixed, best_weight);
    loop {
        let mut better = None;
        for attribute in 0..fixed.len() {
            if !fixed[attribute] {
                continue;
            }
            fixed[attribute] = false;
            let weight = weight(&fixed);
            let found = score(&fixed, weight);
            fixed[attribute] = true;
            if found > best {
                best = found;
                best_weight = weight;
                better = Some(attribute);
            }
        }
        let Some(attribute) = better else { break };
        fixed[attribute] = false;
    }
    let values = seed.iter().zip(&fixed);
    let values = values.map(|(value, fixed)| fixed.then_some(*value));
    let pattern = Pattern {
        values: values.collect(),
        weights: [best_weight, 0.0],
    };
    (best, pattern)
}
