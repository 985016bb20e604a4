//! What an export is compared to: another export or a lake, or the period before, fetched too.

use std::path::PathBuf;

use crate::archive;
use crate::cli::ExportArgs;
use crate::commands::compare::{ComparisonScope, before, is_previous};
use crate::commands::export::job::{ExportJob, ExportScope};
use crate::context::blocking::run_blocking;
use crate::context::terminal::warn;
use crate::disk::ONE_PARENT;
use crate::error::Result;
use crate::output::publish::Destination;
use crate::paths::names_store;
use crate::period::{DayClock, Period, Zone};
use crate::pipeline::scratch::{ScratchFetch, acquire_scratch, scratch_folder};
use crate::provenance::Retention;
use crate::report::comparison::{ComparedPeriod, PeriodComparison};
use crate::report::run_filter::RunFilter;

/// Reads or fetches the other period. That it can't be is no reason not to publish the export: it is said, and stands in the
/// report.
pub async fn compare(job: &ExportJob, scope: &ExportScope) -> Result<Option<PeriodComparison>> {
    let Some(site) = job.args.judge.compare.clone() else {
        return Ok(None);
    };
    let before = if fetches_previous(&job.args) {
        fetch_previous(job, scope).await
    } else {
        let wanted = ComparisonScope {
            source: job.connection.source,
            account: scope.account.clone(),
            filters: scope.filters.clone(),
            period: scope.period.clone(),
            groups: job.groups_of(scope),
            only: RunFilter::default(),
        };
        let read = run_blocking(move |cancel| {
            archive::read(|opening| before(opening.open(&site, None)?.as_ref(), &site, &wanted, cancel))
        })
        .await;
        read.unwrap_or_else(|error| Err(error.into()))
    };
    if let Err(why) = &before {
        warn(&format!("no comparison with the previous period: {why}"));
    }
    Ok(Some(PeriodComparison { before }))
}

/// Whether the period before is to be fetched too.
pub fn fetches_previous(args: &ExportArgs) -> bool {
    args.judge.compare.as_ref().is_some_and(is_previous)
}

/// The figures of the period before; the error says why there are none.
async fn fetch_previous(job: &ExportJob, scope: &ExportScope) -> anyhow::Result<ComparedPeriod> {
    let period = previous_period(job, &scope.period).await?;
    let kept = scope.retention.as_ref().ok();
    let retention = kept.map(|kept| Retention::of(kept.days, &period, scope.start.ms));
    if retention
        .as_ref()
        .is_some_and(|kept| kept.expired_days >= kept.period_days)
    {
        anyhow::bail!(
            "all of {} is past retention: Apify has deleted these runs",
            period.first_line()
        );
    }
    let fetch = ScratchFetch {
        options: job.pipeline_options(scope),
        period: &period,
        statuses: &job.args.status,
        scratch: acquire_scratch(&previous_folder(job, &scope.period)?)?,
        known: None,
        groups: job.groups_of(scope),
    };
    let (result, _staging) = fetch.fetch().await?;
    let proven = result.fetched.proof.proven;
    let expired = retention.as_ref().and_then(Retention::headline);
    let gaps = result.gaps().into_iter().map(|gap| gap.to_string());
    for gap in expired.into_iter().chain(gaps) {
        warn(&format!("previous period: {gap}"));
    }
    Ok(ComparedPeriod {
        from: "fetched by this export".into(),
        lacks_runs: !proven || retention.is_some_and(|kept| kept.expired_days > 0),
        figures: result.written.figures,
        period,
    })
}

/// Removes what a killed export left of the period before.
pub fn clear_previous(job: &ExportJob, period: &Period) -> Result<()> {
    Destination::clear(&previous_folder(job, period)?, ONE_PARENT)
}

/// Where its rows are while they are read: beside the export, which this process has locked.
fn previous_folder(job: &ExportJob, period: &Period) -> Result<PathBuf> {
    let out = job.out(period)?;
    if names_store(&out) {
        return Ok(scratch_folder("before", &out.to_string_lossy()));
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(out.with_file_name(format!(".{name}.before")))
}

/// The period before; a billing cycle's is the API's to tell.
async fn previous_period(job: &ExportJob, period: &Period) -> anyhow::Result<Period> {
    if job.args.period.cycle.is_none() {
        return period
            .before()
            .ok_or_else(|| anyhow::anyhow!("there is no previous period"));
    }
    let date = DayClock::new(Zone::UTC).day_of(period.from - 1);
    let usage = job.connection.api.monthly_usage(date).await?;
    let before = Period {
        from: usage.from_ms,
        to: usage.to_ms,
        requested_to: usage.to_ms,
        timezone: period.timezone,
    };
    Ok(before.cut_as(period))
}
