//! The table's log as its files are: which entries and checkpoints there are, and which of them is missing or broken, in words.
//! What they say of the table is the Delta library's to read.

use std::collections::BTreeMap;

use bytes::Bytes;
use deltalake_core::DeltaTableError;
use deltalake_core::parquet::errors::ParquetError;
use futures::StreamExt;
use object_store::ObjectMeta;
use object_store::path::Path as StorePath;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::output::read::options;
use crate::period::Millis;
use crate::stores::Location;

pub(super) const LAST_CHECKPOINT: &str = "_last_checkpoint";
const LOG: &str = "_delta_log";
/// No entry is shorter: `{"add":{}}`.
const LEAST_ENTRY_BYTES: u64 = 10;
/// What can be done about a log with a hole.
const REMEDY: &str =
    "restore the file from a backup or, in a store that keeps versions, its last version; nothing was changed";

#[derive(Debug, Clone, Copy)]
pub(super) struct LogEntry {
    bytes: u64,
    written_ms: Millis,
}

#[derive(Debug, Default)]
pub(super) struct LogEntries {
    entries: BTreeMap<u64, LogEntry>,
    /// The names of each one's files.
    checkpoints: BTreeMap<u64, Vec<String>>,
    pub(super) has_last_checkpoint: bool,
}

impl LogEntries {
    pub(super) fn list(location: &Location) -> Result<LogEntries> {
        let store = location.store();
        let mut listed = LogEntries::default();
        let done = location.wait(async {
            let mut objects = store.list(Some(&StorePath::from(LOG)));
            while let Some(object) = objects.next().await {
                match object {
                    Ok(object) => listed.add(&object),
                    Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        });
        done.map_err(|error| location.cannot_read(LOG, &error))?;
        Ok(listed)
    }

    fn add(&mut self, object: &ObjectMeta) {
        let path = object.location.as_ref();
        let Some(name) = path.strip_prefix(LOG).and_then(|rest| rest.strip_prefix('/')) else {
            return;
        };
        let (bytes, written_ms) = (object.size, object.last_modified.timestamp_millis());
        if name == LAST_CHECKPOINT {
            self.has_last_checkpoint = true;
        }
        let Some((version, kind)) = name.split_once('.') else {
            return;
        };
        // Files of folders below are none of the log's own.
        let is_version = version.len() == 20 && version.bytes().all(|byte| byte.is_ascii_digit());
        let Some(version) = version.parse().ok().filter(|_| is_version && !kind.contains('/')) else {
            return;
        };
        if kind == "json" {
            self.entries.insert(version, LogEntry { bytes, written_ms });
        } else if kind.starts_with("checkpoint.") && bytes > 0 {
            self.checkpoints.entry(version).or_default().push(name.to_string());
        }
    }

    pub(super) fn is_table(&self) -> bool {
        !self.entries.is_empty() || !self.checkpoints.is_empty()
    }

    /// The oldest version that can be put together, and the newest.
    pub(super) fn ends(&self) -> (u64, u64) {
        let (entries, checkpoints) = (self.entries.keys().copied(), self.checkpoints.keys().copied());
        let last = entries.chain(checkpoints.clone()).max();
        let first = checkpoints.min().filter(|_| !self.entries.contains_key(&0));
        (first.unwrap_or(0), last.unwrap_or(0))
    }

    /// The newest version that was there at a time.
    pub(super) fn last_at(&self, at: Millis) -> Option<u64> {
        let mut were_there = self.entries.iter().filter(|(_, entry)| entry.written_ms <= at);
        were_there.next_back().map(|(version, _)| *version)
    }

    pub(super) fn written(&self, version: u64) -> Option<Millis> {
        self.entries.get(&version).map(|entry| entry.written_ms)
    }

    /// The checkpoints up to a version, the newest first.
    pub(super) fn checkpoints(&self, version: u64) -> impl Iterator<Item = (u64, &[String])> {
        let checkpoints = self.checkpoints.range(..=version).rev();
        checkpoints.map(|(version, names)| (*version, names.as_slice()))
    }

    /// The versions whose entries make up a version, on top of the newest checkpoint before it.
    fn needed(&self, version: u64) -> std::ops::RangeInclusive<u64> {
        let base = self.checkpoints(version).next().map(|(version, _)| version);
        base.map_or(0, |base| base + 1)..=version
    }

    /// Which of the entries that make up a version is missing or empty, in words.
    pub(super) fn gap(&self, version: u64) -> Option<String> {
        let mut needed = self.needed(version);
        needed.find_map(|version| match self.entries.get(&version) {
            None => Some(format!("{} is missing: {REMEDY}", entry_path(version))),
            Some(entry) if entry.bytes < LEAST_ENTRY_BYTES => {
                Some(format!("{} is empty: {REMEDY}", entry_path(version)))
            }
            Some(_) => None,
        })
    }

    /// Which of the entries that make up a version is missing, empty or can't be read, in words.
    pub(super) fn fault(&self, location: &Location, version: u64) -> Result<Option<String>> {
        if let Some(gap) = self.gap(version) {
            return Ok(Some(gap));
        }
        for version in self.needed(version) {
            let path = entry_path(version);
            let Some(bytes) = location.fetch(&path)? else {
                return Ok(Some(format!("{path} is missing: {REMEDY}")));
            };
            if let Some(line) = broken_line(&bytes) {
                return Ok(Some(format!("line {line} of {path} is not a JSON object: {REMEDY}")));
            }
        }
        Ok(None)
    }
}

pub(super) fn entry_path(version: u64) -> String {
    format!("{LOG}/{version:020}.json")
}

/// The first line, from 1, that is no object.
fn broken_line(bytes: &[u8]) -> Option<usize> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let mut lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty()).peekable();
    if lines.peek().is_none() {
        return Some(1);
    }
    lines
        .find(|(_, line)| !matches!(serde_json::from_slice(line), Ok(Value::Object(_))))
        .map(|(at, _)| at + 1)
}

/// Whether a checkpoint's file can't be read to its end.
pub(super) fn is_broken_checkpoint(location: &Location, name: &str) -> Result<bool> {
    let path = format!("{LOG}/{name}");
    let Some(bytes) = location.fetch(&path)? else {
        return Ok(true);
    };
    if name.ends_with(".json") {
        return Ok(broken_line(&bytes).is_some());
    }
    Ok(decode(bytes).is_err())
}

fn decode(bytes: Bytes) -> Result<(), ParquetError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options())?.build()?;
    for batch in reader {
        batch?;
    }
    Ok(())
}

impl Location {
    /// The path of the log's last entry, where that alone can't be read: the table without it is the version before.
    pub fn broken_last_entry(&self) -> Result<Option<String>> {
        let entries = LogEntries::list(self)?;
        let (_, last) = entries.ends();
        if last == 0 || !entries.entries.contains_key(&last) {
            return Ok(None);
        }
        let path = entry_path(last);
        let entry = self.fetch(&path)?;
        Ok(entry.and_then(|bytes| broken_line(&bytes)).map(|_| path))
    }

    /// The error for a log that the library can't read.
    pub(super) fn log_unread(&self, error: &DeltaTableError) -> Error {
        let trouble = self.store_error(error, false);
        trouble.unwrap_or_else(|| match self.fault_in_log() {
            Ok(Some(fault)) => self.log_broken(&fault),
            Ok(None) => self.log_unloaded(error),
            Err(error) => error,
        })
    }

    /// The same, without looking at the log once more.
    pub(super) fn log_unloaded(&self, error: &DeltaTableError) -> Error {
        self.store_error(error, false).unwrap_or_else(|| {
            self.log_broken(
                "each entry exists and is JSON, but together they are not a table: if another tool wrote to it last, check that \
                 tool; otherwise restore _delta_log from a backup",
            )
        })
    }

    pub(super) fn log_broken(&self, fault: &str) -> Error {
        Error::Untrusted(format!("{}: its log cannot be read: {fault}", self.shown()))
    }

    /// The error for a log that can't be written. `what` says what can't be done, as in 'cannot commit'; whether a commit stands
    /// all the same is the caller's to find out.
    pub(super) fn log_unwritten(&self, error: &DeltaTableError, what: &str) -> Error {
        if let DeltaTableError::ObjectStore { source } = error {
            return self.cannot_write(LOG, source);
        }
        if let Some(trouble) = self.store_error(error, true) {
            return trouble;
        }
        let shown = self.shown();
        match self.fault_in_log() {
            Ok(Some(fault)) => Error::Untrusted(format!("{shown}: {what}: {fault}")),
            Ok(None) => Error::Output(format!(
                "{shown}: {what}: the table refuses it, although each entry of its log can be read; `apify-runs verify {shown}` \
                 checks the table"
            )),
            Err(error) => error,
        }
    }

    fn fault_in_log(&self) -> Result<Option<String>> {
        let entries = LogEntries::list(self)?;
        entries.fault(self, entries.ends().1)
    }
}
