//! One commit to the table: files in, files out, what the table knows of itself. Either all of it is there afterwards, or
//! nothing; whoever comes second is told, and looks at the table anew.

use std::collections::BTreeMap;

use deltalake_core::kernel::Add;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::{DeltaTable, DeltaTableError};
use serde_json::{Map, Value, json};
use tracing::warn;

use crate::error::{Error, Result};
use crate::lake::columns::LakeColumns;
use crate::lake::commit_entry::find_commit;
use crate::lake::file_rows::sums_of_file;
use crate::lake::files::DataFile;
use crate::lake::month_sums::MonthSums;
use crate::lake::state::LakeState;
use crate::lake::table::{FoundTable, LakeTable};
use crate::stores::Location;

pub(super) enum CommitKind {
    /// Runs came or changed.
    Sync,
    /// The same rows in fewer files.
    Optimize,
    /// Only what the table knows of itself.
    Note,
    /// Damaged files are taken out.
    Repair,
}

impl CommitOutcome {
    /// The version that was committed; `None` if another process was first.
    pub(super) fn version(&self) -> Option<u64> {
        match self {
            CommitOutcome::Done(table) => Some(table.version()),
            CommitOutcome::Unread(version, _) => Some(*version),
            CommitOutcome::Lost => None,
        }
    }
}

pub(super) struct PendingCommit {
    pub(super) kind: CommitKind,
    pub(super) adds: Vec<Add>,
    pub(super) removes: Vec<DataFile>,
    pub(super) state: LakeState,
    pub(super) columns: LakeColumns,
    /// What the commit says of itself.
    pub(super) info: Map<String, Value>,
}

pub enum CommitOutcome {
    /// The table after it.
    Done(Box<LakeTable>),
    /// It stands as this version, and the table can't be read again.
    Unread(u64, Error),
    /// Another process was first; nothing was written to the log.
    Lost,
}

/// A commit that is about to be made: the version that it is to become, and the UUID by which it is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitId {
    pub version: u64,
    pub uuid: String,
}

impl CommitId {
    /// The commit after a table's last one; the first one where there is no table.
    pub fn next(table: Option<&LakeTable>) -> CommitId {
        CommitId {
            version: table.map_or(0, |table| table.version() + 1),
            uuid: uuid::Uuid::new_v4().to_string(),
        }
    }
}

impl PendingCommit {
    /// Makes the commit on the version that was read, or creates the table.
    ///
    /// `id.version` is the table's version and one more: the log's entry of that number is put on the condition that there is
    /// none, so that of two processes that read the same version only one commits. The entry is made durable after it was put,
    /// because the library puts it: until then a loss of power can undo the commit, never half of it, since data files were
    /// synced before.
    pub(super) fn commit(
        mut self,
        location: &Location,
        before: Option<&LakeTable>,
        id: &CommitId,
    ) -> Result<CommitOutcome> {
        let adds = self.adds.iter().map(DataFile::from_add).collect::<Result<Vec<_>, _>>();
        let adds = adds.map_err(|why| Error::Other(anyhow::anyhow!("a new file is not valid: {why}")))?;
        location.ensure_conditional_puts(before.and_then(|table| table.state().proven_endpoint.as_deref()))?;
        self.state.proven_endpoint = location.endpoint();
        self.state.months = self.months(location, before, &adds)?;
        self.state.version = Some(id.version);
        self.state.commit = Some(id.uuid.clone());
        let own = self
            .info
            .entry("apifyRuns")
            .or_insert_with(|| json!({"version": env!("CARGO_PKG_VERSION")}));
        own["commit"] = id.uuid.clone().into();
        if let Err(error) = self.write(location, before) {
            // A store may have taken it and answered that it failed, or have met its own first attempt; a disk may fail once
            // the entry has its name. Only the log tells.
            match find_commit(location, id.version, &id.uuid) {
                Ok(Some(_)) => {}
                Ok(None) if is_lost(&error) => return Ok(CommitOutcome::Lost),
                Ok(None) => return Err(location.log_unwritten(&error, "cannot commit")),
                Err(unread) => return Err(unknown_fate(location, id, &unread)),
            }
        }
        if let Err(error) = location.sync_to_disk(&format!("_delta_log/{:020}.json", id.version)) {
            warn!(
                "version {} was committed, but could be lost if the power fails now: {error}",
                id.version
            );
        }
        match reloaded(location, before) {
            Ok(table) => {
                if let Some(warning) = table.write_head() {
                    warn!("{warning}");
                }
                Ok(CommitOutcome::Done(table))
            }
            Err(error) => Ok(CommitOutcome::Unread(id.version, error)),
        }
    }

    /// What each month holds afterwards. Months that the commit doesn't touch are as the state before has them, where that can
    /// be relied on; others are as their files say.
    fn months(
        &self,
        location: &Location,
        before: Option<&LakeTable>,
        adds: &[DataFile],
    ) -> Result<BTreeMap<String, MonthSums>> {
        let is_sound = |table: &&LakeTable| table.is_as_committed() && !matches!(self.kind, CommitKind::Repair);
        let known = before.filter(is_sound).map(|table| &table.state().months);
        let changed = || self.removes.iter().chain(adds);
        let is_touched = |month: &String| changed().any(|file| file.month == *month);
        let known = known.into_iter().flatten().filter(|(month, _)| !is_touched(month));
        let known: BTreeMap<String, MonthSums> = known.map(|(month, sums)| (month.clone(), *sums)).collect();
        let files = before.map(LakeTable::files).unwrap_or_default().iter();
        let kept = files.filter(|file| !changed().any(|other| other.path == file.path));
        let mut months = known.clone();
        for file in kept.chain(adds).filter(|file| !known.contains_key(&file.month)) {
            let sums = match file.sums {
                Some(sums) => sums,
                None => sums_of_file(location, &self.columns, file)?,
            };
            months.entry(file.month.clone()).or_default().add(&sums);
        }
        months.retain(|_, sums| sums.runs > 0);
        Ok(months)
    }
}

/// The table as it is once a commit has been made.
fn reloaded(location: &Location, before: Option<&LakeTable>) -> Result<Box<LakeTable>> {
    let mut delta = before.map_or_else(|| DeltaTable::new(location.log().clone()), |table| table.delta.clone());
    let loaded = location.wait(async {
        match before {
            Some(_) => delta.update_state().await,
            None => delta.load().await,
        }
    });
    loaded.map_err(|error| location.log_unread(&error))?;
    match LakeTable::of(location, delta)? {
        FoundTable::Lake(table) => Ok(table),
        _ => Err(Error::Untrusted(format!(
            "{}: the table is missing after a commit",
            location.shown()
        ))),
    }
}

/// What is said where not even the log tells whether a commit was made.
fn unknown_fate(location: &Location, id: &CommitId, unread: &Error) -> Error {
    let text = format!(
        "{}: it is not known whether version {} was committed: {unread}; run again: the next run checks this",
        location.shown(),
        id.version
    );
    match unread {
        Error::Unreachable(_) => Error::Unreachable(text),
        _ => Error::Output(text),
    }
}

fn is_lost(error: &DeltaTableError) -> bool {
    match error {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => matches!(
            source,
            TransactionError::VersionAlreadyExists(_)
                | TransactionError::MaxCommitAttempts(_)
                | TransactionError::CommitConflict(_)
        ),
        _ => false,
    }
}

impl LakeTable {
    /// Records what the table knows of itself; returns its version after that, `None` if another process was first.
    pub fn note(&self, state: LakeState, info: Map<String, Value>) -> Result<Option<u64>> {
        let outcome = self.commit_files(CommitKind::Note, Vec::new(), Vec::new(), state, info)?;
        Ok(outcome.version())
    }

    pub(super) fn commit_files(
        &self,
        kind: CommitKind,
        adds: Vec<Add>,
        removes: Vec<DataFile>,
        state: LakeState,
        info: Map<String, Value>,
    ) -> Result<CommitOutcome> {
        let commit = PendingCommit {
            kind,
            adds,
            removes,
            state,
            columns: self.columns().clone(),
            info,
        };
        commit.commit(&self.location, Some(self), &CommitId::next(Some(self)))
    }
}
