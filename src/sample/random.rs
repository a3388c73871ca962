//! A seeded source of chance: the same seed gives the same draws on every machine.

use std::fmt::Write as _;

/// Draws numbers, choices and hashes. The generator is SplitMix64, whose output is defined by
/// its algorithm and so cannot change with a dependency.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: seed ^ 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// An independent generator, so that one part's draws do not shift another's.
    pub(super) fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `[0, bound)`; zero for a bound of zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    /// A number in `[low, high]`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True with this many chances in a thousand.
    pub(super) fn permille(&mut self, chances: u64) -> bool {
        self.below(1000) < chances
    }

    /// One of `choices`, which is not empty.
    pub(super) fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len() as u64) as usize]
    }

    /// One of `choices`, the first ones far more often: real activity is skewed.
    pub(super) fn pick_skewed<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        let bound = self.between(1, choices.len() as u64);
        &choices[self.below(bound) as usize]
    }

    /// A Poisson-like count around `mean_permille` thousandths.
    pub(super) fn count(&mut self, mean_permille: u64) -> u64 {
        let spread = self.between(mean_permille / 2, mean_permille * 3 / 2);
        spread / 1000 + u64::from(self.permille(spread % 1000))
    }
}

/// `length` hex digits derived from `text`: hashes and ids of a made-up world. FNV-1a seeds the
/// generator; nobody needs to find these digests hard to forge.
pub(super) fn hex_of(text: &str, length: usize) -> String {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    let mut random = Random::new(text.bytes().fold(0xCBF2_9CE4_8422_2325, fold));
    let mut digits = String::with_capacity(length + 16);
    while digits.len() < length {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{:016x}", random.next());
    }
    digits.truncate(length);
    digits
}

/// A GUID derived from `text`.
pub(super) fn guid_of(text: &str) -> String {
    let hex = hex_of(text, 32);
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}
