//! Functions of IPv4 addresses and networks. An address may carry a prefix (`10.0.0.0/8`); where
//! two have one, the shorter counts. Text that is no address is null.

use std::net::Ipv4Addr;

use arrow::array::ArrayRef;
use datafusion::common::Result;
use kql::types::ScalarType;

use super::arguments::{Arguments, Input, Numbers, Texts};
use super::json;
use super::string::write_strings;
use super::text;
use super::udf::{Evaluate, code};
use super::value::Datum;

/// Functions of addresses by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "parse_ipv4" => code(|a| {
            let texts = a.texts(0)?;
            a.longs(|row| Some(i64::from(Network::parse(texts.text(row))?.address)))
        }),
        "parse_ipv4_mask" => code(|a| {
            let (texts, prefixes) = (a.texts(0)?, a.longs_in(1));
            a.longs(|row| {
                let network = Network::parse(texts.text(row))?.shortened(prefixes.get(row)?)?;
                Some(i64::from(network.address))
            })
        }),
        "format_ipv4" => code(|a| format(a, false)),
        "format_ipv4_mask" => code(|a| format(a, true)),
        "ipv4_is_private" => code(|a| {
            let texts = a.texts(0)?;
            a.bools(|row| {
                let network = Network::parse(texts.text(row))?;
                Some(PRIVATE.iter().any(|private| private.contains(network)))
            })
        }),
        "ipv4_is_in_range" => code(|a| {
            let (texts, ranges) = (a.texts(0)?, a.texts(1)?);
            a.bools(|row| {
                let range = Network::parse(ranges.text(row))?;
                Some(range.contains(Network::parse(texts.text(row))?))
            })
        }),
        "ipv4_is_in_any_range" => code(is_in_any_range),
        "ipv4_is_match" => code(|a| {
            let pairs = Pairs::new(a)?;
            a.bools(|row| pairs.get(row).map(|(left, right)| left == right))
        }),
        "ipv4_compare" => code(|a| {
            let pairs = Pairs::new(a)?;
            a.longs(|row| pairs.get(row).map(|(left, right)| left.cmp(&right) as i64))
        }),
        "ipv4_netmask_suffix" => code(|a| {
            let texts = a.texts(0)?;
            a.longs(|row| Some(i64::from(Network::parse(texts.text(row))?.prefix)))
        }),
        "ipv4_range_to_cidr_list" => code(range_to_networks),
        "has_ipv4" | "has_any_ipv4" => code(|a| has_address(a, |address, item| address == item)),
        "has_ipv4_prefix" | "has_any_ipv4_prefix" => code(|a| has_address(a, has_prefix)),
        _ => return None,
    })
}

/// An address with the bits beyond its prefix cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: u32,
    prefix: u32,
}

const PRIVATE: [Network; 3] = [
    Network {
        address: 0x0A00_0000,
        prefix: 8,
    },
    Network {
        address: 0xAC10_0000,
        prefix: 12,
    },
    Network {
        address: 0xC0A8_0000,
        prefix: 16,
    },
];

/// The first bits of an address with or without a prefix, and how many there are.
pub(super) fn network(text: &str) -> Option<(u32, u32)> {
    Network::parse(text).map(|network| (network.address, network.prefix))
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, prefix.parse().ok()?),
            None => (text, 32),
        };
        let address: Ipv4Addr = address.parse().ok()?;
        Self {
            address: address.to_bits(),
            prefix: 32,
        }
        .shortened(prefix)
    }

    /// The network of the first `prefix` bits, or of its own prefix if that is shorter.
    fn shortened(self, prefix: i64) -> Option<Self> {
        let prefix = u32::try_from(prefix).ok().filter(|prefix| *prefix <= 32)?;
        let prefix = prefix.min(self.prefix);
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        Some(Self {
            address: self.address & mask,
            prefix,
        })
    }

    fn contains(self, other: Self) -> bool {
        other
            .shortened(i64::from(self.prefix))
            .is_some_and(|other| {
                // A network that is wider than the range is compared by its own, shorter prefix.
                self.shortened(i64::from(other.prefix)) == Some(other)
            })
    }
}

/// Two addresses and the prefix that cuts both.
struct Pairs {
    left: Texts,
    right: Texts,
    prefixes: Option<Numbers<i64>>,
}

impl Pairs {
    fn new(arguments: &Arguments<'_>) -> Result<Self> {
        Ok(Self {
            left: arguments.texts(0)?,
            right: arguments.texts(1)?,
            prefixes: (arguments.len() > 2).then(|| arguments.longs_in(2)),
        })
    }

    fn get(&self, row: usize) -> Option<(u32, u32)> {
        let given = match &self.prefixes {
            Some(prefixes) => prefixes.get(row)?,
            None => 32,
        };
        let left = Network::parse(self.left.text(row))?.shortened(given)?;
        let right = Network::parse(self.right.text(row))?.shortened(given)?;
        let shorter = i64::from(left.prefix.min(right.prefix));
        Some((
            left.shortened(shorter)?.address,
            right.shortened(shorter)?.address,
        ))
    }
}

/// `format_ipv4(address, prefix)`, the address as text or number.
fn format(arguments: &Arguments<'_>, with_mask: bool) -> Result<ArrayRef> {
    let addresses = arguments.input(0);
    let prefixes = (arguments.len() > 1).then(|| arguments.longs_in(1));
    arguments.strings(|row, out| {
        let given = match &prefixes {
            Some(prefixes) => prefixes.get(row),
            None => Some(32),
        };
        let network = match addresses.get(row) {
            Datum::String(text) => Network::parse(text),
            other => other
                .to_long()
                .and_then(|value| u32::try_from(value).ok())
                .map(|address| Network {
                    address,
                    prefix: 32,
                }),
        };
        let network = given.and_then(|prefix| network?.shortened(prefix).map(|n| (n, prefix)));
        if let Some((network, prefix)) = network {
            text::write(
                out,
                format_args!("{}", Ipv4Addr::from_bits(network.address)),
            );
            if with_mask {
                let prefix = if prefixes.is_some() {
                    prefix.min(network.prefix.into())
                } else {
                    32
                };
                text::write(out, format_args!("/{prefix}"));
            }
        }
    })
}

/// The texts among the arguments from `first` on, arrays unrolled.
pub(super) fn each_text(inputs: &[Input], row: usize, mut visit: impl FnMut(&str) -> bool) -> bool {
    inputs.iter().any(|input| match input.get(row) {
        Datum::Dynamic(value) => match json::elements(value) {
            Some(mut elements) => elements.any(|element| visit(&json::unescape(element))),
            None => visit(&json::unescape(value)),
        },
        Datum::String(text) => visit(text),
        _ => false,
    })
}

fn is_in_any_range(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (texts, ranges) = (arguments.texts(0)?, arguments.inputs(1));
    arguments.bools(|row| {
        let address = Network::parse(texts.text(row))?;
        Some(each_text(&ranges, row, |range| {
            Network::parse(range).is_some_and(|range| range.contains(address))
        }))
    })
}

/// The fewest networks that cover the addresses from the first to the last.
fn range_to_networks(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (starts, ends) = (arguments.texts(0)?, arguments.texts(1)?);
    arguments.optional_strings(|row, out| {
        let mut from = u64::from(Network::parse(starts.text(row))?.address);
        let to = u64::from(Network::parse(ends.text(row))?.address);
        let mut networks = Vec::new();
        while from <= to {
            let aligned = from.trailing_zeros().min(32);
            let fitting = (to - from + 1).ilog2();
            let bits = aligned.min(fitting);
            let address = Ipv4Addr::from_bits(u32::try_from(from).ok()?);
            networks.push(format!("{address}/{}", 32 - bits));
            from += 1 << bits;
        }
        write_strings(networks.iter().map(String::as_str), out);
        Some(())
    })
}

/// Whether an address that stands by itself in the text is as one of the items wants it.
fn has_address(arguments: &Arguments<'_>, wanted: fn(&str, &str) -> bool) -> Result<ArrayRef> {
    let (texts, items) = (arguments.texts(0)?, arguments.inputs(1));
    arguments.tests(|row| {
        let words = texts
            .text(row)
            .split(|c: char| !c.is_alphanumeric() && c != '.');
        words
            .map(|word| word.trim_matches('.'))
            .filter(|word| word.parse::<Ipv4Addr>().is_ok())
            .any(|address| each_text(&items, row, |item| wanted(address, item)))
    })
}

/// A prefix is a whole address or ends with a dot.
fn has_prefix(address: &str, prefix: &str) -> bool {
    address == prefix || (prefix.ends_with('.') && address.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, dynamic, eval, long, string};
    use super::*;
    use ScalarType::{Bool, Long, String};

    fn check(name: &str, result: ScalarType, arguments: &[Argument], expected: &str) {
        assert_eq!(
            eval(name, result, arguments),
            expected,
            "{name} {arguments:?}"
        );
    }

    #[test]
    fn parsing_clears_the_host_bits() {
        check("parse_ipv4", Long, &[string("192.168.1.1")], "3232235777");
        check(
            "parse_ipv4",
            Long,
            &[string("192.168.1.1/24")],
            "3232235776",
        );
        check("parse_ipv4", Long, &[string("1.2.3")], "null");
    }

    #[test]
    fn formatting() {
        for (address, prefix, expected) in [
            ("192.168.1.1", 24, "192.168.1.0/24"),
            ("192.168.1.1", 32, "192.168.1.1/32"),
            ("192.168.1.1/24", 32, "192.168.1.0/24"),
            ("192.168.1.1/24", -1, ""),
        ] {
            check(
                "format_ipv4_mask",
                String,
                &[string(address), long(prefix)],
                expected,
            );
        }
        check("format_ipv4", String, &[long(3_232_235_777)], "192.168.1.1");
    }

    #[test]
    fn ranges() {
        let range = |ip: &str, range: &str, expected: &str| {
            check(
                "ipv4_is_in_range",
                Bool,
                &[string(ip), string(range)],
                expected,
            );
        };
        range("192.168.1.6", "192.168.1.1/24", "True");
        range("192.168.2.6", "192.168.1.1/24", "False");
        range("x", "192.168.1.1/24", "null");
        check("ipv4_is_private", Bool, &[string("172.31.0.1")], "True");
        check("ipv4_is_private", Bool, &[string("172.32.0.1")], "False");
        let networks = dynamic(r#"["192.168.1.1/16","10.0.0.1/8"]"#);
        check(
            "ipv4_is_in_any_range",
            Bool,
            &[string("10.1.2.3"), networks.clone()],
            "True",
        );
        check(
            "ipv4_is_in_any_range",
            Bool,
            &[string("1.1.1.1"), networks],
            "False",
        );
    }

    #[test]
    fn ranges_as_networks() {
        let ends = [string("1.1.128.0"), string("1.1.140.255")];
        let expected = r#"["1.1.128.0/21","1.1.136.0/22","1.1.140.0/24"]"#;
        check(
            "ipv4_range_to_cidr_list",
            ScalarType::Dynamic,
            &ends,
            expected,
        );
        let all = [string("0.0.0.0"), string("255.255.255.255")];
        check(
            "ipv4_range_to_cidr_list",
            ScalarType::Dynamic,
            &all,
            r#"["0.0.0.0/0"]"#,
        );
    }

    #[test]
    fn the_shorter_prefix_counts() {
        check(
            "ipv4_compare",
            Long,
            &[string("192.168.1.1/30"), string("192.168.1.255/24")],
            "0",
        );
        let with_prefix = [string("192.168.1.1"), string("192.168.1.0"), long(31)];
        check("ipv4_is_match", Bool, &with_prefix, "True");
        check(
            "ipv4_compare",
            Long,
            &[string("1.1.1.1"), string("1.1.1.2")],
            "-1",
        );
    }

    #[test]
    fn addresses_in_text_stand_by_themselves() {
        let text = string("05:04:54 127.0.0.1 GET /favicon.ico 404");
        let glued = string("05:04:54127.0.0.1 GET");
        check(
            "has_ipv4",
            Bool,
            &[text.clone(), string("127.0.0.1")],
            "True",
        );
        check("has_ipv4", Bool, &[glued, string("127.0.0.1")], "False");
        check(
            "has_ipv4_prefix",
            Bool,
            &[text.clone(), string("127.0.")],
            "True",
        );
        check(
            "has_ipv4_prefix",
            Bool,
            &[text.clone(), string("127.0")],
            "False",
        );
        check(
            "has_any_ipv4",
            Bool,
            &[text, dynamic(r#"["1.1.1.1","127.0.0.1"]"#)],
            "True",
        );
    }
}
