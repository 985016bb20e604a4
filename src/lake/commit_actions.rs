//! A commit as the actions of Delta's log: the files that come and go, and the table's own properties.

use std::collections::HashMap;

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, DeltaResult, Metadata, MetadataExt, Protocol, Remove, new_metadata};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use serde_json::json;

use crate::lake::columns::STARTED_MONTH;
use crate::lake::commit::{CommitKind, PendingCommit};
use crate::lake::file_stats::STATS_COLUMNS;
use crate::lake::files::DataFile;
use crate::lake::state::PROPERTY;
use crate::lake::table::LakeTable;
use crate::lake::write::MAX_FILE_ROWS;
use crate::stores::Location;

/// By which columns engines that write to the table keep statistics.
const STATS_PROPERTY: &str = "delta.dataSkippingStatsColumns";
/// For how long the log is kept, as Delta has it too; given since the table shows it then.
const LOG_RETENTION: &str = "interval 30 days";

impl PendingCommit {
    pub(super) fn write(self, location: &Location, before: Option<&LakeTable>) -> Result<(), DeltaTableError> {
        // Readers that follow changes pass over commits that only move rows.
        let is_data = !matches!(self.kind, CommitKind::Optimize);
        let metadata = self.metadata(before)?;
        let protocol = protocol();
        let mut actions: Vec<Action> = Vec::with_capacity(self.adds.len() + self.removes.len() + 2);
        if before.is_none() {
            actions.push(protocol.clone().into());
        }
        actions.push(metadata.clone().into());
        actions.extend(self.removes.iter().map(|file| remove(file, is_data).into()));
        actions.extend(self.adds.into_iter().map(|mut add| {
            add.data_change = is_data;
            add.into()
        }));
        let operation = match self.kind {
            _ if before.is_none() => DeltaOperation::Create {
                mode: SaveMode::ErrorIfExists,
                location: location.url().clone(),
                protocol,
                metadata,
            },
            CommitKind::Sync => DeltaOperation::Merge {
                predicate: None,
                merge_predicate: Some("target.id = source.id".into()),
                matched_predicates: Vec::new(),
                not_matched_predicates: Vec::new(),
                not_matched_by_source_predicates: Vec::new(),
            },
            CommitKind::Optimize => DeltaOperation::Optimize {
                predicate: None,
                target_size: MAX_FILE_ROWS as i64,
            },
            CommitKind::Repair => DeltaOperation::FileSystemCheck {},
            CommitKind::Note => DeltaOperation::SetTableProperties {
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

    fn metadata(&self, before: Option<&LakeTable>) -> DeltaResult<Metadata> {
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
