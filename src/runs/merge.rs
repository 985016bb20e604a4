//! Which of two versions of one run is kept. A pure order: the caller knows where the versions are.

use arrow_array::RecordBatch;

use super::cost_state::is_terminal;
use super::run_columns::{RunColumns, value_at};

/// A version's rank: terminal beats not terminal, then the later `finishedAt`, then the higher cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    terminal: bool,
    finished_at_ms: Option<i64>,
    usage: Option<i128>,
}

impl Rank {
    /// The rank of a row of a page, or of an export's columns.
    pub fn new(rows: &RecordBatch, row: usize) -> Rank {
        let columns = RunColumns(rows);
        Rank {
            terminal: value_at(columns.text("status"), row).is_some_and(is_terminal),
            finished_at_ms: value_at(columns.instants("finished_at"), row),
            usage: value_at(columns.decimals("usage_total_usd"), row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_then_later_then_dearer_wins() {
        let rank = |terminal, finished_at_ms, usage| Rank {
            terminal,
            finished_at_ms,
            usage,
        };
        assert!(rank(true, None, None) > rank(false, Some(9), Some(9)));
        assert!(rank(true, Some(2), Some(1)) > rank(true, Some(1), Some(5)));
        assert!(rank(true, Some(2), None) > rank(true, None, Some(5)));
        assert!(rank(true, Some(2), Some(2)) > rank(true, Some(2), Some(1)));
        assert!(rank(false, None, Some(0)) > rank(false, None, None));
    }
}
