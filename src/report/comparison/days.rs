//! Each day beside the one at the same place of the other period: the first beside the first.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::pair::{PairedMeasures, PeriodSide, SIDES};
use super::{CHANGE_BY_DAY, ComparedPeriod, ReportedPeriod};
use crate::report::dimension::Dimension;
use crate::report::figures::{Breakdown, Figures};
use crate::report::measures::Measures;
use crate::report::table::{Cell, CellKind, Table, column};

struct DayChange {
    day: Option<String>,
    day_before: Option<String>,
    pair: PairedMeasures,
}

pub(super) fn by_day<'r>(before: &'r ComparedPeriod, now: ReportedPeriod<'r>) -> Table<'r> {
    let rows = changes(before, now);
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
            let change = &rows[at];
            let days = [&change.day, &change.day_before].map(|day| Cell::owned(day.clone()));
            days.into_iter().chain(change.pair.cells()).collect()
        }),
        total: None,
        note: None,
    }
}

fn changes(before: &ComparedPeriod, now: ReportedPeriod) -> Vec<DayChange> {
    let (old, new) = (measures_of_days(&before.figures), measures_of_days(now.figures));
    let (old_days, new_days) = (before.period.days(), now.period.days());
    let shown = |day: Option<&NaiveDate>| day.map(NaiveDate::to_string);
    // A day that one of the periods doesn't have can't be compared.
    let side = |days: &HashMap<&str, Measures>, day: &Option<String>, lacks_runs: bool| {
        let measures = day.as_deref().and_then(|day| days.get(day)).copied();
        PeriodSide::new(measures.unwrap_or_default(), lacks_runs || day.is_none())
    };
    let change = |at: usize| {
        let (day, day_before) = (shown(new_days.get(at)), shown(old_days.get(at)));
        let pair = PairedMeasures::of(
            side(&old, &day_before, before.lacks_runs),
            side(&new, &day, now.lacks_runs),
        );
        DayChange { day, day_before, pair }
    };
    (0..old_days.len().max(new_days.len())).map(change).collect()
}

fn measures_of_days(figures: &Figures) -> HashMap<&str, Measures> {
    let days = figures.by(Dimension::Day).into_iter().flat_map(Breakdown::groups);
    days.filter_map(|group| Some((group.key(0)?, *group.measures)))
        .collect()
}
