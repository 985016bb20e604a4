//! The file of `--outcome`: emptied when a job begins, written in place when it ends, since it may be a pipe or mounted by itself.
//! Nothing but an outcome is written over. It knows no more of the document than how it begins.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::app::outcome::document::MAX_BYTES;
use crate::disk::{ONE_PARENT, make_parents, reason, sync};
use crate::error::{Error, Result};

/// Whether a text is an outcome of any version, or the beginning of one: nothing else may be written over.
pub fn is_outcome(text: &str) -> bool {
    let of_version = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
    let mut rest = text;
    for literal in ["{\"schema_version\":", ",\"tool_version\":\"", "\",\"job\":\""] {
        if literal.starts_with(rest) {
            return true;
        }
        let Some(after) = rest.strip_prefix(literal) else {
            return false;
        };
        rest = after.trim_start_matches(of_version);
    }
    true
}

/// The file, emptied, so that an earlier job's end is not taken for this one's.
#[derive(Debug)]
pub struct OutcomeFile {
    path: PathBuf,
    emptied: io::Result<File>,
    /// Whether stdout or stderr goes there too, of which nothing may be lost.
    is_shared: bool,
}

impl OutcomeFile {
    /// Empties it, or creates it. Does not wait for the reader of a pipe.
    ///
    /// # Errors
    /// [`Error::Usage`] where it holds something else than an outcome, which stays.
    pub fn empty(path: &Path) -> Result<OutcomeFile> {
        let is_shared = is_stdout_or_stderr(path);
        let found = if is_shared { Ok(String::new()) } else { beginning(path) };
        if found.as_ref().is_ok_and(|found| !is_outcome(found)) {
            return Err(Error::Usage(format!(
                "--outcome {} exists and is not an outcome file: use another path, or remove it",
                path.display()
            )));
        }
        let mut options = OpenOptions::new();
        if is_shared {
            options.append(true);
        } else {
            options.write(true).create(true).truncate(true);
        }
        options.custom_flags(OFlags::NONBLOCK.bits() as i32);
        let parents = || make_parents(path, ONE_PARENT);
        Ok(OutcomeFile {
            path: path.into(),
            emptied: found.and_then(|_| parents()).and_then(|_| options.open(path)),
            is_shared,
        })
    }

    /// Writes the document.
    ///
    /// # Errors
    /// A warning: a job does not fail for want of its outcome.
    pub fn write(self, document: &str) -> anyhow::Result<()> {
        let written = self.emptied.and_then(|mut file| {
            if !self.is_shared {
                // Another job may have written meanwhile; a pipe has no length.
                let _ = file.set_len(0);
            }
            file.write_all(document.as_bytes())?;
            // A pipe or a device can't be synced, which is no failure.
            sync(&file)
        });
        written.map_err(|error| anyhow::anyhow!("cannot write --outcome {}: {}", self.path.display(), reason(&error)))
    }
}

/// The beginning of a regular file; empty for anything else, and for what isn't there.
fn beginning(path: &Path) -> io::Result<String> {
    let mut found = Vec::new();
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        File::open(path)?.take(MAX_BYTES as u64).read_to_end(&mut found)?;
    }
    Ok(String::from_utf8_lossy(&found).into_owned())
}

fn is_stdout_or_stderr(path: &Path) -> bool {
    let Ok(metadata) = fs::metadata(path) else {
        return false;
    };
    let is_it = |stat: rustix::io::Result<rustix::fs::Stat>| {
        stat.is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (metadata.dev() as _, metadata.ino() as _))
    };
    is_it(rustix::fs::fstat(io::stdout())) || is_it(rustix::fs::fstat(io::stderr()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_an_outcome_may_be_written_over() {
        let outcome =
            r#"{"schema_version":1,"tool_version":"0.1.0","job":"20251003T060000Z-0a1b2c3d","command":"export"}"#;
        assert!(is_outcome("") && is_outcome(outcome) && is_outcome(&outcome[..30]));
        assert!(is_outcome(&outcome.replace(":1,", ":12,")));
        let manifest = r#"{"schema_version":1,"tool_version":"0.1.0","account":{"id":"x"},"source":"api","period":{"from":"2025-09-01T00:00:00.000Z"}}"#;
        for other in ["apify_api_token", "[export]\n", "{}", "id,act_id\n", manifest] {
            assert!(!is_outcome(other), "{other}");
        }
    }
}
