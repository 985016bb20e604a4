//! Whether the table still is what the last commit of this tool left: rows and dollars by month, the bytes of each file, and
//! every entry of the log since. Each commit writes down what the table holds after it; here that is compared with what is
//! found. What another engine committed on top is told from a loss by its commit info.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, RecordBatch};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::lake::columns::LakeColumns;
use crate::lake::files::DataFile;
use crate::lake::read::sums_of_file;
use crate::lake::table::Table;
use crate::money::Usd;
use crate::stores::Location;
use crate::text::{counted, thousands};

/// The last commit of this tool, so that a log without its last entry is noticed.
const HEAD: &str = "_apify_runs/head.json";
/// Most commits of other engines that are looked at one by one.
const MAX_FOREIGN: u64 = 1_000;

/// What a month or a file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthSums {
    /// Rows.
    pub runs: u64,
    /// Of them, those whose cost is unknown.
    pub runs_cost_unknown: u64,
    /// The sum of the known costs.
    pub usage_total_usd: Usd,
}

impl MonthSums {
    /// Adds rows of the table; they have the column of costs.
    pub fn add_rows(&mut self, rows: &RecordBatch) {
        let costs = rows.column_by_name("usage_total_usd").expect("every table has it");
        let costs = costs.as_primitive::<Decimal128Type>();
        let sum = costs
            .iter()
            .flatten()
            .fold(0, |sum: i128, cost| sum.saturating_add(cost));
        self.add(&MonthSums {
            runs: rows.num_rows() as u64,
            runs_cost_unknown: costs.null_count() as u64,
            usage_total_usd: Usd(sum),
        });
    }

    /// Adds what another part holds.
    pub fn add(&mut self, other: &MonthSums) {
        self.runs += other.runs;
        self.runs_cost_unknown += other.runs_cost_unknown;
        self.usage_total_usd = Usd(self.usage_total_usd.0.saturating_add(other.usage_total_usd.0));
    }
}

/// A commit that another engine made on top of this tool's last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCommit {
    /// The table's version after it.
    pub version: u64,
    /// What it calls itself, such as DELETE or RESTORE.
    pub operation: String,
}

/// The record of the last commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// The table's own ID: another table may have come to be there.
    table: String,
    version: u64,
    commit: String,
}

/// What an entry of the log says of itself.
pub(super) struct CommitEntry {
    /// The operation; `None` where the entry holds no action at all, as no commit does.
    operation: Option<String>,
    /// The UUID, of a commit of this tool.
    pub(super) commit: Option<String>,
    is_ours: bool,
}

impl CommitEntry {
    /// The entry of a version; `None` where the log has none (any more).
    pub(super) fn read(location: &Location, version: u64) -> Result<Option<CommitEntry>> {
        let entry = location.wait(location.log().read_commit_entry(version));
        let entry = entry.map_err(|error| location.log_unread(&error))?;
        Ok(entry.map(|bytes| CommitEntry::parse(&bytes)))
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

/// The version of the commit with this UUID among the entries from a version on; `None` where it isn't there.
pub(super) fn find_commit(location: &Location, from: u64, commit: &str) -> Result<Option<u64>> {
    for version in from.. {
        match CommitEntry::read(location, version)? {
            Some(entry) if entry.commit.as_deref() == Some(commit) => return Ok(Some(version)),
            Some(_) => {}
            None => break,
        }
    }
    Ok(None)
}

/// The files that a commit takes out of a table and puts into it.
#[derive(Clone, Copy)]
pub(super) struct FileChanges<'c> {
    pub(super) removes: &'c [DataFile],
    pub(super) adds: &'c [DataFile],
}

/// What each month holds once files have changed. Months that the commit doesn't touch are as they are `known` to be; without
/// that, as their files say.
pub(super) fn months_after(
    location: &Location,
    before: &[DataFile],
    known: Option<&BTreeMap<String, MonthSums>>,
    columns: &LakeColumns,
    FileChanges { removes, adds }: FileChanges,
) -> Result<BTreeMap<String, MonthSums>> {
    let stays = |file: &&DataFile| !removes.iter().chain(adds).any(|other| other.path == file.path);
    let kept = before.iter().filter(stays);
    let is_touched = |month: &str| removes.iter().chain(adds).any(|file| file.month == month);
    let known = known.into_iter().flatten().filter(|(month, _)| !is_touched(month));
    let mut months: BTreeMap<String, MonthSums> = known.map(|(month, sums)| (month.clone(), *sums)).collect();
    let is_known = |month: &String| months.contains_key(month);
    let unknown: Vec<&DataFile> = kept.chain(adds).filter(|file| !is_known(&file.month)).collect();
    for file in unknown {
        let sums = match file.sums {
            Some(sums) => sums,
            None => sums_of_file(location, columns, file)?,
        };
        months.entry(file.month.clone()).or_default().add(&sums);
    }
    months.retain(|_, sums| sums.runs > 0);
    Ok(months)
}

impl Table {
    /// Whether this tool made the last commit, and wrote down what the table holds.
    pub fn is_as_committed(&self) -> bool {
        self.state().version == Some(self.version())
    }

    /// Records the last commit beside the log. A warning if that fails, since the commit stands.
    pub(super) fn write_head(&self) -> Option<String> {
        let commit = self.state().commit.clone()?;
        let head = Head {
            table: self.id(),
            version: self.version(),
            commit,
        };
        let text = serde_json::to_vec(&head).expect("its keys are text");
        let written = self.location().put(HEAD, text);
        written
            .err()
            .map(|error| format!("a lost last entry of the log would not be noticed: {error}"))
    }

    /// What other engines have committed since this tool's last commit.
    ///
    /// # Errors
    /// [`Error::Untrusted`] where an entry of the log is lost, empty or another one than was committed.
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
            // An entry that was cleaned up is in a checkpoint; whose it was nobody knows.
            let Some(entry) = CommitEntry::read(self.location(), version)? else {
                continue;
            };
            match entry.operation {
                Some(_) if entry.is_ours => {}
                Some(operation) => foreign.push(ForeignCommit { version, operation }),
                None => return Err(self.damaged(&format!("the entry of version {version} is empty, or no commit"))),
            }
        }
        Ok(foreign)
    }

    /// The log has the commit that was this tool's last.
    fn check_head(&self) -> Result<()> {
        let Some(content) = self.location().read(HEAD)? else {
            return Ok(());
        };
        // Nothing depends on it but this check: what can't be read is written anew with the next commit.
        let Ok(head) = serde_json::from_slice::<Head>(&content.bytes) else {
            return Ok(());
        };
        if head.table != self.id() {
            return Ok(());
        }
        let version = self.version();
        if head.version > version {
            return Err(self.damaged(&format!(
                "it ends with version {version}, and version {} was committed",
                head.version
            )));
        }
        let found = match head.version == version {
            true => self.state().commit.clone(),
            false => CommitEntry::read(self.location(), head.version)?
                .map_or(Some(head.commit.clone()), |entry| entry.commit),
        };
        if found.as_ref() != Some(&head.commit) {
            return Err(self.damaged(&format!("version {} is another commit than was made", head.version)));
        }
        Ok(())
    }

    /// The log has as many rows of each month as the last commit left.
    fn check_rows(&self) -> Result<()> {
        match self.months_that_differ().first() {
            None => Ok(()),
            Some((month, found, left)) => Err(self.damaged(&format!(
                "it has {} of {month}, and the last commit left {}",
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
