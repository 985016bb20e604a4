//! What a sync makes of a lake that was synced by a clock that was ahead: what was claimed of a time that is still to come is
//! cut back, and read again. No lake stays locked by it.

use crate::commands::sync::Job;
use crate::error::Result;
use crate::lake::{LakeState, LakeTable};
use crate::period::{Millis, format_instant};

/// How far apart servers' clocks may be without a word.
const CLOCK_SLACK_MS: Millis = 60_000;

impl Job {
    /// The last instant that has come by now, by the API's clock or by this machine's.
    pub fn latest_ms(&self) -> Millis {
        let took = Millis::try_from(self.job_start.at.elapsed().as_millis()).unwrap_or(0);
        let server_ms = self.job_start.ms.saturating_add(took);
        server_ms
            .max(self.connection.clock.now_ms())
            .saturating_add(CLOCK_SLACK_MS)
    }

    /// What a table knows of itself, but for what it claims of a time that is still to come by both clocks.
    pub fn sound_state(&self, table: &LakeTable) -> Result<LakeState> {
        let (mut state, latest_ms) = (table.state().clone(), self.latest_ms());
        if state.synced_at_ms > latest_ms {
            state.synced_at_ms = self.asking.now_ms;
        }
        let claimed = state.proven_until().filter(|until| *until > latest_ms);
        if let Some(claimed) = claimed {
            state.forget_after(self.sure_until(table, claimed)?);
        }
        Ok(state)
    }

    /// The last instant up to which it is surely proven; found, and told, once.
    fn sure_until(&self, table: &LakeTable, claimed: Millis) -> Result<Millis> {
        if let Some(until) = self.sure_until.get() {
            return Ok(*until);
        }
        let first = table.state().begins().unwrap_or(claimed);
        let sure_ms = self.asking.sure_ms;
        // What its log no longer tells, the API does, as far back as it keeps runs.
        let until = match table.sure_until(sure_ms)? {
            Some(until) => until,
            None => self.asking().kept_from().unwrap_or(first).max(first).min(sure_ms),
        };
        self.caveat(&format!(
            "{} claims to be proven until {}, which is still to come: a clock was ahead. It is proven until {} from now on, and \
             what came later is read again",
            self.location.shown(),
            format_instant(claimed),
            format_instant(until)
        ));
        Ok(*self.sure_until.get_or_init(|| until))
    }
}
