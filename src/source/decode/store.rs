//! Rows that came before their columns: as they stand in the body, in memory while they are few,
//! then in an anonymous temporary file.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use tempfile::SpooledTempFile;

use super::DecodeError;
use super::rows::Chunk;

/// Bytes up to which rows stay in memory.
const MEMORY_BYTES_MAX: usize = 8 << 20;

/// Chunks that are written, then read back in order.
#[derive(Debug)]
pub(super) struct Store {
    file: SpooledTempFile,
    left: u64,
    is_reading: bool,
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
            file: SpooledTempFile::new(MEMORY_BYTES_MAX),
            left: 0,
            is_reading: false,
        }
    }

    /// Writes a chunk behind those before. Blocks.
    pub(super) fn write(&mut self, chunk: &Chunk) -> Result<(), DecodeError> {
        self.left += 1;
        self.try_write(chunk).map_err(|error| refused(&error))
    }

    fn try_write(&mut self, chunk: &Chunk) -> io::Result<()> {
        let header = [
            chunk.bytes.len() as u64,
            chunk.at_byte,
            chunk.first_row,
            chunk.rows as u64,
        ];
        for number in header {
            self.file.write_all(&number.to_le_bytes())?;
        }
        self.file.write_all(&chunk.bytes)
    }

    /// The next chunk that was written; from the first on, nothing is written any more. Blocks.
    pub(super) fn read(&mut self) -> Result<Option<Chunk>, DecodeError> {
        self.try_read().map_err(|error| refused(&error))
    }

    fn try_read(&mut self) -> io::Result<Option<Chunk>> {
        if !self.is_reading {
            self.is_reading = true;
            self.file.seek(SeekFrom::Start(0))?;
        }
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut header = [0_u64; 4];
        for number in &mut header {
            let mut bytes = [0; 8];
            self.file.read_exact(&mut bytes)?;
            *number = u64::from_le_bytes(bytes);
        }
        let [length, at_byte, first_row, rows] = header;
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        Ok(Some(Chunk {
            bytes,
            at_byte,
            first_row,
            rows: rows as usize,
        }))
    }
}

fn refused(error: &io::Error) -> DecodeError {
    DecodeError::Store(error.to_string())
}
