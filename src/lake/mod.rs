//! The lake: a Delta table of every run ever seen, also those that Apify has since deleted. It knows how rows get into the
//! table and out of it; not where rows come from, nor what is made of them.
//!
//! Rows are in files that are disjoint in time and sorted within, so that a window touches few of them. What syncs have
//! proven stands in the table's own metadata. Everything here blocks: the Delta library's futures run on the job's runtime.

mod bounds;
pub mod columns;
mod commit;
mod doubled;
pub mod files;
mod hashes;
pub mod integrity;
mod log_entries;
mod lookup;
mod merge;
mod moved;
mod object;
mod open_costs;
pub mod optimize;
mod random_access;
pub mod read;
pub mod repair;
mod rescue;
mod row_merge;
mod staged_changes;
pub mod state;
mod sure;
pub mod table;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod upsert;
mod vacuum;
mod write;

pub use crate::lake::commit::{CommitId, Committed};
pub use crate::lake::files::DataFile;
pub use crate::lake::staged_changes::{CommitFate, StagedChanges};
pub use crate::lake::state::State;
pub use crate::lake::table::{Found, Moment, Table};
pub use crate::stores::Location;
