//! `--unusual`: the days of an archive on which an Actor, or the whole account, used more than usual. Which days are complete and
//! settled is decided here; what is unusual of them is `report`'s.

use std::collections::BTreeSet;

use crate::archive::{Archive, ArchiveInfo};
use crate::cli::UnusualArgs;
use crate::context::blocking::CancelFlag;
use crate::error::{Error, Result};
use crate::period::{DAY_MS, Millis, Period, Zone};
use crate::report::Report;
use crate::report::dimension::Dimensions;
use crate::report::facts::Facts;
use crate::report::run_filter::RunFilter;
use crate::report::summary::Summary;
use crate::report::unusual::{DAYS_BEFORE, Day, DayCosts, UnusualDays, day_of_ms, day_start, judge};
use crate::text::counted;

/// The columns that days are judged by, beside those that are always read.
pub const DAY_COLUMNS: [&str; 1] = ["act_name"];

/// Exit 2 where an archive, or what is asked of it, lacks runs on purpose: days would be judged by a part of them.
pub fn check(args: UnusualArgs, held: &ArchiveInfo, only: &RunFilter) -> Result<()> {
    if !args.are_asked_for() {
        return Ok(());
    }
    if !only.is_empty() {
        return Err(Error::usage(
            "unusual days are judged by all runs: use --where without --unusual and --fail-unusual",
        ));
    }
    if !held.filters.is_empty() {
        return Err(Error::Usage(format!(
            "{} has only some of the runs: --unusual needs an export that was made without --status, --actor and --task",
            held.shown
        )));
    }
    Ok(())
}

/// Judges the days of a report, whose figures are at hand: only what they lack is read.
pub fn of_report(archive: &dyn Archive, whole: &Period, report: &Report, stop: &CancelFlag) -> Result<UnusualDays> {
    let period = &report.facts.period;
    let days = ArchiveDays::new(archive, whole.clone(), &report.facts, stop);
    let asked = days.complete(period.from, period.to);
    let Some(first) = asked.first() else {
        return Ok(UnusualDays::default());
    };
    let from = days.history_start(*first);
    let mut costs = DayCosts::default();
    let are_utc = period.timezone == Zone::UTC;
    if are_utc {
        costs.add(&report.figures.cube);
    }
    days.read(&mut costs, (from, if are_utc { period.from } else { period.to }))?;
    let asked = asked
        .into_iter()
        .filter(|day| costs.is_settled(*day))
        .collect::<Vec<_>>();
    days.judge(costs, from, &asked)
}

/// Exit 7 if days are unusual that must not be.
pub fn hold(args: UnusualArgs, unusual: Option<&UnusualDays>) -> Result<()> {
    let found = unusual.map(UnusualDays::sentences).unwrap_or_default();
    if !args.fail_unusual || found.is_empty() {
        return Ok(());
    }
    let count = counted(found.len() as u64, "finding", "findings");
    Err(Error::Condition(format!(
        "unusual usage, {count} (--fail-unusual): {}",
        found.join(" ")
    )))
}

/// The days of an archive.
pub struct ArchiveDays<'a> {
    archive: &'a dyn Archive,
    /// All of its period.
    whole: Period,
    /// Before this instant, Apify had deleted runs when it was asked.
    kept_from_ms: Millis,
    stop: &'a CancelFlag,
}

impl<'a> ArchiveDays<'a> {
    pub fn new(archive: &'a dyn Archive, whole: Period, facts: &Facts, stop: &'a CancelFlag) -> ArchiveDays<'a> {
        let kept = facts.retention.as_ref().filter(|_| !facts.by_syncs);
        let kept_from = |days: u64| {
            let kept_ms = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_MS);
            facts.queried_at_ms.saturating_sub(kept_ms)
        };
        ArchiveDays {
            archive,
            whole,
            kept_from_ms: kept.map_or(Millis::MIN, |kept| kept_from(kept.days)),
            stop,
        }
    }

    /// The same of an archive that keeps what Apify has deleted.
    pub fn of_lake(archive: &'a dyn Archive, whole: Period, stop: &'a CancelFlag) -> ArchiveDays<'a> {
        ArchiveDays {
            archive,
            whole,
            kept_from_ms: Millis::MIN,
            stop,
        }
    }

    /// The days within a period that are over and all of whose runs are there.
    pub fn complete(&self, from: Millis, to: Millis) -> Vec<Day> {
        let first = day_of_ms(from.saturating_add(DAY_MS - 1));
        (first..day_of_ms(to)).filter(|day| self.is_complete(*day)).collect()
    }

    fn is_complete(&self, day: Day) -> bool {
        let (from, to) = (day_start(day), day_start(day + 1));
        let is_there = self.whole.from.max(self.kept_from_ms) <= from && to <= self.whole.to;
        is_there && self.archive.is_proven(&utc_period((from, to)))
    }

    /// Where the days begin that a day is judged by, as far as the archive has them.
    pub fn history_start(&self, first: Day) -> Millis {
        day_start(first - DAYS_BEFORE).max(self.whole.from)
    }

    /// Adds the costs of a period, by UTC days.
    pub fn read(&self, costs: &mut DayCosts, (from, to): (Millis, Millis)) -> Result<()> {
        if from >= to {
            return Ok(());
        }
        let columns = self.archive.columns()?.intersect(&DAY_COLUMNS);
        let of_days = Dimensions {
            has_unit_costs: false,
            by: Vec::new(),
            groups: None,
        };
        let summary = Summary::new(Zone::UTC, of_days);
        let period = utc_period((from, to));
        let figures = self
            .archive
            .read(&period, &columns, Some(summary), &mut |_| self.stop.check())?;
        costs.add(&figures.cube);
        Ok(())
    }

    /// Judges days that are complete and settled. Earlier costs are read only where they decide.
    pub fn judge(&self, mut costs: DayCosts, known_from: Millis, asked: &[Day]) -> Result<UnusualDays> {
        let end = asked.last().map_or(known_from, |day| day_start(day + 1));
        let mut usable: BTreeSet<Day> = self.complete(known_from, end).into_iter().collect();
        usable.retain(|day| costs.is_settled(*day));
        let found = judge(&costs, &usable, asked);
        if !found.lean_on_earlier() || known_from <= self.whole.from {
            return Ok(found);
        }
        self.read(&mut costs, (self.whole.from, known_from))?;
        Ok(judge(&costs, &usable, asked))
    }
}

fn utc_period((from, to): (Millis, Millis)) -> Period {
    Period {
        from,
        to,
        requested_to: to,
        timezone: Zone::UTC,
    }
}
