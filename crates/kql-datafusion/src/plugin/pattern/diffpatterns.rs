//! `diffpatterns`: closed patterns that one set of rows has more often than the other, the greatest
//! difference first, without those that better ones explain. They fix at least `fewest` attributes.

use datafusion::error::Result;

use super::closed::closed_patterns;
use super::{Attributes, Pattern};
use crate::node::whole::Work;

pub(super) fn patterns(
    attributes: &Attributes,
    threshold: f64,
    fewest: usize,
    dimensions: usize,
    work: &Work,
) -> Result<Vec<Pattern>> {
    let share = |weights: [f64; 2], set: usize| match attributes.totals[set] {
        0.0 => 0.0,
        total => weights[set] / total,
    };
    let difference = |weights: [f64; 2]| share(weights, 0) - share(weights, 1);
    // A difference takes that much of one of the sets.
    let may_differ = |weights: [f64; 2]| share(weights, 0).max(share(weights, 1)) >= threshold;
    let mut found = closed_patterns(attributes, dimensions, work, may_differ)?;
    found.retain(|pattern| {
        pattern.fixed() >= fewest && difference(pattern.weights).abs() >= threshold
    });
    found.sort_by(|left, right| {
        let size = |pattern: &Pattern| difference(pattern.weights).abs();
        let by_size = size(right).total_cmp(&size(left));
        by_size.then_with(|| left.values.cmp(&right.values))
    });
    let mut covered = vec![[false; 2]; attributes.transactions.len()];
    let mut chosen: Vec<Pattern> = Vec::new();
    for pattern in found {
        work.check()?;
        // The set that has more of it.
        let set = usize::from(difference(pattern.weights) < 0.0);
        let mut new = 0.0;
        for (transaction, covered) in attributes.transactions.iter().zip(&covered) {
            if !covered[set] && pattern.holds(transaction) {
                new += transaction.weights[set];
            }
        }
        // A pattern most of whose rows are in better ones tells nothing new.
        if new * 2.0 < pattern.weights[set] {
            continue;
        }
        for (transaction, covered) in attributes.transactions.iter().zip(&mut covered) {
            covered[set] |= pattern.holds(transaction);
        }
        chosen.push(pattern);
    }
    Ok(chosen)
}
