//! Pairs of edges that are near each other, found by sweeping over boxes around them.

use super::vector::Vector;

/// What a box is made larger by, so that nearly touching edges are found.
const MARGIN: f64 = 1e-14;

/// A box around an edge.
struct Bound {
    low: [f64; 3],
    high: [f64; 3],
    edge: usize,
}

impl Bound {
    fn new(edge: usize, (a, b): (Vector, Vector)) -> Self {
        let quarter = (a - b).dot(a - b) / 4.0;
        // The arc is outside of the chord by this much at most.
        let bulge = 1.0 - (1.0 - quarter).max(0.0).sqrt() + MARGIN;
        let (a, b) = ([a.x, a.y, a.z], [b.x, b.y, b.z]);
        Self {
            low: std::array::from_fn(|axis| a[axis].min(b[axis]) - bulge),
            high: std::array::from_fn(|axis| a[axis].max(b[axis]) + bulge),
            edge,
        }
    }

    fn meets(&self, other: &Self) -> bool {
        (0..3).all(|axis| self.low[axis] <= other.high[axis] && other.low[axis] <= self.high[axis])
    }
}

/// Calls `meet` with each pair of edges that may touch, the smaller index first, until it says
/// stop by returning false.
pub(super) fn near_pairs(edges: &[(Vector, Vector)], mut meet: impl FnMut(usize, usize) -> bool) {
    let mut bounds: Vec<Bound> = edges
        .iter()
        .enumerate()
        .map(|(position, edge)| Bound::new(position, *edge))
        .collect();
    let axis = widest_axis(&bounds);
    bounds.sort_by(|a, b| a.low[axis].total_cmp(&b.low[axis]));
    for (position, bound) in bounds.iter().enumerate() {
        for other in &bounds[position + 1..] {
            if other.low[axis] > bound.high[axis] {
                break;
            }
            let (first, second) = (bound.edge.min(other.edge), bound.edge.max(other.edge));
            if bound.meets(other) && !meet(first, second) {
                return;
            }
        }
    }
}

/// The axis along which the edges spread the most.
fn widest_axis(bounds: &[Bound]) -> usize {
    let spread = |axis: usize| {
        let low = bounds.iter().map(|b| b.low[axis]).fold(f64::MAX, f64::min);
        let high = bounds.iter().map(|b| b.high[axis]).fold(f64::MIN, f64::max);
        high - low
    };
    let spreads = [0, 1, 2].map(spread);
    (0..3)
        .max_by(|a, b| spreads[*a].total_cmp(&spreads[*b]))
        .unwrap_or(0)
}
