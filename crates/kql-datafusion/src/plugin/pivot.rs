//! `pivot`: turns the values of a column into columns. Its input is grouped already: the keys, the
//! value that names a column, and the aggregate of the rows that have both.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::kernels::zip::zip;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use kql::types::{Column, ScalarType, Schema};

use super::COLUMNS_MAX;
use super::columns::batch;
use super::rows::Rows;
use crate::node::whole::Work;
use crate::types::arrow_schema;

/// The grouped rows.
pub(crate) struct Grouped<'a> {
    pub(crate) rows: Rows,
    /// The first columns; behind them are the name and the aggregate.
    pub(crate) keys: &'a [Column],
    /// The type of the aggregate.
    pub(crate) value: ScalarType,
    /// The aggregate of no rows.
    pub(crate) missing: ScalarValue,
}

impl Grouped<'_> {
    /// The table with a column for each name, in the order of the values that name them, or with
    /// the wanted columns only. Rows are ordered by the keys.
    pub(crate) fn rotate(
        &self,
        wanted: Option<&Schema>,
        work: &Work,
    ) -> Result<(Schema, RecordBatch)> {
        let names = self.names()?;
        let positions: HashMap<&str, usize> = names
            .iter()
            .enumerate()
            .map(|(position, (name, _))| (&**name, position))
            .collect();
        let keys: Vec<usize> = (0..self.keys.len()).collect();
        let groups = match self.rows.len {
            0 => Vec::new(),
            _ => self.rows.groups(&keys)?,
        };
        work.grow(groups.len() * names.len() * size_of::<u32>())?;
        let mut cells = vec![vec![None; groups.len()]; names.len()];
        let column_of_row = {
            let mut columns = vec![0_usize; self.rows.len];
            for (position, (_, rows)) in names.iter().enumerate() {
                for row in rows {
                    columns[*row as usize] = position;
                }
            }
            columns
        };
        for (group, rows) in groups.iter().enumerate() {
            for row in rows {
                cells[column_of_row[*row as usize]][group] = Some(*row);
            }
        }
        let first: UInt32Array = groups.iter().map(|rows| rows[0]).collect();
        let value = |position: Option<usize>| -> Result<ArrayRef> {
            let missing = self.missing.to_array_of_size(1)?;
            let Some(position) = position else {
                return self.missing.to_array_of_size(groups.len());
            };
            let rows = UInt32Array::from(cells[position].clone());
            let present: BooleanArray = (0..rows.len())
                .map(|row| Some(rows.is_valid(row)))
                .collect();
            let found = self.rows.take(keys.len() + 1, &rows)?;
            Ok(zip(&present, &found, &arrow::array::Scalar::new(missing))?)
        };
        let mut columns = Vec::new();
        let mut arrays = Vec::new();
        match wanted {
            None => {
                let mut taken: HashSet<String> = HashSet::new();
                for (position, key) in self.keys.iter().enumerate() {
                    taken.insert(key.name.to_string());
                    columns.push(key.clone());
                    arrays.push(self.rows.take(position, &first)?);
                }
                for (position, (name, _)) in names.iter().enumerate() {
                    columns.push(Column::new(free(name, &mut taken), self.value));
                    arrays.push(value(Some(position))?);
                }
            }
            Some(wanted) => {
                for column in wanted.columns() {
                    let key = self.keys.iter().position(|key| key.name == column.name);
                    if let Some(position) = key {
                        columns.push(self.keys[position].clone());
                        arrays.push(self.rows.take(position, &first)?);
                    } else {
                        columns.push(Column::new(&*column.name, self.value));
                        arrays.push(value(positions.get(&*column.name).copied())?);
                    }
                }
            }
        }
        let schema = Schema::new(columns);
        let rows = batch(&arrow_schema(&schema), arrays, groups.len())?;
        work.grow(rows.get_array_memory_size())?;
        Ok((schema, rows))
    }

    /// The names and the rows that have them.
    fn names(&self) -> Result<Vec<(String, Vec<u32>)>> {
        let column = self.keys.len();
        let mut names: Vec<(String, Vec<u32>)> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        if self.rows.len == 0 {
            return Ok(names);
        }
        for rows in self.rows.groups(&[column])? {
            let mut name = String::new();
            let value = self.rows.get(rows[0] as usize, column);
            value.write_text(&mut name);
            if let Some(position) = known.get(&name) {
                names[*position].1.extend(rows);
                continue;
            }
            known.insert(name.clone(), names.len());
            names.push((name, rows));
            if names.len() > COLUMNS_MAX {
                return Err(DataFusionError::Execution(format!(
                    "pivot would make more than {COLUMNS_MAX} columns; declare those to make \
                     behind its call"
                )));
            }
        }
        Ok(names)
    }
}

/// A name that no column has yet.
fn free(name: &str, taken: &mut HashSet<String>) -> String {
    let base = if name.is_empty() { "Column" } else { name };
    let mut free = name.to_owned();
    let mut number = 1;
    while free.is_empty() || taken.contains(&free) {
        free = format!("{base}{number}");
        number += 1;
    }
    taken.insert(free.clone());
    free
}
