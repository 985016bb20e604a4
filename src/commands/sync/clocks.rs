//! What a sync makes of a lake that was synced by a clock that was ahead: what was claimed of a time that is still to come is
//! cut back, and read again. No lake stays locked by it.

use crate::commands::sync::job::SyncJob;
use crate::error::Result;
use crate::lake::{LakeState, LakeTable};
use crate::period::Millis;
use crate::report::caveat::{Caveat, ClockLead};

/// How far apart servers' clocks may be without a word.
const CLOCK_SLACK_MS: Millis = 60_000;

/// The last instant that has come by now, by the API's clock or by this machine's.
pub fn latest_ms(job: &SyncJob) -> Millis {
    let took = Millis::try_from(job.job_start.at.elapsed().as_millis()).unwrap_or(0);
    let server_ms = job.job_start.ms.saturating_add(took);
    server_ms
        .max(job.connection.clock.now_ms())
        .saturating_add(CLOCK_SLACK_MS)
}

/// What a table knows of itself, but for what it claims of a time that is still to come by both clocks.
pub fn sound_state(job: &SyncJob, table: &LakeTable) -> Result<LakeState> {
    let (mut state, latest_ms) = (table.state().clone(), latest_ms(job));
    if state.synced_at_ms > latest_ms {
        state.synced_at_ms = job.asking.now_ms;
    }
    let claimed = state.proven_until().filter(|until| *until > latest_ms);
    if let Some(claimed) = claimed {
        state.forget_after(sure_until(job, table, claimed)?);
    }
    Ok(state)
}

/// The last instant up to which it is surely proven; found, and told, once.
fn sure_until(job: &SyncJob, table: &LakeTable, claimed: Millis) -> Result<Millis> {
    if let Some(until) = job.sure_until.get() {
        return Ok(*until);
    }
    let first = table.state().begins().unwrap_or(claimed);
    let sure_ms = job.asking.sure_ms;
    // What its log no longer tells, the API does, as far back as it keeps runs.
    let until = match table.sure_until(sure_ms)? {
        Some(until) => until,
        None => job.asking().kept_from().unwrap_or(first).max(first).min(sure_ms),
    };
    job.caveat(Caveat::ClockAhead(ClockLead {
        lake: job.location.shown().into(),
        claimed_until: claimed,
        proven_until: until,
    }));
    Ok(*job.sure_until.get_or_init(|| until))
}
