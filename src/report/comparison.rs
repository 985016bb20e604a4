//! One period beside another: totals, Actors and days. What one side doesn't know isn't judged, and is never zero. Pure:
//! finished figures in, tables out.

mod pair;

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use pair::{PairedMeasures, PeriodSide, SIDES, UsageChange};

use super::dimension::Dimension;
use super::figures::{Breakdown, Figures, Group};
use super::headline::at_least;
use super::measures::Measures;
use super::table::{Cell, CellKind, Table, column};
use super::tables::{ACT_ID, ACT_NAME};
use crate::money::{Ratio, Usd, ratio_6_places};
use crate::period::Period;
use crate::text::{counted, thousands};

pub const CHANGE_BY_ACTOR: &str = "change_by_actor";
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

impl PeriodComparison {
    pub fn sentences(&self, figures: &Figures, lacks_runs: bool) -> Vec<String> {
        let before = match &self.before {
            Err(why) => return vec![format!("no comparison: {why}")],
            Ok(before) => before,
        };
        let all = &before.figures.totals;
        let side = before.side(*all);
        let usage = side.known().map_or("unknown".into(), Usd::dollars);
        let at_least = at_least(all.is_at_least() || before.lacks_runs);
        let pair = PairedMeasures::of(side, PeriodSide::new(figures.totals, lacks_runs));
        let moved = match pair.moved {
            None => "change unknown".to_string(),
            Some(usd) => {
                let share = all.usage().and_then(|all| ratio_6_places(usd.0, all.0));
                let percent = share.filter(|share| !share.is_tenfold()).and_then(Ratio::percent);
                let percent = percent.map_or(String::new(), |percent| format!(" ({})", signed(percent)));
                format!("change {}{percent}", signed(usd.dollars()))
            }
        };
        let mut sentences = vec![
            format!("{at_least}{usage}; {moved}"),
            format!("{}, {}", before.period.first_line(), before.from),
        ];
        if before.lacks_runs {
            sentences.push("INCOMPLETE: runs are missing in the previous period, so the change may be too high".into());
        }
        let [unknown_before, unknown] = [all, &figures.totals].map(Measures::cost_unknown);
        if unknown_before + unknown > 0 {
            let (before, now) = (counted(unknown_before, "run", "runs"), thousands(unknown));
            sentences.push(format!("excluded, cost unknown: {before} then, {now} now"));
        }
        sentences
    }

    pub fn tables<'r>(&'r self, figures: &'r Figures, period: &'r Period, lacks_runs: bool) -> Vec<Table<'r>> {
        let Ok(before) = &self.before else {
            return Vec::new();
        };
        let now = PeriodSide::new(figures.totals, lacks_runs);
        let totals = PairedMeasures::of(before.side(before.figures.totals), now);
        let all = Table {
            name: CHANGE_OF_TOTALS.into(),
            title: "Change since the previous period".into(),
            columns: SIDES.to_vec(),
            len: 1,
            row: Box::new(move |_| totals.cells()),
            total: None,
            note: None,
        };
        vec![
            all,
            self.by_actor(before, figures, lacks_runs),
            by_day(before, figures, period, lacks_runs),
        ]
    }

    fn by_actor<'r>(&self, before: &'r ComparedPeriod, figures: &'r Figures, lacks_runs: bool) -> Table<'r> {
        let (old, new) = (groups(&before.figures), groups(figures));
        let ids: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        let mut actors: Vec<(&str, Option<&str>, PairedMeasures)> = ids
            .into_iter()
            .map(|id| {
                let measures =
                    |groups: &HashMap<&str, Group>| groups.get(id).map_or(Measures::default(), |group| *group.measures);
                let name = [&new, &old].into_iter().find_map(|groups| groups.get(id)?.label(0, 0));
                let now = PeriodSide::new(measures(&new), lacks_runs);
                (id, name, PairedMeasures::of(before.side(measures(&old)), now))
            })
            .collect();
        let all = actors.len();
        let most = |beside: &PairedMeasures| beside.moved.map(|usd| usd.0.unsigned_abs());
        actors.retain(|(.., beside)| beside.change != UsageChange::Same);
        // What can't be judged comes first: it may be the largest of all.
        actors.sort_by_key(|(.., beside)| std::cmp::Reverse(most(beside).unwrap_or(u128::MAX)));
        let left_out = (all - actors.len()) as u64;
        let few = counted(left_out, "other Actor", "other Actors");
        let note = (left_out > 0).then(|| format!("{few} did not change."));
        let columns = [ACT_ID].into_iter().chain(SIDES);
        Table {
            name: CHANGE_BY_ACTOR.into(),
            title: "Change by Actor since the previous period".into(),
            columns: columns.chain([ACT_NAME]).collect(),
            len: actors.len(),
            row: Box::new(move |at| {
                let (id, name, beside) = &actors[at];
                let mut cells = vec![Cell::text(Some(id))];
                cells.extend(beside.cells());
                cells.push(Cell::text(*name));
                cells
            }),
            total: None,
            note,
        }
    }
}

impl ComparedPeriod {
    fn side(&self, measures: Measures) -> PeriodSide {
        PeriodSide::new(measures, self.lacks_runs)
    }
}

fn groups(figures: &Figures) -> HashMap<&str, Group<'_>> {
    let actors = figures.by(Dimension::Actor).into_iter().flat_map(Breakdown::groups);
    actors.filter_map(|group| Some((group.key(0)?, group))).collect()
}

/// Each day beside the one at the same place of the other period: the first beside the first.
fn by_day<'r>(before: &'r ComparedPeriod, figures: &'r Figures, period: &Period, lacks_runs: bool) -> Table<'r> {
    let by_day = |figures: &Figures| -> HashMap<String, Measures> {
        let days = figures.by(Dimension::Day).into_iter().flat_map(Breakdown::groups);
        days.filter_map(|group| Some((group.key(0)?.to_string(), *group.measures)))
            .collect()
    };
    let (old, new) = (by_day(&before.figures), by_day(figures));
    let (old_days, new_days) = (before.period.days(), period.days());
    let shown = |day: Option<&NaiveDate>| day.map(NaiveDate::to_string);
    let measures = |days: &HashMap<String, Measures>, day: &Option<String>| {
        day.as_ref().and_then(|day| days.get(day)).copied().unwrap_or_default()
    };
    let rows: Vec<(Option<String>, Option<String>, PairedMeasures)> = (0..old_days.len().max(new_days.len()))
        .map(|at| {
            let (day, day_before) = (shown(new_days.get(at)), shown(old_days.get(at)));
            // A day that one of the periods doesn't have can't be compared.
            let side = |days, day: &Option<String>, lacks_runs| {
                PeriodSide::new(measures(days, day), lacks_runs || day.is_none())
            };
            let beside = PairedMeasures::of(side(&old, &day_before, before.lacks_runs), side(&new, &day, lacks_runs));
            (day, day_before, beside)
        })
        .collect();
    let days = [
        column("day", "day", CellKind::Date),
        column("day_before", "previous day", CellKind::Date),
    ];
    Table {
        name: CHANGE_BY_DAY.into(),
        title: "Change by day since the previous period".into(),
        columns: days.into_iter().chain(SIDES).collect(),
        len: rows.len(),
        row: Box::new(move |at| {
            let (day, day_before, beside) = &rows[at];
            let mut cells = vec![Cell::owned(day.clone()), Cell::owned(day_before.clone())];
            cells.extend(beside.cells());
            cells
        }),
        total: None,
        note: None,
    }
}

fn signed(text: String) -> String {
    let sign = if text.starts_with('-') { "" } else { "+" };
    format!("{sign}{text}")
}
