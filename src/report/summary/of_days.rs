//! Weeks and months as sums of days, so that no run is added to them one by one.

use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate};

use crate::report::dimension::Dimension;
use crate::report::figures::{Breakdown, Labels, Values};
use crate::report::measures::Measures;

/// Whether days add up to a dimension's values.
pub fn is_of_days(dimension: Dimension) -> bool {
    matches!(dimension, Dimension::Week | Dimension::Month)
}

/// The Monday of a day's week.
pub fn week_of(day: NaiveDate) -> String {
    let since_monday = u64::from(day.weekday().num_days_from_monday());
    let monday = day.checked_sub_days(Days::new(since_monday)).unwrap_or(day);
    monday.format("%Y-%m-%d").to_string()
}

/// A day's month, such as `2025-09`.
pub fn month_of(day: NaiveDate) -> String {
    day.format("%Y-%m").to_string()
}

/// Fills the breakdowns by week and month that have no values yet from the one by day, whose rows are in order.
pub fn fill(breakdowns: &mut [Breakdown]) {
    let days = breakdowns
        .iter()
        .find(|breakdown| breakdown.by == Dimension::Day.into())
        .cloned();
    let Some(days) = days else { return };
    for breakdown in breakdowns {
        let name_of = match breakdown.by.first {
            Dimension::Week => week_of,
            Dimension::Month => month_of,
            _ => continue,
        };
        if breakdown.values.is_empty() {
            (breakdown.values, breakdown.rows) = sums(&days, name_of);
        }
    }
}

type Sums = (Vec<Arc<Values>>, Vec<([u32; 2], Measures)>);

fn sums(days: &Breakdown, name_of: fn(NaiveDate) -> String) -> Sums {
    let mut values = Values::default();
    let mut rows: Vec<([u32; 2], Measures)> = Vec::new();
    for day in days.groups() {
        let date = day
            .key(0)
            .and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
        let name = date.map_or(String::new(), name_of);
        let (at, is_new) = match values.get_index_of(&*name) {
            Some(at) => (at, false),
            None => (values.insert_full(name.into(), Labels::default()).0, true),
        };
        match is_new {
            true => rows.push(([at as u32, 0], *day.measures)),
            false => rows[at].1 = rows[at].1.and(day.measures),
        }
    }
    (vec![Arc::new(values)], rows)
}
