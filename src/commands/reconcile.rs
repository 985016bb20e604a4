//! `reconcile`: a billing cycle's runs, from an export or a lake that covers it or fetched, against the usage that Apify counts.

mod sums;

use crate::commands::reconcile::sums::{sum_held, sum_parquet};

use chrono::{DateTime, NaiveDate};

use crate::api::usage::MonthlyUsage;
use crate::archive;
use crate::archive::Archive;
use crate::cli::{ArchiveAddress, ReconcileArgs};
use crate::context::Context;
use crate::context::blocking::run_blocking;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::fetch::builds::BuildsRead;
use crate::money::Usd;
use crate::period::{Millis, Period, PeriodSpec, Zone, format_instant};
use crate::pipeline::connection::{Connection, retention_of};
use crate::pipeline::options::PipelineOptions;
use crate::pipeline::scratch::ScratchFetch;
use crate::pipeline::start::JobStart;
use crate::pipeline::writer::parquet_paths;
use crate::provenance::{Account, Filters, Retention, Source};
use crate::report::dimension::Dimensions;
use crate::report::reconcile::{CycleRuns, Reconciliation, json, terminal};
use crate::report::summary::Summary;
use crate::report::usage_explained::ExplainedCosts;
use tokio::task::JoinHandle;

pub async fn run(args: ReconcileArgs, context: Context) -> Result<()> {
    args.costs.check()?;
    let connection = Connection::open(&args.source, args.costs.detail_rate, &context).await?;
    let retention = connection.ask_retention();
    let usage = asked_usage(&args, &connection).await?;
    for unknown in &usage.unknown {
        warn(&format!(
            "an amount that Apify counts is unknown: GET /v2/users/me/usage/monthly: {unknown}"
        ));
    }
    let clocks = connection.judged_clocks().await;
    let job_start = JobStart::new(clocks);
    let builds = connection.ask_builds((usage.from_ms, usage.to_ms));
    let cycle = clocks.period(&PeriodSpec::between(usage.from_ms, usage.to_ms)?, Zone::UTC)?;
    let gathered = match runs_held(&args, &cycle, &connection).await? {
        Some(gathered) => gathered,
        None => {
            let retention = retention_of(retention, &cycle, job_start.ms).await;
            let retention = retention.inspect_err(|unknown| warn(&unknown.to_string()));
            let fetch = scratch_fetch(&args, &context, &connection, &cycle, job_start);
            sum_fetched(fetch, retention.ok()).await?
        }
    };
    let builds = builds_of(builds).await;
    if !gathered.proven {
        warn("INCOMPLETE: some runs of the cycle may be missing");
    }
    let headline = gathered.retention.as_ref().and_then(Retention::headline);
    headline.iter().for_each(|headline| warn(headline));
    let reconciliation = Reconciliation {
        source: connection.source,
        period: cycle.clone(),
        is_over: !cycle.is_cut(),
        runs_from: gathered.from,
        retention: gathered.retention,
        proven: gathered.proven,
        runs: gathered.runs,
        builds,
        usage,
        tolerance: args.tolerance,
    };
    let look = context.style;
    let printed = match (args.json, args.quiet) {
        (true, _) => context.stdout.print(&json::render(&reconciliation)),
        (_, true) => Ok(()),
        _ => context.stdout.print(&terminal::render(&reconciliation, look)),
    };
    let verdict = reconciliation.verdict();
    if args.fail_unexplained && verdict.is_unexplained() {
        let verdict = verdict.words();
        return Err(Error::Condition(format!(
            "the runs do not explain Apify's total (--fail-unexplained): {verdict}, difference {}",
            reconciliation.remainder().map_or("unknown".into(), Usd::dollars)
        )));
    }
    printed
}

/// What Apify counts for the cycle that was asked for: by a date, the last one that is over, or an export's own.
async fn asked_usage(args: &ReconcileArgs, connection: &Connection) -> Result<MonthlyUsage> {
    let api = &connection.api;
    if args.last_cycle {
        let current = api.monthly_usage(day_of(connection.clock.now_ms())?).await?;
        return api.monthly_usage(day_of(current.from_ms - 1)?).await;
    }
    let cycle = match (args.cycle, args.path.clone()) {
        (Some(date), _) => date,
        (None, Some(site)) => {
            let as_of = args.as_of;
            let held = run_blocking(move |_| archive::read(|opening| opening.open(&site, as_of)?.info())).await?;
            let own = held.is_billing_cycle.then(|| day_of(held.period.from)).transpose()?;
            own.ok_or_else(|| Error::Usage(format!("{} is no export of a billing cycle: {WHICH_CYCLE}", held.shown)))?
        }
        (None, None) => return Err(Error::Usage(format!("no billing cycle is given: {WHICH_CYCLE}"))),
    };
    api.monthly_usage(cycle).await
}

const WHICH_CYCLE: &str = "use --cycle 2025-09-15 for the one that contains this date, or --last-cycle";

/// The day of an instant in UTC.
fn day_of(ms: Millis) -> Result<NaiveDate> {
    let at = DateTime::from_timestamp_millis(ms);
    at.map(|at| at.date_naive())
        .ok_or_else(|| Error::Untrusted("a billing cycle begins outside the calendar".into()))
}

/// What the builds of a cycle cost; none, with a warning, where they can't be read.
async fn builds_of(asked: JoinHandle<Result<BuildsRead>>) -> Option<ExplainedCosts> {
    let read = asked.await.unwrap_or_else(|error| Err(Error::Other(error.into())));
    let read = read
        .inspect_err(|why| warn(&format!("the account's builds are unknown: {why}")))
        .ok()?;
    for unknown in &read.unknown {
        warn(&format!("a build is unknown in part: GET /v2/actor-builds: {unknown}"));
    }
    if read.is_at_least {
        warn("the list of builds changed while it was read, or could not be read in part: some may be missing");
    }
    Some(ExplainedCosts::of_builds(&read.builds, read.is_at_least))
}

/// The runs of a cycle, and where they came from.
struct CycleSource {
    runs: CycleRuns,
    proven: bool,
    /// What was kept of them when they were asked for.
    retention: Option<Retention>,
    from: String,
}

/// The runs of what is held there, if it covers the cycle.
async fn runs_held(args: &ReconcileArgs, cycle: &Period, connection: &Connection) -> Result<Option<CycleSource>> {
    let Some(site) = args.path.clone() else {
        return Ok(None);
    };
    let (source, account) = (connection.source, connection.ask_account().known().await);
    let (as_of, cycle) = (args.as_of, cycle.clone());
    run_blocking(move |_| {
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
) -> Result<std::result::Result<CycleSource, String>> {
    let held = archive.info()?;
    if !held.is_from(source, account) {
        return Err(Error::Usage(format!(
            "{site} has another account or source than the usage to compare with"
        )));
    }
    let (from, to) = (held.period.from, held.period.to);
    let reaches = from <= cycle.from && to >= cycle.to;
    if !reaches || !held.filters.is_empty() {
        let why = if reaches {
            "holds only filtered runs".into()
        } else {
            format!("covers {} to {}", format_instant(from), format_instant(to))
        };
        return Ok(Err(format!(
            "{site} {why}, so it does not cover the cycle: the runs are fetched from the API instead"
        )));
    }
    let runs = sum_held(archive, &held, cycle)?;
    let figures = Summary::new(cycle.timezone, Dimensions::default()).finish();
    Ok(Ok(CycleSource {
        runs,
        proven: archive.is_proven(cycle),
        // By what was kept when it was made: that runs have been deleted since doesn't take them out of it.
        retention: archive.facts(cycle.clone(), &figures)?.retention,
        from: format!("from {site}, queried at {}", format_instant(held.queried_at_ms)),
    }))
}

/// How the cycle's runs are read from the API, by way of files that are gone afterwards.
fn scratch_fetch<'a>(
    args: &'a ReconcileArgs,
    context: &Context,
    connection: &'a Connection,
    cycle: &'a Period,
    start: JobStart,
) -> ScratchFetch<'a> {
    // One name a user and cycle.
    let first = format_instant(cycle.from);
    let first = first.split('T').next().unwrap_or_default();
    let user = rustix::process::getuid().as_raw();
    let account = context
        .account_name()
        .map_or(String::new(), |account| format!("-{account}"));
    ScratchFetch {
        options: PipelineOptions {
            connection,
            source: &args.source,
            costs: &args.costs,
            start,
            names: connection.name_book(false),
            filters: Filters::default(),
            on_terminal: context.stderr_is_terminal && !args.quiet,
        },
        period: cycle,
        statuses: &[],
        folder: std::env::temp_dir().join(format!("apify-runs-reconcile-{user}-{first}{account}")),
        known: None,
    }
}

async fn sum_fetched(fetch: ScratchFetch<'_>, retention: Option<Retention>) -> Result<CycleSource> {
    let span = (fetch.period.from, fetch.period.to);
    let (result, staging) = fetch.fetch().await?;
    result.gaps().iter().for_each(|gap| warn(&gap.to_string()));
    let files = parquet_paths(&staging, &result.written.files);
    let runs = run_blocking(move |_| {
        let runs = sum_parquet(&files, span);
        drop(staging);
        runs
    });
    Ok(CycleSource {
        runs: runs.await?,
        proven: result.fetched.proof.proven,
        retention,
        from: "fetched now".into(),
    })
}
