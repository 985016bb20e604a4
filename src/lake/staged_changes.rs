//! Changes of commits that were not published yet, in the lake's own folder: each part under the version and the UUID of its
//! commit, so that any later sync finds out whether that commit was made. What the rows say is the sync's.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};
use crate::lake::commit::CommitId;
use crate::lake::commit_entry::CommitEntry;
use crate::stores::{ListedObject, Location, OWN};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedChanges {
    pub path: String,
    version: u64,
    uuid: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFate {
    /// It was made, as far as the log goes back.
    Made,
    /// It was not, and can't be any more: another commit has its version.
    Void,
    /// Its version is still free: whoever staged them may be about to make it.
    Open,
}

impl StagedChanges {
    pub fn new(id: &CommitId) -> StagedChanges {
        StagedChanges {
            path: format!("{}{:020}-{}.csv", folder(), id.version, id.uuid),
            version: id.version,
            uuid: id.uuid.clone(),
        }
    }

    fn parse(path: &str) -> Option<StagedChanges> {
        let name = path.strip_prefix(&folder())?.strip_suffix(".csv")?;
        let (version, uuid) = name.split_once('-')?;
        Some(StagedChanges {
            path: path.into(),
            version: version.parse().ok()?,
            uuid: uuid.into(),
        })
    }
}

fn folder() -> String {
    format!("{OWN}/changes/")
}

impl Location {
    /// Stages the rows of a file from a place on.
    pub fn stage_changes(&self, changes: &StagedChanges, file: &Path, from: u64) -> Result<()> {
        let unreadable = |error: std::io::Error| Error::output("read", file, error);
        let mut rows = File::open(file).map_err(unreadable)?;
        rows.seek(SeekFrom::Start(from)).map_err(unreadable)?;
        self.upload_rest(rows, file, &changes.path, &|| Ok(()))?;
        self.sync_to_disk(&changes.path)
    }

    pub fn staged_changes(&self, changes: &StagedChanges) -> Result<Vec<u8>> {
        let mut rows = Vec::new();
        match self.download(&changes.path, &mut rows)? {
            true => Ok(rows),
            false => Err(Error::Unreachable(format!(
                "{}/{} is missing: another sync has written it to its changes; it is safe to run again",
                self.shown(),
                changes.path
            ))),
        }
    }

    /// Removes what a process left that was killed while it staged changes: on disk, files under the store's temporary names, which
    /// it doesn't list.
    pub fn remove_half_staged(&self) -> Result<()> {
        let Some(entries) = self.local().and_then(|local| fs::read_dir(local.join(folder())).ok()) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some((whole, _)) = name.split_once('#') else {
                continue;
            };
            let staged = StagedChanges::parse(&format!("{}{whole}", folder()));
            if let Some(staged) = staged
                && self.fate(&staged)? != CommitFate::Open
            {
                // What can't be removed now is tried again by the next sync.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// All that is staged, with what became of the commits, in the order of their versions.
    pub fn left_changes(&self) -> Result<Vec<(StagedChanges, CommitFate)>> {
        let listed = self.list_in(&format!("{OWN}/changes"))?;
        let staged = listed.iter().filter_map(|object| StagedChanges::parse(&object.path));
        let with_fate = |changes: StagedChanges| self.fate(&changes).map(|fate| (changes, fate));
        staged.map(with_fate).collect()
    }

    fn fate(&self, changes: &StagedChanges) -> Result<CommitFate> {
        let entry = CommitEntry::read(self, changes.version)?;
        Ok(match entry {
            Some(entry) if entry.commit.as_ref() == Some(&changes.uuid) => CommitFate::Made,
            Some(_) => CommitFate::Void,
            None if self.has_later_entries(changes.version)? => CommitFate::Made,
            None => CommitFate::Open,
        })
    }

    /// Whether the log goes on after a version whose entry it no longer has: that was cleaned up, months ago.
    fn has_later_entries(&self, version: u64) -> Result<bool> {
        let entries = self.list_in("_delta_log")?;
        let later = |entry: &ListedObject| {
            let name = entry.path.rsplit('/').next()?;
            name.split('.')
                .next()?
                .parse()
                .ok()
                .filter(|number: &u64| *number > version)
        };
        Ok(entries.iter().any(|entry| later(entry).is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staged_part_is_known_by_its_name() {
        let id = CommitId {
            version: 12,
            uuid: "0f0e".into(),
        };
        let staged = StagedChanges::new(&id);
        assert_eq!(staged.path, "_apify_runs/changes/00000000000000000012-0f0e.csv");
        assert_eq!(StagedChanges::parse(&staged.path), Some(staged));
        assert_eq!(StagedChanges::parse("_apify_runs/changes/x.csv"), None);
        assert_eq!(StagedChanges::parse("_apify_runs/head.json"), None);
    }
}
