//! A table whose checkpoint, or whose pointer to one, is broken: read from what else its log has. A checkpoint only repeats the
//! entries before it, so nothing is lost while those are there.

use crate::error::{Error, Result};
use crate::lake::log_entries::{LAST_CHECKPOINT, LogEntries, is_broken_checkpoint};
use crate::stores::Location;

/// How many checkpoints that can be read, and may say something wrong, are passed over.
const MOST_DOUBTED: usize = 3;

/// Files of the log that are hidden from the library, until this is dropped unless it is kept.
struct SkippedFiles<'l> {
    location: &'l Location,
    names: Vec<String>,
    is_kept: bool,
}

impl SkippedFiles<'_> {
    fn add(&mut self, name: &str) {
        if self.location.hidden.add(name) {
            self.names.push(name.to_string());
        }
    }

    fn checkpoints(&self) -> String {
        let names = self.names.iter().map(String::as_str);
        let names: Vec<&str> = names.filter(|name| *name != LAST_CHECKPOINT).collect();
        names.join(", ")
    }

    fn warning(&self) -> String {
        let what = match self.checkpoints().as_str() {
            "" => format!("_delta_log/{LAST_CHECKPOINT} names a checkpoint that does not exist"),
            names => format!("the checkpoint _delta_log/{names} is broken"),
        };
        format!(
            "{}: {what}; it is ignored, because the log is complete without it; the next sync that commits replaces it",
            self.location.shown()
        )
    }
}

impl Drop for SkippedFiles<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.names.iter().for_each(|name| self.location.hidden.remove(name));
        }
    }
}

/// Reads a version of the table without what is broken beside its entries. `why` is why it can't be read with it, and what is
/// returned when that is no help.
pub(super) fn read_without_broken<T>(
    location: &Location,
    version: u64,
    why: Error,
    attempt: impl Fn() -> Result<T>,
) -> Result<T> {
    let mut entries = LogEntries::list(location)?;
    let mut skipped = SkippedFiles {
        location,
        names: Vec::new(),
        is_kept: false,
    };
    // It only saves a list.
    if entries.has_last_checkpoint {
        skipped.add(LAST_CHECKPOINT);
    }
    for (_, names) in entries.checkpoints(version) {
        let mut is_broken = false;
        for name in names {
            is_broken |= is_broken_checkpoint(location, name)?;
        }
        if !is_broken {
            break;
        }
        names.iter().for_each(|name| skipped.add(name));
    }
    entries = LogEntries::list(location)?;
    if let Some(fault) = entries.fault(location, version)? {
        let beside = match skipped.checkpoints().as_str() {
            "" => String::new(),
            names => format!("the checkpoint {names} is broken, and "),
        };
        return Err(location.log_broken(&format!("{beside}{fault}")));
    }
    for _ in 0..=MOST_DOUBTED {
        if !skipped.names.is_empty()
            && let Ok(found) = attempt()
        {
            skipped.is_kept = true;
            tracing::warn!("{}", skipped.warning());
            return Ok(found);
        }
        let entries = LogEntries::list(location)?;
        let Some((_, names)) = entries.checkpoints(version).next() else {
            break;
        };
        names.iter().for_each(|name| skipped.add(name));
        if LogEntries::list(location)?.gap(version).is_some() {
            break;
        }
    }
    Err(why)
}
