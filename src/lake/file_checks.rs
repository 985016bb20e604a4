//! The table's files against what the log says of them: their SHA-256, size and number of rows. A file is hashed once a
//! process: files are written once and never changed.

use std::fmt::Display;
use std::io;
use std::sync::PoisonError;

use bytes::Bytes;
use parquet::file::metadata::ParquetMetaData;

use crate::bounded::open_regular;
use crate::error::{Error, ReadError, Result};
use crate::lake::files::DataFile;
use crate::output::hashed::hash_of;
use crate::stores::Location;

impl Location {
    /// Exit 5 where a file doesn't hold the bytes that were written, as far as the log has their hash.
    pub fn check_hash(&self, file: &DataFile) -> Result<()> {
        let Some(sha256) = file.sha256.as_ref().filter(|_| !self.is_checked(file)) else {
            return Ok(());
        };
        let (found, _) = self.hash_of_file(file)?;
        self.compare(file, sha256, &found)
    }

    /// The SHA-256 of a file, in hexadecimal, and its size.
    pub(super) fn hash_of_file(&self, file: &DataFile) -> Result<(String, u64)> {
        match self.local() {
            Some(folder) => {
                let content = open_regular(&folder.join(&file.path)).map_err(|error| self.unread_file(file, &error))?;
                hash_of(content).map_err(|error| self.unread_file(file, &error))
            }
            None => hashed(&self.bytes_of_file(file)?),
        }
    }

    /// The bytes of a stored file whose hash has not been looked at yet, with the right one: they are fetched for that anyway.
    pub(super) fn unchecked_bytes(&self, file: &DataFile) -> Result<Option<Bytes>> {
        let Some(sha256) = file.sha256.as_ref().filter(|_| !self.is_checked(file)) else {
            return Ok(None);
        };
        let bytes = self.bytes_of_file(file)?;
        self.compare(file, sha256, &hashed(&bytes)?.0)?;
        Ok(Some(bytes))
    }

    /// Exit 5 for what a file holds.
    pub(super) fn untrusted_file(&self, file: &DataFile, why: impl Display) -> Error {
        Error::Untrusted(format!("{}/{}: {why}", self.shown(), file.path))
    }

    /// Exit 5 for a file that can't be read, or not as what the log says.
    pub(super) fn unreadable_file(&self, file: &DataFile, why: impl Display) -> Error {
        Error::Untrusted(format!("cannot read {}/{}: {why}", self.shown(), file.path))
    }

    /// The error for a file on disk that can't be read.
    pub(super) fn unread_file(&self, file: &DataFile, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::NotFound => self.unreadable_file(file, "it is missing; was the table vacuumed?"),
            _ => self.unreadable_file(file, error),
        }
    }

    fn bytes_of_file(&self, file: &DataFile) -> Result<Bytes> {
        let gone = || self.unread_file(file, &io::Error::from(io::ErrorKind::NotFound));
        self.fetch(&file.path)?.ok_or_else(gone)
    }

    fn is_checked(&self, file: &DataFile) -> bool {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.contains(&file.path)
    }

    fn compare(&self, file: &DataFile, said: &str, found: &str) -> Result<()> {
        if said != found {
            let repair = format!("`apify-runs lake repair {}`", self.shown());
            let why = "its SHA-256 differs from the log: the file is damaged; see";
            return Err(self.untrusted_file(file, format!("{why} {repair}")));
        }
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.insert(file.path.clone());
        Ok(())
    }
}

/// Exit 5 for a local file of another size than the log says.
pub(super) fn check_size(location: &Location, file: &DataFile) -> Result<()> {
    let found = location.local().map(|folder| folder.join(&file.path).metadata());
    match found {
        Some(Ok(found)) if found.len() != file.bytes => {
            let (found, logged) = (found.len(), file.bytes);
            Err(location.unreadable_file(file, format!("{found} bytes, the log says {logged}")))
        }
        // One that is gone by now is open.
        _ => Ok(()),
    }
}

/// A file that holds another number of rows than the log says is another file.
pub(super) fn check_row_count(metadata: &ParquetMetaData, file: &DataFile) -> Result<(), ReadError> {
    let found = metadata.file_metadata().num_rows();
    match file.rows {
        Some(told) if i64::try_from(told).ok() != Some(found) => {
            Err(ReadError::new(format!("it holds {found} rows, the log says {told}")))
        }
        _ => Ok(()),
    }
}

fn hashed(bytes: &Bytes) -> Result<(String, u64)> {
    Ok(hash_of(bytes.as_ref()).map_err(anyhow::Error::from)?)
}
