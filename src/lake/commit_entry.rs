//! An entry of the log as the commit that made it: whose it is, and what it calls itself.

use bytes::Bytes;
use serde_json::Value;

use crate::error::Result;
use crate::stores::Location;

/// A commit that another engine made on top of this tool's last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCommit {
    pub version: u64,
    /// What it calls itself, such as DELETE or RESTORE.
    pub operation: String,
}

pub(super) struct CommitEntry {
    /// The operation; `None` where the entry holds no action at all, as no commit does.
    pub(super) operation: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) is_ours: bool,
}

impl CommitEntry {
    /// The entry of a version; `None` where the log doesn't have it, or no longer.
    pub(super) fn read(location: &Location, version: u64) -> Result<Option<CommitEntry>> {
        Ok(entry_bytes(location, version)?.map(|bytes| CommitEntry::parse(&bytes)))
    }

    fn parse(bytes: &[u8]) -> CommitEntry {
        let lines = bytes.split(|byte| *byte == b'\n');
        let actions: Vec<Value> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let info = actions.iter().find_map(|action| action.get("commitInfo"));
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(String::from);
        let own = info.and_then(|info| info.get("apifyRuns"));
        let named = text(info.and_then(|info| info.get("operation")));
        CommitEntry {
            operation: named.or_else(|| (!actions.is_empty()).then(|| "an unnamed operation".into())),
            commit: text(own.and_then(|own| own.get("commit"))),
            is_ours: own.is_some(),
        }
    }
}

/// The bytes of the entry of a version, if the log has it.
pub(super) fn entry_bytes(location: &Location, version: u64) -> Result<Option<Bytes>> {
    let entry = location.wait(location.log().read_commit_entry(version));
    entry.map_err(|error| location.log_unread(&error))
}

/// The version of the commit with this UUID among the entries from a version on; `None` where it isn't there.
pub(super) fn find_commit(location: &Location, from: u64, commit: &str) -> Result<Option<u64>> {
    for version in from.. {
        match CommitEntry::read(location, version)? {
            Some(entry) if entry.commit.as_deref() == Some(commit) => return Ok(Some(version)),
            Some(_) => {}
            None => return Ok(None),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_known_by_its_commit_info() {
        let ours = CommitEntry::parse(
            br#"{"add":{"path":"a"}}
{"commitInfo":{"operation":"MERGE","apifyRuns":{"commit":"c1"}}}
"#,
        );
        assert_eq!(
            (ours.operation.as_deref(), ours.commit.as_deref(), ours.is_ours),
            (Some("MERGE"), Some("c1"), true)
        );
        let theirs = CommitEntry::parse(br#"{"commitInfo":{"operation":"DELETE"}}"#);
        assert_eq!(
            (theirs.operation.as_deref(), theirs.commit, theirs.is_ours),
            (Some("DELETE"), None, false)
        );
        assert!(CommitEntry::parse(br#"{"add":{"path":"a"}}"#).operation.is_some());
        for damaged in [&b""[..], b"\0\0\0"] {
            assert!(CommitEntry::parse(damaged).operation.is_none());
        }
    }
}
