//! Compaction of small files after a sync.

use std::sync::Arc;

use crate::cli::Optimize;
use crate::commands::sync::commit::find;
use crate::commands::sync::job::{SyncJob, SyncProgress};
use crate::context::blocking::run_blocking;
use crate::context::terminal::warn;
use crate::error::Result;

/// How many small files of a month make compaction worth it.
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
        let (table, optimized) = table.optimize(job.asking.now_ms, MANY_FILES)?;
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
