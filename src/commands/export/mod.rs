//! `export`: the main job, as a story. Each step hands a value to the next one:
//! plan → open → stage (the pipeline) → compare → assemble → publish → summarise. Nothing is visible before `publish`.

mod compare;
mod dry_run;
mod job;
mod open;
mod report;
mod stage;
mod summary;

use tokio::time::Instant;

use crate::cli::ExportArgs;
use crate::commands::assemble::assemble;
use crate::context::Context;
use crate::error::Result;
use job::{ExportJob, ExportPlan};

/// Exports a period, or says what an export would be.
pub async fn run(args: ExportArgs, context: Context) -> Result<()> {
    let started = Instant::now();
    let plan = ExportPlan::new(args)?;
    crate::commands::compare::check(&plan.args.judge).await?;
    let job = ExportJob::connect(plan, context).await?;
    let journal = job.context.journal.clone();

    journal.stage("asked");
    let opened = open::open(&job).await?;
    let Some(destination) = opened.destination else {
        return dry_run::dry_run(&job, &opened.scope, opened.listing).await;
    };
    let scope = opened.scope;
    let started_ms = scope.start.ms;
    journal.update(|noted| noted.period = Some(scope.period.clone()));
    compare::clear_previous(&job, &scope.period)?;

    journal.stage("read");
    let staged = stage::stage(&job, &scope, opened.listing, destination).await?;
    let comparison = compare::compare(&job, &scope).await?;

    journal.stage("published");
    let destination = staged.destination;
    let parts = report::report(&job, scope, staged.result, comparison);
    let assembled = assemble(staged.staging, parts, destination.existing()?, job.args.replace).await?;
    let modes = assembled.modes(job.args.mode, job.context.umask);
    let report = assembled.report;
    let manifest = destination
        .publish(assembled.staging, assembled.manifest, started_ms, modes)
        .await?;

    summary::warn_of_gaps(&report);
    journal.published(&manifest, &job.out(&report.facts.period)?.to_string_lossy());
    summary::summarise(&job, &report, &manifest, started.elapsed())
}
