//! Which runs of the table have costs that may still move, and the windows in which they are found again.

use arrow_array::Array;
use arrow_array::cast::AsArray;

use crate::error::Result;
use crate::lake::batch_columns::{instants, to_ms};
use crate::lake::file_rows::{Selection, groups, sorted};
use crate::lake::table::LakeTable;
use crate::period::{DAY_MS, Millis};
use crate::runs::cost_state::{PROVISIONAL, UNKNOWN};

/// How long after a run has finished a cost that is unknown may still come.
const UNKNOWN_FOR_MS: Millis = 7 * DAY_MS;
/// Runs between two such that are asked for along with them, rather than with a request of their own.
const NEAR_ROWS: usize = 500;

const COLUMNS: [&str; 4] = ["id", "started_at", "finished_at", "cost_state"];

impl LakeTable {
    /// Windows `[from, to)` with runs that started within a period and whose costs may still move. Reads those files alone
    /// that may hold any.
    pub fn open_costs(&self, from: Millis, to: Millis, now_ms: Millis) -> Result<Vec<(Millis, Millis)>> {
        let may_be_open = |finished: Option<Millis>| {
            finished.is_none_or(|at| at == Millis::MAX || now_ms.saturating_sub(at) <= UNKNOWN_FOR_MS)
        };
        let files = self.files_of(from, to);
        let files = files
            .into_iter()
            .filter(|file| file.may_be_provisional || file.unknown_until.is_some_and(|until| may_be_open(Some(until))));
        let period = [(from, to)];
        let selection = Selection::columns(&COLUMNS).within(&period);
        let mut windows: Vec<(Millis, Millis)> = Vec::new();
        for group in groups(files.collect()) {
            let mut since_last = NEAR_ROWS;
            for batch in sorted(&self.location, self.columns(), &group, selection)? {
                let batch = batch?;
                let (started, finished) = (instants(&batch, "started_at"), instants(&batch, "finished_at"));
                let states = batch.column_by_name("cost_state").expect("it was asked for");
                let states = states.as_string::<i32>();
                for row in 0..batch.num_rows() {
                    since_last += 1;
                    let at = to_ms(started.value(row));
                    let end = finished.is_valid(row).then(|| to_ms(finished.value(row)));
                    let is_open = match states.value(row) {
                        PROVISIONAL => true,
                        UNKNOWN => may_be_open(end),
                        _ => false,
                    };
                    if !is_open || !(from..to).contains(&at) {
                        continue;
                    }
                    match windows.last_mut() {
                        Some(window) if since_last <= NEAR_ROWS => window.1 = at + 1,
                        _ => windows.push((at, at + 1)),
                    }
                    since_last = 0;
                }
            }
        }
        Ok(windows)
    }
}
