//! What a sync has read from the API, and its rows as rows of the table. What is done with them is not known here.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use crate::error::Result;
use crate::lake::Batches;
use crate::lake::batch_columns::{instants, slice_period, to_ms};
use crate::lake::columns::LakeColumns;
use crate::output::read::working_batches;
use crate::period::Millis;

/// A period whose changes are counted apart: its name, `[from, to)`.
pub type WatchedPeriod = (String, Millis, Millis);

/// What a sync has seen: all runs that the API lists of some periods.
pub struct SyncInput {
    /// The periods, `[from, to)`, in order and disjoint; at least one.
    pub asked: Vec<(Millis, Millis)>,
    /// Their rows, as an export has them, in Parquet files in order.
    pub files: Vec<PathBuf>,
    /// The start of the sync.
    pub queried_at_ms: Millis,
    /// The last instant that has come by any clock: rows that were asked for later were so by a clock that was wrong.
    pub latest_ms: Millis,
    /// Whether costs of another price are taken over.
    pub accept_repricing: bool,
    /// Apify should still keep runs that started a day after this.
    pub kept_from_ms: Millis,
    pub watched: Vec<WatchedPeriod>,
}

/// The rows of a month, handed out up to one instant after the other.
pub(super) struct InputRows<'s> {
    batches: Batches<'s>,
    rest: Option<RecordBatch>,
}

impl<'s> InputRows<'s> {
    pub(super) fn new(input: &'s SyncInput, span: (Millis, Millis), columns: &'s LakeColumns) -> InputRows<'s> {
        let batches = input.files.iter().flat_map(|path| batches_of(path));
        let of_month = move |rows: Result<RecordBatch>| match rows.map(|rows| slice_period(&rows, span)) {
            Ok(rows) => (rows.num_rows() > 0).then(|| Ok(columns.to_lake(&rows, input.queried_at_ms))),
            Err(error) => Some(Err(error)),
        };
        InputRows {
            batches: Box::new(batches.filter_map(of_month)),
            rest: None,
        }
    }

    /// The rows that started before an instant, of those that are left.
    pub(super) fn until(&mut self, until_ms: Millis) -> Batches<'_> {
        Box::new(std::iter::from_fn(move || {
            let batch = match self.rest.take().map(Ok).or_else(|| self.batches.next())? {
                Ok(batch) => batch,
                Err(error) => return Some(Err(error)),
            };
            let started = instants(&batch, "started_at").values();
            let end = started.partition_point(|at| to_ms(*at) < until_ms);
            if end < batch.num_rows() {
                self.rest = Some(batch.slice(end, batch.num_rows() - end));
            }
            (end > 0).then(|| Ok(batch.slice(0, end)))
        }))
    }
}

fn batches_of(path: &Path) -> Batches<'static> {
    match working_batches(path, None) {
        Ok(batches) => Box::new(batches),
        Err(error) => Box::new(std::iter::once(Err(error))),
    }
}
