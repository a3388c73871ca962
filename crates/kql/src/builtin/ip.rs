//! IP addresses.

use super::vocabulary::{
    Any, Array, LONG, Scalar, TO_ARRAY, TO_BOOL, TO_LONG, TO_STRING, Text, TextOrDynamic, function,
    takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "parse_ipv4",
        &[takes(&[Text], TO_LONG)],
        "The number of an IPv4 address.",
    ),
    function(
        "parse_ipv4_mask",
        &[takes(&[Text, LONG], TO_LONG)],
        "The number of an IPv4 address under a netmask.",
    ),
    function(
        "parse_ipv6",
        &[takes(&[Text], TO_STRING)],
        "Canonical text of an IPv6 or IPv4 address.",
    ),
    function(
        "parse_ipv6_mask",
        &[takes(&[Text, LONG], TO_STRING)],
        "Canonical text of an address under a netmask.",
    ),
    function(
        "ipv4_compare",
        &[takes(&[Text, Text, LONG], TO_LONG).optional(1)],
        "Compares two IPv4 addresses under their netmasks.",
    ),
    function(
        "ipv4_is_match",
        &[takes(&[Text, Text, LONG], TO_BOOL).optional(1)],
        "Whether two IPv4 addresses are equal under their netmasks.",
    ),
    function(
        "ipv4_is_private",
        &[takes(&[Text], TO_BOOL)],
        "Whether an IPv4 address is in a private range.",
    ),
    function(
        "ipv4_is_in_range",
        &[takes(&[Text, Text], TO_BOOL)],
        "Whether an IPv4 address is in a CIDR range.",
    ),
    function(
        "ipv4_is_in_any_range",
        &[
            takes(&[TextOrDynamic, Array], TO_BOOL),
            takes(&[TextOrDynamic, Text], TO_BOOL).variadic(),
        ],
        "Whether an IPv4 address is in one of several CIDR ranges.",
    ),
    function(
        "ipv4_netmask_suffix",
        &[takes(&[Text], TO_LONG)],
        "The prefix length of an IPv4 range.",
    ),
    function(
        "ipv4_range_to_cidr_list",
        &[takes(&[Text, Text], TO_ARRAY)],
        "CIDR ranges that cover a range of addresses.",
    ),
    function(
        "ipv6_compare",
        &[takes(&[Text, Text, LONG], TO_LONG).optional(1)],
        "Compares two IPv6 or IPv4 addresses.",
    ),
    function(
        "ipv6_is_match",
        &[takes(&[Text, Text, LONG], TO_BOOL).optional(1)],
        "Whether two IPv6 or IPv4 addresses are equal under their netmasks.",
    ),
    function(
        "ipv6_is_in_range",
        &[takes(&[Text, Text], TO_BOOL)],
        "Whether an IPv6 address is in a range.",
    ),
    function(
        "ipv6_is_in_any_range",
        &[
            takes(&[TextOrDynamic, Array], TO_BOOL),
            takes(&[TextOrDynamic, Text], TO_BOOL).variadic(),
        ],
        "Whether an IPv6 address is in one of several ranges.",
    ),
    function(
        "format_ipv4",
        &[takes(&[Any, LONG], TO_STRING).optional(1)],
        "Text of an IPv4 address under a netmask.",
    ),
    function(
        "format_ipv4_mask",
        &[takes(&[Any, LONG], TO_STRING)],
        "Text of an IPv4 address with its prefix length.",
    ),
    function(
        "has_ipv4",
        &[takes(&[TextOrDynamic, Text], TO_BOOL)],
        "Whether a text holds an IPv4 address.",
    ),
    function(
        "has_ipv4_prefix",
        &[takes(&[TextOrDynamic, Text], TO_BOOL)],
        "Whether a text holds an IPv4 address that starts so.",
    ),
    function(
        "has_any_ipv4",
        &[
            takes(&[TextOrDynamic, Array], TO_BOOL),
            takes(&[TextOrDynamic, Text], TO_BOOL).variadic(),
        ],
        "Whether a text holds one of several IPv4 addresses.",
    ),
    function(
        "has_any_ipv4_prefix",
        &[
            takes(&[TextOrDynamic, Array], TO_BOOL),
            takes(&[TextOrDynamic, Text], TO_BOOL).variadic(),
        ],
        "Whether a text holds an IPv4 address that starts with one of several prefixes.",
    ),
];
