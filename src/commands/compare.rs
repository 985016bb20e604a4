//! `--compare`: the figures of another period, read from an export or a lake. `export` can fetch them instead, and `report` can read
//! them from its own lake; comparing them is the report's part.

use std::path::Path;

use anyhow::anyhow;

use crate::archive;
use crate::archive::{Archive, ArchiveInfo};
use crate::cli::{ArchiveAddress, JudgeArgs};
use crate::context::blocking::{CancelFlag, run_blocking};
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::period::{Period, format_instant};
use crate::provenance::{Account, Filters, Source};
use crate::report::comparison::ComparedPeriod;
use crate::report::dimension::Dimensions;
use crate::report::facts::Facts;
use crate::report::groups::Groups;
use crate::report::run_filter::RunFilter;
use crate::report::summary::Summary;
use crate::runs::row::columns_of_rows;

/// What `--compare` takes for the period before: `export` fetches it, `report` reads it from the lake that it is of.
const PREVIOUS: &str = "previous";

/// Exit 2 where an export is to be compared to one that isn't there: before anything is asked.
pub async fn check(args: &JudgeArgs) -> Result<()> {
    match args.compare.clone() {
        Some(site) if !is_previous(&site) => run_blocking(move |_| is_there(&site)).await,
        _ => Ok(()),
    }
}

/// The same for `report`, which fetches nothing.
pub fn check_offline(args: &JudgeArgs) -> Result<()> {
    match &args.compare {
        Some(site) if !is_previous_of_lake(site) => is_there(site),
        _ => Ok(()),
    }
}

/// Exit 2 where `report` of an export is to read the period before from it.
pub fn check_previous(args: &JudgeArgs, reported: &ArchiveInfo) -> Result<()> {
    if reported.is_of_one_period && args.compare.as_ref().is_some_and(is_previous_of_lake) {
        return Err(Error::Usage(format!(
            "{} is an export of one period: give --compare the path of another export or of a lake (`previous` works with a \
             lake, and with the command export)",
            reported.shown
        )));
    }
    Ok(())
}

/// Whether `report` is to read the period before from its own lake. Where a folder has that name, the folder is meant.
pub fn is_previous_of_lake(site: &ArchiveAddress) -> bool {
    is_previous(site) && !Path::new(PREVIOUS).exists()
}

fn is_there(site: &ArchiveAddress) -> Result<()> {
    archive::read(|opening| opening.open(site, None).map(|_| ()))
}

pub fn is_previous(site: &ArchiveAddress) -> bool {
    site.path() == Some(Path::new(PREVIOUS))
}

/// Whose runs, and of which period, another export is to be compared to.
pub struct ComparisonScope {
    pub source: Source,
    pub account: Option<Account>,
    pub filters: Filters,
    pub period: Period,
    /// By whose rules runs are grouped.
    pub groups: Option<Groups>,
    /// Of which runs.
    pub only: RunFilter,
}

impl ComparisonScope {
    pub fn new(facts: &Facts, groups: Option<Groups>, only: RunFilter) -> ComparisonScope {
        ComparisonScope {
            source: facts.source,
            account: facts.account.clone(),
            filters: facts.filters.clone(),
            period: facts.period.clone(),
            groups,
            only,
        }
    }
}

/// The other period from an export or a lake: the one before where it holds that, else all of an export. `Err` within says
/// why nothing can be said; exit 2 where there is nothing, exit 5 where it isn't what it says of itself.
pub fn before(
    archive: &dyn Archive,
    site: &ArchiveAddress,
    asked: &ComparisonScope,
    stop: &CancelFlag,
) -> Result<anyhow::Result<ComparedPeriod>> {
    let held = archive.info()?;
    if !held.is_from(asked.source, asked.account.as_ref()) {
        return Ok(Err(anyhow!("{site} has another account or source")));
    }
    if held.filters != asked.filters {
        return Ok(Err(anyhow!("{site} has other filters")));
    }
    let whole = &held.period;
    // The billing cycle before may have another length.
    let is_cycle_before = held.is_billing_cycle && whole.requested_to == asked.period.from;
    let previous = asked.period.before();
    let wanted = previous
        .as_ref()
        .map_or(String::new(), |previous| format!(", {}", previous.first_line()));
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
            return Ok(Err(anyhow!(
                "{site} does not cover the previous period{wanted}: it holds {whole}; give --compare an export or a lake that has it"
            )));
        }
    };
    let is_shorter = period.to - period.from < asked.period.to - asked.period.from;
    let is_not_over = whole.is_cut() && period.to == whole.to && (is_shorter || !asked.period.is_cut());
    let period = Period {
        timezone: asked.period.timezone,
        ..period
    };
    let columns = columns_of_rows(&archive.columns()?);
    let has = |needed: &&str| columns.position(needed).is_some();
    let groups = asked.groups.clone();
    let groups = groups.filter(|groups| groups.needed_columns().iter().all(has));
    if groups.is_none() && asked.only.needs_groups() {
        return Ok(Err(anyhow!("{site} lacks the columns by which runs are grouped")));
    }
    let summary = Summary::new(period.timezone, Dimensions::usual(&columns, groups)).only(asked.only.clone());
    let figures = archive.read(&period, &columns, Some(summary), &mut |_| stop.check())?;
    let facts = archive.facts(period, &figures.totals, !figures.only.is_empty())?;
    for gap in facts.gaps() {
        warn(&format!("previous period, {site}: {gap}"));
    }
    let queried_at = format_instant(held.queried_at_ms);
    Ok(Ok(ComparedPeriod {
        from: format!("read from {site}, queried at {queried_at}"),
        lacks_runs: facts.lacks_runs() || is_not_over,
        figures,
        period: facts.period,
    }))
}
