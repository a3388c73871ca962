//! `reduce`: groups texts by the terms that many of them have in the same place, after Vaarandi's
//! "A Data Clustering Algorithm for Mining Patterns From Event Logs". Other terms, and numbers,
//! become `*`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray,
    StringViewBuilder,
};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;

use super::whole::{WholeTable, Work};

/// The pattern of texts that are like no others.
const OTHERS: &str = "others";

/// Rows between two questions whether to go on.
const CHECK_ROWS: usize = 1024;

/// The operator. The text is the column of the input right behind the visible ones.
#[derive(Debug)]
pub(crate) struct Reduce {
    pub(crate) schema: SchemaRef,
    /// Visible columns of the input.
    pub(crate) input_width: usize,
    /// The share of rows that a term must be in to stay.
    pub(crate) threshold: f64,
    /// What ends a term beside white space; if empty, all that is no letter or digit.
    pub(crate) separators: String,
    /// Each row with its pattern instead of one row per pattern.
    pub(crate) keeps_rows: bool,
}

/// Texts of one pattern.
struct Group<'t> {
    pattern: String,
    count: i64,
    representative: &'t str,
}

impl WholeTable for Reduce {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let texts: Vec<&StringViewArray> = input
            .iter()
            .map(|batch| batch.column(self.input_width).as_string_view())
            .collect();
        let rows: usize = texts.iter().map(Array::len).sum();
        let frequent = self.frequent_terms(&texts, rows, work)?;
        let mut groups: Vec<Group<'_>> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut group_of_row = Vec::with_capacity(rows);
        work.grow(rows * size_of::<usize>())?;
        for (row, text) in texts.iter().flat_map(|texts| texts.iter()).enumerate() {
            if row % CHECK_ROWS == 0 {
                work.check()?;
            }
            let text = text.unwrap_or_default();
            let pattern = self.pattern(text, &frequent).unwrap_or_default();
            let group = if let Some(group) = known.get(&pattern) {
                *group
            } else {
                work.grow(size_of::<Group<'_>>() + 3 * pattern.len())?;
                known.insert(pattern.clone(), groups.len());
                groups.push(Group {
                    pattern,
                    count: 0,
                    representative: text,
                });
                groups.len() - 1
            };
            groups[group].count += 1;
            group_of_row.push(group);
        }
        let (groups, place) = self.large_groups(groups, rows);
        if !self.keeps_rows {
            return Ok(vec![self.batch(Vec::new(), &groups, 0..groups.len())?]);
        }
        let mut groups_of_rows = group_of_row.iter().map(|group| place[*group]);
        let mut batches = Vec::with_capacity(input.len());
        for batch in input {
            work.check()?;
            let columns = batch.columns()[..self.input_width].to_vec();
            let rows = groups_of_rows.by_ref().take(batch.num_rows());
            let batch = self.batch(columns, &groups, rows)?;
            batches.push(batch);
        }
        Ok(batches)
    }
}

impl Reduce {
    /// The number of rows that makes a term or a group count.
    fn support(&self, rows: usize) -> i64 {
        let share = self.threshold * rows as f64;
        (share.ceil() as i64).max(2)
    }

    /// The terms with the place among the terms of their texts that stay in patterns.
    fn frequent_terms<'t>(
        &self,
        texts: &[&'t StringViewArray],
        rows: usize,
        work: &Work,
    ) -> Result<HashMap<(usize, &'t str), i64>> {
        let mut counts: HashMap<(usize, &str), i64> = HashMap::new();
        let mut accounted = 0;
        for (row, text) in texts.iter().flat_map(|texts| texts.iter()).enumerate() {
            if row % CHECK_ROWS == 0 {
                work.check()?;
                let size = counts.capacity() * size_of::<((usize, &str), i64)>();
                work.grow(size.saturating_sub(accounted))?;
                accounted = accounted.max(size);
            }
            for (place, term) in self.terms(text.unwrap_or_default()).enumerate() {
                *counts.entry((place, term)).or_default() += 1;
            }
        }
        let support = self.support(rows);
        counts.retain(|(_, term), count| *count >= support && !is_number(term));
        Ok(counts)
    }

    fn terms<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let terms = text.split(|character| self.is_separator(character));
        terms.filter(|term| !term.is_empty())
    }

    fn is_separator(&self, character: char) -> bool {
        if self.separators.is_empty() {
            !character.is_alphanumeric()
        } else {
            character.is_whitespace() || self.separators.contains(character)
        }
    }

    /// The text with `*` for all terms that do not stay; none if no term stays. A letter that
    /// separates terms is part of the `*` beside it.
    fn pattern(&self, text: &str, frequent: &HashMap<(usize, &str), i64>) -> Option<String> {
        let mut pattern = String::with_capacity(text.len());
        let mut stays = false;
        let mut between = "";
        let mut rest = text;
        let mut place = 0;
        while let Some(start) = rest.find(|character| !self.is_separator(character)) {
            let separator;
            (separator, rest) = rest.split_at(start);
            let end = rest.find(|character| self.is_separator(character));
            let term;
            (term, rest) = rest.split_at(end.unwrap_or(rest.len()));
            if frequent.contains_key(&(place, term)) {
                stays = true;
                pattern.push_str(separator);
                pattern.push_str(term);
            } else if !pattern.ends_with('*') {
                pattern.push_str(separator.trim_end_matches(char::is_alphanumeric));
                pattern.push('*');
            }
            between = rest;
            place += 1;
        }
        if !pattern.ends_with('*') {
            pattern.push_str(between);
        }
        stays.then_some(pattern)
    }

    /// The groups of enough rows, the largest first and the rest as one at the end, and where
    /// among them the rows of each of the groups given are.
    fn large_groups<'t>(
        &self,
        groups: Vec<Group<'t>>,
        rows: usize,
    ) -> (Vec<Group<'t>>, Vec<usize>) {
        let support = self.support(rows);
        let mut order: Vec<usize> = (0..groups.len()).collect();
        let is_large = |group: &Group<'_>| group.count >= support && !group.pattern.is_empty();
        order.sort_by_key(|group| {
            let group = &groups[*group];
            (!is_large(group), -group.count)
        });
        let mut place = vec![0; groups.len()];
        let mut groups: Vec<Option<Group<'t>>> = groups.into_iter().map(Some).collect();
        let mut large = Vec::new();
        let mut others = 0;
        let large_count = groups
            .iter()
            .flatten()
            .filter(|group| is_large(group))
            .count();
        for group in order {
            place[group] = large.len().min(large_count);
            let Some(group) = groups[group].take() else {
                continue;
            };
            if is_large(&group) {
                large.push(group);
            } else {
                others += group.count;
            }
        }
        if others > 0 {
            large.push(Group {
                pattern: OTHERS.to_owned(),
                count: others,
                representative: "",
            });
        }
        (large, place)
    }

    /// Columns and behind them what is known of a group for each row.
    fn batch(
        &self,
        mut columns: Vec<ArrayRef>,
        groups: &[Group<'_>],
        rows: impl Iterator<Item = usize>,
    ) -> Result<RecordBatch> {
        let mut patterns = StringViewBuilder::new().with_deduplicate_strings();
        let mut counts = Vec::new();
        let mut representatives = StringViewBuilder::new().with_deduplicate_strings();
        for group in rows.map(|row| &groups[row]) {
            patterns.append_value(&group.pattern);
            counts.push(group.count);
            representatives.append_value(group.representative);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(counts.len()));
        columns.push(Arc::new(patterns.finish()));
        columns.push(Arc::new(Int64Array::from(counts)));
        columns.push(Arc::new(representatives.finish()));
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }
}

/// Numbers vary wherever they stand.
fn is_number(term: &str) -> bool {
    term.bytes().all(|byte| byte.is_ascii_digit())
}
