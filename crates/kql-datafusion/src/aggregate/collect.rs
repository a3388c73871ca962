//! `make_list`, `make_set` and `make_bag`. They take values that are JSON already, and give JSON.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{HashSet, Result};
use datafusion::logical_expr::AggregateUDF;

use super::fold::{Fold, FoldAggregate, Groups, read_bytes, write_bytes};
use crate::function::json;

/// `make_list`: arguments are the JSON and, if `ordered`, a binary key that the list is sorted
/// by. Arrays give their elements, as in Kusto. Nulls are dropped, unless `with_nulls` keeps those
/// that come as the JSON `null`.
pub(crate) fn list(most: usize, with_nulls: bool, ordered: bool) -> Arc<AggregateUDF> {
    let mut arguments = vec![DataType::Utf8View];
    if ordered {
        arguments.push(DataType::Binary);
    }
    let nulls = if with_nulls { "_with_nulls" } else { "" };
    let name = format!("kql_make_list{nulls}_{most}");
    let fold = List {
        most,
        with_nulls,
        ordered,
    };
    FoldAggregate::udaf(name, fold, arguments, DataType::Utf8View)
}

/// `make_set`: distinct values, those of arrays one by one.
pub(crate) fn set(most: usize) -> Arc<AggregateUDF> {
    let arguments = vec![DataType::Utf8View];
    FoldAggregate::udaf(
        format!("kql_make_set_{most}"),
        Set { most },
        arguments,
        DataType::Utf8View,
    )
}

/// `make_bag`: the entries of all bags, of a key the first.
pub(crate) fn bag(most: usize) -> Arc<AggregateUDF> {
    let arguments = vec![DataType::Utf8View];
    FoldAggregate::udaf(
        format!("kql_make_bag_{most}"),
        Bag { most },
        arguments,
        DataType::Utf8View,
    )
}

#[derive(Clone, Debug)]
struct List {
    most: usize,
    with_nulls: bool,
    ordered: bool,
}

/// Pairs of key and JSON, each length-prefixed, one after the other: no allocation per value.
#[derive(Debug, Default)]
struct Items {
    pairs: Vec<u8>,
    count: usize,
}

impl Items {
    fn push(&mut self, key: &[u8], json: &[u8]) {
        write_bytes(key, &mut self.pairs);
        write_bytes(json, &mut self.pairs);
        self.count += 1;
    }
}

impl List {
    /// An ordered list is cut when it is sorted.
    fn has_room(&self, items: &Items) -> bool {
        self.ordered || items.count < self.most
    }

    fn add(&self, items: &mut Items, key: &[u8], json: &str) {
        if self.has_room(items) && (self.with_nulls || json != "null") {
            items.push(key, json.as_bytes());
        }
    }
}

impl Fold for List {
    type State = Items;

    fn update(
        &self,
        states: &mut [Items],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()> {
        let values = columns[0].as_string_view();
        let keys = columns.get(1).map(AsArray::as_binary::<i32>);
        for row in 0..values.len() {
            let Some(group) = groups.of(row) else {
                continue;
            };
            if values.is_null(row) || !self.has_room(&states[group]) {
                continue;
            }
            let json = values.value(row);
            let key = keys.map_or(&[][..], |keys| keys.value(row));
            if let Some(elements) = json::elements(json) {
                for element in elements {
                    self.add(&mut states[group], key, element);
                }
            } else {
                self.add(&mut states[group], key, json);
            }
        }
        Ok(())
    }

    fn save(&self, state: &Items, out: &mut Vec<u8>) {
        out.extend_from_slice(&state.pairs);
    }

    fn merge(&self, state: &mut Items, mut saved: &[u8]) {
        while self.has_room(state)
            && let Some(key) = read_bytes(&mut saved)
            && let Some(json) = read_bytes(&mut saved)
        {
            state.push(key, json);
        }
    }

    fn finish(&self, states: Vec<Items>) -> Result<ArrayRef> {
        let mut builder = StringViewBuilder::with_capacity(states.len());
        for state in &states {
            let mut items = Vec::with_capacity(state.count);
            let mut pairs = &state.pairs[..];
            while let Some(key) = read_bytes(&mut pairs)
                && let Some(json) = read_bytes(&mut pairs)
            {
                items.push((key, json));
            }
            if self.ordered {
                items.sort_by(|left, right| left.0.cmp(right.0));
            }
            let json = items.iter().take(self.most).map(|(_, json)| *json);
            builder.append_value(array_of(json));
        }
        Ok(Arc::new(builder.finish()))
    }

    fn size(&self, state: &Items) -> usize {
        state.pairs.capacity()
    }
}

fn array_of<'a>(items: impl Iterator<Item = &'a [u8]>) -> String {
    let mut array = String::from("[");
    for (position, json) in items.enumerate() {
        if position > 0 {
            array.push(',');
        }
        array.push_str(&String::from_utf8_lossy(json));
    }
    array.push(']');
    array
}

#[derive(Clone, Debug)]
struct Set {
    most: usize,
}

/// Distinct JSON values in the order they came.
#[derive(Debug, Default)]
struct Members {
    seen: HashSet<Arc<str>>,
    order: Vec<Arc<str>>,
    bytes: usize,
}

impl Set {
    fn add(&self, members: &mut Members, json: &str) {
        if let Some(elements) = json::elements(json) {
            for element in elements {
                self.add_one(members, element);
            }
        } else {
            self.add_one(members, json);
        }
    }

    fn add_one(&self, members: &mut Members, json: &str) {
        if json == "null" || members.order.len() >= self.most || members.seen.contains(json) {
            return;
        }
        let json: Arc<str> = Arc::from(json);
        members.bytes += json.len();
        members.seen.insert(Arc::clone(&json));
        members.order.push(json);
    }
}

impl Fold for Set {
    type State = Members;

    fn update(
        &self,
        states: &mut [Members],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()> {
        for (group, json) in groups.texts(&columns[0]) {
            self.add(&mut states[group], json);
        }
        Ok(())
    }

    fn save(&self, state: &Members, out: &mut Vec<u8>) {
        for json in &state.order {
            write_bytes(json.as_bytes(), out);
        }
    }

    fn merge(&self, state: &mut Members, mut saved: &[u8]) {
        while let Some(json) = read_bytes(&mut saved) {
            self.add_one(state, &String::from_utf8_lossy(json));
        }
    }

    fn finish(&self, states: Vec<Members>) -> Result<ArrayRef> {
        let mut builder = StringViewBuilder::with_capacity(states.len());
        for state in states {
            builder.append_value(array_of(state.order.iter().map(|json| json.as_bytes())));
        }
        Ok(Arc::new(builder.finish()))
    }

    fn size(&self, state: &Members) -> usize {
        // Two pointers of 16 bytes, a control byte, and the two counts of the shared text.
        state.bytes + state.seen.capacity() * 17 + state.order.capacity() * 32
    }
}

#[derive(Clone, Debug)]
struct Bag {
    most: usize,
}

/// The entries of a bag, keys as raw JSON strings.
#[derive(Debug, Default)]
struct Properties {
    seen: HashSet<Box<str>>,
    entries: Vec<u8>,
}

impl Bag {
    fn add(&self, properties: &mut Properties, key: &str, value: &str) {
        if properties.seen.len() < self.most && !properties.seen.contains(key) {
            properties.seen.insert(Box::from(key));
            write_bytes(key.as_bytes(), &mut properties.entries);
            write_bytes(value.as_bytes(), &mut properties.entries);
        }
    }
}

impl Fold for Bag {
    type State = Properties;

    fn update(
        &self,
        states: &mut [Properties],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()> {
        for (group, bag) in groups.texts(&columns[0]) {
            for (key, value) in json::entries(bag).into_iter().flatten() {
                self.add(&mut states[group], key, value);
            }
        }
        Ok(())
    }

    fn save(&self, state: &Properties, out: &mut Vec<u8>) {
        out.extend_from_slice(&state.entries);
    }

    fn merge(&self, state: &mut Properties, mut saved: &[u8]) {
        while let Some(key) = read_bytes(&mut saved)
            && let Some(value) = read_bytes(&mut saved)
        {
            self.add(
                state,
                &String::from_utf8_lossy(key),
                &String::from_utf8_lossy(value),
            );
        }
    }

    fn finish(&self, states: Vec<Properties>) -> Result<ArrayRef> {
        let mut builder = StringViewBuilder::with_capacity(states.len());
        for state in &states {
            let mut json = String::from("{");
            let mut entries = &state.entries[..];
            while let Some(key) = read_bytes(&mut entries)
                && let Some(value) = read_bytes(&mut entries)
            {
                if json.len() > 1 {
                    json.push(',');
                }
                json.push_str(&String::from_utf8_lossy(key));
                json.push(':');
                json.push_str(&String::from_utf8_lossy(value));
            }
            json.push('}');
            builder.append_value(json);
        }
        Ok(Arc::new(builder.finish()))
    }

    fn size(&self, state: &Properties) -> usize {
        2 * state.entries.capacity() + state.seen.capacity() * 17
    }
}
