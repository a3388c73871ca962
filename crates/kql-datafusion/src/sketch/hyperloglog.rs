//! Counts distinct values from their hashes. Few hashes are kept as they are and count exactly;
//! many fall into registers, from which Ertl's estimator reads the number.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use twox_hash::XxHash64;

use crate::function::{json, text};

/// Accuracy where a call names none.
pub(crate) const ACCURACY_DEFAULT: i64 = 1;

/// Bits of a hash that choose its register, by accuracy.
const BITS: [u32; 5] = [12, 14, 16, 17, 18];

/// Hashes that one register stands for before they are worth registers.
const REGISTERS_PER_HASH: usize = 16;

/// The set of hashes seen so far, as far as it is remembered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HyperLogLog {
    bits: u32,
    content: Content,
}

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Hashes(HashSet<u64>),
    /// Of each register the longest run of leading zeros, and one.
    Registers(Vec<u8>),
}

impl HyperLogLog {
    /// An empty sketch; `None` if there is no such accuracy.
    pub(crate) fn new(accuracy: i64) -> Option<Self> {
        let bits = *BITS.get(usize::try_from(accuracy).ok()?)?;
        Some(Self {
            bits,
            content: Content::Hashes(HashSet::new()),
        })
    }

    /// Takes a value, given as bytes that equal values share.
    pub(crate) fn insert(&mut self, value: &[u8]) {
        self.insert_hash(XxHash64::oneshot(0, value));
    }

    fn insert_hash(&mut self, hash: u64) {
        match &mut self.content {
            Content::Hashes(hashes) => {
                hashes.insert(hash);
                if hashes.len() > most_hashes(self.bits) {
                    let registers = registers_of(hashes, self.bits);
                    self.content = Content::Registers(registers);
                }
            }
            Content::Registers(registers) => note(registers, self.bits, hash),
        }
    }

    /// Takes what another sketch has seen. The less accurate of the two decides the accuracy.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.bits < self.bits {
            self.reduce(other.bits);
        }
        match &other.content {
            Content::Hashes(hashes) => {
                for hash in hashes {
                    self.insert_hash(*hash);
                }
            }
            Content::Registers(theirs) => {
                let theirs = reduced(theirs, other.bits, self.bits);
                let mut ours = match &mut self.content {
                    Content::Hashes(hashes) => registers_of(hashes, self.bits),
                    Content::Registers(registers) => std::mem::take(registers),
                };
                for (ours, theirs) in ours.iter_mut().zip(theirs) {
                    *ours = (*ours).max(theirs);
                }
                self.content = Content::Registers(ours);
            }
        }
    }

    fn reduce(&mut self, bits: u32) {
        match &self.content {
            Content::Hashes(hashes) if hashes.len() > most_hashes(bits) => {
                self.content = Content::Registers(registers_of(hashes, bits));
            }
            Content::Hashes(_) => {}
            Content::Registers(registers) => {
                self.content = Content::Registers(reduced(registers, self.bits, bits));
            }
        }
        self.bits = bits;
    }

    /// The number of distinct values, estimated where it is large.
    pub(crate) fn count(&self) -> i64 {
        match &self.content {
            Content::Hashes(hashes) => hashes.len() as i64,
            Content::Registers(registers) => estimate(registers, self.bits).round() as i64,
        }
    }

    /// The hashes, as long as they are all remembered.
    pub(super) fn hashes(&self) -> Option<&HashSet<u64>> {
        match &self.content {
            Content::Hashes(hashes) => Some(hashes),
            Content::Registers(_) => None,
        }
    }

    /// Bytes held beyond the sketch's own.
    pub(crate) fn size(&self) -> usize {
        match &self.content {
            Content::Hashes(hashes) => hashes.capacity() * 9,
            Content::Registers(registers) => registers.capacity(),
        }
    }

    /// Writes the sketch as Kusto does: the two numbers of its make, its hashes as texts, and
    /// what the registers hold, in base64.
    pub(crate) fn write(&self, out: &mut String) {
        text::write(
            out,
            format_args!("[[{},{}],[", most_hashes(self.bits), self.bits),
        );
        match &self.content {
            Content::Hashes(hashes) => {
                let mut hashes: Vec<u64> = hashes.iter().copied().collect();
                hashes.sort_unstable();
                for (position, hash) in hashes.iter().enumerate() {
                    let comma = if position > 0 { "," } else { "" };
                    text::write(out, format_args!("{comma}\"{}\"", *hash as i64));
                }
                out.push_str("],[]]");
            }
            Content::Registers(registers) => {
                out.push_str("],[\"");
                STANDARD.encode_string(registers, out);
                out.push_str("\"]]");
            }
        }
    }

    /// Reads what [`HyperLogLog::write`] wrote; `None` for anything else.
    pub(crate) fn read(json: &str) -> Option<Self> {
        let mut parts = json::elements(json)?;
        let (make, hashes, registers) = (parts.next()?, parts.next()?, parts.next()?);
        let bits: u32 = json::elements(make)?.nth(1)?.parse().ok()?;
        if !BITS.contains(&bits) {
            return None;
        }
        if let Some(encoded) = json::elements(registers)?.next() {
            let registers = STANDARD.decode(json::unescape(encoded).as_bytes()).ok()?;
            let most = (u64::BITS - bits + 1) as u8;
            let fits = registers.len() == 1 << bits && registers.iter().all(|r| *r <= most);
            return fits.then_some(Self {
                bits,
                content: Content::Registers(registers),
            });
        }
        let mut sketch = Self {
            bits,
            content: Content::Hashes(HashSet::new()),
        };
        for hash in json::elements(hashes)? {
            let hash: i64 = json::unescape(hash).parse().ok()?;
            sketch.insert_hash(hash as u64);
        }
        Some(sketch)
    }
}

/// More hashes than these become registers.
fn most_hashes(bits: u32) -> usize {
    (1 << bits) / REGISTERS_PER_HASH
}

fn registers_of(hashes: &HashSet<u64>, bits: u32) -> Vec<u8> {
    let mut registers = vec![0; 1 << bits];
    for hash in hashes {
        note(&mut registers, bits, *hash);
    }
    registers
}

/// The first bits of a hash choose the register, the zeros behind them count.
fn note(registers: &mut [u8], bits: u32, hash: u64) {
    let index = (hash >> (u64::BITS - bits)) as usize;
    let zeros = (hash << bits).leading_zeros().min(u64::BITS - bits);
    registers[index] = registers[index].max(zeros as u8 + 1);
}

/// The registers as they were if fewer bits had chosen among them.
fn reduced(registers: &[u8], from: u32, to: u32) -> Vec<u8> {
    if from == to {
        return registers.to_vec();
    }
    let dropped = from - to;
    let mut fewer = vec![0; 1 << to];
    for (index, register) in registers.iter().enumerate() {
        if *register == 0 {
            continue;
        }
        let behind = (index as u32) & ((1 << dropped) - 1);
        let rank = if behind == 0 {
            dropped as u8 + register
        } else {
            (behind.leading_zeros() - (u32::BITS - dropped)) as u8 + 1
        };
        let target = &mut fewer[index >> dropped];
        *target = rank.max(*target);
    }
    fewer
}

/// Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", algorithm 6.
fn estimate(registers: &[u8], bits: u32) -> f64 {
    let longest = (u64::BITS - bits) as usize;
    let mut counts = vec![0_usize; longest + 2];
    for register in registers {
        counts[usize::from(*register)] += 1;
    }
    let size = registers.len() as f64;
    let mut sum = size * tau(1.0 - counts[longest + 1] as f64 / size);
    for count in counts[1..=longest].iter().rev() {
        sum = 0.5 * (sum + *count as f64);
    }
    sum += size * sigma(counts[0] as f64 / size);
    size * size / (2.0 * std::f64::consts::LN_2 * sum)
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(accuracy: i64, values: std::ops::Range<u64>) -> HyperLogLog {
        let mut sketch = HyperLogLog::new(accuracy).unwrap();
        for value in values {
            sketch.insert(&value.to_le_bytes());
        }
        sketch
    }

    fn reread(sketch: &HyperLogLog) -> HyperLogLog {
        let mut json = String::new();
        sketch.write(&mut json);
        HyperLogLog::read(&json).unwrap()
    }

    fn assert_near(sketch: &HyperLogLog, expected: f64) {
        let off = (sketch.count() as f64 / expected - 1.0).abs();
        assert!(off < 0.03, "{} is not near {expected}", sketch.count());
    }

    #[test]
    fn few_values_count_exactly_and_many_nearly() {
        assert_eq!(sketch(1, 0..0).count(), 0);
        assert_eq!(sketch(1, 0..1000).count(), 1000);
        for (accuracy, count) in [(0, 3_000), (1, 5_000), (1, 1_000_000), (4, 200_000)] {
            assert_near(&sketch(accuracy, 0..count), count as f64);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for count in [0, 10, 50_000] {
            let original = sketch(1, 0..count);
            assert_eq!(reread(&original), original);
        }
        for text in [
            "",
            "[]",
            "[[1024,14],[\"x\"],[]]",
            "[[1,99],[],[]]",
            "{\"a\":1}",
            "[[1024,14],[],[\"AAAA\"]]",
        ] {
            assert_eq!(HyperLogLog::read(text), None, "{text}");
        }
    }

    #[test]
    fn merging_counts_what_either_has_seen() {
        for (ours, theirs) in [(0..100, 50..150), (0..60_000, 30_000..90_000)] {
            let expected = (theirs.end - ours.start) as f64;
            let mut merged = sketch(1, ours);
            merged.merge(&sketch(1, theirs));
            assert_near(&merged, expected);
        }
        let mut merged = sketch(1, 0..10);
        merged.merge(&sketch(1, 5..100_000));
        assert_near(&merged, 100_000.0);
    }

    #[test]
    fn the_less_accurate_of_two_decides() {
        let coarse = sketch(0, 0..40_000);
        let mut merged = sketch(4, 20_000..80_000);
        merged.merge(&coarse);
        assert_eq!(merged.bits, 12);
        assert_near(&merged, 80_000.0);
        let mut merged = coarse;
        merged.merge(&sketch(4, 20_000..80_000));
        assert_near(&merged, 80_000.0);
    }
}
