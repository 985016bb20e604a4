//! Compaction of small files after a sync.

use std::sync::Arc;

use crate::cli::Optimize;
use crate::commands::sync::commit::find;
use crate::commands::sync::job::{SyncJob, SyncProgress};
use crate::context::blocking::run_blocking;
use crate::context::terminal::warn;
use crate::error::Result;
use crate::period::{DAY_MS, Millis};

/// How long before the last sync files are left alone when small ones are put together, and how many make it worth it.
const KEEP_RECENT_MS: Millis = 7 * DAY_MS;
const MANY_FILES: usize = 8;

/// Compacts small files unless `--optimize never` was given.
pub async fn tidy(job: Arc<SyncJob>, mut done: SyncProgress) -> Result<(SyncProgress, Option<(usize, usize)>)> {
    if job.args.optimize == Optimize::Never {
        return Ok((done, None));
    }
    run_blocking(move |_| {
        let table = done.table.take().and_then(Arc::into_inner);
        let Some(table) = table.map_or_else(|| find(&job), |table| Ok(Some(table)))? else {
            return Ok((done, None));
        };
        let before = job.asking.now_ms.saturating_sub(KEEP_RECENT_MS);
        let (table, optimized) = table.optimize(before, MANY_FILES)?;
        done.commits += optimized.commits as u64;
        if let Some(table) = &table
            && optimized.commits > 0
            && let Some(warning) = table.checkpoint_if_due(true)
        {
            warn(&warning);
        }
        done.table = match table {
            Some(table) => Some(Arc::new(table)),
            None => find(&job)?.map(Arc::new),
        };
        let files = (optimized.files_before, optimized.files_after);
        Ok((done, Some(files)))
    })
    .await
}
