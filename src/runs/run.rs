//! A run as two archives are compared by it. Owned, unlike [`super::row::Row`]: its partner may come from another file,
//! batches later.

use arrow_array::RecordBatch;

use super::row::{Row, rows_of};
use super::run_columns::RunColumns;
use crate::error::ReadError;
use crate::money::Usd;
use crate::period::Millis;

/// What is read of an archive for a comparison: a run, or only its key.
pub trait RunRecord: Sized {
    /// The columns it is made of; an export may lack those that aren't needed.
    const COLUMNS: &'static [&'static str];

    /// The runs of a batch, which was checked before.
    fn from_batch(rows: &RecordBatch) -> Vec<Self>;

    /// Archives are in this order.
    fn sort_key(&self) -> (Millis, &str);
}

/// Records in the order of their archive; an error ends them.
pub type RunStream<'r, T> = Box<dyn Iterator<Item = Result<T, ReadError>> + 'r>;

/// The records of batches.
pub fn records<'r, T: RunRecord + 'r>(
    batches: impl Iterator<Item = Result<RecordBatch, ReadError>> + 'r,
) -> RunStream<'r, T> {
    Box::new(batches.flat_map(|batch| {
        let (records, error) = match batch {
            Ok(rows) => (T::from_batch(&rows), None),
            Err(error) => (Vec::new(), Some(Err(error))),
        };
        records.into_iter().map(Ok).chain(error)
    }))
}

/// The sort key of a run in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub started_at_ms: Millis,
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: String,
    pub act_id: String,
    pub act_name: Option<String>,
    pub status: String,
    pub started_at_ms: Millis,
    /// The outer `None` where the export leaves that column out.
    pub finished_at_ms: Option<Option<Millis>>,
    pub usage: Option<Usd>,
    pub cost_state: String,
}

impl RunRecord for Key {
    const COLUMNS: &'static [&'static str] = &["id", "started_at"];

    fn from_batch(rows: &RecordBatch) -> Vec<Key> {
        let columns = RunColumns(rows);
        let (ids, started) = (columns.text("id"), columns.instants("started_at"));
        let pairs = ids
            .into_iter()
            .flatten()
            .zip(started.into_iter().flat_map(|at| at.values()));
        pairs
            .map(|(id, at)| Key {
                started_at_ms: *at,
                id: id.unwrap_or_default().into(),
            })
            .collect()
    }

    fn sort_key(&self) -> (Millis, &str) {
        (self.started_at_ms, &self.id)
    }
}

impl RunRecord for Run {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "act_id",
        "status",
        "started_at",
        "finished_at",
        "usage_total_usd",
        "cost_state",
        "act_name",
    ];

    fn from_batch(rows: &RecordBatch) -> Vec<Run> {
        let has_finishes = rows.column_by_name("finished_at").is_some();
        let run = |row: Row| Run {
            id: row.id.into(),
            act_id: row.act_id.into(),
            act_name: row.act_name.map(String::from),
            status: row.status.into(),
            started_at_ms: row.started_at_ms,
            finished_at_ms: has_finishes.then_some(row.finished_at_ms),
            usage: row.usage,
            cost_state: row.cost_state.into(),
        };
        rows_of(rows).map(run).collect()
    }

    fn sort_key(&self) -> (Millis, &str) {
        (self.started_at_ms, &self.id)
    }
}
