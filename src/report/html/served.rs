//! What a page has beside its report where `serve` shows it: the way to other periods, to its tables and to its runs.

use chrono::{Datelike, Months, NaiveDate};
use serde::Serialize;

use crate::period::{DayClock, Edge, Millis, Period, format_instant};

/// More months would be a page of their own: the dates lead to all of them.
const MAX_MONTHS: usize = 36;

#[derive(Debug, Serialize)]
pub struct ServedLinks {
    /// The months of which there is anything, the latest first.
    months: Vec<MonthLink>,
    /// The query of all that there is.
    all: String,
    /// The days among which the two dates choose: its first, and the one after its last.
    first: String,
    end: String,
    /// The period's.
    from: String,
    to: String,
    /// Where the page's is not that of the archive; the links lead to pages of it, too.
    timezone: Option<String>,
    /// What the page was asked for, by which its tables are asked for too; with its `?`.
    query: String,
    /// The same for a filter to follow.
    base: String,
}

#[derive(Debug, Serialize)]
struct MonthLink {
    month: String,
    query: String,
    is_shown: bool,
}

impl ServedLinks {
    /// For a page of this period and query over an archive of `whole`. Of an archive of one period, no more is asked for than that:
    /// a longer one is refused. A lake shows what it has of any.
    pub fn new(whole: &Period, shown: &Period, query: &str, is_of_one_period: bool) -> ServedLinks {
        let timezone = (whole.timezone != shown.timezone).then(|| shown.timezone.to_string());
        let whole = Period {
            timezone: shown.timezone,
            ..whole.clone()
        };
        let (first_day, end_day) = days(&whole);
        let (from, to) = days(shown);
        let in_zone = |query: String| match &timezone {
            Some(zone) => format!("{query}&timezone={zone}"),
            None => query,
        };
        let start = |day| start_of(day, &whole);
        let (mut first, mut end) = (first_day, end_day);
        let mut all = format!("from={first}&to={end}");
        if is_of_one_period {
            if start(first) < whole.from {
                first = first.succ_opt().unwrap_or(first);
            }
            if start(end) > whole.requested_to {
                end = end.pred_opt().unwrap_or(end);
            }
            all = between(&whole, (whole.from, whole.requested_to));
        }
        let month_link = |month| {
            let link = MonthLink::new(month, &whole, shown, is_of_one_period);
            MonthLink {
                query: in_zone(link.query),
                ..link
            }
        };
        ServedLinks {
            months: months(first_day, end_day).map(month_link).collect(),
            all: in_zone(all),
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
            timezone,
        }
    }
}

impl MonthLink {
    /// To a month, or to what the archive's one period has of it.
    fn new(month: NaiveDate, whole: &Period, shown: &Period, is_of_one_period: bool) -> MonthLink {
        let (mut from, mut to) = (start_of(month, whole), start_of(next(month), whole));
        let name = month.format("%Y-%m").to_string();
        let mut query = format!("month={name}");
        if is_of_one_period && (from < whole.from || to > whole.requested_to) {
            (from, to) = (from.max(whole.from), to.min(whole.requested_to));
            query = between(whole, (from, to));
        }
        MonthLink {
            month: name,
            query,
            is_shown: (from, to) == (shown.from, shown.requested_to),
        }
    }
}

/// The first millisecond of a day in a period's time zone.
fn start_of(day: NaiveDate, whole: &Period) -> Millis {
    Edge::Date(day).floor(whole.timezone)
}

/// The query of a part of a period: dates where days start, else instants.
fn between(whole: &Period, (from, to): (Millis, Millis)) -> String {
    let edge = |ms| {
        let day = DayClock::new(whole.timezone).day_of(ms);
        if start_of(day, whole) == ms {
            day.to_string()
        } else {
            format_instant(ms)
        }
    };
    format!("from={}&to={}", edge(from), edge(to))
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
        let links = ServedLinks::new(&whole, &period("2025-08-01", "2025-09-01"), "month=2025-08", false);
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
    fn of_an_export_no_link_asks_for_more_than_it_has() {
        let whole = period("2025-08-25T06:00:00Z", "2025-09-05");
        let links = ServedLinks::new(&whole, &whole, "", true);
        let queries: Vec<&str> = links.months.iter().map(|link| &*link.query).collect();
        let august = "from=2025-08-25T06:00:00.000Z&to=2025-09-01";
        assert_eq!(queries, ["from=2025-09-01&to=2025-09-05", august]);
        assert_eq!(links.all, "from=2025-08-25T06:00:00.000Z&to=2025-09-05");
        // A day of which a part is missing is none to choose.
        assert_eq!((&*links.first, &*links.end), ("2025-08-26", "2025-09-05"));
        let lake = ServedLinks::new(&whole, &whole, "", false);
        let queries: Vec<&str> = lake.months.iter().map(|link| &*link.query).collect();
        assert_eq!(queries, ["month=2025-09", "month=2025-08"]);
    }

    #[test]
    fn links_keep_the_time_zone_that_was_asked_for() {
        let whole = period("2025-09-01", "2025-10-01");
        let shown = Period {
            timezone: Zone::named("Europe/Prague").unwrap(),
            ..whole.clone()
        };
        let links = ServedLinks::new(&whole, &shown, "timezone=Europe/Prague", true);
        // Prague is two hours ahead: its September has begun when that of UTC does.
        let all = "from=2025-09-01T00:00:00.000Z&to=2025-10-01T00:00:00.000Z&timezone=Europe/Prague";
        assert_eq!(links.all, all);
        assert_eq!((&*links.first, &*links.end), ("2025-09-02", "2025-10-01"));
        assert_eq!(links.timezone.as_deref(), Some("Europe/Prague"));
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
