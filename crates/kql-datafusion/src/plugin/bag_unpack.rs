//! `bag_unpack`: which columns the properties of the bags in a column become, and of which types.
//! The values are read by the projection that `lower::plugin` makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use kql::types::{Column, ScalarType, Schema};

use super::COLUMNS_MAX;
use crate::function::json::{self, Kind};

/// What to do with a property that is called as a column of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    Error,
    ReplaceSource,
    KeepSource,
}

impl Conflict {
    /// By its name in the reference.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "error" => Some(Self::Error),
            "replace_source" => Some(Self::ReplaceSource),
            "keep_source" => Some(Self::KeepSource),
            _ => None,
        }
    }
}

/// How to unpack.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The column with the bags.
    pub(crate) column: usize,
    /// What the names of new columns begin with.
    pub(crate) prefix: String,
    pub(crate) conflict: Conflict,
    /// Properties that are left out.
    pub(crate) ignored: Vec<String>,
}

/// Where the values of a column of the result are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A column of the input.
    Input(usize),
    /// A property.
    Property(String),
    /// Neither: the declared column is empty.
    Nothing,
    /// A property, or a column of the input where the bag has no such property.
    PropertyOrInput(String, usize),
    /// A column of the input; an error where the bag has a property of that name.
    InputUnlessProperty(usize, String),
}

/// The properties met so far, and their types.
#[derive(Debug, Default)]
pub(crate) struct Properties {
    types: BTreeMap<String, Option<ScalarType>>,
}

impl Properties {
    /// Notes the properties of the bags in a column.
    pub(crate) fn note(&mut self, batch: &RecordBatch, options: &Options) -> Result<(), String> {
        let bags = batch.column(options.column).as_string_view();
        for row in 0..bags.len() {
            if bags.is_null(row) {
                continue;
            }
            for (key, value) in json::entries(bags.value(row)).into_iter().flatten() {
                let name = json::unescape(key);
                if options.ignored.iter().any(|ignored| **ignored == *name) {
                    continue;
                }
                let ty = type_of(value);
                match self.types.get_mut(&*name) {
                    Some(known) => {
                        *known = match (*known, ty) {
                            (known, None) => known,
                            (None, ty) => ty,
                            (Some(known), Some(ty)) if known == ty => Some(ty),
                            _ => Some(ScalarType::Dynamic),
                        }
                    }
                    None => {
                        self.types.insert(name.into_owned(), ty);
                    }
                }
            }
            if self.types.len() > COLUMNS_MAX {
                return Err(format!(
                    "the bags have more than {COLUMNS_MAX} properties; \
                     declare those to unpack behind the call of bag_unpack"
                ));
            }
        }
        Ok(())
    }

    /// The columns of the result: those of the input in their places, then the new ones by name.
    pub(crate) fn layout(
        self,
        input: &Schema,
        options: &Options,
    ) -> Result<(Schema, Vec<Origin>), String> {
        let mut columns = Vec::new();
        let mut origins = Vec::new();
        let mut new: BTreeMap<String, (String, ScalarType)> = BTreeMap::new();
        for (property, ty) in self.types {
            let ty = ty.unwrap_or(ScalarType::Dynamic);
            let name = format!("{}{property}", options.prefix);
            new.insert(name, (property, ty));
        }
        for (position, column) in input.columns().iter().enumerate() {
            let is_unpacked = position == options.column;
            let property = new.remove(&*column.name);
            let replacement = match (property, options.conflict) {
                (None, _) => None,
                (Some(_), Conflict::Error) if !is_unpacked => {
                    return Err(format!(
                        "the result would have a second column `{}`; say columnsConflict='replace_source' \
                         or 'keep_source', or give a prefix",
                        column.name
                    ));
                }
                (Some(_), Conflict::KeepSource) if !is_unpacked => None,
                (property, _) => property,
            };
            match replacement {
                Some((property, ty)) => {
                    columns.push(Column::new(Arc::clone(&column.name), ty));
                    origins.push(Origin::Property(property));
                }
                None if is_unpacked => {}
                None => {
                    columns.push(column.clone());
                    origins.push(Origin::Input(position));
                }
            }
        }
        for (name, (property, ty)) in new {
            columns.push(Column::new(name, ty));
            origins.push(Origin::Property(property));
        }
        Ok((Schema::new(columns), origins))
    }
}

/// Where the values of declared columns are from.
pub(crate) fn declared(output: &Schema, input: &Schema, options: &Options) -> Vec<Origin> {
    let origin = |column: &Column| {
        let property = column
            .name
            .strip_prefix(&*options.prefix)
            .filter(|name| options.ignored.iter().all(|ignored| ignored != name))
            .map(str::to_owned);
        let source = input
            .index_of(&column.name)
            .filter(|position| *position != options.column);
        match (property, source) {
            (None, Some(source)) => Origin::Input(source),
            (None, None) => Origin::Nothing,
            (Some(property), None) => Origin::Property(property),
            (Some(property), Some(source)) => match options.conflict {
                Conflict::KeepSource => Origin::Input(source),
                Conflict::ReplaceSource => Origin::PropertyOrInput(property, source),
                Conflict::Error => Origin::InputUnlessProperty(source, property),
            },
        }
    };
    output.columns().iter().map(origin).collect()
}

/// The type of a JSON value as a column's; none for null.
fn type_of(json: &str) -> Option<ScalarType> {
    match json::kind(json) {
        Kind::Null => None,
        Kind::Bool => Some(ScalarType::Bool),
        Kind::Long if json.trim_ascii().parse::<i64>().is_ok() => Some(ScalarType::Long),
        Kind::Long | Kind::Real => Some(ScalarType::Real),
        Kind::String => Some(ScalarType::String),
        Kind::Array | Kind::Bag => Some(ScalarType::Dynamic),
    }
}
