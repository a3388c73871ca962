//! Keeps batches until it is known that they are the whole answer: in memory while they are few,
//! then in an anonymous temporary file, then as a stream in the order in which they came.
//!
//! What a service sends is not to be believed before its end, and an answer may be larger than
//! memory. The file has no name: whatever happens to this process, the system removes it.

use std::error::Error as _;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek as _, SeekFrom};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt as _, TryStreamExt as _, stream};

/// Bytes of batches that a spool keeps in memory, if nothing else is asked of it.
pub const MEMORY_BYTES_MAX: usize = 48 << 20;

/// Batches of one schema on their way to a file or memory.
pub struct Spool {
    memory_bytes_max: usize,
    memory_bytes: usize,
    rows: u64,
    bytes: u64,
    batches: Vec<RecordBatch>,
    writer: Option<Writer>,
}

type Writer = Box<StreamWriter<BufWriter<File>>>;

/// Why batches could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The temporary file cannot be written or read.
    #[error("cannot keep the result in a temporary file: {0}")]
    File(String),
    /// The thread that writes or reads was stopped.
    #[error("keeping the result was stopped")]
    Stopped,
}

impl Default for Spool {
    fn default() -> Self {
        Self::new(MEMORY_BYTES_MAX)
    }
}

impl Spool {
    /// An empty spool that keeps up to so many bytes in memory.
    pub fn new(memory_bytes_max: usize) -> Self {
        Self {
            memory_bytes_max,
            memory_bytes: 0,
            rows: 0,
            bytes: 0,
            batches: Vec::new(),
            writer: None,
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Keeps a batch behind those before. All must have the same schema. After an error the spool
    /// is of no more use.
    pub async fn push(&mut self, batch: RecordBatch) -> Result<(), SpoolError> {
        let bytes = batch.get_array_memory_size();
        self.rows += batch.num_rows() as u64;
        self.bytes += bytes as u64;
        self.memory_bytes += bytes;
        self.batches.push(batch);
        let is_file_open = self.writer.is_some();
        if !is_file_open && self.memory_bytes <= self.memory_bytes_max {
            return Ok(());
        }
        let batches = std::mem::take(&mut self.batches);
        self.memory_bytes = 0;
        let writer = self.writer.take();
        let written = tokio::task::spawn_blocking(move || write(writer, batches));
        let written = written.await.map_err(|_| SpoolError::Stopped)?;
        self.writer = Some(written.map_err(|error| refused(&error))?);
        Ok(())
    }

    /// What was kept, to be read.
    pub async fn finish(self) -> Result<Spooled, SpoolError> {
        let source = match self.writer {
            None => Source::Memory(self.batches),
            Some(writer) => {
                let reader = tokio::task::spawn_blocking(move || rewind(writer)).await;
                let reader = reader.map_err(|_| SpoolError::Stopped)?;
                Source::File(Box::new(reader.map_err(|error| refused(&error))?))
            }
        };
        Ok(Spooled {
            rows: self.rows,
            bytes: self.bytes,
            source,
        })
    }
}

/// Batches that were kept.
pub struct Spooled {
    /// Rows of all batches.
    pub rows: u64,
    /// Bytes of all batches in memory.
    pub bytes: u64,
    source: Source,
}

enum Source {
    Memory(Vec<RecordBatch>),
    File(Box<StreamReader<BufReader<File>>>),
}

impl Spooled {
    /// Whether the batches are in a file.
    pub fn is_in_file(&self) -> bool {
        matches!(self.source, Source::File(_))
    }

    /// The batches in their order. `schema` is theirs; it counts where there are none.
    pub fn into_stream(self, schema: SchemaRef) -> SendableRecordBatchStream {
        let batches = match self.source {
            Source::Memory(batches) => stream::iter(batches).map(Ok).boxed(),
            Source::File(reader) => stream::try_unfold(reader, next)
                .map_err(|error| DataFusionError::External(Box::new(error)))
                .boxed(),
        };
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

type Reader = Box<StreamReader<BufReader<File>>>;

async fn next(mut reader: Reader) -> Result<Option<(RecordBatch, Reader)>, SpoolError> {
    let read = tokio::task::spawn_blocking(move || {
        let batch = reader.next().transpose()?;
        Ok::<_, ArrowError>(batch.map(|batch| (batch, reader)))
    });
    let read = read.await.map_err(|_| SpoolError::Stopped)?;
    read.map_err(|error| refused(&error))
}

fn write(writer: Option<Writer>, batches: Vec<RecordBatch>) -> Result<Writer, ArrowError> {
    let mut batches = batches.into_iter();
    let mut writer = if let Some(writer) = writer {
        writer
    } else {
        let first = batches.as_slice().first();
        let schema = first.map_or_else(|| Arc::new(ArrowSchema::empty()), RecordBatch::schema);
        let file = BufWriter::new(tempfile::tempfile()?);
        Box::new(StreamWriter::try_new(file, &schema)?)
    };
    // Each is let go once it is written.
    batches.try_for_each(|batch| writer.write(&batch))?;
    Ok(writer)
}

fn rewind(mut writer: Writer) -> Result<StreamReader<BufReader<File>>, ArrowError> {
    writer.finish()?;
    let file = writer.into_inner()?;
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    StreamReader::try_new(BufReader::new(file), None)
}

/// Why the file was refused, with what to do.
fn refused(error: &ArrowError) -> SpoolError {
    let cause = match error {
        ArrowError::IoError(_, error) => Some(error),
        other => other.source().and_then(|cause| cause.downcast_ref()),
    };
    let reason = match cause.map(io::Error::kind) {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            "the disk is full; free space or set TMPDIR to another folder".to_owned()
        }
        Some(io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound) => {
            format!("{error}; set TMPDIR to a folder that this user may write to")
        }
        _ => error.to_string(),
    };
    SpoolError::File(reason)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringViewArray};
    use arrow::compute::concat_batches;
    use kql::types::{Column, ScalarType, Schema};
    use kql_datafusion::types::arrow_schema;

    use super::*;

    fn batch(start: i64) -> RecordBatch {
        let schema = Schema::new(vec![
            Column::new("n", ScalarType::Long),
            Column::new("text", ScalarType::String),
        ]);
        let numbers = (start..start + 100).map(|n| (n % 7 > 0).then_some(n));
        let numbers: Int64Array = numbers.collect();
        let texts = (start..start + 100).map(|n| format!("a text of more than twelve bytes {n}"));
        let texts = StringViewArray::from_iter_values(texts);
        RecordBatch::try_new(
            arrow_schema(&schema),
            vec![Arc::new(numbers), Arc::new(texts)],
        )
        .unwrap()
    }

    async fn spooled(memory_bytes_max: usize, batches: &[RecordBatch]) -> Spooled {
        let mut spool = Spool::new(memory_bytes_max);
        for batch in batches {
            spool.push(batch.clone()).await.unwrap();
        }
        spool.finish().await.unwrap()
    }

    #[tokio::test]
    async fn batches_come_back_in_order_from_memory_and_from_a_file() {
        let batches: Vec<RecordBatch> = (0..10).map(|number| batch(number * 100)).collect();
        let schema = batches[0].schema();
        let expected = concat_batches(&schema, &batches).unwrap();
        let one = batches[0].get_array_memory_size();
        for (limit, is_in_file) in [(usize::MAX, false), (0, true), (3 * one, true)] {
            let spooled = spooled(limit, &batches).await;
            assert_eq!(spooled.is_in_file(), is_in_file, "limit of {limit}");
            assert_eq!(spooled.rows, 1_000);
            let read = spooled.into_stream(Arc::clone(&schema));
            assert_eq!(read.schema(), schema);
            let read: Vec<RecordBatch> = read.try_collect().await.unwrap();
            assert_eq!(concat_batches(&schema, &read).unwrap(), expected);
            assert_eq!(read[0].schema(), schema);
        }
    }

    #[tokio::test]
    async fn an_empty_spool_is_an_empty_stream_of_its_schema() {
        let schema: SchemaRef = Arc::new(ArrowSchema::empty());
        let spooled = spooled(0, &[]).await;
        assert_eq!((spooled.rows, spooled.bytes), (0, 0));
        let read: Vec<_> = spooled.into_stream(schema).collect().await;
        assert!(read.is_empty());
    }

    #[test]
    fn a_full_disk_is_told_as_such() {
        let full = ArrowError::from(io::Error::from(io::ErrorKind::StorageFull));
        let told = refused(&full).to_string();
        assert!(told.contains("the disk is full"), "{told}");
    }
}
