//! The figures of an archive as they were asked for: a period, some of its runs, breakdowns. For `report`, and for `serve`, which
//! shows the same.

use arrow_array::RecordBatch;

use crate::archive::{Archive, ArchiveInfo};
use crate::commands::coverage::not_covered;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::period::{LAST_INSTANT, Period, PeriodSpec, Zone};
use crate::report::Report;
use crate::report::dimension::{By, Dimension, Dimensions};
use crate::report::groups::Groups;
use crate::report::run_filter::RunFilter;
use crate::report::summary::Summary;
use crate::runs::column_set::ColumnSet;

/// What figures are asked for.
pub struct ReportScope {
    pub period: Period,
    pub groups: Option<Groups>,
    /// Whether these are other groups than the archive's own.
    pub has_other_groups: bool,
    pub only: RunFilter,
    /// Whether the figures are broken down by account too, as those of several are.
    pub has_accounts: bool,
    /// Breakdowns beside those by one dimension.
    pub by: Vec<By>,
}

impl ReportScope {
    /// Exit 2 where rows of these columns don't tell what was asked for.
    pub fn check(&self, columns: &ColumnSet) -> Result<()> {
        if self.only.needs_groups() && self.groups.is_none() {
            return Err(Error::Usage(
                "a filter by group needs rules: give --groups FILE, or an export that was made with --groups".into(),
            ));
        }
        self.dimensions(columns).map(|_| ())
    }

    fn dimensions(&self, columns: &ColumnSet) -> Result<Dimensions> {
        let mut dimensions = Dimensions::of(columns, self.groups.clone());
        if self.has_accounts {
            dimensions.by.insert(0, Dimension::Account.into());
        }
        for by in &self.by {
            dimensions.and(*by).map_err(Error::usage)?;
        }
        Ok(dimensions)
    }

    /// An empty summary, for rows of these columns.
    pub fn summary(&self, columns: &ColumnSet) -> Result<Summary> {
        let summary = Summary::of(&self.period, self.dimensions(columns)?);
        Ok(summary.only(self.only.clone()))
    }

    /// Whether the figures are those that the archive is checked by anyway.
    fn is_all_of(&self, held: &ArchiveInfo) -> bool {
        self.period == held.period && self.by.is_empty() && !self.has_other_groups && self.only.is_empty()
    }
}

/// The period that was asked for, by default all of the archive's: exit 2 where the archive doesn't cover it.
pub fn period(
    spec: Option<PeriodSpec>,
    timezone: Option<Zone>,
    archive: &dyn Archive,
    held: &ArchiveInfo,
) -> Result<Period> {
    let given = timezone;
    let timezone = timezone.unwrap_or(held.period.timezone);
    let Some(spec) = spec else {
        return Ok(Period {
            timezone,
            ..held.period.clone()
        });
    };
    // Whatever lies in the future is just another period that isn't covered.
    let period = spec.resolve(timezone, LAST_INSTANT)?;
    let covered = archive.slice_period(&period)?;
    covered.ok_or_else(|| not_covered(held, &period, given))
}

/// Reads and checks the archive's rows of these columns at least, and adds them up; `see` is given each batch on the way. Nothing is
/// compared or budgeted yet.
pub fn report(
    archive: &dyn Archive,
    held: ArchiveInfo,
    scope: &ReportScope,
    columns: (&ColumnSet, &ColumnSet),
    see: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<Report> {
    let (all, wanted) = columns;
    // What is checked anyway needn't be folded twice.
    let summary = match scope.is_all_of(&held) {
        true => None,
        false => {
            let mut summary = scope.summary(all)?;
            summary.turn_to(&held.whose());
            Some(summary)
        }
    };
    let figures = archive.read(&scope.period, wanted, summary, see)?;
    let unmatched = figures.only.unmatched();
    unmatched.iter().for_each(|text| warn(&format!("--where: {text}")));
    let is_of_all = figures.only.is_empty();
    // Apify's count, and what moved since an earlier export, are of all runs.
    let usage = if is_of_all { archive.usage(&scope.period)? } else { None };
    let facts = archive.facts(scope.period.clone(), &figures.totals, !is_of_all)?;
    let is_whole = facts.part_of.is_none() && is_of_all;
    Ok(Report {
        facts,
        figures,
        usage,
        reconciled: None,
        against: None,
        budgets: Vec::new(),
        unusual: None,
        replaced: held.replaced.filter(|_| is_whole),
        files: held.files,
        only: Vec::new(),
    })
}
