//! Reads bytes of local files on the thread that decodes them. The data is in the page cache more
//! often than not, and then handing each read to another thread costs more than the read.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

/// Ranges that are nearer than this are read at once.
const GAP_BYTES_MAX: u64 = 64 << 10;

/// What travels with a file of the plan.
#[derive(Debug)]
pub(super) struct Footer {
    pub(super) path: PathBuf,
    pub(super) metadata: Option<Arc<ParquetMetaData>>,
}

/// Makes readers of local files.
#[derive(Debug)]
pub(super) struct LocalReaderFactory;

impl ParquetFileReaderFactory for LocalReaderFactory {
    fn create_reader(
        &self,
        _partition_index: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let footer = file
            .extension::<Footer>()
            .ok_or_else(|| internal_datafusion_err!("a file of the scan lost its path"))?;
        Ok(Box::new(LocalReader {
            path: footer.path.clone(),
            metadata: footer.metadata.clone(),
            file: None,
        }))
    }
}

struct LocalReader {
    path: PathBuf,
    metadata: Option<Arc<ParquetMetaData>>,
    file: Option<File>,
}

impl LocalReader {
    fn file(&mut self) -> ParquetResult<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            closed => Ok(closed.insert(File::open(&self.path)?)),
        }
    }

    fn read(&mut self, range: Range<u64>) -> ParquetResult<Bytes> {
        let path = self.path.clone();
        let file = self.file()?;
        file.seek(SeekFrom::Start(range.start))?;
        let wanted = range.end.saturating_sub(range.start);
        let mut bytes = Vec::with_capacity(usize::try_from(wanted)?);
        file.take(wanted).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != wanted {
            let what = format!("{}: ends before byte {}", path.display(), range.end);
            return Err(ParquetError::EOF(what));
        }
        Ok(bytes.into())
    }

    fn read_all(&mut self, ranges: &[Range<u64>]) -> ParquetResult<Vec<Bytes>> {
        let mut order: Vec<usize> = (0..ranges.len()).collect();
        order.sort_by_key(|position| ranges[*position].start);
        let mut result = vec![Bytes::new(); ranges.len()];
        let mut rest = &order[..];
        while let Some(first) = rest.first() {
            let start = ranges[*first].start;
            let mut end = ranges[*first].end;
            let mut count = 1;
            while let Some(next) = rest.get(count)
                && ranges[*next].start <= end.saturating_add(GAP_BYTES_MAX)
            {
                end = end.max(ranges[*next].end);
                count += 1;
            }
            let block = self.read(start..end)?;
            let (these, others) = rest.split_at(count);
            for position in these {
                let range = &ranges[*position];
                let from = usize::try_from(range.start - start)?;
                let to = usize::try_from(range.end - start)?;
                result[*position] = block.slice(from..to);
            }
            rest = others;
        }
        Ok(result)
    }

    fn load_metadata(
        &mut self,
        options: Option<&ArrowReaderOptions>,
    ) -> ParquetResult<Arc<ParquetMetaData>> {
        if let Some(metadata) = &self.metadata {
            return Ok(Arc::clone(metadata));
        }
        let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
        let metadata = Arc::new(reader.parse_and_finish(&*self.file()?)?);
        self.metadata = Some(Arc::clone(&metadata));
        Ok(metadata)
    }
}

impl AsyncFileReader for LocalReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        let bytes = self.read(range);
        std::future::ready(bytes).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        let blocks = self.read_all(&ranges);
        std::future::ready(blocks).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let metadata = self.load_metadata(options);
        std::future::ready(metadata).boxed()
    }
}
