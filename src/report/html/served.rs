//! What a page has beside its report where `serve` shows it: the way to other periods, to its tables and to its runs.

use chrono::{Datelike, Months, NaiveDate};
use serde::Serialize;

use crate::period::Period;

/// More months would be a page of their own: the dates lead to all of them.
const MAX_MONTHS: usize = 36;

#[derive(Debug, Serialize)]
pub struct ServedLinks {
    /// The months of which there is anything, the latest first.
    months: Vec<MonthLink>,
    /// All that there is: its first day, and the one after its last.
    first: String,
    end: String,
    /// The period's.
    from: String,
    to: String,
    /// What the page was asked for, by which its tables are asked for too; with its `?`.
    query: String,
    /// The same for a filter to follow.
    base: String,
}

#[derive(Debug, Serialize)]
struct MonthLink {
    month: String,
    is_shown: bool,
}

impl ServedLinks {
    /// For a page of this period and query over an archive of `whole`.
    pub fn new(whole: &Period, shown: &Period, query: &str) -> ServedLinks {
        let (first, end) = days(whole);
        let (from, to) = days(shown);
        let is_shown = |month: &NaiveDate| (*month, next(*month)) == (from, to);
        ServedLinks {
            months: months(first, end)
                .map(|month| MonthLink {
                    is_shown: is_shown(&month),
                    month: month.format("%Y-%m").to_string(),
                })
                .collect(),
            first: first.to_string(),
            end: end.to_string(),
            from: from.to_string(),
            to: to.to_string(),
            query: match query {
                "" => String::new(),
                query => format!("?{query}"),
            },
            base: match query {
                "" => String::new(),
                query => format!("{query}&"),
            },
        }
    }
}

/// The latest month all of which an archive covers, as `2025-09`; none where it covers no whole month.
pub fn last_whole_month(whole: &Period) -> Option<String> {
    let (first, end) = days(whole);
    let month = months(first, end).find(|month| *month >= first && next(*month) <= end);
    month.map(|month| month.format("%Y-%m").to_string())
}

fn next(month: NaiveDate) -> NaiveDate {
    month.checked_add_months(Months::new(1)).unwrap_or(month)
}

/// The first day of a period and the one after its last, in its time zone.
fn days(period: &Period) -> (NaiveDate, NaiveDate) {
    let days = period.days();
    let day = |day: Option<&NaiveDate>| day.copied().unwrap_or_default();
    let last = day(days.last());
    (day(days.first()), last.succ_opt().unwrap_or(last))
}

/// The months that have a day in it, as their first days, the latest first.
fn months(first: NaiveDate, end: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let last = end.pred_opt().unwrap_or(end).with_day(1).unwrap_or(end);
    let earlier = |month: &NaiveDate| month.checked_sub_months(Months::new(1));
    std::iter::successors(Some(last), earlier)
        .take_while(move |month| next(*month) > first)
        .take(MAX_MONTHS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::{LAST_INSTANT, PeriodSpec, Zone, parse_edge};

    fn period(from: &str, to: &str) -> Period {
        let [from, to] = [from, to].map(|edge| parse_edge(edge).unwrap());
        PeriodSpec::FromTo { from, to }
            .resolve(Zone::UTC, LAST_INSTANT)
            .unwrap()
    }

    #[test]
    fn months_are_those_with_a_day_in_the_archive_the_latest_first() {
        let whole = period("2025-07-15", "2025-10-03");
        let links = ServedLinks::new(&whole, &period("2025-08-01", "2025-09-01"), "month=2025-08");
        let months: Vec<(&str, bool)> = links.months.iter().map(|link| (&*link.month, link.is_shown)).collect();
        let expected = [
            ("2025-10", false),
            ("2025-09", false),
            ("2025-08", true),
            ("2025-07", false),
        ];
        assert_eq!(months, expected);
        assert_eq!((&*links.first, &*links.end), ("2025-07-15", "2025-10-03"));
        assert_eq!(
            (&*links.from, &*links.to, &*links.query),
            ("2025-08-01", "2025-09-01", "?month=2025-08")
        );
    }

    #[test]
    fn the_last_whole_month_is_the_one_that_is_shown_first() {
        let last = |from, to| last_whole_month(&period(from, to));
        assert_eq!(last("2025-07-15", "2025-10-03").as_deref(), Some("2025-09"));
        assert_eq!(last("2025-09-01", "2025-10-01").as_deref(), Some("2025-09"));
        assert_eq!(last("2025-09-02", "2025-10-01"), None);
        assert_eq!(last("2025-12-01", "2026-01-01").as_deref(), Some("2025-12"));
    }
}
