//! Runs that the API lists under another start than the table: their old rows, read before any file is written anew, so that
//! what those know of a run isn't lost when it gets its new place.

use std::collections::HashMap;

use arrow_array::RecordBatch;

use crate::lake::merge::Rules;
use crate::lake::row_ref::{IndexedBatch, OwnedRow, RowRef};
use crate::period::Millis;

/// By ID.
#[derive(Default)]
pub(super) struct RelocatedRuns(HashMap<String, RelocatedRun>);

pub(super) struct RelocatedRun {
    /// Its row; of several, which no table should have, the one that was queried last.
    pub(super) row: OwnedRow,
    pub(super) others: Vec<OwnedRow>,
    /// Whether its rows are replaced by the listed one; if not, another sync has seen it since.
    pub(super) gives_way: bool,
}

impl RelocatedRun {
    fn starts(&self) -> impl Iterator<Item = Millis> {
        let rows = std::iter::once(&self.row).chain(&self.others);
        rows.map(|row| row.by_ref().started_at_ms())
    }
}

impl RelocatedRuns {
    /// `rows` are the table's, of runs that are about to be added at another start.
    pub(super) fn new(rows: Vec<RecordBatch>, rules: &Rules) -> RelocatedRuns {
        let mut runs: HashMap<String, RelocatedRun> = HashMap::new();
        for rows in rows {
            let count = rows.num_rows();
            let batch = IndexedBatch::new(rows);
            for row in (0..count).map(|row| RowRef { batch: &batch, row }) {
                let gives_way = !rules.was_seen_since(row.queried_at_ms());
                let mut other = row.to_owned();
                let Some(run) = runs.get_mut(row.id()) else {
                    let run = RelocatedRun {
                        row: other,
                        others: Vec::new(),
                        gives_way,
                    };
                    runs.insert(row.id().into(), run);
                    continue;
                };
                run.gives_way &= gives_way;
                if row.queried_at_ms() > run.row.by_ref().queried_at_ms() {
                    std::mem::swap(&mut run.row, &mut other);
                }
                run.others.push(other);
            }
        }
        RelocatedRuns(runs)
    }

    pub(super) fn get(&self, id: &str) -> Option<&RelocatedRun> {
        self.0.get(id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The starts of rows that give way.
    pub(super) fn starts(&self) -> impl Iterator<Item = Millis> {
        let runs = self.0.values().filter(|run| run.gives_way);
        runs.flat_map(RelocatedRun::starts)
    }

    /// Whether a row of the table gives way.
    pub(super) fn takes_away(&self, old: &RowRef) -> bool {
        let run = self.0.get(old.id()).filter(|run| run.gives_way);
        run.is_some_and(|run| run.starts().any(|start| start == old.started_at_ms()))
    }
}
