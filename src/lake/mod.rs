//! The lake: a Delta table of every run ever seen, also those that Apify has since deleted. It knows how rows get into the
//! table and out of it; not where rows come from, nor what is made of them.
//!
//! Rows are in files that are disjoint in time and sorted within, so that a window touches few of them. What syncs have
//! proven stands in the table's own metadata. Everything here blocks: the Delta library's futures run on the job's runtime.

mod batch_columns;
mod bounds;
mod broken_checkpoints;
mod checkpoint;
pub mod columns;
mod commit;
mod commit_actions;
mod commit_entry;
mod duplicates;
mod file_checks;
mod file_rows;
mod file_stats;
pub mod files;
mod integrity;
mod judged_days;
mod log_entries;
mod lookup;
mod merge;
mod merge_output;
mod month_merge;
mod month_sums;
mod object_reader;
mod open_costs;
mod optimize;
mod proof_claims;
mod random_access;
mod relocated;
pub mod repair;
mod row_merge;
mod row_ref;
mod staged_changes;
pub mod state;
mod storage;
mod sync_input;
mod table;
mod table_rows;
pub mod tally;
#[cfg(test)]
mod tests;
mod upsert;
mod vacuum;
mod write;

use arrow_array::RecordBatch;

pub use crate::lake::commit::{CommitId, CommitOutcome};
pub use crate::lake::files::DataFile;
pub use crate::lake::judged_days::JudgedDays;
pub use crate::lake::merge::PRICED_AFTER_MS;
pub use crate::lake::merge_output::MergeOutput;
pub use crate::lake::month_sums::MonthSums;
pub use crate::lake::staged_changes::{CommitFate, StagedChanges};
pub use crate::lake::state::LakeState;
pub use crate::lake::storage::{FileCount, StorageUse};
pub use crate::lake::sync_input::{SyncInput, WatchedPeriod};
pub use crate::lake::table::{LakeTable, Moment};
pub use crate::stores::Location;

/// Batches of rows, each read as it is asked for.
pub type Batches<'a> = Box<dyn Iterator<Item = crate::error::Result<RecordBatch>> + 'a>;
