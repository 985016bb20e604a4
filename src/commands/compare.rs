//! The period that a report is compared to: from an export or a lake that holds it, or fetched by the export that wants it. What the
//! two come to side by side is `report`'s.

use std::path::{Path, PathBuf};

use crate::archive;
use crate::archive::ArchiveOpener;
use crate::cli::{ArchiveAddress, JudgeArgs};
use crate::commands::export::{Job, Told};
use crate::context::blocking::Stop;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::output::publish::Destination;
use crate::period::{DayClock, Period, format_instant};
use crate::pipeline::scratch::{Aside, folder_of};
use crate::provenance::{Account, Filters, Retention, Source};
use crate::report::against::{Against, Before};
use crate::report::dimension::Dimensions;
use crate::report::facts::Facts;
use crate::report::summary::Summary;
use crate::runs::row::ROW;
use crate::stores::names_store;

/// What `--compare` of an export fetches instead of reading it from another.
const PREVIOUS: &str = "previous";

/// Exit 2 where an export is to be compared to one that isn't there: before anything is asked.
pub async fn check(args: &JudgeArgs) -> Result<()> {
    match args.compare.clone() {
        Some(site) if !is_previous(&site) => Stop::run(move |_| is_there(&site)).await,
        _ => Ok(()),
    }
}

/// The same where nothing can be fetched.
pub fn check_offline(args: &JudgeArgs) -> Result<()> {
    match &args.compare {
        Some(site) if is_previous(site) && !Path::new(PREVIOUS).exists() => Err(Error::Usage(
            "--compare previous is for export, which fetches it: name the export that holds the other period".into(),
        )),
        Some(site) => is_there(site),
        None => Ok(()),
    }
}

fn is_there(site: &ArchiveAddress) -> Result<()> {
    archive::read(|opening| opening.open(site, None).map(|_| ()))
}

fn is_previous(site: &ArchiveAddress) -> bool {
    site.path() == Some(Path::new(PREVIOUS))
}

impl Job {
    /// What an export is compared to. That it can't be is no reason not to publish it: it is said, and stands in the report.
    pub async fn against(&self, told: &Told) -> Result<Option<Against>> {
        let Some(site) = self.args.judge.compare.clone() else {
            return Ok(None);
        };
        let before = if self.fetches_before() {
            self.fetch_before(told).await
        } else {
            let asked = Asked {
                source: self.connection.source,
                account: told.account.clone(),
                filters: told.filters.clone(),
                period: told.period.clone(),
            };
            let read = Stop::run(move |stop| archive::read(|opening| before(opening, &site, &asked, stop))).await;
            read.map_err(|error| error.to_string()).and_then(|before| before)
        };
        if let Err(why) = &before {
            warn(&format!("the period before is not judged: {why}"));
        }
        Ok(Some(Against {
            before,
            min_change: self.args.judge.min_change,
        }))
    }

    /// Whether the period before is to be fetched too.
    pub fn fetches_before(&self) -> bool {
        self.args.judge.compare.as_ref().is_some_and(is_previous)
    }

    async fn fetch_before(&self, told: &Told) -> std::result::Result<Before, String> {
        let period = self.period_before(told).await?;
        let kept = told.retention.as_ref().ok();
        let retention = kept.map(|kept| Retention::of(kept.days, &period, told.job_start.ms));
        if retention
            .as_ref()
            .is_some_and(|kept| kept.expired_days >= kept.period_days)
        {
            return Err(format!("all of {} is past retention", period.first_line()));
        }
        let aside = Aside {
            connection: &self.connection,
            source: &self.args.source,
            costs: &self.args.costs,
            period: &period,
            job_start: told.job_start,
            statuses: self.args.status.clone(),
            filters: told.filters.clone(),
            names: self.names.clone(),
            dimensions: Dimensions::default(),
            folder: self.folder_before(&told.period).map_err(|error| error.to_string())?,
            known: None,
            on_terminal: self.context.stderr_is_terminal && !self.args.quiet,
        };
        let fetched = aside.fetch().await.map_err(|error| error.to_string());
        let (read, _staging) = fetched?;
        let proven = read.fetched.proof.proven;
        let expired = retention.as_ref().and_then(Retention::headline);
        for gap in expired.into_iter().chain(read.gaps()) {
            warn(&format!("the period before: {gap}"));
        }
        Ok(Before {
            from: "fetched too".into(),
            lacks_runs: !proven || retention.is_some_and(|kept| kept.expired_days > 0),
            figures: read.written.summary.finish(),
            period,
        })
    }

    /// Removes what a killed export left of the period before.
    pub fn clear_before(&self, period: &Period) -> Result<()> {
        Destination::clear(&self.folder_before(period)?)
    }

    /// Where its rows are while they are read: beside the export, which this process holds.
    fn folder_before(&self, period: &Period) -> Result<PathBuf> {
        let out = self.out(period)?;
        if names_store(&out) {
            return Ok(folder_of("before", &out.to_string_lossy()));
        }
        let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(out.with_file_name(format!(".{name}.before")))
    }

    /// The period before; a billing cycle's is the API's to tell.
    async fn period_before(&self, told: &Told) -> std::result::Result<Period, String> {
        let period = &told.period;
        if self.args.period.cycle.is_none() {
            return period.before().ok_or_else(|| "there is no period before".to_string());
        }
        let date = DayClock::new(chrono_tz::UTC).day_of(period.from - 1);
        let asked = self.connection.api.monthly_usage(date).await;
        let usage = asked.map_err(|error| error.to_string())?;
        let before = Period {
            from: usage.from_ms,
            to: usage.to_ms,
            requested_to: usage.to_ms,
            timezone: period.timezone,
        };
        Ok(before.cut_as(period))
    }
}

/// Whose runs, and of which period, another export is to be compared to.
pub struct Asked {
    pub source: Source,
    pub account: Option<Account>,
    pub filters: Filters,
    pub period: Period,
}

impl Asked {
    /// What a report is about.
    pub fn of(facts: &Facts) -> Asked {
        Asked {
            source: facts.source,
            account: facts.account.clone(),
            filters: facts.filters.clone(),
            period: facts.period.clone(),
        }
    }
}

/// The other period from an export or a lake: the one before where it holds that, else all of an export. `Err` within says
/// why nothing can be said; exit 2 where there is nothing, exit 5 where it isn't what it says of itself.
pub fn before(
    opening: &ArchiveOpener,
    site: &ArchiveAddress,
    asked: &Asked,
    stop: &Stop,
) -> Result<std::result::Result<Before, String>> {
    let archive = opening.open(site, None)?;
    let held = archive.info()?;
    if !held.is_from(asked.source, asked.account.as_ref()) {
        return Ok(Err(format!("{site} is of another account or source")));
    }
    if held.filters != asked.filters {
        return Ok(Err(format!("{site} holds runs chosen by other filters")));
    }
    let whole = &held.period;
    // The billing cycle before may have another length.
    let is_cycle_before = held.is_billing_cycle && whole.requested_to == asked.period.from;
    let previous = asked.period.before();
    let covered = previous
        .as_ref()
        .map(|previous| archive.slice_period(previous))
        .transpose()?;
    let ends_before = |previous: &Period| covered.flatten().is_some_and(|covered| previous.to <= covered.to);
    let previous = previous.filter(ends_before).filter(|_| !is_cycle_before);
    let period = match previous {
        Some(previous) => previous,
        None if held.is_of_one_period => whole.clone().cut_as(&asked.period),
        None => {
            let whole = whole.first_line();
            return Ok(Err(format!("{site} doesn't cover the period before: it holds {whole}")));
        }
    };
    let is_shorter = period.to - period.from < asked.period.to - asked.period.from;
    let is_not_over = whole.is_cut() && period.to == whole.to && (is_shorter || !asked.period.is_cut());
    let period = Period {
        timezone: asked.period.timezone,
        ..period
    };
    let columns = archive.columns()?.intersect(&ROW);
    let summary = Summary::new(period.timezone, Dimensions::default());
    let figures = archive.read(&period, &columns, Some(summary), &mut |_| stop.check())?;
    let facts = archive.facts(period, &figures)?;
    for gap in facts.gaps() {
        warn(&format!("the period before, {site}: {gap}"));
    }
    let queried_at = format_instant(held.queried_at_ms);
    Ok(Ok(Before {
        from: format!("from {site}, asked for at {queried_at}"),
        lacks_runs: facts.lacks_runs() || is_not_over,
        figures,
        period: facts.period,
    }))
}
