//! How many values several sketches have in common. Of sketches that remember their hashes it is
//! exact; else it follows from the sizes of their unions, by inclusion and exclusion.

use super::HyperLogLog;

/// The number of values that all of `sketches` have seen; `None` if `is_over` says that nobody
/// waits for it, or if there are none.
pub(crate) fn in_common(sketches: &[HyperLogLog], is_over: &dyn Fn() -> bool) -> Option<i64> {
    let known: Option<Vec<_>> = sketches.iter().map(HyperLogLog::hashes).collect();
    if let Some(known) = known {
        let (first, others) = known.split_first()?;
        let shared = first
            .iter()
            .filter(|hash| others.iter().all(|other| other.contains(hash)));
        return Some(shared.count() as i64);
    }
    let least = sketches.iter().map(HyperLogLog::count).min()?;
    let mut sum = 0;
    // Unions of some of the sketches: the next that may be added, how many there are, the union.
    let mut pending: Vec<(usize, usize, Option<HyperLogLog>)> = vec![(0, 0, None)];
    while let Some((next, size, union)) = pending.pop() {
        if is_over() {
            return None;
        }
        if let Some(union) = &union {
            sum += if size % 2 == 1 {
                union.count()
            } else {
                -union.count()
            };
        }
        for (position, sketch) in sketches.iter().enumerate().skip(next) {
            let larger = match &union {
                Some(union) => {
                    let mut larger = union.clone();
                    larger.merge(sketch);
                    larger
                }
                None => sketch.clone(),
            };
            pending.push((position + 1, size + 1, Some(larger)));
        }
    }
    Some(sum.clamp(0, least))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(values: impl Iterator<Item = i64>) -> HyperLogLog {
        let mut sketch = HyperLogLog::new(1).unwrap();
        for value in values {
            sketch.insert(&value.to_le_bytes());
        }
        sketch
    }

    fn check(sketches: &[HyperLogLog], least: i64, most: i64) {
        let found = in_common(sketches, &|| false).unwrap();
        assert!((least..=most).contains(&found), "{found}");
    }

    #[test]
    fn few_values_are_counted() {
        let even = sketch((0..100).map(|n| n * 2));
        let threes = sketch((0..100).map(|n| n * 3));
        let none = sketch(-5..0);
        check(std::slice::from_ref(&even), 100, 100);
        // The multiples of 6 below 200.
        check(&[even.clone(), threes.clone()], 34, 34);
        check(&[even, threes, none], 0, 0);
    }

    #[test]
    fn many_values_are_estimated() {
        let all = sketch(0..60_000);
        let half = sketch(0..30_000);
        let late = sketch(20_000..80_000);
        check(&[all.clone(), half.clone()], 28_500, 31_500);
        check(&[all, half, late], 8_500, 11_500);
    }

    #[test]
    fn few_values_among_many() {
        let all = sketch(0..60_000);
        let few = sketch(0..500);
        check(&[few, all], 0, 500);
    }

    #[test]
    fn work_nobody_waits_for_ends() {
        let all = sketch(0..60_000);
        assert_eq!(in_common(&[all.clone(), all], &|| true), None);
    }
}
