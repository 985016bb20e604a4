//! What an export that is about to be replaced knows of settled runs, so that their details needn't be asked for again.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, RecordBatch};

use crate::fetch::KnownDetails;
use crate::output::read::{parquet_batches, parquet_chosen, parquet_columns};
use crate::period::Millis;
use crate::runs::column_set::{Chosen, NEEDED};
use crate::runs::cost_state::SETTLED;
use crate::runs::detail::{Metering, RunDetail};
use crate::runs::row::rows_of;

/// Reads an export's Parquet files along with the windows, which come in the same order. It knows runs whose costs had
/// settled, by the rule of now too: those that had finished by `settled_by`. Nothing is known of an export without Parquet,
/// nor of one that lacks columns of details that are wanted; what can't be read is asked for.
pub fn of(files: Vec<PathBuf>, settled_by: Millis, wanted: &Chosen, metered: bool) -> Option<KnownDetails> {
    let has_all = |file: &PathBuf| {
        let known = parquet_chosen(file).ok();
        known.is_some_and(|known| !metered || wanted.within(&known).len() == wanted.names().len())
    };
    if files.is_empty() || !files.iter().all(has_all) {
        return None;
    }
    let read = move |file: PathBuf| -> Option<Batches> {
        Some(if metered {
            Box::new(parquet_batches(&file).ok()?)
        } else {
            let columns: Vec<&str> = NEEDED.into_iter().chain(["finished_at"]).collect();
            Box::new(parquet_columns(&file, &columns).ok()?)
        })
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

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send>;

/// Takes note of a batch's settled runs from a row on, as far as they started before the end; returns where it stopped.
pub fn note(
    rows: &RecordBatch,
    first: usize,
    (ids, from, to): (&HashSet<String>, Millis, Millis),
    (settled_by, metered): (Millis, bool),
    known: &mut HashMap<String, RunDetail>,
) -> usize {
    let finishes = rows.column_by_name("finished_at");
    let finishes = finishes.map(|column| column.as_primitive::<TimestampMillisecondType>());
    for (at, run) in rows_of(rows).enumerate().skip(first) {
        if run.started_at_ms >= to {
            return at;
        }
        let finished = finishes.filter(|finishes| finishes.is_valid(at));
        let finished_at_ms = finished.map(|finishes| finishes.value(at));
        let had_settled = run.cost_state == SETTLED && finished_at_ms.is_none_or(|at| at <= settled_by);
        if run.started_at_ms < from || !had_settled || !ids.contains(run.id) {
            continue;
        }
        let metering = if metered {
            Metering::of(rows, at)
        } else {
            Metering::default()
        };
        if metered && metering == Metering::default() {
            continue;
        }
        let detail = RunDetail {
            status: run.status.into(),
            finished_at_ms,
            usage: run.usage,
            metering,
        };
        known.insert(run.id.into(), detail);
    }
    rows.num_rows()
}
