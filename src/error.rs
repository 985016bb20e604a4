//! The ways in which a job ends early, one variant for each exit code. Not a catalogue of causes: a cause that nobody
//! branches on is text, put together where it is known.

use std::fmt::{self, Display};
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
    /// Exit 4 too: a setting, or the network, has to change before a later run can reach the API.
    #[error("{0}")]
    OutOfReach(String),
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

/// Every exit code with its meaning, for help and manual.
pub const EXIT_CODES: [(&str, &str); 10] = [
    ("0", "done"),
    ("1", "any other error"),
    ("2", "wrong usage, or no data at PATH"),
    ("3", "no token, or the API refused it"),
    ("4", "API or storage not reachable, or deadline passed: run it again"),
    ("5", "the data can't be trusted: nothing was published"),
    ("6", "the output can't be written, or must not be replaced"),
    ("7", "done, but a condition that you set is not met"),
    ("8", "another apify-runs process is using the output"),
    ("129 130 143", "stopped by SIGHUP, SIGINT or SIGTERM"),
];

/// A result whose error knows its exit code.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Other(_) => 1,
            Error::Usage(_) => 2,
            Error::NotAuthorised(_) => 3,
            Error::Unreachable(_) | Error::OutOfReach(_) => 4,
            Error::Untrusted(_) => 5,
            Error::Output(_) => 6,
            Error::Condition(_) => 7,
            Error::Busy(_) => 8,
        }
    }

    /// An output that could not be written: `doing` is a verb, as in 'write', `path` what it was done to.
    pub fn output(doing: &str, path: &Path, cause: impl Display) -> Error {
        let cause = crate::disk::plain(&cause.to_string());
        Error::Output(format!("cannot {doing} {}: {cause}", path.display()))
    }

    pub fn usage(cause: impl Display) -> Error {
        Error::Usage(cause.to_string())
    }

    pub fn untrusted(cause: impl Display) -> Error {
        Error::Untrusted(cause.to_string())
    }

    /// The same error with the fate of the output behind its text, as in 'nothing was published'. Errors of the command line, of
    /// the token and of conditions come before or after the output, and have none; `rerun` follows what a later run may not meet.
    pub fn with_fate(self, fate: &str, rerun: &str) -> Error {
        match self {
            Error::Unreachable(text) => Error::Unreachable(format!("{text}; {fate}{rerun}")),
            Error::OutOfReach(text) => Error::OutOfReach(format!("{text}; {fate}")),
            Error::Untrusted(text) => Error::Untrusted(format!("{text}; {fate}")),
            Error::Output(text) => Error::Output(format!("{text}; {fate}")),
            other => other,
        }
    }
}

/// What cannot be read from a file or an answer. Its exit code is the caller's to choose: the same text is exit 5 where an
/// archive is read and exit 6 where it is the working file of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// The file, or the request.
    pub path: Option<String>,
    /// Where in it: a row, a column, a field.
    pub place: Option<String>,
    /// What was found, and what was expected.
    pub cause: String,
}

impl ReadError {
    /// Without a place; callers who know it add it.
    pub fn new(cause: impl Display) -> ReadError {
        ReadError {
            path: None,
            place: None,
            cause: cause.to_string(),
        }
    }

    pub fn at(mut self, place: impl Display) -> ReadError {
        self.place = Some(place.to_string());
        self
    }

    pub fn in_file(mut self, path: impl Display) -> ReadError {
        self.path = Some(path.to_string());
        self
    }
}

impl Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.path, &self.place].into_iter().flatten() {
            write!(out, "{part}: ")?;
        }
        out.write_str(&self.cause)
    }
}

impl std::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_an_exit_code_with_a_meaning() {
        let text = String::new;
        let errors = [
            Error::Other(anyhow::anyhow!("x")),
            Error::Usage(text()),
            Error::NotAuthorised(text()),
            Error::Unreachable(text()),
            Error::Untrusted(text()),
            Error::Output(text()),
            Error::Condition(text()),
            Error::Busy(text()),
        ];
        assert_eq!(Error::OutOfReach(text()).exit_code(), 4);
        let codes = errors.iter().map(|error| error.exit_code().to_string());
        let with_meaning = EXIT_CODES[1..9].iter().map(|(code, _)| (*code).to_owned());
        assert!(codes.eq(with_meaning));
    }
}
