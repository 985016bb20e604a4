//! What an export that is about to be replaced knows of settled runs, so that their details needn't be asked for again.

use std::collections::HashMap;
use std::path::PathBuf;

use arrow_array::RecordBatch;

use crate::fetch::details::Known;
use crate::output::read::{parquet_batches, parquet_chosen};
use crate::period::Millis;
use crate::runs::chosen::Chosen;
use crate::runs::cost_state::SETTLED;
use crate::runs::detail::{Metering, RunDetail};
use crate::runs::row::rows_of;

/// Reads an export's Parquet files along with the windows, which come in the same order; nothing is known of an export
/// without them, nor of one that lacks columns of details that are wanted. What can't be read is asked for.
pub(super) fn of(files: Vec<PathBuf>, wanted: &Chosen, metered: bool) -> Option<Known> {
    let has_all = |file: &PathBuf| {
        let known = parquet_chosen(file).ok();
        known.is_some_and(|known| !metered || wanted.within(&known).len() == wanted.names().len())
    };
    if files.is_empty() || !files.iter().all(has_all) {
        return None;
    }
    let batches = files.into_iter().map_while(|file| parquet_batches(&file).ok());
    let mut batches = batches.flatten().map_while(Result::ok);
    let mut batch: Option<(RecordBatch, usize)> = None;
    Some(Box::new(move |from, to| {
        let mut known = HashMap::new();
        loop {
            let Some((rows, at)) = batch.take().or_else(|| batches.next().map(|rows| (rows, 0))) else {
                return known;
            };
            let next = note(&rows, at, (from, to), metered, &mut known);
            if next < rows.num_rows() {
                batch = Some((rows, next));
                return known;
            }
        }
    }))
}

/// Takes note of a batch's settled runs from a row on, as far as they started before the end; returns where it stopped.
fn note(
    rows: &RecordBatch,
    first: usize,
    (from, to): (Millis, Millis),
    metered: bool,
    known: &mut HashMap<String, RunDetail>,
) -> usize {
    let finishes = rows.column_by_name("finished_at").map(|column| {
        use arrow_array::cast::AsArray;
        column.as_primitive::<arrow_array::types::TimestampMillisecondType>()
    });
    for (at, run) in rows_of(rows).enumerate().skip(first) {
        if run.started_at_ms >= to {
            return at;
        }
        if run.started_at_ms < from || run.cost_state != SETTLED {
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
        let finished = finishes.filter(|finishes| arrow_array::Array::is_valid(*finishes, at));
        let detail = RunDetail {
            status: run.status.into(),
            finished_at_ms: finished.map(|finishes| finishes.value(at)),
            usage: run.usage,
            metering,
        };
        known.insert(run.id.into(), detail);
    }
    rows.num_rows()
}
