//! Compressed files as streams of bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Bytes read from a file at once.
const BUFFER_BYTES: usize = 256 << 10;

/// How a file is compressed, by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// A file name without the extension of its compression, and what that is.
    pub(super) fn split(name: &str) -> (&str, Self) {
        if let Some(name) = name.strip_suffix(".gz") {
            (name, Self::Gzip)
        } else if let Some(name) = name.strip_suffix(".zst") {
            (name, Self::Zstd)
        } else {
            (name, Self::None)
        }
    }

    /// The content of a file.
    pub(super) fn open(self, path: &Path) -> io::Result<Box<dyn BufRead>> {
        let file = File::open(path)?;
        Ok(match self {
            Self::None => Box::new(BufReader::with_capacity(BUFFER_BYTES, file)),
            Self::Gzip => buffered(flate2::read::MultiGzDecoder::new(BufReader::with_capacity(
                BUFFER_BYTES,
                file,
            ))),
            Self::Zstd => buffered(zstd::stream::read::Decoder::new(file)?),
        })
    }
}

fn buffered(reader: impl Read + 'static) -> Box<dyn BufRead> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, reader))
}
