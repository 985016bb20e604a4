//! Whether the table still is what the last commit of this tool left: rows and dollars by month, and every entry of the log
//! since. Each commit writes down what the table holds after it; here that is compared with what is found. What another engine
//! committed on top is told from a loss by its commit info.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::lake::commit_entry::{CommitEntry, ForeignCommit};
use crate::lake::table::LakeTable;
use crate::text::{counted, thousands};

/// The last commit of this tool, so that a log without its last entry is noticed.
const HEAD: &str = "_apify_runs/head.json";
/// Most commits of other engines that are looked at one by one.
const MAX_FOREIGN: u64 = 1_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LastCommit {
    /// The table's own ID: another table may have come to be there.
    table: String,
    version: u64,
    commit: String,
}

impl LakeTable {
    /// Whether this tool made the last commit, and wrote down what the table holds.
    pub fn is_as_committed(&self) -> bool {
        self.state().version == Some(self.version())
    }

    /// Records the last commit beside the log. A warning if that fails, since the commit stands.
    pub(super) fn write_head(&self) -> Option<String> {
        let commit = self.state().commit.clone()?;
        let head = LastCommit {
            table: self.id(),
            version: self.version(),
            commit,
        };
        let text = serde_json::to_vec(&head).expect("its keys are text");
        let error = self.location().put(HEAD, text).err()?;
        Some(format!("a loss of the last log entry could not be detected: {error}"))
    }

    /// What other engines have committed since this tool's last commit. Exit 5 where an entry of the log is lost, empty or
    /// another one than was committed.
    pub(super) fn check_log(&self) -> Result<Vec<ForeignCommit>> {
        self.check_head()?;
        let Some(own) = self.state().version else {
            return Ok(Vec::new());
        };
        if own == self.version() {
            self.check_rows()?;
        }
        let mut foreign = Vec::new();
        for version in (own + 1..=self.version()).take(MAX_FOREIGN as usize) {
            // An entry that was cleaned up is in a checkpoint, which does not say who wrote it.
            let Some(entry) = CommitEntry::read(self.location(), version)? else {
                continue;
            };
            match entry.operation {
                Some(_) if entry.is_ours => {}
                Some(operation) => foreign.push(ForeignCommit { version, operation }),
                None => {
                    return Err(self.damaged(&format!("the entry of version {version} is empty or is not a commit")));
                }
            }
        }
        Ok(foreign)
    }

    /// Exit 5 unless the log has the commit that was this tool's last.
    fn check_head(&self) -> Result<()> {
        // Nothing depends on it but this check: what can't be read is written anew with the next commit.
        let head = self.location().read(HEAD)?;
        let head = head.and_then(|head| serde_json::from_slice::<LastCommit>(&head.bytes).ok());
        let Some(head) = head.filter(|head| head.table == self.id()) else {
            return Ok(());
        };
        let version = self.version();
        if head.version > version {
            return Err(self.damaged(&format!(
                "it ends with version {version}, but version {} was committed",
                head.version
            )));
        }
        let found = match head.version == version {
            true => self.state().commit.clone(),
            false => CommitEntry::read(self.location(), head.version)?
                .map_or(Some(head.commit.clone()), |entry| entry.commit),
        };
        if found.as_ref() != Some(&head.commit) {
            return Err(self.damaged(&format!("version {} is not the commit that was made", head.version)));
        }
        Ok(())
    }

    /// Exit 5 unless the log has as many rows of each month as the last commit left.
    fn check_rows(&self) -> Result<()> {
        match self.months_that_differ().first() {
            None => Ok(()),
            Some((month, found, left)) => Err(self.damaged(&format!(
                "it has {} of {month}; after the last commit: {}",
                counted(*found, "run", "runs"),
                thousands(*left)
            ))),
        }
    }

    /// Months of which the log has another number of rows than this tool's last commit left, with both numbers.
    pub(super) fn months_that_differ(&self) -> Vec<(&str, u64, u64)> {
        let left = &self.state().months;
        if left.is_empty() {
            return Vec::new();
        }
        let mut found: BTreeMap<&str, Option<u64>> = BTreeMap::new();
        for file in self.files() {
            let rows = found.entry(&file.month).or_insert(Some(0));
            *rows = rows.zip(file.rows).map(|(sum, rows)| sum + rows);
        }
        let months: BTreeSet<&str> = left.keys().map(String::as_str).chain(found.keys().copied()).collect();
        let differing = months.into_iter().filter_map(|month| {
            let left = left.get(month).map_or(0, |sums| sums.runs);
            let found = found.get(month).copied().unwrap_or(Some(0))?;
            (found != left).then_some((month, found, left))
        });
        differing.collect()
    }

    fn damaged(&self, what: &str) -> Error {
        let shown = self.location().shown();
        Error::Untrusted(format!(
            "{shown}: its log is damaged: {what}. An entry of _delta_log was lost or changed: restore it, or see `apify-runs \
             lake repair {shown}`"
        ))
    }
}
