//! `buildschema`: the least schema that admits all values of a group. Types are named as
//! `gettype` names them, but a bag is the bag of its properties' types, an array a bag whose only
//! property is called `` `indexer` ``, and several types are an array of them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::fold::{Fold, FoldAggregate, Groups};
use crate::function::json::{self, Kind};

/// What the type of an array's elements is called, as a raw key.
const INDEXER: &str = "\"`indexer`\"";

/// Deepest nesting that is looked into.
const DEPTH_MAX: usize = 256;

/// `buildschema` of dynamic values.
pub(crate) fn schema() -> Arc<AggregateUDF> {
    FoldAggregate::udaf(
        "kql_buildschema".to_owned(),
        BuildSchema,
        vec![DataType::Utf8View],
        DataType::Utf8View,
    )
}

#[derive(Clone, Debug)]
struct BuildSchema;

/// The types seen in one place, in the order they came.
#[derive(Debug, Default)]
struct Schema {
    types: Vec<Type>,
}

#[derive(Debug)]
enum Type {
    Primitive(&'static str),
    Container(Properties),
}

/// Raw keys and what is behind them, in the order they came.
#[derive(Debug, Default)]
struct Properties {
    list: Vec<(Arc<str>, Schema)>,
    positions: HashMap<Arc<str>, usize>,
}

impl Schema {
    /// Takes a value.
    fn add(&mut self, value: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match json::kind(value) {
            Kind::Null => {}
            Kind::Bool => self.add_primitive("bool"),
            Kind::Long => self.add_primitive("long"),
            Kind::Real => self.add_primitive("double"),
            Kind::String => self.add_primitive("string"),
            Kind::Array => {
                let elements = self.property(INDEXER);
                for element in json::elements(value).into_iter().flatten() {
                    elements.add(element, depth + 1);
                }
            }
            Kind::Bag => {
                self.container();
                for (key, value) in json::entries(value).into_iter().flatten() {
                    self.property(key).add(value, depth + 1);
                }
            }
        }
    }

    fn add_primitive(&mut self, name: &'static str) {
        let known = |ty: &Type| matches!(ty, Type::Primitive(known) if *known == name);
        if !self.types.iter().any(known) {
            self.types.push(Type::Primitive(name));
        }
    }

    fn container(&mut self) -> &mut Properties {
        let known = |ty: &Type| matches!(ty, Type::Container(_));
        let position = self.types.iter().position(known).unwrap_or_else(|| {
            self.types.push(Type::Container(Properties::default()));
            self.types.len() - 1
        });
        match &mut self.types[position] {
            Type::Container(properties) => properties,
            Type::Primitive(_) => unreachable!("the position is that of a container"),
        }
    }

    fn property(&mut self, key: &str) -> &mut Self {
        let properties = self.container();
        let position = if let Some(position) = properties.positions.get(key) {
            *position
        } else {
            let key: Arc<str> = Arc::from(key);
            let position = properties.list.len();
            properties.positions.insert(Arc::clone(&key), position);
            properties.list.push((key, Self::default()));
            position
        };
        &mut properties.list[position].1
    }

    /// Takes what [`Schema::write`] wrote.
    fn add_written(&mut self, written: &str) {
        match json::kind(written) {
            Kind::String => {
                let name = json::unescape(written);
                let known = ["bool", "long", "double", "string"];
                if let Some(name) = known.into_iter().find(|known| *known == name) {
                    self.add_primitive(name);
                }
            }
            Kind::Array => {
                for ty in json::elements(written).into_iter().flatten() {
                    self.add_written(ty);
                }
            }
            Kind::Bag => {
                self.container();
                for (key, ty) in json::entries(written).into_iter().flatten() {
                    self.property(key).add_written(ty);
                }
            }
            Kind::Null | Kind::Bool | Kind::Long | Kind::Real => {}
        }
    }

    /// Writes the type, or the array of types; `"null"` where only nulls were seen.
    fn write(&self, out: &mut String) {
        match &self.types[..] {
            [] => out.push_str("\"null\""),
            [only] => only.write(out),
            several => {
                out.push('[');
                for (position, ty) in several.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    ty.write(out);
                }
                out.push(']');
            }
        }
    }

    fn size(&self) -> usize {
        let types = self.types.iter().map(|ty| match ty {
            Type::Primitive(_) => 0,
            Type::Container(properties) => {
                let list = properties.list.iter();
                // A key with its counts, and its place in the list and in the map.
                list.map(|(key, schema)| key.len() + 80 + schema.size())
                    .sum::<usize>()
            }
        });
        types.sum::<usize>() + self.types.capacity() * size_of::<Type>()
    }
}

impl Type {
    fn write(&self, out: &mut String) {
        match self {
            Self::Primitive(name) => {
                out.push('"');
                out.push_str(name);
                out.push('"');
            }
            Self::Container(properties) => {
                out.push('{');
                for (position, (key, schema)) in properties.list.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    out.push_str(key);
                    out.push(':');
                    schema.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl Fold for BuildSchema {
    type State = Schema;

    fn update(
        &self,
        states: &mut [Schema],
        columns: &[ArrayRef],
        groups: &Groups<'_>,
    ) -> Result<()> {
        for (group, json) in groups.texts(&columns[0]) {
            states[group].add(json, 0);
        }
        Ok(())
    }

    fn save(&self, state: &Schema, out: &mut Vec<u8>) {
        if !state.types.is_empty() {
            let mut json = String::new();
            state.write(&mut json);
            out.extend_from_slice(json.as_bytes());
        }
    }

    fn merge(&self, state: &mut Schema, saved: &[u8]) {
        state.add_written(&String::from_utf8_lossy(saved));
    }

    fn finish(&self, states: Vec<Schema>) -> Result<ArrayRef> {
        let mut builder = StringViewBuilder::with_capacity(states.len());
        let mut json = String::new();
        for state in &states {
            if state.types.is_empty() {
                builder.append_null();
            } else {
                json.clear();
                state.write(&mut json);
                builder.append_value(&json);
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    fn size(&self, state: &Schema) -> usize {
        state.size()
    }
}
