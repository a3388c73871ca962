//! The order in which Kusto returns some lists of cells: that of a hash table of their names.
//! It means nothing, but queries that take the first cell or show the list depend on it.

/// Sizes of tables.
const SIZES: [usize; 76] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    103, 109, 113, 127, 137, 139, 149, 157, 167, 179, 193, 199, 211, 227, 241, 257, 277, 293, 313,
    337, 359, 383, 409, 439, 467, 503, 541, 577, 619, 661, 709, 761, 823, 887, 953, 1031, 1109,
    1193, 1289, 1381, 1493, 1613, 1741, 1879, 2029, 2179, 2357, 2549, 2753, 2971, 3209,
];

/// Sizes of tables continued: each about a twelfth larger.
const LARGE_SIZES: [usize; 39] = [
    3469, 3739, 4027, 4349, 4703, 5087, 5503, 5953, 6427, 6949, 7517, 8123, 8783, 9497, 10273,
    11113, 12011, 12983, 14033, 15173, 16411, 17749, 19183, 20753, 22447, 24281, 26267, 28411,
    30727, 33223, 35933, 38873, 42043, 45481, 49201, 53201, 57557, 62233, 67307,
];

/// Puts names in the order of a table they are added to one by one. A slot that gets its first
/// name comes before all others, and a name comes before those in its slot.
pub(super) fn ordered(names: Vec<String>) -> Vec<String> {
    let size = SIZES
        .iter()
        .chain(&LARGE_SIZES)
        .copied()
        .find(|size| *size >= names.len())
        .unwrap_or(names.len());
    let mut slots: Vec<Vec<String>> = vec![Vec::new(); size];
    let mut filled = Vec::new();
    for name in names {
        let slot = (hash(name.as_bytes()) % size as u64) as usize;
        if slots[slot].is_empty() {
            filled.push(slot);
        }
        slots[slot].push(name);
    }
    let mut ordered = Vec::new();
    for slot in filled.into_iter().rev() {
        ordered.extend(std::mem::take(&mut slots[slot]).into_iter().rev());
    }
    ordered
}

/// The hash of a name: Murmur in its version for 64 bits.
fn hash(name: &[u8]) -> u64 {
    const SEED: u64 = 0xc70f_6907;
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    let mixed = |value: u64| value ^ (value >> 47);
    let mut hash = SEED ^ (name.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        let data = mixed(u64::from_le_bytes(*word).wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
        hash = (hash ^ data).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    mixed(mixed(hash).wrapping_mul(FACTOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_in_the_order_of_the_table() {
        let names = [
            "89c2f9", "89c251", "89c257", "89c25f", "89c2f7", "89c25b", "89c2f5", "89c25d",
        ];
        let expected = [
            "89c25d", "89c25b", "89c2f7", "89c257", "89c2f5", "89c251", "89c25f", "89c2f9",
        ];
        assert_eq!(ordered(names.map(str::to_owned).to_vec()), expected);
    }
}
