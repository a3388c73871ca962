//! Looking rows of a table up by an address that its networks hold: the numbers of the rows, and
//! then their values by number.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use datafusion::logical_expr::ScalarUDF;
use kql::types::ScalarType;

use super::arguments::Input;
use super::udf::{KqlScalar, code};
use super::value::Datum;
use super::{ip, ipv6};

/// Which addresses networks are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4 only.
    V4,
    /// IPv6, and IPv4 as the part of it that maps it.
    V6,
}

impl Family {
    /// The first bits of an address or network, and how many there are.
    fn parse(self, text: &str) -> Option<(u128, u32)> {
        match self {
            Self::V4 => ip::network(text).map(|(address, prefix)| (u128::from(address), prefix)),
            Self::V6 => ipv6::network(text),
        }
    }

    fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// The networks of a table. An address is held against one network of each length that occurs.
#[derive(Debug)]
pub(crate) struct Networks {
    family: Family,
    /// Lengths of prefixes, longest first.
    lengths: Vec<u32>,
    rows: HashMap<(u32, u128), Vec<u32>>,
    /// For each row of the table, what further keys of the rows it is found for must be.
    keys: Vec<String>,
}

impl Networks {
    /// No rows yet.
    pub(crate) fn new(family: Family) -> Self {
        Self {
            family,
            lengths: Vec::new(),
            rows: HashMap::new(),
            keys: Vec::new(),
        }
    }

    /// Adds the next row of the table. One whose network is none is never found.
    pub(crate) fn push<'d>(&mut self, network: &str, keys: impl Iterator<Item = Datum<'d>>) {
        let row = self.keys.len() as u32;
        self.keys.push(joined(keys));
        let Some((address, prefix)) = self.family.parse(network) else {
            return;
        };
        if let Err(place) = self.lengths.binary_search_by(|length| prefix.cmp(length)) {
            self.lengths.insert(place, prefix);
        }
        self.rows.entry((prefix, address)).or_default().push(row);
    }

    /// The rows whose network holds an address, the longest prefix first.
    fn find<'s>(&'s self, address: &str, keys: &'s str) -> impl Iterator<Item = u32> + 's {
        let bits = self.family.bits();
        let parsed = self.family.parse(address);
        let lengths = self.lengths.iter().filter_map(move |length| {
            let (address, _) = parsed.filter(|(_, prefix)| length <= prefix)?;
            let mask = u128::MAX.checked_shl(bits - length).unwrap_or(0);
            self.rows.get(&(*length, address & mask))
        });
        lengths
            .flatten()
            .copied()
            .filter(move |row| self.keys[*row as usize] == keys)
    }
}

/// Values of several types as one text.
fn joined<'d>(keys: impl Iterator<Item = Datum<'d>>) -> String {
    let mut text = String::new();
    for key in keys {
        key.write_json(&mut text);
        text.push(',');
    }
    text
}

/// The numbers of the rows that the network in the first argument is found in and whose further
/// keys are the other arguments, as a JSON array; null if there are none. `name` is that of no
/// other function of the query.
pub(crate) fn row_numbers(
    name: &str,
    arguments: &[ScalarType],
    networks: Arc<Networks>,
) -> Arc<ScalarUDF> {
    let evaluate = code(move |arguments| {
        let addresses = arguments.texts(0)?;
        let keys: Vec<Input> = arguments.inputs(1);
        arguments.optional_strings(|row, out| {
            let keys = joined(keys.iter().map(|key| key.get(row)));
            for number in networks.find(addresses.text(row), &keys) {
                out.push(if out.is_empty() { '[' } else { ',' });
                write!(out, "{number}").ok()?;
            }
            (!out.is_empty()).then(|| out.push(']'))
        })
    });
    KqlScalar::udf(name, arguments, ScalarType::Dynamic, evaluate)
}

/// The values of a column of the table in the rows of these numbers; null for null.
pub(crate) fn row_value(name: &str, ty: ScalarType, values: ArrayRef) -> Arc<ScalarUDF> {
    let texts = matches!(ty, ScalarType::String).then(|| Input::new(&values, ty));
    let evaluate = code(move |arguments| {
        let numbers = arguments.longs_in(0);
        if let Some(texts) = &texts {
            return arguments.borrowed(|row| match texts.get(numbers.get(row)? as usize) {
                Datum::String(text) => Some(text),
                _ => None,
            });
        }
        let rows = (0..arguments.rows).map(|row| numbers.get(row).map(|number| number as u32));
        Ok(take(&values, &rows.collect::<UInt32Array>(), None)?)
    });
    KqlScalar::udf(name, &[ScalarType::Dynamic], ty, evaluate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(family: Family, networks: &[&str], address: &str) -> Vec<u32> {
        let mut table = Networks::new(family);
        for network in networks {
            table.push(network, std::iter::empty());
        }
        table.find(address, "").collect()
    }

    #[test]
    fn every_network_that_holds_the_address_is_found() {
        let networks = [
            "10.0.0.0/8",
            "10.1.0.0/16",
            "0.0.0.0/0",
            "nonsense",
            "10.1.2.3",
        ];
        assert_eq!(found(Family::V4, &networks, "10.1.2.3"), [4, 1, 0, 2]);
        assert_eq!(found(Family::V4, &networks, "10.1.0.0/16"), [1, 0, 2]);
        assert_eq!(found(Family::V4, &networks, "192.168.0.1"), [2]);
        assert!(found(Family::V4, &networks, "").is_empty());
    }

    #[test]
    fn both_families_are_looked_up_as_ipv6() {
        let networks = ["2001:db8::/32", "192.168.0.0/16", "::/0"];
        assert_eq!(found(Family::V6, &networks, "2001:db8::1"), [0, 2]);
        assert_eq!(found(Family::V6, &networks, "192.168.1.1"), [1, 2]);
        assert_eq!(found(Family::V6, &networks, "2001:db9::1"), [2]);
    }

    #[test]
    fn further_keys_must_be_equal() {
        let mut table = Networks::new(Family::V4);
        table.push("10.0.0.0/8", [Datum::String("a")].into_iter());
        table.push("10.0.0.0/8", [Datum::String("b")].into_iter());
        let key = joined([Datum::String("b")].into_iter());
        assert_eq!(table.find("10.0.0.1", &key).collect::<Vec<_>>(), [1]);
    }
}
