//! The beginning of a sync: what the lake is, what will be asked for, and what earlier syncs have left.

use std::sync::Arc;

use crate::commands::sync::changes_file::ChangesFile;
use crate::commands::sync::clocks::sound_state;
use crate::commands::sync::commit::{find, settle_left_changes};
use crate::commands::sync::job::SyncJob;
use crate::commands::sync::plan::SyncPlan;
use crate::context::blocking::run_blocking;
use crate::error::Result;
use crate::lake::{LakeState, LakeTable};

pub async fn plan(job: Arc<SyncJob>) -> Result<(Option<LakeTable>, SyncPlan)> {
    run_blocking(move |_| {
        let table = find(&job)?;
        // Before minutes of reading: without them, nothing can be committed.
        let proven_at = table.as_ref().and_then(|table| table.state().proven_endpoint.clone());
        job.location.ensure_conditional_puts(proven_at.as_deref())?;
        let state = table.as_ref().map(|table| sound_state(&job, table)).transpose()?;
        let state = state.as_ref();
        if let Some(days) = state.and_then(|state| state.retention_days) {
            job.remembered_days.get_or_init(|| days);
        }
        let mut asking = job.asking();
        if state.is_some_and(|state| state.proven.is_empty()) {
            // Nothing it claimed is sure: it begins anew where it had begun.
            let first = state.and_then(LakeState::begins);
            asking.since_ms = asking.since_ms.or(first.filter(|first| *first < asking.sure_ms));
        }
        let swept = asking.swept(state)?;
        let open = match &table {
            Some(table) => {
                let first = state.and_then(LakeState::begins).unwrap_or(0);
                let from = asking.kept_from().unwrap_or(first);
                table.open_costs(from, asking.now_ms, asking.now_ms)?
            }
            None => Vec::new(),
        };
        let plan = asking.plan(state, swept, open);
        Ok((table, plan))
    })
    .await
}

/// Settles the staged changes that earlier syncs have left.
pub async fn settle(job: Arc<SyncJob>) -> Result<()> {
    run_blocking(move |_| settle_left_changes(&job)).await
}

/// Puts the file of changes in its place, with those that were committed meanwhile.
pub async fn publish_changes(job: Arc<SyncJob>) -> Result<()> {
    run_blocking(move |_| {
        let changes = job
            .changes
            .lock()
            .expect("no thread panics while it has the lock")
            .take();
        changes.map_or(Ok(()), ChangesFile::publish)?;
        // Of commits that others have made void since the sync began.
        settle_left_changes(&job)
    })
    .await
}
