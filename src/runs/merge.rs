//! Which of two versions of one run is kept. A pure order: the caller knows where the versions are.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};

use super::cost_state::is_terminal;
use super::schema::col;

/// A version's rank: terminal beats not terminal, then the later `finishedAt`, then the higher cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    terminal: bool,
    finished_at_ms: Option<i64>,
    usage: Option<i128>,
}

impl Rank {
    /// The rank of a row of a batch.
    pub fn of(batch: &RecordBatch, row: usize) -> Rank {
        let finished = batch
            .column(col::FINISHED_AT)
            .as_primitive::<TimestampMillisecondType>();
        let usage = batch.column(col::USAGE_TOTAL_USD).as_primitive::<Decimal128Type>();
        Rank {
            terminal: is_terminal(batch.column(col::STATUS).as_string::<i32>().value(row)),
            finished_at_ms: finished.is_valid(row).then(|| finished.value(row)),
            usage: usage.is_valid(row).then(|| usage.value(row)),
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
