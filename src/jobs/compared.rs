//! The period that a report is compared to: from an export that holds it, or fetched by the export that wants it. What the
//! two come to side by side is `report`'s.

use std::path::{Path, PathBuf};

use super::aside::{Aside, folder_of};
use super::export::{Job, Told};
use super::part::{asked_at, holds, period_of, within};
use super::verify::read_verified;
use super::{Stop, names_store, say};
use crate::cli::JudgeArgs;
use crate::error::{Error, Result};
use crate::output::manifest::Manifest;
use crate::output::publish::Destination;
use crate::period::{DayClock, Period};
use crate::report::against::{Against, Before};
use crate::report::dimension::Dimensions;
use crate::report::facts::Facts;
use crate::report::summary::Summary;
use crate::statement::{Account, Filters, Retention, Source};
use crate::text::counted;

/// What `--compare` of an export fetches instead of reading it from another.
const PREVIOUS: &str = "previous";

/// Exit 2 where an export is to be compared to one that isn't there: before anything is asked.
pub(super) fn check(args: &JudgeArgs) -> Result<()> {
    match &args.compare {
        Some(path) if path.as_os_str() != PREVIOUS => Manifest::open(path).map(|_| ()),
        _ => Ok(()),
    }
}

/// The same where nothing can be fetched.
pub(super) fn check_offline(args: &JudgeArgs) -> Result<()> {
    match &args.compare {
        Some(path) if path.as_os_str() == PREVIOUS && !path.exists() => Err(Error::Usage(
            "--compare previous is for export, which fetches it: name the export that holds the other period".into(),
        )),
        Some(path) => Manifest::open(path).map(|_| ()),
        None => Ok(()),
    }
}

impl Job {
    /// What an export is compared to. That it can't be is no reason not to publish it: it is said, and stands in the report.
    pub(super) async fn against(&self, told: &Told) -> Result<Option<Against>> {
        let Some(path) = self.args.judge.compare.clone() else {
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
            let read = Stop::run(move |stop| before(&path, &asked, stop)).await;
            read.map_err(|error| error.to_string()).and_then(|before| before)
        };
        if let Err(why) = &before {
            say(&format!("apify-runs: warning: the period before is not judged: {why}"));
        }
        Ok(Some(Against {
            before,
            min_change: self.args.judge.min_change,
        }))
    }

    /// Whether the period before is to be fetched too.
    pub(super) fn fetches_before(&self) -> bool {
        self.args
            .judge
            .compare
            .as_ref()
            .is_some_and(|path| path.as_os_str() == PREVIOUS)
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
            folder: self.folder_before(&told.period),
            known: None,
            on_terminal: self.surroundings.stderr_is_terminal && !self.args.quiet,
        };
        let fetched = aside.fetch().await.map_err(|error| error.to_string());
        let (read, _staging) = fetched?;
        let (details_failed, proven) = (read.details.failed, read.fetched.proof.proven);
        if details_failed > 0 {
            let runs = counted(details_failed, "run", "runs");
            say(&format!(
                "apify-runs: warning: the details of {runs} of the period before could not be read"
            ));
        }
        Ok(Before {
            from: "fetched too".into(),
            lacks_runs: !proven || retention.is_some_and(|kept| kept.expired_days > 0),
            figures: read.written.summary.finish(),
            period,
        })
    }

    /// Removes what a killed export left of the period before.
    pub(super) fn clear_before(&self, period: &Period) -> Result<()> {
        Destination::clear(&self.folder_before(period))
    }

    /// Where its rows are while they are read: beside the export, which this process holds.
    fn folder_before(&self, period: &Period) -> PathBuf {
        let out = self.args.out.clone();
        let out = out.unwrap_or_else(|| PathBuf::from(period.default_folder(self.is_demo())));
        if names_store(&out) {
            return folder_of("before", &out.to_string_lossy());
        }
        let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
        out.with_file_name(format!(".{name}.before"))
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
pub(super) struct Asked {
    pub(super) source: Source,
    pub(super) account: Option<Account>,
    pub(super) filters: Filters,
    pub(super) period: Period,
}

impl Asked {
    /// What a report is about.
    pub(super) fn of(facts: &Facts) -> Asked {
        Asked {
            source: facts.source,
            account: facts.account.clone(),
            filters: facts.filters.clone(),
            period: facts.period.clone(),
        }
    }
}

/// The other period from an export: the one before where it holds that, else all of it. `Err` within says why nothing can be
/// said; exit 2 where there is no export, exit 5 where it isn't what its manifest says.
pub(super) fn before(path: &Path, asked: &Asked, stop: &Stop) -> Result<std::result::Result<Before, String>> {
    let manifest = Manifest::open(path)?;
    if !manifest.is_from(asked.source, asked.account.as_ref()) {
        return Ok(Err(format!("{} is of another account or source", path.display())));
    }
    if manifest.filters != asked.filters {
        return Ok(Err(format!("{} holds runs chosen by other filters", path.display())));
    }
    let whole = period_of(&manifest, path)?;
    // The billing cycle before may have another length.
    let is_cycle_before = manifest.is_billing_cycle && whole.requested_to == asked.period.from;
    let previous = asked
        .period
        .before()
        .filter(|previous| holds(&whole, previous) && previous.to <= whole.to);
    let previous = previous.filter(|_| !is_cycle_before);
    let period = previous.unwrap_or_else(|| whole.clone().cut_as(&asked.period));
    let is_shorter = period.to - period.from < asked.period.to - asked.period.from;
    let is_not_over = whole.is_cut() && period.to == whole.to && (is_shorter || !asked.period.is_cut());
    let period = Period {
        timezone: asked.period.timezone,
        ..period
    };
    let mut summary = Summary::new(period.timezone, Dimensions::default());
    read_verified(path, &manifest, |batch| {
        stop.check()?;
        summary.add(&within(batch, &period))
    })?;
    let retention = manifest
        .retention
        .as_ref()
        .map(|kept| Retention::of(kept.days, &period, asked_at(&manifest)));
    let expired = retention.is_some_and(|retention| retention.expired_days > 0);
    Ok(Ok(Before {
        from: format!("from {}, asked for at {}", path.display(), manifest.queried_at),
        lacks_runs: !manifest.proof.proven || expired || is_not_over,
        figures: summary.finish(),
        period,
    }))
}
