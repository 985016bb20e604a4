//! A request, and what may become of it: what callers of the one retry loop tell it, and hear.

use reqwest::Url;

use crate::error::Error;

/// Why a request came to nothing.
#[derive(Debug)]
pub enum RequestError {
    /// The query was too heavy for the server (503 `query-timeout`), and could be narrower.
    TooHeavy,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for RequestError {
    fn from(error: Error) -> RequestError {
        RequestError::Failed(error)
    }
}

/// What a request came to, where it didn't fail.
pub(super) enum Answer<T> {
    Read(T),
    TooHeavy,
    /// It is larger than any answer that is read, and a smaller one could be asked for.
    TooLarge,
    /// 403 or 404, where that was to be expected: the status.
    Missing(u16),
}

/// Which requests share a pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Lists, and all that is asked once.
    Lists,
    /// Single runs' details, single Actors and tasks.
    Details,
}

/// A request and what may become of it.
pub(super) struct Ask {
    pub(super) url: Url,
    pub(super) lane: Lane,
    /// Attempts after the first: no more than this, nor than `--retries`.
    pub(super) retries: u32,
    /// Whether the caller can ask for less instead.
    pub(super) narrowable: bool,
    /// Whether the caller can ask for a smaller answer instead.
    pub(super) divisible: bool,
    /// Whether 403 and 404 are answers.
    pub(super) may_be_missing: bool,
}

impl Ask {
    /// One that has to be answered.
    pub(super) fn of(url: Url) -> Ask {
        Ask {
            url,
            lane: Lane::Lists,
            retries: u32::MAX,
            narrowable: false,
            divisible: false,
            may_be_missing: false,
        }
    }
}
