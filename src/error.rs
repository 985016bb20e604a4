//! The ways in which a job ends early, one variant for each exit code. Not a catalogue of causes: a cause that nobody
//! branches on is text, put together where it is known.

use std::path::Path;

/// Why a job ended; the variant decides the exit code, the text says what, where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Exit 1: anything that has no code of its own.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
    /// Exit 2: the command line, or the input it names, makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Exit 3: no token, or the API refused it.
    #[error("{0}")]
    NotAuthorised(String),
    /// Exit 4: the API could not be reached, or kept failing. Safe to run again.
    #[error("{0}")]
    Unreachable(String),
    /// Exit 5: the data can't be trusted; nothing was published.
    #[error("{0}")]
    Untrusted(String),
    /// Exit 6: the output can't be written, or must not be replaced.
    #[error("{0}")]
    Output(String),
    /// Exit 7: published, but a condition that was asked for doesn't hold.
    #[error("{0}")]
    Condition(String),
    /// Exit 8: another apify-runs process holds the output.
    #[error("{0}")]
    Busy(String),
}

/// A result whose error knows its exit code.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Other(_) => 1,
            Error::Usage(_) => 2,
            Error::NotAuthorised(_) => 3,
            Error::Unreachable(_) => 4,
            Error::Untrusted(_) => 5,
            Error::Output(_) => 6,
            Error::Condition(_) => 7,
            Error::Busy(_) => 8,
        }
    }

    /// An output that could not be written: `doing` is a verb, as in 'write', `path` what it was done to.
    pub fn output(doing: &str, path: &Path, cause: impl std::fmt::Display) -> Error {
        Error::Output(format!("cannot {doing} {}: {cause}", path.display()))
    }
}
