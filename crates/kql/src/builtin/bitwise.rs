//! Integers taken bit by bit.

use super::vocabulary::{Integer, Scalar, TO_LONG, function, takes};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "binary_and",
        &[takes(&[Integer, Integer], TO_LONG)],
        "Bitwise and.",
    )
    .keeps_name(),
    function(
        "binary_or",
        &[takes(&[Integer, Integer], TO_LONG)],
        "Bitwise or.",
    )
    .keeps_name(),
    function(
        "binary_xor",
        &[takes(&[Integer, Integer], TO_LONG)],
        "Bitwise exclusive or.",
    )
    .keeps_name(),
    function(
        "binary_not",
        &[takes(&[Integer], TO_LONG)],
        "Bitwise complement.",
    )
    .keeps_name(),
    function(
        "binary_shift_left",
        &[takes(&[Integer, Integer], TO_LONG)],
        "Shifts bits to the left.",
    )
    .keeps_name(),
    function(
        "binary_shift_right",
        &[takes(&[Integer, Integer], TO_LONG)],
        "Shifts bits to the right.",
    )
    .keeps_name(),
    function(
        "bitset_count_ones",
        &[takes(&[Integer], TO_LONG)],
        "Number of bits set.",
    )
    .keeps_name(),
];
