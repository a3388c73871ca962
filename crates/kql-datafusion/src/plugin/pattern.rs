//! Plugins that find patterns of discrete values: rows become attributes (a value per column, by
//! number), a pattern fixes some of them, and a computation per plugin chooses the patterns.

mod autocluster;
mod basket;
mod closed;
mod diffpatterns;
mod text;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, Scalar, UInt32Array};
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use kql::types::ScalarType;

use super::columns::{Columns, batch};
use super::rows::Rows;
use crate::function::Datum;
use crate::node::whole::{WholeTable, Work};
pub(crate) use text::TextDifferences;

/// The number of a value that no pattern can fix.
const RARE: u32 = u32::MAX;

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) enum Search {
    /// `autocluster`: few patterns that cover much and say much.
    Clusters { size_weight: f64, seeds: usize },
    /// `basket`: all patterns of at least this part of the rows.
    Frequent { threshold: f64, dimensions: usize },
    /// `diffpatterns`: patterns that one set of rows has more often than the other.
    Differences {
        split: usize,
        values: [String; 2],
        threshold: f64,
        dimensions: usize,
    },
}

/// The computation. The columns of its input are those of the query's.
#[derive(Debug)]
pub(crate) struct PatternSearch {
    pub(crate) name: &'static str,
    pub(crate) types: Vec<ScalarType>,
    pub(crate) search: Search,
    /// The column that tells how much a row counts.
    pub(crate) weight: Option<usize>,
    /// What stands for any value, per column.
    pub(crate) wildcards: Vec<ScalarValue>,
    pub(crate) output: SchemaRef,
}

/// Rows that have the same value in each column.
struct Transaction {
    /// The number of the value per attribute, or [`RARE`].
    values: Box<[u32]>,
    /// How much its rows count, in each of two sets; one set only has the first.
    weights: [f64; 2],
}

/// The rows as attributes.
struct Attributes {
    /// The columns that are attributes.
    columns: Vec<usize>,
    transactions: Vec<Transaction>,
    /// For each attribute, a row that has the value of a number.
    examples: Vec<Vec<u32>>,
    totals: [f64; 2],
}

/// Values of some attributes, and how much the rows count that have them.
#[derive(Clone, Debug, PartialEq)]
struct Pattern {
    values: Box<[Option<u32>]>,
    weights: [f64; 2],
}

impl Pattern {
    /// How many attributes it fixes.
    fn fixed(&self) -> usize {
        self.values.iter().flatten().count()
    }

    fn holds(&self, transaction: &Transaction) -> bool {
        let mut pairs = self.values.iter().zip(&transaction.values);
        pairs.all(|(wanted, value)| wanted.is_none_or(|wanted| wanted == *value))
    }

    /// Broad patterns that fix much come first.
    fn rank(&self) -> f64 {
        self.weights[0] * self.fixed() as f64
    }
}

impl WholeTable for PatternSearch {
    fn name(&self) -> &str {
        self.name
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let rows = Rows::of(input, &self.types, work)?;
        let attributes = self.attributes(&rows, work)?;
        let patterns = match &self.search {
            Search::Clusters { size_weight, seeds } => {
                autocluster::patterns(&attributes, *size_weight, *seeds, work)?
            }
            Search::Frequent {
                threshold,
                dimensions,
            } => basket::patterns(&attributes, *threshold, *dimensions, work)?,
            Search::Differences {
                threshold,
                dimensions,
                ..
            } => diffpatterns::patterns(&attributes, *threshold, 1, *dimensions, work)?,
        };
        self.table(&rows, &attributes, &patterns)
    }
}

impl PatternSearch {
    /// The rows as attributes. Values that are too rare for any pattern lose their number, so that
    /// many rows become one.
    fn attributes(&self, rows: &Rows, work: &Work) -> Result<Attributes> {
        let weights = self.weights(rows);
        let mut totals = [0.0; 2];
        for weight in &weights {
            totals[0] += weight[0];
            totals[1] += weight[1];
        }
        let split = match &self.search {
            Search::Differences { split, .. } => Some(*split),
            _ => None,
        };
        let columns: Vec<usize> = (0..self.types.len())
            .filter(|column| Some(*column) != self.weight && Some(*column) != split)
            .collect();
        work.grow(rows.len * (columns.len() * 8 + 48))?;
        let mut values = vec![vec![RARE; columns.len()]; rows.len];
        let mut examples = Vec::with_capacity(columns.len());
        for (attribute, column) in columns.iter().enumerate() {
            work.check()?;
            let mut of_attribute = Vec::new();
            if rows.len > 0 {
                for group in rows.groups(&[*column])? {
                    let mut sum = [0.0; 2];
                    for row in &group {
                        sum[0] += weights[*row as usize][0];
                        sum[1] += weights[*row as usize][1];
                    }
                    if self.is_rare(sum, totals, group.len()) {
                        continue;
                    }
                    let number = of_attribute.len() as u32;
                    of_attribute.push(group[0]);
                    for row in group {
                        values[row as usize][attribute] = number;
                    }
                }
            }
            examples.push(of_attribute);
        }
        let mut places: HashMap<Box<[u32]>, usize> = HashMap::new();
        let mut transactions: Vec<Transaction> = Vec::new();
        for (values, weights) in values.into_iter().zip(weights) {
            let values = values.into_boxed_slice();
            let place = *places.entry(values).or_insert_with_key(|values| {
                transactions.push(Transaction {
                    values: values.clone(),
                    weights: [0.0; 2],
                });
                transactions.len() - 1
            });
            transactions[place].weights[0] += weights[0];
            transactions[place].weights[1] += weights[1];
        }
        transactions.retain(|transaction| transaction.weights.iter().any(|weight| *weight > 0.0));
        Ok(Attributes {
            columns,
            transactions,
            examples,
            totals,
        })
    }

    /// Whether no pattern is to be found with a value of these weights.
    fn is_rare(&self, weights: [f64; 2], totals: [f64; 2], rows: usize) -> bool {
        match &self.search {
            Search::Clusters { .. } => rows < 2,
            Search::Frequent { threshold, .. } => weights[0] < threshold * totals[0],
            Search::Differences { threshold, .. } => {
                (0..2).all(|set| weights[set] < threshold * totals[set])
            }
        }
    }

    /// How much each row counts in each set.
    fn weights(&self, rows: &Rows) -> Vec<[f64; 2]> {
        let mut text = String::new();
        let weight = |row: usize| match self.weight {
            None => 1.0,
            Some(column) => {
                let weight = rows.get(row, column).to_real();
                weight
                    .filter(|weight| *weight > 0.0 && weight.is_finite())
                    .unwrap_or(0.0)
            }
        };
        let weights = (0..rows.len).map(|row| match &self.search {
            Search::Differences { split, values, .. } => {
                text.clear();
                rows.get(row, *split).write_text(&mut text);
                let mut weights = [0.0; 2];
                if let Some(set) = values.iter().position(|value| *value == text) {
                    weights[set] = weight(row);
                }
                weights
            }
            _ => [weight(row), 0.0],
        });
        weights.collect()
    }

    /// The patterns as rows.
    fn table(
        &self,
        rows: &Rows,
        attributes: &Attributes,
        patterns: &[Pattern],
    ) -> Result<Vec<RecordBatch>> {
        let differences = matches!(self.search, Search::Differences { .. });
        let (counts, percents) = if differences { (2, 3) } else { (1, 1) };
        let types = std::iter::repeat_n(ScalarType::Long, counts + 1)
            .chain(std::iter::repeat_n(ScalarType::Real, percents));
        let mut columns = Columns::new(types);
        for (number, pattern) in patterns.iter().enumerate() {
            let percent = |set: usize| match attributes.totals[set] {
                0.0 => 0.0,
                total => pattern.weights[set] * 100.0 / total,
            };
            let (a, b) = (percent(0), percent(1));
            let count = |set: usize| Datum::Long(pattern.weights[set].round() as i64);
            let mut row = vec![Datum::Long(number as i64), count(0)];
            if differences {
                let hundredths = |value: f64| Datum::Real((value * 100.0).round() / 100.0);
                row.push(count(1));
                row.extend([hundredths(a), hundredths(b), hundredths((a - b).abs())]);
            } else {
                row.push(Datum::Real((a * 10.0).round() / 10.0));
            }
            columns.push(row);
        }
        let mut arrays: Vec<ArrayRef> = columns.finish();
        for (column, wildcard) in self.wildcards.iter().enumerate() {
            let attribute = attributes.columns.iter().position(|other| *other == column);
            let fixed: UInt32Array = patterns
                .iter()
                .map(|pattern| {
                    let attribute = attribute?;
                    let value = pattern.values[attribute]?;
                    Some(attributes.examples[attribute][value as usize])
                })
                .collect();
            let is_fixed: BooleanArray = (0..fixed.len())
                .map(|row| Some(fixed.is_valid(row)))
                .collect();
            let values = rows.take(column, &fixed)?;
            let wildcard = Scalar::new(wildcard.to_array_of_size(1)?);
            arrays.push(zip(&is_fixed, &values, &wildcard)?);
        }
        Ok(vec![batch(&self.output, arrays, patterns.len())?])
    }
}
