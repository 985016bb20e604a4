//! When a job began.

use tokio::time::Instant;

use crate::cli::CostArgs;
use crate::clock::Clocks;
use crate::period::Millis;
use crate::runs::cost_state::SettleRule;

/// When the job began: by the server's clock where its answers have one, and by the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct JobStart {
    pub ms: Millis,
    pub at: Instant,
    pub clocks: Clocks,
}

impl JobStart {
    /// Now.
    pub fn new(clocks: Clocks) -> JobStart {
        JobStart {
            ms: clocks.start_ms(),
            at: Instant::now(),
            clocks,
        }
    }

    /// Which costs have settled by then.
    pub fn settle(&self, costs: &CostArgs) -> SettleRule {
        SettleRule {
            job_start_ms: self.clocks.settled_by_ms(),
            settle_ms: costs.settle_ms(),
        }
    }
}
