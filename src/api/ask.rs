//! A request, and what may become of it: what callers of the one retry loop tell it, and hear.

use reqwest::Url;

use crate::error::Error;

#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The query was too heavy for the server (503 `query-timeout`), and could be narrower.
    #[error("the query is too large for the server")]
    TooHeavy,
    #[error(transparent)]
    Failed(#[from] Error),
}

pub(super) enum Answer<T> {
    /// With the total that the head of a list says.
    Read(T, Option<u64>),
    TooHeavy,
    /// Larger than any answer that is read; the caller can ask for a smaller one.
    TooLarge,
    /// 403 or 404, where [`Ask::may_be_missing`].
    Missing(u16),
}

/// Requests of one lane share a pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Lists, and all that is asked once.
    Lists,
    /// Single runs' details, single Actors and tasks.
    Details,
}

pub(super) struct Ask {
    pub(super) url: Url,
    pub(super) lane: Lane,
    /// Attempts after the first: no more than this, nor than `--retries`.
    pub(super) retries: u32,
    pub(super) narrowable: bool,
    /// Whether the caller can ask for a smaller answer instead.
    pub(super) divisible: bool,
    pub(super) may_be_missing: bool,
    /// Whether it is for another answer than the run list: what such a one lacks is unknown, and not asked for again.
    pub(super) is_beside_runs: bool,
}

impl Ask {
    pub(super) fn new(url: Url) -> Ask {
        Ask {
            url,
            lane: Lane::Lists,
            retries: u32::MAX,
            narrowable: false,
            divisible: false,
            may_be_missing: false,
            is_beside_runs: true,
        }
    }

    /// One for something that may not be there.
    pub(super) fn look_up(url: Url) -> Ask {
        let mut ask = Ask::new(url);
        (ask.lane, ask.may_be_missing) = (Lane::Details, true);
        ask
    }

    /// For what a job can do without.
    pub(super) fn with_few_retries(mut self) -> Ask {
        self.retries = 2;
        self
    }
}
