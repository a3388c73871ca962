//! `diffpatterns_text`: patterns of words that one set of texts has more often than the other. The
//! first words of a text are attributes by their place; patterns are found as for `diffpatterns`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use kql::types::ScalarType;

use super::{Attributes, Pattern, RARE, Transaction, diffpatterns};
use crate::function::Datum;
use crate::node::whole::{WholeTable, Work};
use crate::plugin::columns::{Columns, batch};

/// Words that determine a pattern; what the same texts have beside them is part of it, too.
const DIMENSIONS: usize = 5;

/// The computation. Its input are the texts and whether each is of the first set.
#[derive(Debug)]
pub(crate) struct TextDifferences {
    /// Fewest words of a pattern.
    pub(crate) fewest: usize,
    /// How many words of a text, from the first on, are looked at.
    pub(crate) most: usize,
    /// The difference of the shares of both sets from which on a pattern tells them apart.
    pub(crate) threshold: f64,
    pub(crate) output: SchemaRef,
}

/// What patterns are made of.
struct Words {
    /// At each place, the words by their numbers, without those that are too rare.
    places: Vec<Vec<String>>,
    /// For each kind of text, how many words its longest has.
    lengths: Vec<usize>,
}

impl WholeTable for TextDifferences {
    fn name(&self) -> &'static str {
        "diffpatterns_text"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let (attributes, words) = self.attributes(input, work)?;
        let found = diffpatterns::patterns(
            &attributes,
            self.threshold,
            self.fewest,
            DIMENSIONS.max(self.fewest),
            work,
        )?;
        let types = [ScalarType::Long, ScalarType::Long, ScalarType::Real];
        let types = types
            .into_iter()
            .chain([ScalarType::Real, ScalarType::String]);
        let mut columns = Columns::new(types);
        for pattern in &found {
            let count = |set: usize| Datum::Long(pattern.weights[set] as i64);
            let percent = |set: usize| match attributes.totals[set] {
                0.0 => Datum::Real(0.0),
                total => Datum::Real((pattern.weights[set] * 10_000.0 / total).round() / 100.0),
            };
            let text = shown(pattern, &words, &attributes);
            let row = vec![count(0), count(1), percent(0), percent(1)];
            columns.push(row.into_iter().chain([Datum::String(&text)]));
        }
        Ok(vec![batch(&self.output, columns.finish(), found.len())?])
    }
}

impl TextDifferences {
    fn attributes(&self, input: &[RecordBatch], work: &Work) -> Result<(Attributes, Words)> {
        let mut totals = [0.0; 2];
        let mut counts: Vec<HashMap<&str, [f64; 2]>> = vec![HashMap::new(); self.most];
        for (text, set) in texts(input) {
            work.check()?;
            totals[set] += 1.0;
            for (counts, word) in counts.iter_mut().zip(text.split_whitespace()) {
                if !counts.contains_key(word) {
                    work.grow(size_of::<(&str, [f64; 2])>() * 2)?;
                }
                counts.entry(word).or_default()[set] += 1.0;
            }
        }
        let mut words = Vec::with_capacity(self.most);
        let mut numbers: Vec<HashMap<&str, u32>> = Vec::with_capacity(self.most);
        for counts in &counts {
            let frequent = counts.iter().filter(|(_, weights)| {
                (0..2).any(|set| weights[set] > 0.0 && weights[set] >= self.threshold * totals[set])
            });
            let mut frequent: Vec<&str> = frequent.map(|(word, _)| *word).collect();
            frequent.sort_unstable();
            words.push(frequent.iter().map(|word| (*word).to_owned()).collect());
            let numbered = frequent.into_iter().enumerate();
            numbers.push(
                numbered
                    .map(|(number, word)| (word, number as u32))
                    .collect(),
            );
        }
        let mut places: HashMap<Box<[u32]>, usize> = HashMap::new();
        let mut transactions: Vec<Transaction> = Vec::new();
        let mut lengths: Vec<usize> = Vec::new();
        for (text, set) in texts(input) {
            work.check()?;
            let mut values = vec![RARE; self.most].into_boxed_slice();
            for ((value, numbers), word) in
                values.iter_mut().zip(&numbers).zip(text.split_whitespace())
            {
                *value = numbers.get(word).copied().unwrap_or(RARE);
            }
            let place = if let Some(place) = places.get(&values) {
                *place
            } else {
                work.grow(self.most * 8 + 96)?;
                transactions.push(Transaction {
                    values: values.clone(),
                    weights: [0.0; 2],
                });
                lengths.push(0);
                places.insert(values, transactions.len() - 1);
                transactions.len() - 1
            };
            let length = text.split_whitespace().take(self.most).count();
            lengths[place] = lengths[place].max(length);
            transactions[place].weights[set] += 1.0;
        }
        let attributes = Attributes {
            columns: (0..self.most).collect(),
            transactions,
            examples: Vec::new(),
            totals,
        };
        let words = Words {
            places: words,
            lengths,
        };
        Ok((attributes, words))
    }
}

/// The texts with the number of their set; a condition that is null puts a text into neither.
fn texts(input: &[RecordBatch]) -> impl Iterator<Item = (&str, usize)> {
    input.iter().flat_map(|rows| {
        let (texts, conditions): (&ArrayRef, &ArrayRef) = (rows.column(0), rows.column(1));
        let (texts, conditions) = (texts.as_string_view(), conditions.as_boolean());
        (0..rows.num_rows())
            .filter(|row| conditions.is_valid(*row))
            .map(|row| {
                let text = if texts.is_null(row) {
                    ""
                } else {
                    texts.value(row)
                };
                (text, usize::from(!conditions.value(row)))
            })
    })
}

/// The pattern with `*` for words that vary, and one at its end if texts go on there.
fn shown(pattern: &Pattern, words: &Words, attributes: &Attributes) -> String {
    let last = pattern.values.iter().rposition(Option::is_some);
    let end = last.map_or(0, |last| last + 1);
    let mut parts: Vec<&str> = pattern.values[..end]
        .iter()
        .zip(&words.places)
        .map(|(value, words)| value.map_or("*", |value| words[value as usize].as_str()))
        .collect();
    let mut kinds = attributes.transactions.iter().zip(&words.lengths);
    if kinds.any(|(kind, length)| *length > end && pattern.holds(kind)) {
        parts.push("*");
    }
    parts.join(" ")
}
