//! What a merge is to commit: files in, files out, and what changes by that.

use std::collections::BTreeSet;

use deltalake_core::kernel::Add;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::lake::columns::LakeColumns;
use crate::lake::commit::{CommitId, CommitKind, CommitOutcome, PendingCommit};
use crate::lake::files::DataFile;
use crate::lake::state::LakeState;
use crate::lake::table::LakeTable;
use crate::lake::tally::SyncTally;
use crate::stores::Location;

pub struct MergeOutput {
    pub(super) adds: Vec<Add>,
    pub(super) removes: Vec<DataFile>,
    pub(super) columns: LakeColumns,
    /// What changes.
    pub tally: SyncTally,
}

impl MergeOutput {
    /// Commits it, upon the table that it was merged with. Nothing stays if another process was first.
    pub fn commit(
        self,
        location: &Location,
        table: Option<&LakeTable>,
        (state, info): (LakeState, Map<String, Value>),
        id: &CommitId,
    ) -> Result<CommitOutcome> {
        let paths: Vec<String> = self.adds.iter().map(|add| add.path.clone()).collect();
        let change = PendingCommit {
            kind: CommitKind::Sync,
            adds: self.adds,
            removes: self.removes,
            state,
            columns: self.columns,
            info,
        };
        let outcome = change.commit(location, table, id)?;
        if matches!(outcome, CommitOutcome::Lost) {
            location.discard(paths);
        }
        Ok(outcome)
    }

    /// How many files it adds and removes.
    pub fn files(&self) -> (usize, usize) {
        (self.adds.len(), self.removes.len())
    }

    /// The months whose partitions it touches.
    pub fn months(&self) -> Vec<String> {
        let added = self.adds.iter();
        let added = added.filter_map(|add| add.partition_values.values().next()?.clone());
        let removed = self.removes.iter().map(|file| file.month.clone());
        added.chain(removed).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Removes its new files.
    pub fn discard(self, location: &Location) {
        location.discard(self.adds.into_iter().map(|add| add.path));
    }
}
