//! `sync`: brings a lake up to date. What is asked for is planned, read month by month as any period is, and put into the
//! table one commit a step, so that a sync that ends early has lost nothing of what it had committed.

mod changes_file;
mod clocks;
mod commit;
mod job;
mod known_details;
mod look;
mod open;
mod plan;
mod read;
mod steps;
mod summary;
mod tidy;
mod unusual;

pub use look::look;

use crate::cli::SyncArgs;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::pipeline::scratch::acquire_scratch;
use crate::text::counted;
use changes_file::ChangesFile;
use job::{SyncJob, SyncProgress};

/// Syncs a lake with the API.
pub async fn run(args: SyncArgs, context: Context) -> Result<()> {
    args.costs.check().map_err(Error::usage)?;
    let args = job::fill_placeholders(args, &context)?;
    let journal = context.journal.clone();
    journal.stage(
        "asked",
        "asking the API for its clock and the account, and opening the lake",
    );
    let job = SyncJob::connect(args, &context).await?;
    let (table, plan) = open::plan(job.clone()).await?;
    let mut scratch = acquire_scratch(&job.scratch_folder())?;
    let scratch = scratch.stage()?;
    // Not before the folder is locked: another sync may be writing it.
    let changes = job.args.changes.as_deref();
    let changes = changes
        .map(|path| ChangesFile::create(path, &job.location))
        .transpose()?;
    *job.changes.lock().expect("no thread panics while it has the lock") = changes;
    let on_terminal = context.stderr_is_terminal && !job.args.quiet;
    open::settle(job.clone()).await?;
    let periods = plan.swept.len() + plan.again.len();
    journal.stage_done(&format!(
        "planned {} to read",
        counted(periods as u64, "period", "periods")
    ));
    journal.stage("read", "reading runs and committing what they change");
    let progress = SyncProgress::new(table);
    let progress = steps::take(job.clone(), progress, &plan, scratch.path(), on_terminal).await;
    drop(scratch);
    // Whether or not a later step failed: changes that were committed are published.
    let published = open::publish_changes(job.clone()).await;
    let progress = progress?;
    published?;
    journal.stage_done(&committed(&progress));
    journal.stage("tidied", "looking for small files to compact (--optimize)");
    let (progress, optimized) = tidy::tidy(job.clone(), progress).await?;
    journal.stage_done(&compacted(optimized));
    let judged = unusual::judge_days(job.clone(), &progress).await;
    let days = judged.as_ref().ok().and_then(Option::as_ref).map(|judged| &judged.days);
    if let Some(days) = days {
        journal.update(|entry| entry.unusual = Some(days.clone()));
    }
    summary::tell(&job, &progress, (&plan, optimized, days), context.look.style)?;
    unusual::finish(job, judged?).await
}

/// What was read and committed, for the log.
fn committed(progress: &SyncProgress) -> String {
    let tally = &progress.tally;
    let (listed, new, changed) = (counted(tally.listed, "run", "runs"), tally.new, tally.changed);
    let commits = counted(progress.commits, "commit", "commits");
    let files = counted(progress.files.0, "file", "files");
    format!("read {listed}, {new} new and {changed} changed; {commits} with {files}")
}

fn compacted(optimized: Option<(usize, usize)>) -> String {
    match optimized {
        Some((before, after)) if before > 0 => format!("compacted {before} files into {after}"),
        _ => "nothing to compact".into(),
    }
}
