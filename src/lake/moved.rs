//! Runs of the table that are about to be added under another start: the rows that give way to them, read before their files
//! are written anew, so that what they know of a run isn't lost on its way.

use std::collections::HashMap;
use std::rc::Rc;

use arrow_array::RecordBatch;

use crate::lake::merge::Rules;
use crate::lake::row_merge::{Keyed, Place};
use crate::period::Millis;

/// Runs of the table that are listed under another start now, by ID.
#[derive(Default)]
pub(super) struct Moved(HashMap<String, MovedRun>);

/// One of them.
pub(super) struct MovedRun {
    /// Its row; of several, which no table should have, the one that was queried last.
    pub(super) row: RowRef,
    /// Further rows of it.
    pub(super) others: Vec<RowRef>,
    /// Whether its rows give way to what is listed; if not, another sync has seen it since.
    pub(super) gives_way: bool,
}

/// A row that outlives the reading of its batch.
#[derive(Clone)]
pub(super) struct RowRef {
    pub(super) rows: Rc<Keyed>,
    pub(super) row: usize,
}

impl RowRef {
    pub(super) fn place(&self) -> Place<'_> {
        self.rows.place(self.row)
    }
}

impl Moved {
    /// Rows of the table whose runs are about to be added elsewhere.
    pub(super) fn new(rows: Vec<RecordBatch>, rules: &Rules) -> Moved {
        let mut moved: HashMap<String, MovedRun> = HashMap::new();
        for rows in rows {
            let rows = Rc::new(Keyed::new(rows));
            for row in 0..rows.len() {
                let row = RowRef {
                    rows: rows.clone(),
                    row,
                };
                let queried_at_ms = row.place().queried_at_ms();
                let gives_way = !rules.was_seen_since(queried_at_ms);
                match moved.get_mut(row.place().id()) {
                    None => {
                        let run = MovedRun {
                            gives_way,
                            others: Vec::new(),
                            row: row.clone(),
                        };
                        moved.insert(row.place().id().into(), run);
                    }
                    Some(run) => {
                        run.gives_way &= gives_way;
                        let is_later = queried_at_ms > run.row.place().queried_at_ms();
                        let other = if is_later {
                            std::mem::replace(&mut run.row, row)
                        } else {
                            row
                        };
                        run.others.push(other);
                    }
                }
            }
        }
        Moved(moved)
    }

    /// The run with an ID, if it is one of them.
    pub(super) fn get(&self, id: &str) -> Option<&MovedRun> {
        self.0.get(id)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The starts that rows of these runs have in the table, of those that give way.
    pub(super) fn starts(&self) -> impl Iterator<Item = Millis> {
        let runs = self.0.values().filter(|run| run.gives_way);
        runs.flat_map(|run| {
            std::iter::once(&run.row)
                .chain(&run.others)
                .map(|row| row.place().started_at_ms())
        })
    }

    /// Whether a row gives way.
    pub(super) fn takes_away(&self, old: &Place) -> bool {
        let run = self.0.get(old.id()).filter(|run| run.gives_way);
        run.is_some_and(|run| {
            let mut rows = std::iter::once(&run.row).chain(&run.others);
            rows.any(|row| row.place().started_at_ms() == old.started_at_ms())
        })
    }
}
