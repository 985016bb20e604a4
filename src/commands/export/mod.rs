//! `export`: the main job, as a story. Each step hands a value to the next one:
//! plan → open → stage (the pipeline) → compare → assemble → publish → summarise. Nothing is visible before `publish`.

mod compare;
mod dry_run;
mod job;
mod open;
mod report;
mod stage;
mod summary;

use std::path::Path;

use tokio::time::Instant;

use crate::cli::ExportArgs;
use crate::commands::assemble::assemble;
use crate::context::Context;
use crate::error::Result;
use crate::output::manifest::Manifest;
use crate::text::counted;
use job::{ExportJob, ExportPlan};

/// Exports a period, or says what an export would be.
pub async fn run(args: ExportArgs, context: Context) -> Result<()> {
    let started = Instant::now();
    let plan = ExportPlan::new(args)?;
    crate::commands::compare::check(&plan.args.judge).await?;
    let job = ExportJob::connect(plan, context).await?;
    let journal = job.context.journal.clone();

    journal.stage(
        "asked",
        "asking the API for its clock, the account and the first page of runs",
    );
    let opened = open::open(&job).await?;
    let Some(destination) = opened.destination else {
        return dry_run::dry_run(&job, &opened.scope, opened.listing).await;
    };
    let scope = opened.scope;
    let started_ms = scope.start.ms;
    journal.update(|noted| noted.period = Some(scope.period.clone()));
    compare::clear_previous(&job, &scope.period)?;
    journal.stage_done(&scope.in_words(opened.listing.first.as_ref().map(|page| page.total)));

    journal.stage("read", "reading the runs and writing rows");
    let staged = stage::stage(&job, &scope, opened.listing, destination).await?;
    let usage = report::usage(&job, &scope, opened.usage).await?;
    let comparison = compare::compare(&job, &scope).await?;
    let written = &staged.result.written;
    let (runs, files) = (written.figures.totals.runs(), written.files.len());
    journal.stage_done(&format!(
        "read {}, wrote {}",
        counted(runs, "run", "runs"),
        counted(files as u64, "file", "files")
    ));

    journal.stage("published", "making the reports, and publishing them with the rows");
    let destination = staged.destination;
    let parts = report::report(&job, scope, staged.result, comparison, usage);
    let assembled = assemble(staged.staging, parts, destination.existing()?, job.args.replace).await?;
    let modes = assembled.modes(job.args.mode, job.context.umask);
    let report = assembled.report;
    let manifest = destination
        .publish(assembled.staging, assembled.manifest, started_ms, modes)
        .await?;

    summary::warn_of_gaps(&report);
    let out = job.out(&report.facts.period)?;
    journal.stage_done(&published(&manifest, &out));
    journal.published(&manifest, &out.to_string_lossy());
    summary::summarise(&job, &report, &manifest, started.elapsed())
}

/// What has become visible, for the log.
fn published(manifest: &Manifest, out: &Path) -> String {
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    let (files, bytes) = (
        counted(manifest.files.len() as u64, "file", "files"),
        counted(bytes, "byte", "bytes"),
    );
    format!("published {files}, {bytes}, in {}", out.display())
}
