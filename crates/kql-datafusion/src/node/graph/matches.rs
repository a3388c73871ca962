//! The rows of matches.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringViewBuilder,
    new_null_array,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;

use super::data::values_of;
use super::pattern::{Fold, MatchColumn, Pattern, Place};
use crate::node::detached::truth_of;
use crate::node::whole::Work;

/// Matches of a batch.
const BATCH_ROWS: usize = 4096;

/// The edges in a place from left to right, each with the node behind it.
pub(super) type Path = Vec<(u32, u32)>;

/// A match: who stands in the places of the pattern.
pub(super) struct Match {
    pub(super) nodes: Vec<u32>,
    pub(super) paths: Vec<Path>,
}

impl Match {
    /// The nodes between the edges of a path.
    fn inner(&self, place: usize) -> impl Iterator<Item = u32> {
        let path = &self.paths[place];
        let inner = &path[..path.len().saturating_sub(1)];
        inner.iter().map(|(_, node)| *node)
    }

    fn edges(&self, place: usize) -> impl Iterator<Item = u32> {
        self.paths[place].iter().map(|(edge, _)| *edge)
    }
}

/// Gathers matches.
pub(super) struct Matches<'m> {
    pattern: &'m Pattern,
    schema: &'m SchemaRef,
    values: &'m [ArrayRef],
    work: &'m Work,
    pending: Vec<Match>,
    done: Vec<RecordBatch>,
}

impl<'m> Matches<'m> {
    pub(super) fn new(
        pattern: &'m Pattern,
        schema: &'m SchemaRef,
        values: &'m [ArrayRef],
        work: &'m Work,
    ) -> Self {
        Self {
            pattern,
            schema,
            values,
            work,
            pending: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Puts a match out, if the rest of the condition is true for it.
    pub(super) fn push(&mut self, found: Match) -> Result<()> {
        self.pending.push(found);
        if self.pending.len() == BATCH_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    /// The same, and says whether it is true.
    pub(super) fn offer(&mut self, found: Match) -> Result<bool> {
        if self.pattern.predicate.is_some() {
            let batch = self.batch(std::slice::from_ref(&found))?;
            if self.kept(&batch)?.num_rows() == 0 {
                return Ok(false);
            }
        }
        self.push(found)?;
        Ok(true)
    }

    pub(super) fn finish(mut self) -> Result<Vec<RecordBatch>> {
        self.flush()?;
        Ok(self.done)
    }

    fn flush(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(());
        }
        let batch = self.kept(&self.batch(&pending)?)?;
        if batch.num_rows() > 0 {
            self.work.grow(batch.get_array_memory_size())?;
            self.done.push(batch);
        }
        Ok(())
    }

    fn kept(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let Some(predicate) = &self.pattern.predicate else {
            return Ok(batch.clone());
        };
        let truth = predicate.truth(batch.num_rows(), |column| {
            Ok(Arc::clone(batch.column(column)))
        })?;
        Ok(filter_record_batch(batch, &truth)?)
    }

    fn batch(&self, matches: &[Match]) -> Result<RecordBatch> {
        let fields = self.schema.fields().iter();
        let columns = self.pattern.columns.iter().zip(fields);
        let columns = columns.map(|(column, field)| match column {
            Some(column) => self.column(*column, matches),
            None => Ok(new_null_array(field.data_type(), matches.len())),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(matches.len()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(self.schema),
            columns.collect::<Result<Vec<_>>>()?,
            &options,
        )?)
    }

    fn column(&self, column: MatchColumn, matches: &[Match]) -> Result<ArrayRef> {
        let values = &self.values[column.value];
        match column.fold {
            Fold::One => {
                let numbers = matches.iter().map(|found| match column.place {
                    Place::Node(place) => found.nodes[place],
                    Place::Edges(place) => found.edges(place).next().unwrap_or_default(),
                    Place::Inner(place) => found.inner(place).next().unwrap_or_default(),
                });
                values_of(values, numbers.collect())
            }
            Fold::List => {
                let values = values.as_string_view();
                let mut lists = StringViewBuilder::with_capacity(matches.len());
                let mut list = String::new();
                for found in matches {
                    list.clear();
                    list.push('[');
                    each(found, column.place, |number| {
                        if list.len() > 1 {
                            list.push(',');
                        }
                        let is_null = values.is_null(number) || values.value(number).is_empty();
                        list.push_str(if is_null {
                            "null"
                        } else {
                            values.value(number)
                        });
                    });
                    list.push(']');
                    lists.append_value(&list);
                }
                Ok(Arc::new(lists.finish()))
            }
            Fold::Any | Fold::All => {
                let truth = truth_of(values);
                let wanted = column.fold == Fold::Any;
                let folded = matches.iter().map(|found| {
                    let mut is_met = false;
                    each(found, column.place, |number| {
                        is_met |= truth.value(number) == wanted;
                    });
                    Some(is_met == wanted)
                });
                Ok(Arc::new(folded.collect::<BooleanArray>()))
            }
        }
    }
}

/// Calls `visit` with the number of each node or edge in a place.
fn each(found: &Match, place: Place, mut visit: impl FnMut(usize)) {
    match place {
        Place::Node(place) => visit(found.nodes[place] as usize),
        Place::Edges(place) => found.edges(place).for_each(|edge| visit(edge as usize)),
        Place::Inner(place) => found.inner(place).for_each(|node| visit(node as usize)),
    }
}
