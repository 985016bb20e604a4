//! The beginning of an export: the period is resolved by the API's clock, the output is locked, the first page is there.

use std::path::Path;

use crate::archive::existing::ExistingExport;
use crate::clock::Clocks;
use crate::commands::destination::ExportDestination;
use crate::commands::export::job::{ExportJob, ExportScope};
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::fetch::Lister;
use crate::installed_zones;
use crate::output::publish::{Destination, OutputState};
use crate::paths::names_store;
use crate::period::{LAST_INSTANT, Period, format_instant};
use crate::pipeline::connection::{AskingUsage, FirstPage, first_page, retention_of};
use crate::pipeline::filters;
use crate::pipeline::start::JobStart;

/// The API has answered and the output is locked.
pub struct OpenedExport {
    pub scope: ExportScope,
    pub listing: RunListing,
    /// None on a dry run.
    pub destination: Option<ExportDestination>,
    /// None where it isn't wanted.
    pub usage: Option<AskingUsage>,
}

/// The list of the period's runs, and its first page.
pub struct RunListing {
    pub lister: Lister,
    pub first: FirstPage,
}

/// Opens the output and the list, and asks whatever decides what is read.
pub async fn open(job: &ExportJob) -> Result<OpenedExport> {
    let retention = job.connection.ask_retention();
    let account = (!job.args.dry_run).then(|| job.connection.ask_account());
    let (clocks, period, destination, listing) = settle_period(job).await?;
    clocks.warning().iter().for_each(|warning| warn(warning));
    let start = JobStart::new(clocks);
    let args = &job.args;
    // What Apify counts is of the whole account: beside some of its runs it would say nothing.
    let is_filtered = !(args.status.is_empty() && args.actor.is_empty() && args.task.is_empty());
    let counts_all = !is_filtered && !args.no_usage && !args.dry_run;
    let usage = counts_all.then(|| job.connection.ask_usage(&period));
    let filters = filters::resolve(&args.status, &args.actor, &args.task, &job.names).await?;
    let retention = retention_of(retention, &period, start.ms).await;
    let account = match account {
        Some(asked) => asked.known().await,
        None => None,
    };
    Ok(OpenedExport {
        usage,
        scope: ExportScope {
            start,
            period,
            filters,
            retention,
            account,
        },
        listing,
        destination,
    })
}

/// Resolves the period, locks the output, and asks for the first page. The job's start is the server's, which its first answer
/// tells: where that makes it another period than this machine's clock did, all is done once more.
async fn settle_period(job: &ExportJob) -> Result<(Clocks, Period, Option<ExportDestination>, RunListing)> {
    let mut clocks = first_clocks(job).await?;
    let mut destination: Option<ExportDestination> = None;
    let mut asked: Option<(Period, RunListing)> = None;
    loop {
        let period = clocks.period(&job.spec, job.args.period.timezone);
        let period = period.map_err(|error| unpublished(error, destination.as_ref()))?;
        // The listing knows by now which size of pages the API can do.
        if let Some((same, listing)) = asked.take()
            && same == period
        {
            installed_zones::warning(&period).iter().for_each(|text| warn(text));
            return Ok((clocks, period, destination, listing));
        }
        let (out, levels) = (job.out(&period)?, job.missing_levels());
        if destination.as_ref().is_none_or(|destination| destination.out != out) {
            destination = match job.args.dry_run {
                true => look_at(&out, levels).await.map(|()| None)?,
                false => Some(ExportDestination::open(out, levels).await?),
            };
        }
        let span = (period.from, period.to);
        let lister = job.connection.lister(span, &job.args.status, job.args.allow_incomplete);
        let first = first_page(&lister).await;
        let first = first.map_err(|error| unpublished(error, destination.as_ref()))?;
        clocks = job.connection.clocks().await;
        asked = Some((period, RunListing { lister, first }));
    }
}

/// Both clocks as far as they are known, and the API's where this machine's alone would refuse the period: it may be wrong.
async fn first_clocks(job: &ExportJob) -> Result<Clocks> {
    let api = &job.connection.api;
    let (clocks, timezone) = (api.clocks(), job.args.period.timezone);
    let Err(error) = clocks.period(&job.spec, timezone) else {
        return Ok(clocks);
    };
    // Whatever the time is.
    job.spec.resolve(timezone, LAST_INSTANT)?;
    let asked = api.ask_time(clocks.machine_ms).await;
    let told = |cause: String| {
        format!(
            "by this machine's clock ({}), {error}; the API could not be asked for its time: {cause}",
            format_instant(clocks.machine_ms)
        )
    };
    asked.map_err(|unanswered| match unanswered {
        Error::Unreachable(cause) => Error::Unreachable(told(cause)),
        Error::OutOfReach(cause) => Error::OutOfReach(told(cause)),
        other => other,
    })?;
    Ok(job.connection.clocks().await)
}

/// Whether an export could be published there; locks and changes nothing.
async fn look_at(out: &Path, levels: usize) -> Result<()> {
    if names_store(out) {
        return ExportDestination::open(out.to_path_buf(), levels).await.map(drop);
    }
    if Destination::check(out, levels)? == OutputState::Occupied {
        ExistingExport::read(out)?;
    }
    Ok(())
}

/// Appends that nothing was published.
pub fn unpublished(error: Error, destination: Option<&ExportDestination>) -> Error {
    let fate = destination.map_or("nothing was written".into(), |destination| {
        format!(
            "nothing was published, and {} was not changed",
            destination.shown().display()
        )
    });
    error.with_fate(&fate, "; it is safe to run again")
}
