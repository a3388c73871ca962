//! Functions of IPv6 addresses, which take IPv4 addresses as well: those count as the addresses
//! `::ffff:a.b.c.d`, their prefixes as 96 bits more.

use std::net::{IpAddr, Ipv6Addr};

use arrow::array::ArrayRef;
use datafusion::common::Result;
use kql::types::ScalarType;

use super::arguments::Arguments;
use super::ip::each_text;
use super::text;
use super::udf::{Evaluate, code};

/// Functions of addresses by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "parse_ipv6" => code(|a| {
            let texts = a.texts(0)?;
            a.strings(|row, out| {
                if let Some(network) = Network::parse(texts.text(row)) {
                    network.write(out);
                }
            })
        }),
        "parse_ipv6_mask" => code(|a| {
            let (texts, prefixes) = (a.texts(0)?, a.longs_in(1));
            a.strings(|row, out| {
                let network = Network::parse(texts.text(row));
                let prefix = prefixes.get(row);
                if let Some(network) = network.and_then(|network| network.shortened(prefix?)) {
                    network.write(out);
                }
            })
        }),
        "ipv6_is_match" => code(|a| {
            let pair = pairs(a)?;
            a.bools(|row| pair(row).map(|(left, right)| left == right))
        }),
        "ipv6_compare" => code(|a| {
            let pair = pairs(a)?;
            a.longs(|row| pair(row).map(|(left, right)| left.cmp(&right) as i64))
        }),
        "ipv6_is_in_range" => code(|a| {
            let (texts, ranges) = (a.texts(0)?, a.texts(1)?);
            a.bools(|row| {
                let range = Network::parse(ranges.text(row))?;
                Some(range.contains(Network::parse(texts.text(row))?))
            })
        }),
        "ipv6_is_in_any_range" => code(is_in_any_range),
        _ => return None,
    })
}

/// An address with the bits beyond its prefix cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: u128,
    prefix: u32,
}

/// The first bits of an address with or without a prefix, and how many there are.
pub(super) fn network(text: &str) -> Option<(u128, u32)> {
    Network::parse(text).map(|network| (network.address, network.prefix))
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let parsed: IpAddr = address.parse().ok()?;
        // A prefix counts the bits of the notation: an address that ends as IPv4 has 32.
        let offset = if address.contains('.') { 96 } else { 0 };
        let prefix = if prefix.is_empty() {
            128
        } else {
            prefix.parse::<i64>().ok()?.checked_add(offset)?
        };
        let address = match parsed {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        Self {
            address: address.to_bits(),
            prefix: 128,
        }
        .shortened(prefix)
    }

    /// The network of the first `prefix` bits, or of its own prefix if that is shorter.
    fn shortened(self, prefix: i64) -> Option<Self> {
        let prefix = u32::try_from(prefix).ok().filter(|prefix| *prefix <= 128)?;
        let prefix = prefix.min(self.prefix);
        let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
        Some(Self {
            address: self.address & mask,
            prefix,
        })
    }

    fn contains(self, other: Self) -> bool {
        let shorter = i64::from(self.prefix.min(other.prefix));
        self.shortened(shorter) == other.shortened(shorter)
    }

    /// `::a.b.c.d` compares as `::ffff:a.b.c.d`.
    fn mapped(self) -> Self {
        let is_embedded = self.address >> 32 == 0 && self.address > 1;
        Self {
            address: if is_embedded {
                self.address | (0xffff << 32)
            } else {
                self.address
            },
            ..self
        }
    }

    /// All eight groups of four digits.
    fn write(self, out: &mut String) {
        for (position, group) in Ipv6Addr::from_bits(self.address)
            .segments()
            .iter()
            .enumerate()
        {
            if position > 0 {
                out.push(':');
            }
            text::write(out, format_args!("{group:04x}"));
        }
    }
}

/// Two addresses of a row, cut to the shorter prefix and the one given.
fn pairs(arguments: &Arguments<'_>) -> Result<impl Fn(usize) -> Option<(u128, u128)>> {
    let (left, right) = (arguments.texts(0)?, arguments.texts(1)?);
    let prefixes = (arguments.len() > 2).then(|| arguments.longs_in(2));
    Ok(move |row| {
        let given = match &prefixes {
            Some(prefixes) => prefixes.get(row)?,
            None => 128,
        };
        let left = Network::parse(left.text(row))?.mapped().shortened(given)?;
        let right = Network::parse(right.text(row))?.mapped().shortened(given)?;
        let shorter = i64::from(left.prefix.min(right.prefix));
        Some((
            left.shortened(shorter)?.address,
            right.shortened(shorter)?.address,
        ))
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
    fn the_canonical_form_has_all_digits() {
        for (address, prefix, expected) in [
            (
                "192.168.255.255",
                120,
                "0000:0000:0000:0000:0000:ffff:c0a8:ff00",
            ),
            (
                "192.168.255.255/24",
                124,
                "0000:0000:0000:0000:0000:ffff:c0a8:ff00",
            ),
            (
                "fe80::85d:e82c:9446:7994/120",
                124,
                "fe80:0000:0000:0000:085d:e82c:9446:7900",
            ),
            (
                "::192.168.255.255/24",
                128,
                "0000:0000:0000:0000:0000:0000:c0a8:ff00",
            ),
            ("no address", 128, ""),
        ] {
            check(
                "parse_ipv6_mask",
                String,
                &[string(address), long(prefix)],
                expected,
            );
        }
    }

    #[test]
    fn both_families_compare() {
        for (left, right, expected) in [
            ("192.168.1.1/24", "192.168.1.255", "0"),
            (
                "fe80::85d:e82c:9446:7994/120",
                "fe80::85d:e82c:9446:7998",
                "0",
            ),
            ("192.168.1.1", "::ffff:c0a8:0101", "0"),
            ("::192.168.1.1/30", "192.168.1.255/24", "0"),
            ("::1", "::2", "-1"),
        ] {
            check(
                "ipv6_compare",
                Long,
                &[string(left), string(right)],
                expected,
            );
        }
    }

    #[test]
    fn ranges() {
        let ranges = dynamic(r#"["a5e:f127:8a9d:146d:e102:b5d3:c755:f6cd/112"]"#);
        let address = |text| [string(text), ranges.clone()];
        let inside = address("a5e:f127:8a9d:146d:e102:b5d3:c755:abcd");
        check("ipv6_is_in_any_range", Bool, &inside, "True");
        let outside = address("a5e:f127:8a9d:146d:e102:b5d3:c756:abd1");
        check("ipv6_is_in_any_range", Bool, &outside, "False");
    }
}
