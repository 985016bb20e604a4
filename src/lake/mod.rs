//! The lake: a Delta table of every run ever seen, also those that Apify has since deleted. It knows how rows get into the
//! table and out of it; not where rows come from, nor what is made of them.
//!
//! Rows are in files that are disjoint in time and sorted within, so that a window touches few of them. What syncs have
//! proven stands in the table's own metadata. Everything here blocks: the Delta library's futures run on the job's runtime.

mod anywhere;
mod bounds;
pub mod columns;
mod commit;
mod doubled;
pub mod files;
mod hashes;
pub mod integrity;
pub mod location;
mod log_entries;
mod lookup;
mod merge;
mod merged;
mod moved;
mod object;
mod open_costs;
pub mod optimize;
pub mod read;
pub mod repair;
mod rescue;
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

pub use commit::{CommitId, Committed};
pub use files::DataFile;
pub use location::Location;
pub use staged_changes::{CommitFate, StagedChanges};
pub use state::State;
pub use table::{Found, Moment, Table};
pub use tally::Tally;
