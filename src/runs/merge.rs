//! Which of two versions of one run is kept. A pure order: the caller knows where the versions are.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};

use super::cost_state::is_terminal;

/// A version's rank: terminal beats not terminal, then the later `finishedAt`, then the higher cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    terminal: bool,
    finished_at_ms: Option<i64>,
    usage: Option<i128>,
}

impl Rank {
    /// The rank of a row of a page, or of an export's columns.
    pub fn of(batch: &RecordBatch, row: usize) -> Rank {
        let column = |name: &str| batch.column_by_name(name).filter(|column| column.is_valid(row));
        let (status, usage) = (column("status"), column("usage_total_usd"));
        let finished = column("finished_at");
        Rank {
            terminal: status.is_some_and(|status| is_terminal(status.as_string::<i32>().value(row))),
            finished_at_ms: finished.map(|at| at.as_primitive::<TimestampMillisecondType>().value(row)),
            usage: usage.map(|usage| usage.as_primitive::<Decimal128Type>().value(row)),
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
