//! The lake in a folder: files are staged beside their place and renamed when they are whole.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use futures::future::BoxFuture;
use kql::types::Schema;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _};
use parquet::arrow::AsyncArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::async_writer::AsyncFileWriter;
use parquet::errors::ParquetError;

use super::config::{LakeConfig, LakeFormat};
use super::parquet::FileColumns;
use crate::run::result_file::result_file_prefix;

use super::{Commit, Lake, LakeError, WriteTarget};

/// Results as Parquet files below a folder.
#[derive(Debug)]
pub struct ParquetLake {
    root: PathBuf,
    store: Arc<LocalFileSystem>,
}

/// A file that is written aside, a row group at a time, and renamed when it is whole.
struct Staged(Box<dyn MultipartUpload>);

impl AsyncFileWriter for Staged {
    fn write(&mut self, bytes: bytes::Bytes) -> BoxFuture<'_, parquet::errors::Result<()>> {
        let part = self.0.put_part(bytes.into());
        Box::pin(async move {
            part.await
                .map_err(|error| ParquetError::External(error.into()))
        })
    }

    fn complete(&mut self) -> BoxFuture<'_, parquet::errors::Result<()>> {
        Box::pin(async {
            let completed = self.0.complete().await;
            completed.map_err(|error| ParquetError::External(error.into()))?;
            Ok(())
        })
    }
}

type Writer = AsyncArrowWriter<Staged>;

impl ParquetLake {
    /// Opens the folder, creating it if need be.
    pub fn open(config: &LakeConfig) -> Result<Self, LakeError> {
        let LakeFormat::Parquet = config.format;
        let root = local_path(&config.url)?;
        let refused = |error: io::Error| refusal(&root.display().to_string(), &error);
        std::fs::create_dir_all(&root).map_err(refused)?;
        let root = root.canonicalize().map_err(refused)?;
        let store = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| refusal(&root.display().to_string(), &error))?;
        Ok(Self {
            root,
            store: Arc::new(store),
        })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    async fn writer(&self, path: &str, columns: &FileColumns) -> Result<Writer, LakeError> {
        let upload = self.store.put_multipart(&StorePath::from(path)).await;
        let upload = upload.map_err(|error| self.refused(path, &error))?;
        // The file carries the schema that `FileColumns` made, not that of the arrays.
        let options = ArrowWriterOptions::new()
            .with_properties(columns.properties())
            .with_skip_arrow_metadata(true);
        let schema = Arc::clone(columns.arrow());
        AsyncArrowWriter::try_new_with_options(Staged(upload), schema, options)
            .map_err(|error| self.refused(path, &error))
    }

    async fn write_batch(
        &self,
        path: &str,
        columns: &FileColumns,
        batch: &RecordBatch,
        writer: &mut Option<Writer>,
    ) -> Result<(), LakeError> {
        let batch = columns
            .complete(batch)
            .map_err(|error| LakeError::Input(error.into()))?;
        let writer = match writer {
            Some(writer) => writer,
            None => writer.insert(self.writer(path, columns).await?),
        };
        writer
            .write(&batch)
            .await
            .map_err(|error| self.refused(path, &error))
    }

    /// Makes the renamed file survive a power cut. The store renames without syncing.
    async fn sync(&self, path: &str) -> Result<u64, LakeError> {
        let file = self.root.join(path);
        let synced = tokio::task::spawn_blocking(move || {
            let bytes = {
                let file = std::fs::File::open(&file)?;
                file.sync_all()?;
                file.metadata()?.len()
            };
            let mut folder = file.parent();
            // The folders of the hunt and of the day may be new too.
            for _ in 0..3 {
                if let Some(path) = folder {
                    std::fs::File::open(path)?.sync_all()?;
                    folder = path.parent();
                }
            }
            Ok(bytes)
        });
        let synced: Result<u64, io::Error> = synced.await.unwrap_or_else(|_| {
            Err(io::Error::other(
                "the thread that syncs the file was stopped",
            ))
        });
        synced.map_err(|error| self.refused(path, &error))
    }

    fn refused(&self, path: &str, error: &(dyn Error + 'static)) -> LakeError {
        refusal(&self.root.join(path).display().to_string(), error)
    }
}

#[async_trait]
impl Lake for ParquetLake {
    async fn write(
        &self,
        target: &WriteTarget,
        schema: &Schema,
        mut batches: SendableRecordBatchStream,
    ) -> Result<Commit, LakeError> {
        let path = target.path();
        let columns = FileColumns::new(schema, &batches.schema(), target);
        let mut writer: Option<Writer> = None;
        let mut rows: u64 = 0;
        let mut failure = None;
        while let Some(batch) = batches.next().await {
            let written = match batch {
                Ok(batch) if batch.num_rows() == 0 => continue,
                Ok(batch) => {
                    rows += batch.num_rows() as u64;
                    self.write_batch(&path, &columns, &batch, &mut writer).await
                }
                Err(error) => Err(LakeError::Input(error)),
            };
            if let Err(error) = written {
                failure = Some(error);
                break;
            }
        }
        drop(batches);
        let Some(mut writer) = writer else {
            return failure.map_or_else(|| Ok(Commit::default()), Err);
        };
        if failure.is_none() {
            let finished = writer.finish().await;
            failure = finished.err().map(|error| self.refused(&path, &error));
        }
        if let Some(failure) = failure {
            // What was staged is of no use; if it cannot be removed now, `remove_superseded` of
            // the window's next run does it.
            let _ = writer.into_inner().0.abort().await;
            return Err(failure);
        }
        let bytes = self.sync(&path).await?;
        Ok(Commit {
            file: Some(path),
            rows,
            bytes,
        })
    }

    async fn remove_superseded(
        &self,
        target: &WriteTarget,
        keep: Option<&str>,
    ) -> Result<(), LakeError> {
        let folder = target.folder();
        let kept = keep.and_then(|path| Path::new(path).file_name().map(ToOwned::to_owned));
        let prefix = result_file_prefix(target.window);
        let path = self.root.join(&folder);
        let removed = tokio::task::spawn_blocking(move || {
            let entries = match std::fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name();
                let is_of_window = name.to_str().is_some_and(|name| name.starts_with(&prefix));
                if is_of_window && Some(&name) != kept.as_ref() {
                    std::fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        });
        let removed: Result<(), io::Error> = removed.await.unwrap_or_else(|_| {
            Err(io::Error::other(
                "the thread that removes files was stopped",
            ))
        });
        removed.map_err(|error| self.refused(&folder, &error))
    }

    fn path_of(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    fn files(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store) as _
    }
}

/// The folder a lake's `url` names.
fn local_path(url: &str) -> Result<PathBuf, LakeError> {
    let refused = |reason: &str| LakeError::Store {
        path: url.to_owned(),
        reason: reason.to_owned(),
    };
    if url.is_empty() {
        return Err(refused("the lake's `url` is empty; give it a folder"));
    }
    match url.split_once("://") {
        None => Ok(PathBuf::from(url)),
        Some(("file", path)) if path.starts_with('/') => Ok(PathBuf::from(path)),
        Some(("file", _)) => Err(refused("a file URL has three slashes: file:///folder")),
        Some((scheme, _)) => Err(refused(&format!(
            "a lake at `{scheme}://` is not supported yet; use a folder"
        ))),
    }
}

/// Why the store refused, with what to do.
fn refusal(path: &str, error: &(dyn Error + 'static)) -> LakeError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut kind = None;
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            kind = Some(error.kind());
        }
        cause = error.source();
    }
    let reason = match kind {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            "the disk is full; free space or point `lake.url` at another folder".to_owned()
        }
        Some(io::ErrorKind::PermissionDenied) => {
            "permission denied; let this user write to the folder".to_owned()
        }
        Some(io::ErrorKind::ReadOnlyFilesystem) => {
            "the file system is read-only; point `lake.url` at another folder".to_owned()
        }
        _ => format!("{error}; check `lake.url` and the disk"),
    };
    LakeError::Store {
        path: path.to_owned(),
        reason,
    }
}
