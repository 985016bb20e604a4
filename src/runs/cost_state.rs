//! How final a run's cost is. Pure: the clock is given.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, RecordBatch};

use super::run_columns::{RunColumns, value_at};

/// How long after its end a run's cost settles, unless `--settle` says otherwise.
pub const DEFAULT_SETTLE: &str = "10m";
/// The same in milliseconds.
pub const DEFAULT_SETTLE_MS: i64 = 600_000;

/// The cost may be taken as final, short of a resurrection or repricing.
pub const SETTLED: &str = "settled";
/// The cost may still move: the run isn't terminal, or finished just before the job began.
pub const PROVISIONAL: &str = "provisional";
/// The API gave no cost.
pub const UNKNOWN: &str = "unknown";

/// Statuses that the API documents; there may be others.
pub const STATUSES: [&str; 8] = [
    "READY",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "TIMING-OUT",
    "TIMED-OUT",
    "ABORTING",
    "ABORTED",
];

/// Whether a run of this status has ended for good (short of a resurrection).
pub fn is_terminal(status: &str) -> bool {
    matches!(status, "SUCCEEDED" | "FAILED" | "TIMED-OUT" | "ABORTED")
}

/// When a cost is provisional: its run finished less than `settle_ms` before the job began, or later.
#[derive(Debug, Clone, Copy)]
pub struct SettleRule {
    pub job_start_ms: i64,
    pub settle_ms: i64,
}

impl SettleRule {
    pub fn state(&self, status: &str, finished_at_ms: Option<i64>, has_cost: bool) -> &'static str {
        if !has_cost {
            UNKNOWN
        } else if !is_terminal(status) || self.just_finished(finished_at_ms) {
            PROVISIONAL
        } else {
            SETTLED
        }
    }

    /// Whether a run finished so short before the job that its cost may still move.
    pub fn just_finished(&self, finished_at_ms: Option<i64>) -> bool {
        finished_at_ms.is_some_and(|at| self.job_start_ms.saturating_sub(at) < self.settle_ms)
    }

    /// The states of decoded rows, one each; `by_id` are those of runs whose details said more than their rows show.
    pub(super) fn states(&self, decoded: &RecordBatch, by_id: &HashMap<String, &'static str>) -> ArrayRef {
        let columns = RunColumns(decoded);
        let [ids, statuses] = ["id", "status"].map(|name| columns.text(name).expect("a page has it"));
        let (finished, usages) = (columns.instants("finished_at"), columns.decimals("usage_total_usd"));
        let mut states = StringBuilder::with_capacity(decoded.num_rows(), decoded.num_rows() * SETTLED.len());
        for row in 0..decoded.num_rows() {
            let has_cost = usages.is_some_and(|usages| usages.is_valid(row));
            let state = self.state(statuses.value(row), value_at(finished, row), has_cost);
            let known = (state != UNKNOWN && !by_id.is_empty()).then(|| by_id.get(ids.value(row)));
            states.append_value(known.flatten().copied().unwrap_or(state));
        }
        Arc::new(states.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_settled_once_its_run_has_ended_long_enough_ago() {
        let rule = SettleRule {
            job_start_ms: 1_000_000,
            settle_ms: 600_000,
        };
        assert_eq!(rule.state("SUCCEEDED", Some(400_000), true), SETTLED);
        assert_eq!(rule.state("SUCCEEDED", Some(400_001), true), PROVISIONAL);
        assert_eq!(rule.state("FAILED", Some(2_000_000), true), PROVISIONAL);
        assert_eq!(rule.state("RUNNING", None, true), PROVISIONAL);
        assert_eq!(rule.state("TIMING-OUT", None, true), PROVISIONAL);
        assert_eq!(rule.state("A-NEW-STATUS", Some(0), true), PROVISIONAL);
    }

    #[test]
    fn a_missing_cost_is_unknown_whatever_the_run_does() {
        let rule = SettleRule {
            job_start_ms: 1_000_000,
            settle_ms: 0,
        };
        assert_eq!(rule.state("SUCCEEDED", Some(0), false), UNKNOWN);
        assert_eq!(rule.state("RUNNING", None, false), UNKNOWN);
    }
}
