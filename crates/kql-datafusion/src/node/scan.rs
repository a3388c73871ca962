//! `scan`: a state machine that reads the rows in order and remembers, for each step, the rows
//! that led there. Where a condition only looks at the row it is evaluated for a whole batch;
//! where it looks at remembered rows, for as many rows ahead as the memory lasts. Lowering makes
//! a [`Scan`], `output` gathers the rows that it yields.

mod compiled;
mod output;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::partition;
use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use kql::hir::ScanOutput;

pub(crate) use compiled::{Compiled, Input};

use super::whole::{WholeTable, Work};
use output::{Output, OutputRow};

/// Rows that are looked at in one go.
const BATCH_ROWS: usize = 8192;

/// A step.
#[derive(Debug)]
pub(crate) struct Step {
    /// The part of the condition that looks at nothing but the row; always true if missing.
    pub(crate) row_condition: Option<Compiled>,
    /// The part of the condition that looks at remembered rows; always true if missing.
    pub(crate) state_condition: Option<Compiled>,
    pub(crate) optional: bool,
    pub(crate) output: ScanOutput,
    /// Columns of the result and what they are set to.
    pub(crate) assignments: Vec<(usize, Compiled)>,
}

/// A value that a later condition or assignment asks a remembered row for.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) step: usize,
    /// Among the columns of the input, then the declared ones.
    pub(crate) column: usize,
    /// What it is while the step has not been reached: one value.
    pub(crate) missing: ArrayRef,
}

/// The operator.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) schema: SchemaRef,
    /// Columns of the input that the result starts with.
    pub(crate) input_width: usize,
    /// First value of each declared column.
    pub(crate) declared: Vec<ScalarValue>,
    /// Columns of the input of which each combination is scanned on its own; their rows are
    /// together.
    pub(crate) partition: Range<usize>,
    /// Whether the last column of the result is the number of the match.
    pub(crate) match_id: bool,
    pub(crate) slots: Vec<Slot>,
    pub(crate) steps: Vec<Step>,
}

impl WholeTable for Scan {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn evaluate(&self, input: &[RecordBatch], work: &Work) -> Result<Vec<RecordBatch>> {
        let mut machine = Machine::new(self);
        let mut last_key: Option<Vec<ArrayRef>> = None;
        for batch in input {
            for start in (0..batch.num_rows()).step_by(BATCH_ROWS) {
                let rows = BATCH_ROWS.min(batch.num_rows() - start);
                let batch = batch.slice(start, rows);
                let keys = &batch.columns()[self.partition.clone()];
                let ranges = match keys {
                    [] => std::iter::once(0..rows).collect(),
                    keys => partition(keys)?.ranges(),
                };
                machine.start_batch(&batch);
                for range in ranges {
                    let key: Vec<ArrayRef> =
                        keys.iter().map(|key| key.slice(range.start, 1)).collect();
                    if is_other(last_key.as_deref(), &key)? {
                        machine.start_partition(work)?;
                    }
                    last_key = Some(key);
                    machine.read(range, work)?;
                }
            }
        }
        machine.start_partition(work)?;
        machine.output.finish(work)
    }
}

/// Whether these are other keys than the last ones.
fn is_other(last: Option<&[ArrayRef]>, keys: &[ArrayRef]) -> Result<bool> {
    for (last, key) in last.into_iter().flatten().zip(keys) {
        if distinct(last, key)?.value(0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a step remembers of the sequence that reached it.
struct Sequence {
    match_id: i64,
    /// Another number for every change of what is remembered.
    version: u64,
    /// One value for each slot.
    values: Vec<ArrayRef>,
    /// The last row of a step that puts only its last row out.
    pending: Option<OutputRow>,
}

/// Where a condition is true, for some rows of the batch and one state of the memory.
#[derive(Default)]
struct Known {
    version: Option<u64>,
    rows: Range<usize>,
    truth: Option<BooleanArray>,
}

/// Check 1 looks at the memory of an earlier step, check 2 at that of the step itself.
const CHECKS: usize = 2;

struct Machine<'s> {
    scan: &'s Scan,
    batch: RecordBatch,
    /// For each step what the row condition says of the batch's rows, once it was asked.
    row_truth: Vec<Option<BooleanArray>>,
    /// For each step and check what the state condition says.
    state_truth: Vec<[Known; CHECKS]>,
    sequences: Vec<Option<Sequence>>,
    /// What is remembered before the first row.
    nothing: Vec<ArrayRef>,
    next_match_id: i64,
    version: u64,
    output: Output<'s>,
}

impl<'s> Machine<'s> {
    fn new(scan: &'s Scan) -> Self {
        let steps = scan.steps.len();
        Self {
            scan,
            batch: RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty())),
            row_truth: vec![None; steps],
            state_truth: std::iter::repeat_with(Default::default)
                .take(steps)
                .collect(),
            sequences: std::iter::repeat_with(|| None).take(steps).collect(),
            nothing: scan
                .slots
                .iter()
                .map(|slot| Arc::clone(&slot.missing))
                .collect(),
            next_match_id: 0,
            version: 0,
            output: Output::new(scan),
        }
    }

    fn start_batch(&mut self, batch: &RecordBatch) {
        self.batch = batch.clone();
        self.output.start_batch(batch);
        self.row_truth.fill(None);
        for known in self.state_truth.iter_mut().flatten() {
            *known = Known::default();
        }
    }

    /// Ends all sequences.
    fn start_partition(&mut self, work: &Work) -> Result<()> {
        let ended = self.sequences.iter_mut().filter_map(Option::take);
        let mut pending: Vec<OutputRow> = ended.filter_map(|sequence| sequence.pending).collect();
        pending.sort_by_key(OutputRow::place);
        for row in pending {
            self.output.push(row, work)?;
        }
        Ok(())
    }

    /// Reads rows of the batch, which are all of one partition.
    fn read(&mut self, rows: Range<usize>, work: &Work) -> Result<()> {
        for row in rows.clone() {
            work.check()?;
            for step in (0..self.scan.steps.len()).rev() {
                if self.row_condition(step, row)? {
                    self.read_at(step, row..rows.end, work)?;
                }
            }
        }
        Ok(())
    }

    /// Reads the first of these rows at a step whose row condition it meets.
    fn read_at(&mut self, step: usize, rows: Range<usize>, work: &Work) -> Result<()> {
        let mut source = step;
        while source > 0 {
            source -= 1;
            if self.sequences[source].is_some()
                && self.state_condition(step, Some(source), rows.clone())?
            {
                let ended = self.sequences[step].take();
                let mut sequence = self.sequences[source].take();
                let left = sequence.as_mut().and_then(|left| left.pending.take());
                let pending = ended.and_then(|ended| ended.pending);
                for row in pending.into_iter().chain(left) {
                    self.output.push(row, work)?;
                }
                return self.advance(step, sequence, rows.start, work);
            }
            if !self.scan.steps[source].optional {
                break;
            }
        }
        let is_first = self.scan.steps[..step].iter().all(|step| step.optional);
        let own = self.sequences[step].is_some().then_some(step);
        if (own.is_some() || is_first) && self.state_condition(step, own, rows.clone())? {
            let sequence = self.sequences[step].take();
            return self.advance(step, sequence, rows.start, work);
        }
        Ok(())
    }

    /// Takes the row into a step, behind what the sequence remembers; starts one if there is none.
    fn advance(
        &mut self,
        step: usize,
        sequence: Option<Sequence>,
        row: usize,
        work: &Work,
    ) -> Result<()> {
        self.version += 1;
        let (match_id, mut values) = if let Some(sequence) = sequence {
            (sequence.match_id, sequence.values)
        } else {
            self.next_match_id += 1;
            (self.next_match_id - 1, self.nothing.clone())
        };
        let assignments = &self.scan.steps[step].assignments;
        let mut assigned = Vec::with_capacity(assignments.len());
        for (column, value) in assignments {
            let value = value.evaluate(&self.batch, row..row + 1, &values)?;
            assigned.push((*column, value));
        }
        for (value, slot) in values.iter_mut().zip(&self.scan.slots) {
            if slot.step != step {
                continue;
            }
            let new = assigned.iter().rfind(|(column, _)| *column == slot.column);
            *value = match new {
                Some((_, new)) => Arc::clone(new),
                None if slot.column < self.scan.input_width => {
                    self.batch.column(slot.column).slice(row, 1)
                }
                None => Arc::clone(&slot.missing),
            };
        }
        let mut pending = None;
        match self.scan.steps[step].output {
            ScanOutput::All => {
                let row = self.output.row(row, match_id, &assigned)?;
                self.output.push(row, work)?;
            }
            ScanOutput::Last => pending = Some(self.output.row(row, match_id, &assigned)?),
            ScanOutput::None => {}
        }
        self.sequences[step] = Some(Sequence {
            match_id,
            version: self.version,
            values,
            pending,
        });
        Ok(())
    }

    fn row_condition(&mut self, step: usize, row: usize) -> Result<bool> {
        let Some(condition) = &self.scan.steps[step].row_condition else {
            return Ok(true);
        };
        let truth = match &mut self.row_truth[step] {
            Some(truth) => truth,
            none => {
                let rows = 0..self.batch.num_rows();
                none.insert(condition.truth(&self.batch, rows, &self.nothing)?)
            }
        };
        Ok(truth.value(row))
    }

    /// What the state condition of a step says of the first of these rows, given the memory of
    /// a step. As long as that memory stays, twice as many rows are looked at every time.
    fn state_condition(
        &mut self,
        step: usize,
        memory: Option<usize>,
        rows: Range<usize>,
    ) -> Result<bool> {
        let Some(condition) = &self.scan.steps[step].state_condition else {
            return Ok(true);
        };
        let sequence = memory.and_then(|step| self.sequences[step].as_ref());
        let version = sequence.map(|sequence| sequence.version);
        let values = sequence.map_or(&self.nothing, |sequence| &sequence.values);
        let check = usize::from(memory == Some(step) || memory.is_none());
        let known = &mut self.state_truth[step][check];
        let is_current = known.version == version;
        if !is_current || !known.rows.contains(&rows.start) {
            let ahead = if is_current { 2 * known.rows.len() } else { 1 };
            let end = rows.end.min(rows.start + ahead.max(1));
            known.rows = rows.start..end;
            known.version = version;
            let truth = condition.truth(&self.batch, known.rows.clone(), values)?;
            known.truth = Some(truth);
        }
        let truth = known.truth.as_ref();
        Ok(truth.is_some_and(|truth| truth.value(rows.start - known.rows.start)))
    }
}
