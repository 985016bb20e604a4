//! Errors of stores and folders as this project's: which exit code they are, and in which words.

use deltalake_core::DeltaTableError;

use crate::error::Error;
use crate::stores::Location;
use crate::stores::errors::{StoreError, StoreErrorKind};
use crate::stores::log_view::LOG;

pub const CANNOT_READ: &str = "cannot read ";

impl Location {
    /// The error for an object that can't be read.
    pub fn cannot_read(&self, path: &str, error: &object_store::Error) -> Error {
        self.unread(path, StoreError::from_store(error))
    }

    fn unread(&self, path: &str, error: StoreError) -> Error {
        let text = format!("{CANNOT_READ}{}: {}", self.place(path), error.text);
        match error.kind {
            StoreErrorKind::Missing => Error::Usage(text),
            StoreErrorKind::Unauthenticated => Error::NotAuthorised(text),
            StoreErrorKind::Forbidden => Error::NotAuthorised(format!(
                "{text}; the store accepts the credentials but denies the access"
            )),
            StoreErrorKind::Unreachable | StoreErrorKind::Refused if self.local.is_some() => Error::Untrusted(text),
            StoreErrorKind::Unreachable => Error::Unreachable(format!("{text}; it is safe to run again")),
            StoreErrorKind::Refused => Error::Usage(text),
        }
    }

    /// The error for an object that can't be written.
    pub fn cannot_write(&self, path: &str, error: &object_store::Error) -> Error {
        self.unwritten(path, StoreError::from_store(error))
    }

    fn unwritten(&self, path: &str, error: StoreError) -> Error {
        let text = format!("cannot write {}: {}", self.place(path), error.text);
        match error.kind {
            StoreErrorKind::Unauthenticated => Error::NotAuthorised(text),
            StoreErrorKind::Forbidden if self.local.is_none() => Error::Output(format!(
                "{text}; the store accepts the credentials but denies the access"
            )),
            StoreErrorKind::Unreachable if self.local.is_none() => {
                Error::Unreachable(format!("{text}; it is safe to run again"))
            }
            StoreErrorKind::Missing
            | StoreErrorKind::Forbidden
            | StoreErrorKind::Refused
            | StoreErrorKind::Unreachable => Error::Output(text),
        }
    }

    /// A store's own error, as the Delta library wraps it; `None` where something is wrong with the table's log itself.
    pub fn store_error(&self, error: &DeltaTableError, is_write: bool) -> Option<Error> {
        if self.local.is_some() && !is_write {
            // A folder's error is about the files of the log.
            return None;
        }
        let error = StoreError::from_delta(error)?;
        Some(match is_write {
            true => self.unwritten(LOG, error),
            false => self.unread(LOG, error),
        })
    }
}
