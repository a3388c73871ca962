//! Knows percentiles of values it has seen. Some thousand different values are kept with their
//! weights, which is exact; beyond that neighbours share one value, few at the ends and more in
//! the middle, as in Dunning's t-digest. A shared value is always one that was seen.

use std::f64::consts::PI;

use kql::types::ScalarType;

use crate::function::{json, text};

/// Entries that are collected before they are sorted and joined.
const ENTRIES_MAX: usize = 8192;

/// Different values that are kept apart.
const EXACT_MAX: usize = 4096;

/// How finely the values are told apart once there are more: half the number of entries left.
const COMPRESSION: f64 = 1000.0;

/// Values in their order and how much each weighs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Digest {
    /// long, real, datetime or timespan.
    ty: ScalarType,
    /// Integers that order as the values do: longs, nanoseconds, or [`sortable_of_real`].
    entries: Vec<(i64, u64)>,
    /// How many entries from the first on are in order, without duplicates.
    settled: usize,
}

impl Digest {
    /// A digest of values of a type.
    pub(crate) fn new(ty: ScalarType) -> Self {
        Self {
            ty,
            entries: Vec::new(),
            settled: 0,
        }
    }

    /// The type of its values.
    pub(crate) fn ty(&self) -> ScalarType {
        self.ty
    }

    /// Takes a value, as an integer of its order, that counts `weight` times.
    pub(crate) fn insert(&mut self, value: i64, weight: u64) {
        if weight == 0 {
            return;
        }
        self.entries.push((value, weight));
        if self.entries.len() >= ENTRIES_MAX {
            self.settle();
            self.compress();
        }
    }

    /// Takes what another digest has seen; `false` if their values have nothing in common.
    pub(crate) fn merge(&mut self, other: &Self) -> bool {
        let convert: fn(i64) -> i64 = match (self.ty, other.ty) {
            (ours, theirs) if ours == theirs => |value| value,
            (ScalarType::Real, ScalarType::Long) => |value| sortable_of_real(value as f64),
            (ScalarType::Long, ScalarType::Real) => {
                for (value, _) in &mut self.entries {
                    *value = sortable_of_real(*value as f64);
                }
                self.ty = ScalarType::Real;
                self.settled = 0;
                |value| value
            }
            _ => return false,
        };
        for (value, weight) in &other.entries {
            self.insert(convert(*value), *weight);
        }
        true
    }

    /// Sorts the entries and joins those of one value.
    fn settle(&mut self) {
        if self.settled < self.entries.len() {
            join_equal(&mut self.entries);
            self.settled = self.entries.len();
        }
    }

    /// The digest, settled.
    pub(crate) fn settled(mut self) -> Self {
        self.settle();
        self
    }

    /// Joins neighbours, if there are many. The entries are settled.
    fn compress(&mut self) {
        if self.entries.len() <= EXACT_MAX {
            return;
        }
        let total = self.weight();
        let mut joined = Vec::with_capacity(EXACT_MAX);
        let last = self.entries.len() - 1;
        let mut seen = 0.0;
        let mut first = 0;
        while first <= last {
            // The least and the greatest value stay alone.
            let mut end = first + 1;
            let mut weight = self.entries[first].1 as f64;
            let limit = total * share_limit(seen / total);
            while first > 0 && end < last && seen + weight + self.entries[end].1 as f64 <= limit {
                weight += self.entries[end].1 as f64;
                end += 1;
            }
            joined.push(middle(&self.entries[first..end]));
            seen += weight;
            first = end;
        }
        self.settled = joined.len();
        self.entries = joined;
    }

    fn weight(&self) -> f64 {
        self.entries.iter().map(|(_, weight)| *weight as f64).sum()
    }

    /// The value that at least `rank` percent of the values do not exceed. The digest is settled.
    pub(crate) fn percentile(&self, rank: f64) -> Option<i64> {
        nearest(&self.entries, rank)
    }

    /// How many values do not exceed `value`, and how many there are.
    pub(crate) fn rank(&self, value: i64) -> (f64, f64) {
        let below = self.entries.iter().filter(|(entry, _)| *entry <= value);
        let below = below.map(|(_, weight)| *weight as f64).sum();
        (below, self.weight())
    }

    /// Bytes held beyond the digest's own.
    pub(crate) fn size(&self) -> usize {
        self.entries.capacity() * size_of::<(i64, u64)>()
    }

    /// Writes the settled digest as Kusto does: the kind of its values, the values, the weights.
    pub(crate) fn write(&self, out: &mut String) {
        let code = CODES.iter().position(|ty| *ty == self.ty).unwrap_or(0);
        text::write(out, format_args!("[[{}],[", code + CODE_FIRST));
        for (position, (value, _)) in self.entries.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            if self.ty == ScalarType::Real {
                json::write_real(real_of_sortable(*value), out);
            } else {
                text::write(out, format_args!("{value}"));
            }
        }
        out.push_str("],[");
        for (position, (_, weight)) in self.entries.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            text::write(out, format_args!("{weight}"));
        }
        out.push_str("]]");
    }

    /// Reads what [`Digest::write`] wrote; `None` for anything else.
    pub(crate) fn read(json: &str) -> Option<Self> {
        let mut parts = json::elements(json)?;
        let (code, values, weights) = (parts.next()?, parts.next()?, parts.next()?);
        let code: usize = json::elements(code)?.next()?.parse().ok()?;
        let ty = *CODES.get(code.checked_sub(CODE_FIRST)?)?;
        let mut digest = Self::new(ty);
        let mut weights = json::elements(weights)?;
        for value in json::elements(values)? {
            let value = if ty == ScalarType::Real {
                sortable_of_real(parse_real(value)?)
            } else {
                value.parse().ok()?
            };
            digest.insert(value, weights.next()?.parse().ok()?);
        }
        digest.settle();
        Some(digest)
    }
}

/// The number that stands for the first of [`CODES`].
const CODE_FIRST: usize = 7;

/// Types of values.
const CODES: [ScalarType; 4] = [
    ScalarType::Long,
    ScalarType::Real,
    ScalarType::DateTime,
    ScalarType::TimeSpan,
];

fn parse_real(json: &str) -> Option<f64> {
    match json {
        "\"Infinity\"" => Some(f64::INFINITY),
        "\"-Infinity\"" => Some(f64::NEG_INFINITY),
        _ => json.parse().ok().filter(|real: &f64| real.is_finite()),
    }
}

/// Up to which share of all values an entry may reach that starts at share `from`.
fn share_limit(from: f64) -> f64 {
    let scale = COMPRESSION / (2.0 * PI);
    let position = scale * (2.0 * from - 1.0).clamp(-1.0, 1.0).asin() + 1.0;
    f64::midpoint((position / scale).min(PI / 2.0).sin(), 1.0)
}

/// The entry in the middle, with the weight of all.
fn middle(entries: &[(i64, u64)]) -> (i64, u64) {
    let total = entries
        .iter()
        .fold(0_u64, |sum, entry| sum.saturating_add(entry.1));
    let mut seen = 0_u64;
    for (value, weight) in entries {
        seen = seen.saturating_add(*weight);
        if seen >= total.div_ceil(2) {
            return (*value, total);
        }
    }
    (entries[0].0, total)
}

/// The value that at least `rank` percent of the weight does not exceed, of sorted entries.
pub(crate) fn nearest(entries: &[(i64, u64)], rank: f64) -> Option<i64> {
    let total: f64 = entries.iter().map(|(_, weight)| *weight as f64).sum();
    let wanted = rank / 100.0 * total;
    let mut seen = 0.0;
    for (value, weight) in entries {
        seen += *weight as f64;
        if seen >= wanted {
            return Some(*value);
        }
    }
    entries.last().map(|(value, _)| *value)
}

/// Flips the bits below the sign of negative numbers, which makes their order that of integers;
/// its own inverse.
pub(crate) fn flip(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// An integer that orders as the real does, which is not NaN.
pub(crate) fn sortable_of_real(real: f64) -> i64 {
    flip(real.to_bits() as i64)
}

/// The inverse of [`sortable_of_real`].
pub(crate) fn real_of_sortable(sortable: i64) -> f64 {
    f64::from_bits(flip(sortable) as u64)
}

/// Sorts values with their weights and joins those that are equal.
pub(crate) fn join_equal(entries: &mut Vec<(i64, u64)>) {
    entries.sort_unstable();
    entries.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = kept.1.saturating_add(next.1);
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(values: impl IntoIterator<Item = i64>) -> Digest {
        let mut digest = Digest::new(ScalarType::Long);
        for value in values {
            digest.insert(value, 1);
        }
        digest.settle();
        digest
    }

    #[test]
    fn few_values_are_exact() {
        let digest = digest((1..=1000).rev());
        assert_eq!(digest.percentile(50.0), Some(500));
        assert_eq!(digest.percentile(0.0), Some(1));
        assert_eq!(digest.percentile(100.0), Some(1000));
        assert_eq!(digest.rank(685), (685.0, 1000.0));
        assert_eq!(super::nearest(&[], 50.0), None);
    }

    #[test]
    fn many_values_are_near_and_the_ends_exact() {
        let count = 1_000_003_i64;
        // A stride that visits every number once.
        let digest = digest((0..count).map(|position| position * 7919 % count));
        assert!(digest.entries.len() <= ENTRIES_MAX);
        assert_eq!(digest.percentile(0.0), Some(0));
        assert_eq!(digest.percentile(100.0), Some(count - 1));
        for rank in [0.1, 1.0, 10.0, 50.0, 90.0, 99.9] {
            let value = digest.percentile(rank).unwrap() as f64;
            let expected = rank / 100.0 * count as f64;
            let off = (value - expected).abs() / count as f64;
            assert!(off < 0.003, "{rank}: {value} is not near {expected}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut reals = Digest::new(ScalarType::Real);
        for value in [-1.5, 0.0, f64::INFINITY, 2.25e300] {
            reals.insert(sortable_of_real(value), 3);
        }
        reals.settle();
        for original in [reals, digest([5, 5, i64::MIN, i64::MAX])] {
            let mut json = String::new();
            original.write(&mut json);
            assert_eq!(Digest::read(&json), Some(original), "{json}");
        }
        for text in [
            "",
            "[]",
            "[[7],[1],[]]",
            "[[1],[1],[1]]",
            "[[7],[\"x\"],[1]]",
        ] {
            assert_eq!(Digest::read(text), None, "{text}");
        }
    }

    #[test]
    fn longs_become_reals_beside_reals() {
        let mut merged = digest([1, 2]);
        let mut reals = Digest::new(ScalarType::Real);
        reals.insert(sortable_of_real(1.5), 1);
        assert!(merged.merge(&reals));
        merged.settle();
        let median = merged.percentile(50.0).map(real_of_sortable);
        assert_eq!(median, Some(1.5));
        assert!(!merged.merge(&Digest::new(ScalarType::DateTime)));
    }
}
