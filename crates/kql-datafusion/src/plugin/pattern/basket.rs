//! `basket`: every closed pattern that is frequent enough.

use datafusion::error::Result;

use super::closed::closed_patterns;
use super::{Attributes, Pattern};
use crate::node::whole::Work;

pub(super) fn patterns(
    attributes: &Attributes,
    threshold: f64,
    dimensions: usize,
    work: &Work,
) -> Result<Vec<Pattern>> {
    let least = threshold * attributes.totals[0];
    let mut found = closed_patterns(attributes, dimensions, work, |weights| weights[0] >= least)?;
    found.sort_by(|left, right| {
        let by_rank = right.rank().total_cmp(&left.rank());
        by_rank.then_with(|| left.values.cmp(&right.values))
    });
    Ok(found)
}
