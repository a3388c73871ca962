//! An answer that is held back until it is known to be good: whether it is too large or fails can
//! only be told in its status. The first mebibyte stays in memory, the rest goes to a file that
//! has no name.

use std::io::SeekFrom;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

/// Bytes that are held in memory.
const MEMORY_BYTES: usize = 1 << 20;
/// Bytes of a piece read from the file.
const PIECE_BYTES: usize = 64 << 10;

/// Bytes written, to be read once.
#[derive(Debug, Default)]
pub(super) struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    file_bytes: u64,
}

impl Spool {
    /// Where to append. Call [`Spool::relieve`] now and then.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.memory
    }

    /// How many bytes were written.
    pub(super) fn bytes(&self) -> u64 {
        self.file_bytes + self.memory.len() as u64
    }

    /// Moves what memory holds to the file, if it is much.
    pub(super) async fn relieve(&mut self) -> std::io::Result<()> {
        if self.memory.len() < MEMORY_BYTES {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            empty => {
                let file = tokio::task::spawn_blocking(tempfile::tempfile).await??;
                empty.insert(File::from_std(file))
            }
        };
        file.write_all(&self.memory).await?;
        self.file_bytes += self.memory.len() as u64;
        self.memory.clear();
        Ok(())
    }

    /// Bytes before and behind the spooled ones, as the body of an answer, and its length.
    pub(super) async fn into_body(
        mut self,
        head: Vec<u8>,
        tail: Vec<u8>,
    ) -> std::io::Result<(Body, u64)> {
        let length = head.len() as u64 + self.bytes() + tail.len() as u64;
        self.memory.extend_from_slice(&tail);
        let Some(mut file) = self.file else {
            let mut all = head;
            all.append(&mut self.memory);
            return Ok((Body::from(all), length));
        };
        file.flush().await?;
        file.seek(SeekFrom::Start(0)).await?;
        let ready = |bytes: Vec<u8>| {
            futures::stream::once(std::future::ready(Ok::<_, std::io::Error>(Bytes::from(
                bytes,
            ))))
        };
        let pieces = ready(head)
            .chain(ReaderStream::with_capacity(file, PIECE_BYTES))
            .chain(ready(self.memory));
        Ok((Body::from_stream(pieces), length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_comes_out_in_order() {
        for pieces in [0_usize, 3, 40] {
            let mut spool = Spool::default();
            let mut expected = b"head".to_vec();
            for piece in 0..pieces {
                let bytes = vec![piece as u8; 100_000];
                spool.buffer().extend_from_slice(&bytes);
                expected.extend_from_slice(&bytes);
                spool.relieve().await.unwrap();
                assert!(spool.buffer().len() < MEMORY_BYTES);
            }
            assert_eq!(spool.bytes(), pieces as u64 * 100_000);
            expected.extend_from_slice(b"tail");
            let (body, length) = spool
                .into_body(b"head".to_vec(), b"tail".to_vec())
                .await
                .unwrap();
            let got = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            assert_eq!(length, got.len() as u64);
            assert!(got == expected, "{pieces} pieces");
        }
    }
}
