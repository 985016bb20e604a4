//! The steps of a sync: each is read, and committed.

use std::path::Path;
use std::sync::Arc;

use crate::commands::sync::commit::put;
use crate::commands::sync::job::{SyncJob, SyncProgress};
use crate::commands::sync::known_details;
use crate::commands::sync::plan::{Step, SyncPlan};
use crate::commands::sync::read::{ReadWindow, note, read_window};
use crate::context::blocking::run_blocking;
use crate::error::Result;
use crate::period::{Millis, Period, Zone};
use crate::pipeline::connection::first_page;

/// Most runs of a commit that spans months.
const MAX_STEP_RUNS: u64 = 250_000;

/// Long periods that have so few runs that one commit takes them.
async fn short(job: &SyncJob, plan: &SyncPlan) -> Result<Vec<(Millis, Millis)>> {
    let mut short = Vec::new();
    for (from, to) in plan.long() {
        let first = first_page(&job.connection.lister((from, to), &[], false)).await?;
        if first.is_some_and(|page| page.total <= MAX_STEP_RUNS) {
            short.push((from, to));
        }
    }
    Ok(short)
}

pub async fn take(
    job: Arc<SyncJob>,
    mut done: SyncProgress,
    plan: &SyncPlan,
    scratch: &Path,
    on_terminal: bool,
) -> Result<SyncProgress> {
    let short = short(&job, plan).await?;
    for step in plan.steps(|period| short.contains(&period)) {
        let on_terminal = on_terminal && !step.is_again;
        done = take_step(job.clone(), done, step, scratch, on_terminal).await?;
    }
    Ok(done)
}

/// Reads a step's runs and commits what they change.
async fn take_step(
    job: Arc<SyncJob>,
    done: SyncProgress,
    step: Step,
    scratch: &Path,
    on_terminal: bool,
) -> Result<SyncProgress> {
    let mut read: Vec<ReadWindow> = Vec::with_capacity(step.windows.len());
    // One after the other: each has a thread that writes, and memory that its thread keeps.
    for (at, window) in step.windows.iter().enumerate() {
        // Another price is found by asking alone.
        let known = done.table.clone().filter(|_| !job.args.accept_repricing);
        let known = known.map(|table| known_details::from_lake(table, job.asking.now_ms, job.is_metered()));
        read.push(
            read_window(
                &job,
                utc_period(*window),
                scratch.join(at.to_string()),
                known,
                on_terminal,
            )
            .await?,
        );
    }
    let job = job.clone();
    run_blocking(move |stop| {
        let files = read.iter().flat_map(|read| read.files.iter().cloned()).collect();
        let done = put(&job, done, &step, files, stop)?;
        // What is asked for again was noted before.
        if !step.is_again {
            let ends = step.windows.iter().copied().reduce(|(from, _), (_, to)| (from, to));
            ends.iter().for_each(|ends| note(&job, *ends, &read));
        }
        Ok(done)
    })
    .await
}

fn utc_period((from, to): (Millis, Millis)) -> Period {
    Period {
        from,
        to,
        requested_to: to,
        timezone: Zone::UTC,
    }
}
