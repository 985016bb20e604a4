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
/// settled, by the rule of now too: those that had finished by `rule.settled_by`. Nothing is known of an export without Parquet,
/// nor of one that lacks columns of details that are wanted; what can't be read is asked for.
pub fn from_export(files: Vec<PathBuf>, rule: ReuseRule, wanted: &ColumnSet) -> Option<KnownDetails> {
    let has_all = |file: &PathBuf| {
        let known = RowsFile::open(file).and_then(|file| file.columns());
        known.is_ok_and(|known| !rule.metered || wanted.positions_in(&known).len() == wanted.names().len())
    };
    if files.is_empty() || !files.iter().all(has_all) {
        return None;
    }
    let read = move |path: PathBuf| {
        let priced = ColumnSet::priced().names();
        let columns = (!rule.metered).then_some(&priced[..]);
        RowsFile::open(&path).and_then(|file| file.batches(columns)).ok()
    };
    let mut batches = files.into_iter().map_while(read).flatten().map_while(Result::ok);
    let mut batch: Option<(RecordBatch, usize)> = None;
    Some(Box::new(move |ids, from, to| {
        let mut collector = DetailCollector::new(rule, ids, (from, to));
        while let Some((rows, first)) = batch.take().or_else(|| batches.next().map(|rows| (rows, 0))) {
            let next = collector.add(&rows, first);
            if next < rows.num_rows() {
                batch = Some((rows, next));
                break;
            }
        }
        collector.found
    }))
}

/// Which runs of earlier data are taken over.
#[derive(Debug, Clone, Copy)]
pub struct ReuseRule {
    /// Those that had finished by then.
    pub settled_by: Millis,
    /// Whether their meters are needed too.
    pub metered: bool,
}

/// Collects the details of a window's runs, `[from, to)`, from batches in order of start.
pub struct DetailCollector<'w> {
    rule: ReuseRule,
    ids: &'w HashSet<String>,
    from: Millis,
    to: Millis,
    pub found: HashMap<String, RunDetail>,
}

impl<'w> DetailCollector<'w> {
    pub fn new(rule: ReuseRule, ids: &'w HashSet<String>, (from, to): (Millis, Millis)) -> DetailCollector<'w> {
        DetailCollector {
            rule,
            ids,
            from,
            to,
            found: HashMap::new(),
        }
    }

    /// Adds a batch's settled runs from a row on; returns the first row beyond the window.
    pub fn add(&mut self, rows: &RecordBatch, first: usize) -> usize {
        for (at, run) in rows_of(rows).enumerate().skip(first) {
            if run.started_at_ms >= self.to {
                return at;
            }
            let is_settled =
                run.cost_state == SETTLED && run.finished_at_ms.is_none_or(|at| at <= self.rule.settled_by);
            if run.started_at_ms < self.from || !is_settled || !self.ids.contains(run.id) {
                continue;
            }
            let metering = match self.rule.metered {
                true => Metering::from_row(rows, at),
                false => Metering::default(),
            };
            if self.rule.metered && metering == Metering::default() {
                continue;
            }
            let detail = RunDetail {
                status: run.status.into(),
                finished_at_ms: run.finished_at_ms,
                usage: run.usage,
                metering,
            };
            self.found.insert(run.id.into(), detail);
        }
        rows.num_rows()
    }
}
