//! What an export that is about to be replaced knows of settled runs, so that their details needn't be asked for again.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use arrow_array::RecordBatch;

use crate::fetch::KnownDetails;
use crate::output::read::RowsFile;
use crate::period::Millis;
use crate::runs::column_set::ColumnSet;
use crate::runs::cost_state::SETTLED;
use crate::runs::detail::{Metering, RunDetail};
use crate::runs::row::rows_of;

/// Reads an export's Parquet files along with the windows, which come in the same order. It knows runs whose costs had
/// settled, by the rule of now too: those that had finished by `settled_by`. Nothing is known of an export without Parquet,
/// nor of one that lacks columns of details that are wanted; what can't be read is asked for.
pub fn of(files: Vec<PathBuf>, settled_by: Millis, wanted: &ColumnSet, metered: bool) -> Option<KnownDetails> {
    let has_all = |file: &PathBuf| {
        let known = RowsFile::open(file).and_then(|file| file.columns());
        known.is_ok_and(|known| !metered || wanted.positions_in(&known).len() == wanted.names().len())
    };
    if files.is_empty() || !files.iter().all(has_all) {
        return None;
    }
    let read = move |path: PathBuf| {
        let priced = ColumnSet::priced().names();
        let columns = (!metered).then_some(&priced[..]);
        RowsFile::open(&path).and_then(|file| file.batches(columns)).ok()
    };
    let mut batches = files.into_iter().map_while(read).flatten().map_while(Result::ok);
    let mut batch: Option<(RecordBatch, usize)> = None;
    Some(Box::new(move |ids, from, to| {
        let mut known = HashMap::new();
        loop {
            let Some((rows, first)) = batch.take().or_else(|| batches.next().map(|rows| (rows, 0))) else {
                return known;
            };
            let next = note(&rows, first, (ids, from, to), (settled_by, metered), &mut known);
            if next < rows.num_rows() {
                batch = Some((rows, next));
                return known;
            }
        }
    }))
}

/// Takes note of a batch's settled runs from a row on, as far as they started before the end; returns where it stopped.
pub fn note(
    rows: &RecordBatch,
    first: usize,
    (ids, from, to): (&HashSet<String>, Millis, Millis),
    (settled_by, metered): (Millis, bool),
    known: &mut HashMap<String, RunDetail>,
) -> usize {
    for (at, run) in rows_of(rows).enumerate().skip(first) {
        if run.started_at_ms >= to {
            return at;
        }
        let had_settled = run.cost_state == SETTLED && run.finished_at_ms.is_none_or(|at| at <= settled_by);
        if run.started_at_ms < from || !had_settled || !ids.contains(run.id) {
            continue;
        }
        let metering = if metered {
            Metering::from_row(rows, at)
        } else {
            Metering::default()
        };
        if metered && metering == Metering::default() {
            continue;
        }
        let detail = RunDetail {
            status: run.status.into(),
            finished_at_ms: run.finished_at_ms,
            usage: run.usage,
            metering,
        };
        known.insert(run.id.into(), detail);
    }
    rows.num_rows()
}
