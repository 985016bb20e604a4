//! One commit to the table: files in, files out, what the table knows of itself. Either all of it is there afterwards, or
//! nothing; whoever comes second is told, and looks at the table anew.

use std::collections::{BTreeMap, HashMap};

use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Add, Metadata, MetadataExt, Protocol, Remove, new_metadata};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError, checkpoints};
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::lake::columns::{LakeColumns, STARTED_MONTH};
use crate::lake::files::{DataFile, STATS_COLUMNS};
use crate::lake::integrity::{FileChanges, MonthSums, find_commit, months_after};
use crate::lake::state::{PROPERTY, State};
use crate::lake::table::{Found, Table};
use crate::stores::Location;
use tracing::warn;

/// After how many commits the log is put together in a checkpoint: readers read that and what came later.
const CHECKPOINT_EVERY: u64 = 10;
/// By which columns engines that write to the table keep statistics.
const STATS_PROPERTY: &str = "delta.dataSkippingStatsColumns";
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
    /// Damaged files are taken out.
    Repair,
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

/// What became of a commit.
pub enum Committed {
    /// The table after it.
    Done(Box<Table>),
    /// It stands as this version, and the table can't be read again.
    Unread(u64, Error),
    /// Another process was first; nothing was written to the log.
    Lost,
}

/// A commit that is about to be made: the version that it is to become, and the UUID by which it is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitId {
    /// The version.
    pub version: u64,
    /// The UUID.
    pub uuid: String,
}

impl CommitId {
    /// The next one of a table; the first one where there is none.
    pub fn next(table: Option<&Table>) -> CommitId {
        CommitId {
            version: table.map_or(0, |table| table.version() + 1),
            uuid: uuid::Uuid::new_v4().to_string(),
        }
    }
}

impl Change {
    /// Makes it, upon the table as it was read, or where there was none.
    pub(super) fn commit(mut self, location: &Location, before: Option<&Table>, id: &CommitId) -> Result<Committed> {
        let adds = self
            .adds
            .iter()
            .map(DataFile::of_add)
            .collect::<Result<Vec<_>, String>>();
        let adds = adds.map_err(|why| Error::Other(anyhow::anyhow!("a new file is not as it must be: {why}")))?;
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
                Ok(None) if is_lost(&error) => return Ok(Committed::Lost),
                Ok(None) => return Err(location.commit_failed(&error)),
                Err(unread) => return Err(unknown_fate(location, id, &unread)),
            }
        }
        if let Err(error) = location.keep(&format!("_delta_log/{:020}.json", id.version)) {
            warn!(
                "version {} is committed, and may not outlive a loss of power: {error}",
                id.version
            );
        }
        match reloaded(location, before) {
            Ok(table) => {
                if let Some(warning) = table.write_head() {
                    warn!("{warning}");
                }
                Ok(Committed::Done(table))
            }
            Err(error) => Ok(Committed::Unread(id.version, error)),
        }
    }

    /// What each month holds afterwards.
    fn months(
        &self,
        location: &Location,
        before: Option<&Table>,
        adds: &[DataFile],
    ) -> Result<BTreeMap<String, MonthSums>> {
        let files = before.map(Table::files).unwrap_or_default();
        let is_sound = |table: &&Table| table.is_as_committed() && !matches!(self.doing, Doing::Repair);
        let known = before.filter(is_sound).map(|table| &table.state().months);
        let changes = FileChanges {
            removes: &self.removes,
            adds,
        };
        months_after(location, files, known, &self.columns, changes)
    }

    /// Writes the log's entry.
    fn write(self, location: &Location, before: Option<&Table>) -> Result<(), DeltaTableError> {
        let is_data = !matches!(self.doing, Doing::Optimize);
        let metadata = self.metadata(before)?;
        let protocol = protocol();
        let mut actions: Vec<Action> = Vec::with_capacity(self.adds.len() + self.removes.len() + 2);
        if before.is_none() {
            actions.push(protocol.clone().into());
        }
        actions.push(metadata.clone().into());
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
                target_size: crate::lake::write::MAX_FILE_ROWS as i64,
            },
            Doing::Repair => DeltaOperation::FileSystemCheck {},
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
        let snapshot = before.map(|table| table.delta.snapshot()).transpose()?;
        let made = CommitBuilder::from(properties).with_actions(actions).build(
            snapshot.map(|snapshot| snapshot as _),
            location.log().clone(),
            operation,
        );
        location.wait(async { made.await }).map(drop)
    }

    fn metadata(&self, before: Option<&Table>) -> deltalake_core::kernel::DeltaResult<Metadata> {
        let state = self.state.to_json();
        let schema = self.columns.delta_schema();
        let has = |name: &&str| schema.field(name).is_some();
        let stats = STATS_COLUMNS.into_iter().filter(has).collect::<Vec<_>>().join(",");
        let Some(table) = before else {
            let own = [
                (PROPERTY, state.as_str()),
                (STATS_PROPERTY, stats.as_str()),
                ("delta.logRetentionDuration", LOG_RETENTION),
                ("delta.checkpointInterval", "10"),
            ];
            return new_metadata(&schema, [STARTED_MONTH], own);
        };
        let snapshot = table.delta.snapshot().expect("it was loaded");
        let metadata = snapshot.metadata().clone().add_config_key(PROPERTY.into(), state)?;
        metadata
            .add_config_key(STATS_PROPERTY.into(), stats)?
            .with_schema(&schema)
    }
}

/// The table as it is once a commit has been made.
fn reloaded(location: &Location, before: Option<&Table>) -> Result<Box<Table>> {
    let mut delta = before.map_or_else(|| DeltaTable::new(location.log().clone()), |table| table.delta.clone());
    let loaded = location.wait(async {
        match before {
            Some(_) => delta.update_state().await,
            None => delta.load().await,
        }
    });
    loaded.map_err(|error| location.log_unread(&error))?;
    match Table::of(location, delta)? {
        Found::Lake(table) => Ok(table),
        _ => Err(Error::Untrusted(format!(
            "{}: the table is gone after a commit",
            location.shown()
        ))),
    }
}

/// What is said where not even the log tells whether a commit was made.
fn unknown_fate(location: &Location, id: &CommitId, unread: &Error) -> Error {
    let text = format!(
        "{}: it is not known whether version {} was committed: {unread}; run it again: it finds out, and tells what was committed",
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

    /// Records what the table knows of itself; its version after that. `None` if another process was first.
    pub fn note(&self, state: State, info: Map<String, Value>) -> Result<Option<u64>> {
        self.commit_files(Doing::Note, (Vec::new(), Vec::new()), state, info)
    }

    /// Commits a state, files that become part of the table and files that no longer are.
    pub(super) fn commit_files(
        &self,
        doing: Doing,
        (adds, removes): (Vec<Add>, Vec<DataFile>),
        state: State,
        info: Map<String, Value>,
    ) -> Result<Option<u64>> {
        let change = Change {
            doing,
            adds,
            removes,
            state,
            columns: self.columns().clone(),
            info,
        };
        let id = CommitId::next(Some(self));
        match change.commit(&self.location, Some(self), &id)? {
            Committed::Done(_) | Committed::Unread(..) => Ok(Some(id.version)),
            Committed::Lost => Ok(None),
        }
    }
}
