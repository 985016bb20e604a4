//! Errors of stores and folders as this project's: which exit code they are, and in which words.

use deltalake_core::DeltaTableError;

use crate::error::Error;
use crate::stores::Location;
use crate::stores::errors::{StoreError, StoreErrorKind};
use crate::stores::log_view::LOG;

/// How what can't be read is told.
pub const CANNOT_READ: &str = "cannot read ";

impl Location {
    /// What became of reading something.
    pub fn cannot_read(&self, path: &str, error: &object_store::Error) -> Error {
        self.unread(path, StoreError::from_store(error))
    }

    fn unread(&self, path: &str, trouble: StoreError) -> Error {
        let text = format!("{CANNOT_READ}{}: {}", self.place(path), trouble.text);
        match trouble.kind {
            StoreErrorKind::Missing => Error::Usage(text),
            StoreErrorKind::Unauthenticated => Error::NotAuthorised(text),
            StoreErrorKind::Forbidden => {
                Error::NotAuthorised(format!("{text}; the store knows who asks, and forbids it"))
            }
            StoreErrorKind::Unreachable | StoreErrorKind::Refused if self.local.is_some() => Error::Untrusted(text),
            StoreErrorKind::Unreachable => Error::Unreachable(format!("{text}; it is safe to run again")),
            StoreErrorKind::Refused => Error::Usage(text),
        }
    }

    /// What became of writing something.
    pub fn cannot_write(&self, path: &str, error: &object_store::Error) -> Error {
        self.unwritten(path, StoreError::from_store(error))
    }

    fn unwritten(&self, path: &str, trouble: StoreError) -> Error {
        let text = format!("cannot write {}: {}", self.place(path), trouble.text);
        match trouble.kind {
            StoreErrorKind::Unauthenticated => Error::NotAuthorised(text),
            StoreErrorKind::Forbidden if self.local.is_none() => {
                Error::Output(format!("{text}; the store knows who asks, and forbids it"))
            }
            StoreErrorKind::Unreachable if self.local.is_none() => {
                Error::Unreachable(format!("{text}; it is safe to run again"))
            }
            StoreErrorKind::Missing
            | StoreErrorKind::Forbidden
            | StoreErrorKind::Refused
            | StoreErrorKind::Unreachable => Error::Output(text),
        }
    }

    /// What a store's own trouble, as the Delta library wraps it, does to something that reads, or writes; None where it is the
    /// table's log that something is wrong with.
    pub fn store_error(&self, error: &DeltaTableError, is_write: bool) -> Option<Error> {
        if self.local.is_some() {
            // What a folder answers says something about its files.
            return None;
        }
        let trouble = StoreError::from_delta(error)?;
        Some(match is_write {
            true => self.unwritten(LOG, trouble),
            false => self.unread(LOG, trouble),
        })
    }
}
