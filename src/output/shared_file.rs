//! A file that several readers share, each at its own offset. Not a cache: every read goes to the file.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// A file that several threads read at once, each where it wants to.
#[derive(Debug, Clone)]
pub struct SharedFile {
    file: Arc<File>,
    bytes: u64,
}

impl SharedFile {
    /// Its size is that of now: what is appended later is not read.
    pub fn new(file: File) -> io::Result<SharedFile> {
        let bytes = file.metadata()?.len();
        Ok(SharedFile {
            file: Arc::new(file),
            bytes,
        })
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Its bytes from the first one on, whoever else reads it.
    pub fn reader(&self) -> SharedReader {
        self.reader_at(0)
    }

    fn reader_at(&self, at: u64) -> SharedReader {
        let file = self.file.clone();
        SharedReader { file, at }
    }
}

impl Length for SharedFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for SharedFile {
    type T = BufReader<SharedReader>;

    fn get_read(&self, start: u64) -> Result<BufReader<SharedReader>, ParquetError> {
        Ok(BufReader::new(self.reader_at(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // Lengths come from the file's own footer: none is believed beyond its end.
        if start.checked_add(length as u64).is_none_or(|end| end > self.bytes) {
            return Err(ParquetError::EOF("it ends within a page".into()));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// A file's bytes from a place on.
#[derive(Debug)]
pub struct SharedReader {
    file: Arc<File>,
    at: u64,
}

impl Read for SharedReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(into, self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}
