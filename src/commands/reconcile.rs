//! `reconcile`: a billing cycle's runs, from an export or a lake that covers it or fetched, against the usage that Apify counts.

mod sums;

use std::sync::Arc;

use crate::commands::reconcile::sums::{sum_held, sum_parquet};

use crate::archive;
use crate::archive::Archive;
use crate::cli::{ArchiveAddress, ReconcileArgs};
use crate::commands::export::JobStart;
use crate::context::Context;
use crate::context::blocking::Stop;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::fetch::names::NameBook;
use crate::output::publish::Staging;
use crate::period::{Millis, Period, PeriodSpec, format_instant};
use crate::pipeline::connection::{Connection, retention_of};
use crate::pipeline::scratch::Aside;
use crate::pipeline::writer::parquet_paths;
use crate::provenance::{Account, Filters, Retention, Source};
use crate::report::dimension::Dimensions;
use crate::report::reconcile::{CycleRuns, Reconciliation, json, terminal};
use crate::report::summary::Summary;
use crate::report::terminal::Look;

/// Runs the job.
pub async fn run(args: ReconcileArgs, context: Context) -> Result<()> {
    args.costs.check().map_err(Error::Usage)?;
    let connection = Connection::open(&args.source, args.costs.detail_rate, &context).await?;
    let retention = connection.ask_retention();
    let usage = connection.api.monthly_usage(args.cycle).await?;
    let clocks = connection.judged_clocks().await;
    let job_start = JobStart::of(clocks);
    let cycle = clocks.period(&PeriodSpec::between(usage.from_ms, usage.to_ms)?, chrono_tz::UTC)?;
    let gathered = match runs_held(&args, &cycle, &connection).await? {
        Some(gathered) => gathered,
        None => {
            let retention = retention_of(retention, &cycle, job_start.ms).await;
            let retention = retention.inspect_err(|unknown| warn(unknown));
            fetch(&args, &context, &connection, &cycle, job_start, retention.ok()).await?
        }
    };
    if !gathered.proven {
        warn("INCOMPLETE: the cycle's runs are not all proven to be there");
    }
    let headline = gathered.retention.as_ref().and_then(Retention::headline);
    headline.iter().for_each(|headline| warn(headline));
    let reconciliation = Reconciliation {
        source: connection.source,
        period: (&cycle).into(),
        is_over: !cycle.is_cut(),
        runs_from: gathered.from,
        retention: gathered.retention,
        proven: gathered.proven,
        runs: gathered.runs,
        usage,
        tolerance: args.tolerance,
    };
    let look = if context.bold { Look::Bold } else { Look::Plain };
    let printed = match (args.json, args.quiet) {
        (true, _) => context.stdout.print(&json::render(&reconciliation)),
        (_, true) => Ok(()),
        _ => context.stdout.print(&terminal::render(&reconciliation, look)),
    };
    let verdict = reconciliation.verdict();
    if args.fail_unexplained && verdict.is_unexplained() {
        let verdict = verdict.name().replace('_', " ");
        return Err(Error::Condition(format!(
            "the runs don't explain what Apify counts (--fail-unexplained): {verdict}, remainder {}",
            reconciliation.remainder().dollars()
        )));
    }
    printed
}

/// A cycle's runs, and where they came from.
struct Gathered {
    runs: CycleRuns,
    proven: bool,
    /// What was kept of them when they were asked for.
    retention: Option<Retention>,
    from: String,
}

/// The runs of what is held there, if it covers the cycle.
async fn runs_held(args: &ReconcileArgs, cycle: &Period, connection: &Connection) -> Result<Option<Gathered>> {
    let Some(site) = args.path.clone() else {
        return Ok(None);
    };
    let (source, account) = (connection.source, connection.account().await);
    let (as_of, cycle) = (args.as_of, cycle.clone());
    Stop::run(move |_| {
        let gathered = archive::read(|opening| {
            let archive = opening.open(&site, as_of)?;
            gather(&site, archive.as_ref(), &cycle, (source, account.as_ref()))
        })?;
        Ok(gathered.map_err(|why| warn(&why)).ok())
    })
    .await
}

/// The same of what was opened; `Err` within says why it doesn't cover the cycle.
fn gather(
    site: &ArchiveAddress,
    archive: &dyn Archive,
    cycle: &Period,
    (source, account): (Source, Option<&Account>),
) -> Result<std::result::Result<Gathered, String>> {
    let held = archive.info()?;
    if !held.is_from(source, account) {
        return Err(Error::Usage(format!(
            "{site} is of another account or source than the one whose usage is asked for"
        )));
    }
    let (from, to) = (held.period.from, held.period.to);
    let reaches = from <= cycle.from && to >= cycle.to;
    if !reaches || !held.filters.is_empty() {
        let why = if reaches {
            "holds filtered runs".into()
        } else {
            format!("reaches from {} to {}", format_instant(from), format_instant(to))
        };
        return Ok(Err(format!(
            "{site} {why}, so it doesn't cover the cycle: its runs are fetched"
        )));
    }
    let runs = sum_held(archive, &held, cycle)?;
    let figures = Summary::new(cycle.timezone, Dimensions::default()).finish();
    Ok(Ok(Gathered {
        runs,
        proven: archive.is_proven(cycle),
        // By what was kept when it was made: that runs have been deleted since doesn't take them out of it.
        retention: archive.facts(cycle.clone(), &figures)?.retention,
        from: format!("of {site}, asked for at {}", format_instant(held.queried_at_ms)),
    }))
}

/// The cycle's runs from the API, by way of files that are gone afterwards.
async fn fetch(
    args: &ReconcileArgs,
    context: &Context,
    connection: &Connection,
    cycle: &Period,
    job_start: JobStart,
    retention: Option<Retention>,
) -> Result<Gathered> {
    // One name a user and cycle.
    let user = rustix::process::getuid().as_raw();
    let account = context
        .account_name()
        .map_or(String::new(), |account| format!("-{account}"));
    let folder = std::env::temp_dir().join(format!("apify-runs-reconcile-{user}-{}{account}", args.cycle));
    let aside = Aside {
        connection,
        source: &args.source,
        costs: &args.costs,
        period: cycle,
        job_start,
        statuses: Vec::new(),
        filters: Filters::default(),
        names: Arc::new(NameBook::new(None, connection.spare.clone())),
        dimensions: Dimensions::default(),
        folder,
        known: None,
        on_terminal: context.stderr_is_terminal && !args.quiet,
    };
    let (read, staging) = aside.fetch().await?;
    read.gaps().iter().for_each(|gap| warn(gap));
    let runs = sum_staged(staging, &read.written.files, (cycle.from, cycle.to)).await?;
    Ok(Gathered {
        runs,
        proven: read.fetched.proof.proven,
        retention,
        from: "fetched now".into(),
    })
}

async fn sum_staged(
    staging: Arc<Staging>,
    files: &[crate::output::hashed::FileEntry],
    edges: (Millis, Millis),
) -> Result<CycleRuns> {
    let files = parquet_paths(&staging, files);
    let summed = tokio::task::spawn_blocking(move || {
        let runs = sum_parquet(&files, edges);
        drop(staging);
        runs
    });
    summed
        .await
        .map_err(|error| anyhow::anyhow!("summing the runs failed: {error}"))?
}
