//! A Parquet file in an object store, as the Parquet reader wants it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

/// An open file; reads only the ranges it is asked for.
pub(super) struct StoredFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
    bytes: u64,
}

impl StoredFile {
    /// Finds a file and its size.
    pub(super) async fn open(store: Arc<dyn ObjectStore>, file: &str) -> anyhow::Result<Self> {
        let path = Path::parse(file)?;
        let bytes = store.head(&path).await?.size;
        Ok(Self { store, path, bytes })
    }
}

impl AsyncFileReader for StoredFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        let read = async move { self.store.get_range(&self.path, range).await };
        read.map(|read| read.map_err(external)).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        let read = async move { self.store.get_ranges(&self.path, &ranges).await };
        read.map(|read| read.map_err(external)).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move {
            let bytes = self.bytes;
            let metadata = ParquetMetaDataReader::new()
                .with_arrow_reader_options(options)
                .load_and_finish(self, bytes)
                .await?;
            Ok(Arc::new(metadata))
        }
        .boxed()
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
