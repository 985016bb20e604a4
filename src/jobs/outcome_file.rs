//! The file of `--outcome`: emptied when a job begins, written when it ends, and nobody else's file written over. It knows no more of
//! what is in it than how it begins.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::outcome::MAX_BYTES;
use crate::error::{Error, Result};

/// What every document begins with, but for the version.
const HEAD: &str = "{\"schema_version\":1,\"tool_version\":\"";
const ITS_JOB: &str = "\",\"job\":\"";

/// Whether a file holds an outcome, or the beginning of one: nothing else may be written over.
pub(super) fn is_outcome(text: &str) -> bool {
    let after_version = text
        .strip_prefix(HEAD)
        .map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || ".+-".contains(c)));
    HEAD.starts_with(text) || after_version.is_some_and(|rest| rest.starts_with(ITS_JOB) || ITS_JOB.starts_with(rest))
}

/// The file, emptied, so that nobody takes an earlier job's end for this one's.
#[derive(Debug)]
pub struct OutcomeFile {
    path: PathBuf,
    emptied: io::Result<File>,
}

impl OutcomeFile {
    /// Empties it, or creates it. A pipe that nobody reads is not waited for.
    ///
    /// # Errors
    /// [`Error::Usage`] where it holds something else than an outcome, which stays.
    pub fn empty(path: &Path) -> Result<OutcomeFile> {
        let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let mut held = Vec::new();
        if is_file && let Ok(file) = File::open(path) {
            let _ = file.take(MAX_BYTES as u64).read_to_end(&mut held);
        }
        if !is_outcome(&String::from_utf8_lossy(&held)) {
            return Err(Error::Usage(format!(
                "--outcome {} holds something else than an outcome: name another file, or remove it",
                path.display()
            )));
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        Ok(OutcomeFile {
            path: path.into(),
            emptied: options.custom_flags(OFlags::NONBLOCK.bits() as i32).open(path),
        })
    }

    /// Writes the document.
    ///
    /// # Errors
    /// In words: that nobody can be told is no reason for a job to fail.
    pub fn write(self, document: &str) -> std::result::Result<(), String> {
        let written = self.emptied.and_then(|mut file| {
            // Another job may have written meanwhile; a pipe has no length.
            let _ = file.set_len(0);
            file.write_all(document.as_bytes())?;
            // A pipe or a device can't be synced.
            file.sync_all().or_else(|error| match error.kind() {
                io::ErrorKind::InvalidInput => Ok(()),
                _ => Err(error),
            })
        });
        written.map_err(|error| format!("cannot write --outcome {}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_an_outcome_may_be_written_over() {
        let outcome =
            r#"{"schema_version":1,"tool_version":"0.1.0","job":"20251003T060000Z-0a1b2c3d","command":"export"}"#;
        assert!(is_outcome("") && is_outcome(outcome) && is_outcome(&outcome[..30]));
        let manifest = r#"{"schema_version":1,"tool_version":"0.1.0","account":{"id":"x"},"source":"api","period":{"from":"2025-09-01T00:00:00.000Z"}}"#;
        for other in ["apify_api_token", "[export]\n", "{}", "id,act_id\n", manifest] {
            assert!(!is_outcome(other), "{other}");
        }
    }
}
