//! A file that knows its hash, its size and its rows by the time it is complete, as the manifest lists them.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use sha2::{Digest, Sha256};

pub use crate::provenance::FileEntry;

/// Hashes what is written through it, on its way into a file or nowhere.
#[derive(Debug)]
pub struct HashedFile<W: Write = File> {
    file: BufWriter<W>,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> HashedFile<W> {
    /// Around a new file.
    pub fn new(file: W) -> HashedFile<W> {
        HashedFile {
            file: BufWriter::with_capacity(256 << 10, file),
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Writes what is left; the entry's path within the export and its rows are the caller's.
    pub fn finish(mut self, path: &str, rows: Option<u64>) -> io::Result<FileEntry> {
        self.file.flush()?;
        Ok(FileEntry {
            path: path.into(),
            sha256: hex(&self.hash.finalize()),
            bytes: self.bytes,
            rows,
        })
    }
}

impl<W: Write> Write for HashedFile<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The SHA-256 of a reader's bytes, in hexadecimal, and how many they are.
pub fn hash_of(mut reader: impl io::Read) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let bytes = io::copy(&mut reader, &mut hash)?;
    Ok((hex(&hash.finalize()), bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_entry_is_that_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut file = HashedFile::new(File::create(&path).unwrap());
        file.write_all(b"abc").unwrap();
        let entry = file.finish("x", Some(1)).unwrap();
        // FIPS 180-2's own example.
        assert_eq!(
            entry.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!((entry.bytes, entry.rows), (3, Some(1)));
        assert_eq!(hash_of(File::open(&path).unwrap()).unwrap(), (entry.sha256, 3));
    }
}
