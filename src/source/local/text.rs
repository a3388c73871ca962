//! Scans text files in DataFusion: an execution plan whose partitions read files, or parts of
//! large ones, each on a blocking thread, a batch at a time.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};

use super::compression::Compression;
use super::csv::read_csv;
use super::discover::{Format, InputFile};
use super::lines::{read_document, read_lines};
use super::sink::{Halt, RowSink, Wanted};

/// Parts smaller than this are not worth a start of their own.
const PART_BYTES_MIN: u64 = 1 << 20;

/// A file, or the lines that start in a range of it.
#[derive(Clone, Debug)]
struct Part {
    file: InputFile,
    range: Option<Range<u64>>,
    bytes: u64,
}

/// Reads text files.
#[derive(Debug)]
pub(super) struct TextScan {
    wanted: Arc<Wanted>,
    partitions: Vec<Vec<Part>>,
    properties: Arc<PlanProperties>,
}

impl TextScan {
    /// A scan of `files` spread over at most `partitions`.
    pub(super) fn new(wanted: Wanted, files: &[InputFile], partitions: usize) -> Self {
        let partitions = spread(files, partitions);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&wanted.schema)),
            Partitioning::UnknownPartitioning(partitions.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            wanted: Arc::new(wanted),
            partitions,
            properties: Arc::new(properties),
        }
    }
}

/// Parts of about the same size in all, the largest first, each to the least laden partition.
fn spread(files: &[InputFile], partitions: usize) -> Vec<Vec<Part>> {
    let partitions = partitions.max(1);
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    let share = (total / partitions as u64).max(PART_BYTES_MIN);
    let mut parts = Vec::new();
    for file in files {
        // Where lines end inside compressed files, documents and CSV is not known beforehand.
        let is_divisible = file.format == Format::Lines && file.compression == Compression::None;
        let pieces = if is_divisible {
            file.bytes.div_ceil(share).max(1)
        } else {
            1
        };
        for piece in 0..pieces {
            let start = file.bytes * piece / pieces;
            let end = file.bytes * (piece + 1) / pieces;
            // The last part runs to the end, also of a file that has grown since.
            let end_of_range = if piece + 1 == pieces { u64::MAX } else { end };
            parts.push(Part {
                file: file.clone(),
                range: (pieces > 1).then_some(start..end_of_range),
                bytes: end - start,
            });
        }
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    let count = partitions.min(parts.len()).max(1);
    let mut spread: Vec<(u64, Vec<Part>)> = vec![(0, Vec::new()); count];
    for part in parts {
        if let Some((load, parts)) = spread.iter_mut().min_by_key(|(load, _)| *load) {
            *load += part.bytes;
            parts.push(part);
        }
    }
    spread.into_iter().map(|(_, parts)| parts).collect()
}

fn read_part(
    wanted: &Wanted,
    part: &Part,
    emit: &mut dyn FnMut(arrow::array::RecordBatch) -> bool,
) -> Result<(), Halt> {
    let (path, compression) = (&part.file.path, part.file.compression);
    let mut sink = RowSink::new(wanted, path.clone(), emit);
    match part.file.format {
        Format::Lines => read_lines(path, compression, part.range.as_ref(), &mut sink),
        Format::Json => read_document(path, compression, &mut sink),
        Format::Csv => read_csv(path, compression, &mut sink),
        Format::Parquet => Ok(()),
    }
}

impl DisplayAs for TextScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: usize = self.partitions.iter().map(Vec::len).sum();
        let columns = self.wanted.columns.len();
        write!(f, "TextScan: parts={parts}, columns={columns}")
    }
}

impl ExecutionPlan for TextScan {
    fn name(&self) -> &'static str {
        "TextScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let parts = self.partitions.get(partition).cloned().unwrap_or_default();
        let wanted = Arc::clone(&self.wanted);
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&wanted.schema), 1);
        let output = stream.tx();
        stream.spawn_blocking(move || {
            let mut emit = |batch| output.blocking_send(Ok(batch)).is_ok();
            for part in &parts {
                match read_part(&wanted, part, &mut emit) {
                    Ok(()) => {}
                    Err(Halt::Stopped) => break,
                    Err(Halt::Failed(text)) => return Err(DataFusionError::External(text.into())),
                }
            }
            Ok(())
        });
        Ok(stream.build())
    }
}
