//! One period beside another: totals, Actors and days. What one side doesn't know isn't judged, and is never zero. Pure:
//! finished figures in, sentences and tables out.

mod days;
mod keys;
mod pair;
mod terms;
mod words;

use days::by_day;
use keys::KeyChanges;
use pair::{PairedMeasures, PeriodSide, SIDES};

use super::dimension::Dimension;
use super::figures::Figures;
use super::measures::Measures;
use super::table::Table;
use crate::period::Period;
use crate::text::{counted, thousands};

pub const CHANGE_BY_ACTOR: &str = "change_by_actor";
pub const CHANGE_BY_GROUP: &str = "change_by_group";
pub const CHANGE_BY_DAY: &str = "change_by_day";
pub const CHANGE_OF_TOTALS: &str = "change_of_totals";

#[derive(Debug)]
pub struct PeriodComparison {
    /// The other period, or why nothing can be said.
    pub before: anyhow::Result<ComparedPeriod>,
}

#[derive(Debug)]
pub struct ComparedPeriod {
    /// Which one; cut as long as the report's own is, where that isn't over.
    pub period: Period,
    pub from: String,
    pub lacks_runs: bool,
    pub figures: Figures,
}

/// The period that the report is of.
#[derive(Debug, Clone, Copy)]
pub struct ReportedPeriod<'r> {
    pub period: &'r Period,
    pub lacks_runs: bool,
    pub figures: &'r Figures,
}

impl PeriodComparison {
    pub fn sentences(&self, now: ReportedPeriod) -> Vec<String> {
        let before = match &self.before {
            Err(why) => return vec![format!("no comparison: {why}")],
            Ok(before) => before,
        };
        let totals = before.totals(now);
        let usage = totals.before.dollars().unwrap_or("unknown".into());
        let mut sentences = vec![format!("{usage}; {}", totals.sentence())];
        sentences.extend(before.usage_per_day(now));
        sentences.push(format!("{}, {}", before.period.first_line(), before.from));
        if before.lacks_runs {
            sentences.push("INCOMPLETE: runs are missing in the previous period, so the change may be too high".into());
        }
        if totals.cost_unknown() > 0 {
            let [before, now] = [totals.before, totals.now].map(|side| side.measures.cost_unknown());
            let (before, now) = (counted(before, "run", "runs"), thousands(now));
            sentences.push(format!("excluded, cost unknown: {before} before, {now} now"));
        }
        sentences
    }

    pub fn tables<'r>(&'r self, now: ReportedPeriod<'r>) -> Vec<Table<'r>> {
        let Ok(before) = &self.before else {
            return Vec::new();
        };
        let totals = before.totals(now);
        let all = Table {
            name: CHANGE_OF_TOTALS.into(),
            title: "Change since the previous period".into(),
            columns: SIDES.to_vec(),
            len: 1,
            row: Box::new(move |_| totals.cells()),
            total: None,
            note: None,
        };
        let by = |dimension| KeyChanges::of(dimension, before, now).table();
        // Where the other period could be grouped by the same rules.
        let has_groups = [now.figures, &before.figures]
            .iter()
            .all(|figures| figures.by(Dimension::Group).is_some());
        let by_group = has_groups.then(|| by(Dimension::Group));
        let tables = [all].into_iter().chain(by_group);
        tables.chain([by(Dimension::Actor), by_day(before, now)]).collect()
    }

    /// The Actors whose usage moved most; none where the other period is unknown.
    pub fn largest_changes<'r>(&'r self, now: ReportedPeriod<'r>, most: usize) -> Option<Table<'r>> {
        let before = self.before.as_ref().ok()?;
        KeyChanges::of(Dimension::Actor, before, now).largest(most)
    }
}

impl ComparedPeriod {
    fn side(&self, measures: Measures) -> PeriodSide {
        PeriodSide::new(measures, self.lacks_runs)
    }

    fn totals(&self, now: ReportedPeriod) -> PairedMeasures {
        PairedMeasures::of(self.side(self.figures.totals), now.side(now.figures.totals))
    }

    /// Usage per day of both periods, where these have different numbers of days, as months do.
    fn usage_per_day(&self, now: ReportedPeriod) -> Option<String> {
        let (days_before, days) = (self.period.whole_days()?, now.period.whole_days()?);
        if days_before == days {
            return None;
        }
        let totals = self.totals(now);
        let before = totals.before.dollars_per(days_before)?;
        let now = totals.now.dollars_per(days)?;
        Some(format!(
            "per day: {before} before, {now} now ({days_before} and {days} days)"
        ))
    }
}

impl ReportedPeriod<'_> {
    fn side(&self, measures: Measures) -> PeriodSide {
        PeriodSide::new(measures, self.lacks_runs)
    }
}

#[cfg(test)]
mod tests;
