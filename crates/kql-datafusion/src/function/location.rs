//! `geo_info_from_ip_address`: the location of the longest network that holds an address, from a
//! table of networks. The networks are cut into ranges that do not overlap, which a binary search
//! finds.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use datafusion::logical_expr::ScalarUDF;
use kql::types::ScalarType;

use super::json;
use super::udf::{KqlScalar, code};

/// Where addresses are.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    /// The first address of each range and the number of its location, in order. A range ends
    /// where the next one starts.
    ranges: Vec<(u128, Option<u32>)>,
    /// Bags as JSON.
    answers: Vec<Box<str>>,
}

/// First and last address of a network, both included, and the number of its location.
type Network = (u128, u128, u32);

impl Locations {
    /// Reads rows of the columns `lookup::LOCATION_COLUMNS`. Rows whose network is none are left
    /// out; of equal networks the last one counts.
    pub(crate) fn new(batches: &[RecordBatch]) -> Self {
        let mut networks: Vec<Network> = Vec::new();
        let mut answers: Vec<Box<str>> = Vec::new();
        let mut numbers: HashMap<Box<str>, u32> = HashMap::new();
        let mut answer = String::new();
        for batch in batches {
            let texts: Vec<_> = (0..4)
                .map(|column| batch.column(column).as_string_view())
                .collect();
            let reals: Vec<_> = (4..6)
                .map(|column| batch.column(column).as_primitive::<Float64Type>())
                .collect();
            for row in 0..batch.num_rows() {
                let text = |column: usize| {
                    if texts[column].is_valid(row) {
                        texts[column].value(row)
                    } else {
                        ""
                    }
                };
                let Some((first, last)) = parse_network(text(0)) else {
                    continue;
                };
                answer.clear();
                for (column, key) in [(1, "{\"country\":"), (2, ",\"state\":"), (3, ",\"city\":")] {
                    answer.push_str(key);
                    json::write_string(text(column), &mut answer);
                }
                for (reals, key) in reals.iter().zip([",\"latitude\":", ",\"longitude\":"]) {
                    answer.push_str(key);
                    if reals.is_valid(row) {
                        json::write_real(reals.value(row), &mut answer);
                    } else {
                        answer.push_str("null");
                    }
                }
                answer.push('}');
                let number = if let Some(number) = numbers.get(answer.as_str()) {
                    *number
                } else {
                    let number = answers.len() as u32;
                    numbers.insert(Box::from(answer.as_str()), number);
                    answers.push(Box::from(answer.as_str()));
                    number
                };
                networks.push((first, last, number));
            }
        }
        Self {
            ranges: ranges(networks),
            answers,
        }
    }

    /// The location of an address, as JSON.
    fn of(&self, address: &str) -> Option<&str> {
        let address = number_of(address.trim().parse().ok()?);
        let next = self.ranges.partition_point(|(first, _)| *first <= address);
        let (_, number) = self.ranges[next.checked_sub(1)?];
        Some(&self.answers[number? as usize])
    }
}

/// Cuts networks, of which any two hold each other or have nothing in common, into ranges of the
/// innermost network.
fn ranges(mut networks: Vec<Network>) -> Vec<(u128, Option<u32>)> {
    // The wider of two that start at one address comes first.
    networks.sort_by_key(|(first, last, _)| (*first, u128::MAX - *last));
    let mut ranges: Vec<(u128, Option<u32>)> = Vec::with_capacity(networks.len());
    let mut open: Vec<Network> = Vec::new();
    let start = |ranges: &mut Vec<(u128, Option<u32>)>, first, number| match ranges.last_mut() {
        Some(last) if last.0 == first => last.1 = number,
        Some(last) if last.1 == number => {}
        _ => ranges.push((first, number)),
    };
    let close = |ranges: &mut Vec<_>, open: &mut Vec<Network>, next: Option<u128>| {
        while let Some(&(_, last, _)) = open.last()
            && next.is_none_or(|next| last < next)
        {
            open.pop();
            if let Some(after) = last.checked_add(1) {
                start(ranges, after, open.last().map(|(_, _, number)| *number));
            }
        }
    };
    for network in networks {
        close(&mut ranges, &mut open, Some(network.0));
        start(&mut ranges, network.0, Some(network.2));
        open.push(network);
    }
    close(&mut ranges, &mut open, None);
    ranges
}

/// An address of either kind in one order: those of IPv4 where IPv6 has them.
fn number_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn parse_network(text: &str) -> Option<(u128, u128)> {
    let text = text.trim();
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let free = width - prefix.unwrap_or(width).min(width);
    let host_bits = 1_u128.checked_shl(free).map_or(u128::MAX, |bit| bit - 1);
    let first = number_of(address) & !host_bits;
    Some((first, first | host_bits))
}

/// The function over these locations; null for what is no address, or in no network.
pub(crate) fn locate(locations: Arc<Locations>) -> Arc<ScalarUDF> {
    let evaluate = code(move |arguments| {
        let addresses = arguments.texts(0)?;
        arguments.borrowed(|row| locations.of(addresses.text(row)))
    });
    KqlScalar::udf(
        "kql_geo_info_from_ip_address",
        &[ScalarType::String],
        ScalarType::Dynamic,
        evaluate,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locations(networks: &[&str]) -> Locations {
        let networks = networks.iter().enumerate().map(|(number, network)| {
            let (first, last) = parse_network(network).unwrap();
            (first, last, number as u32)
        });
        let networks: Vec<Network> = networks.collect();
        Locations {
            answers: (0..networks.len())
                .map(|number| number.to_string().into())
                .collect(),
            ranges: ranges(networks),
        }
    }

    #[test]
    fn the_longest_network_counts() {
        let known = locations(&[
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3",
            "0.0.0.0/1",
            "255.0.0.0/8",
            "2001:db8::/32",
            "2001:db8:1::/48",
            "ffff::/16",
            "10.1.2.4/32",
        ]);
        for (address, expected) in [
            ("10.0.0.0", Some("0")),
            ("10.255.255.255", Some("0")),
            ("11.0.0.0", Some("3")),
            ("10.1.2.2", Some("1")),
            ("10.1.2.3", Some("2")),
            ("10.1.2.4", Some("8")),
            ("10.1.2.5", Some("1")),
            ("127.255.255.255", Some("3")),
            ("128.0.0.0", None),
            ("255.255.255.255", Some("4")),
            ("::1", None),
            ("2001:db8::1", Some("5")),
            ("2001:db8:1:ffff::", Some("6")),
            ("2001:db8:2::", Some("5")),
            ("2001:db9::", None),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("7")),
            ("::ffff:10.1.2.3", Some("2")),
            ("nowhere", None),
            ("", None),
        ] {
            assert_eq!(known.of(address), expected, "{address}");
        }
    }

    #[test]
    fn networks_of_no_meaning() {
        for text in ["", "x", "1.2.3", "1.2.3.4/x", "1.2.3.4/-1", "::/x"] {
            assert_eq!(parse_network(text), None, "{text}");
        }
        assert_eq!(parse_network("::/0"), Some((0, u128::MAX)));
    }
}
