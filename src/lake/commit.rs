//! One commit to the table: files in, files out, what the table knows of itself. Either all of it is there afterwards, or
//! nothing; whoever comes second is told, and looks at the table anew.

use std::collections::HashMap;

use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Add, Metadata, MetadataExt, Protocol, Remove, new_metadata};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError, checkpoints};
use serde_json::{Map, Value, json};

use super::columns::{LakeColumns, STARTED_MONTH};
use super::files::DataFile;
use super::location::Location;
use super::state::{PROPERTY, State};
use super::table::{Found, Table};
use crate::error::{Error, Result};

/// After how many commits the log is put together in a checkpoint: readers read that and what came later.
const CHECKPOINT_EVERY: u64 = 10;
/// For how long the log is kept, as Delta has it too; given since the table shows it then.
const LOG_RETENTION: &str = "interval 30 days";

/// What is done.
pub(super) enum Doing {
    /// Runs came or changed.
    Sync,
    /// The same rows in fewer files.
    Optimize,
    /// Only what the table knows of itself.
    Note,
}

/// A commit that is about to be made.
pub(super) struct Change {
    pub(super) doing: Doing,
    pub(super) adds: Vec<Add>,
    pub(super) removes: Vec<DataFile>,
    pub(super) state: State,
    pub(super) columns: LakeColumns,
    /// What the commit says of itself.
    pub(super) info: Map<String, Value>,
}

/// What became of it.
pub(super) enum Committed {
    /// The table after it.
    Done(Box<Table>),
    /// Another process was first; nothing was written to the log.
    Lost,
}

impl Change {
    /// Makes it, upon the table as it was read, or where there was none.
    pub(super) fn commit(self, location: &Location, before: Option<&Table>) -> Result<Committed> {
        let failed = |error: DeltaTableError| location.commit_failed(&error);
        let is_data = !matches!(self.doing, Doing::Optimize);
        let first_file = self.adds.first().map(|add| add.path.clone());
        let metadata = self.metadata(before).map_err(|error| failed(error.into()))?;
        let protocol = protocol();
        let mut actions: Vec<Action> = Vec::with_capacity(self.adds.len() + self.removes.len() + 2);
        if before.is_none() {
            actions.push(protocol.clone().into());
        }
        if before.is_none_or(|table| table.state() != &self.state || table.columns() != &self.columns) {
            actions.push(metadata.clone().into());
        }
        actions.extend(self.removes.iter().map(|file| remove(file, is_data).into()));
        actions.extend(self.adds.into_iter().map(|add| {
            Add {
                data_change: is_data,
                ..add
            }
            .into()
        }));
        let operation = match self.doing {
            _ if before.is_none() => DeltaOperation::Create {
                mode: SaveMode::ErrorIfExists,
                location: location.url().clone(),
                protocol,
                metadata,
            },
            Doing::Sync => DeltaOperation::Merge {
                predicate: None,
                merge_predicate: Some("target.id = source.id".into()),
                matched_predicates: Vec::new(),
                not_matched_predicates: Vec::new(),
                not_matched_by_source_predicates: Vec::new(),
            },
            Doing::Optimize => DeltaOperation::Optimize {
                predicate: None,
                target_size: super::write::MAX_FILE_ROWS as i64,
            },
            Doing::Note => DeltaOperation::SetTableProperties {
                properties: HashMap::from([(PROPERTY.to_string(), self.state.to_json())]),
            },
        };
        // Checkpoints and clean-up are apart: a commit that was made must not look like one that failed.
        let properties = CommitProperties::default()
            .with_metadata(self.info)
            .with_max_retries(0)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false));
        let snapshot = before.map(|table| table.delta.snapshot()).transpose().map_err(failed)?;
        let made = CommitBuilder::from(properties).with_actions(actions).build(
            snapshot.map(|snapshot| snapshot as _),
            location.log().clone(),
            operation,
        );
        match location.wait(async { made.await }) {
            Ok(_) => {}
            Err(error) if is_lost(&error) => {
                if !is_ours(location, before, first_file.as_deref())? {
                    return Ok(Committed::Lost);
                }
            }
            Err(error) => return Err(failed(error)),
        }
        let version = before.map_or(0, |table| table.version() + 1);
        location.keep(&format!("_delta_log/{version:020}.json"))?;
        let mut delta = before.map_or_else(|| DeltaTable::new(location.log().clone()), |table| table.delta.clone());
        let loaded = location.wait(async {
            match before {
                Some(_) => delta.update_state().await,
                None => delta.load().await,
            }
        });
        loaded.map_err(|error| location.log_unread(&error))?;
        match Table::of(location, delta)? {
            Found::Lake(table) => Ok(Committed::Done(table)),
            _ => Err(Error::Untrusted(format!(
                "{}: the table is gone after a commit",
                location.shown()
            ))),
        }
    }

    fn metadata(&self, before: Option<&Table>) -> deltalake_core::kernel::DeltaResult<Metadata> {
        let state = self.state.to_json();
        let Some(table) = before else {
            let own = [
                (PROPERTY, state.as_str()),
                ("delta.logRetentionDuration", LOG_RETENTION),
                ("delta.checkpointInterval", "10"),
            ];
            return new_metadata(&self.columns.delta_schema(), [STARTED_MONTH], own);
        };
        let snapshot = table.delta.snapshot().expect("it was loaded");
        let metadata = snapshot.metadata().clone().add_config_key(PROPERTY.into(), state)?;
        metadata.with_schema(&self.columns.delta_schema())
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

/// Whether a commit that seems to be another's is this one: a store may have taken it and answered that it failed; then it was
/// sent once more, and met itself. Its files, whose names are nobody else's, tell.
fn is_ours(location: &Location, before: Option<&Table>, first_file: Option<&str>) -> Result<bool> {
    // The log writes paths in its own way, names as they are.
    let Some(name) = first_file.and_then(|path| path.rsplit('/').next()) else {
        return Ok(false);
    };
    let version = before.map_or(0, |table| table.version() + 1);
    let entry = location.wait(location.log().read_commit_entry(version));
    let entry = entry.map_err(|error| location.log_unread(&error))?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&entry).contains(name))
}

/// The oldest protocol that there is columns' invariants aside: every engine reads it.
fn protocol() -> Protocol {
    serde_json::from_value(json!({"minReaderVersion": 1, "minWriterVersion": 2})).expect("it is a protocol")
}

fn remove(file: &DataFile, is_data: bool) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change: is_data,
        deletion_timestamp: Some(crate::period::now_ms()),
        extended_file_metadata: Some(true),
        partition_values: Some(HashMap::from([(STARTED_MONTH.into(), Some(file.month.clone()))])),
        size: Some(file.bytes as i64),
        ..Remove::default()
    }
}

impl Table {
    /// Puts the log together in a checkpoint where one is due, and removes what is past its retention. A warning if that
    /// fails, since the table is right without.
    pub fn keep_log_short(&self, at_once: bool) -> Option<String> {
        let is_due = self.version().is_multiple_of(CHECKPOINT_EVERY) || self.location.passes_over();
        if !at_once && !is_due || self.version() == 0 {
            return None;
        }
        let done = self.location.wait(async {
            checkpoints::create_checkpoint(&self.delta, None).await?;
            checkpoints::cleanup_metadata(&self.delta, None).await
        });
        let why = |error| self.location.log_unwritten(&error, "cannot put its log together");
        done.err().map(|error| why(error).to_string())
    }

    /// Records what the table knows of itself; `false` if another process was first.
    pub fn note(&self, state: State, info: Map<String, Value>) -> Result<bool> {
        let change = Change {
            doing: Doing::Note,
            adds: Vec::new(),
            removes: Vec::new(),
            state,
            columns: self.columns().clone(),
            info,
        };
        Ok(matches!(change.commit(&self.location, Some(self))?, Committed::Done(_)))
    }
}
