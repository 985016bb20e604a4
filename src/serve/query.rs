//! The lists' parameters, as the API documents them: text to values, or the reason why not.

use std::ops::Range;

use crate::period::Millis;
use chrono::{DateTime, NaiveDate};

/// The most items on a page.
pub const MAX_LIMIT: usize = 1000;

/// Statuses that the API documents.
pub const STATUSES: [&str; 8] = [
    "READY",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "TIMING-OUT",
    "TIMED-OUT",
    "ABORTING",
    "ABORTED",
];

/// A query of the runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsQuery {
    /// Items to skip.
    pub offset: usize,
    /// Items on the page.
    pub limit: usize,
    /// Latest first.
    pub desc: bool,
    /// Positions in [`STATUSES`]; `None` is all.
    pub statuses: Option<Vec<u8>>,
    /// First millisecond.
    pub after: Millis,
    /// Last millisecond.
    pub before: Millis,
}

/// A query of the Actors or the tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// Items to skip.
    pub offset: usize,
    /// Items on the page.
    pub limit: usize,
    /// Last first.
    pub desc: bool,
    /// Only the account's own Actors.
    pub my: bool,
    /// By the last run instead of by creation.
    pub by_last_run: bool,
}

impl ListQuery {
    /// Reads a query string; an error is the API's message for 400.
    pub fn parse(query: &str) -> Result<ListQuery, String> {
        let mut parsed = ListQuery {
            offset: 0,
            limit: MAX_LIMIT,
            desc: false,
            my: false,
            by_last_run: false,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "offset" => parsed.offset = number(&name, &value)?,
                "limit" => parsed.limit = limit(&name, &value)?,
                "desc" => parsed.desc = boolean(&name, &value)?,
                "my" => parsed.my = boolean(&name, &value)?,
                "sortBy" => {
                    parsed.by_last_run = match &*value {
                        "createdAt" | "" => false,
                        "stats.lastRunStartedAt" => true,
                        _ => return Err(wrong(&name, "createdAt or stats.lastRunStartedAt")),
                    };
                }
                _ => {}
            }
        }
        Ok(parsed)
    }
}

fn wrong(name: &str, expected: &str) -> String {
    format!("Parameter \"{name}\" must be {expected}")
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| value.parse().ok()).flatten();
    number.ok_or_else(|| wrong(name, "a non-negative integer"))
}

fn limit(name: &str, value: &str) -> Result<usize, String> {
    let limit = number(name, value)?;
    Ok(if limit == 0 { MAX_LIMIT } else { limit.min(MAX_LIMIT) })
}

fn boolean(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        _ => Err(wrong(name, "a boolean")),
    }
}

impl RunsQuery {
    /// Which of so many runs, in ascending order, make up the page; the page itself may be the other way round.
    pub(super) fn part_of(&self, total: usize) -> Range<usize> {
        let skipped = self.offset.min(total);
        let count = self.limit.min(total - skipped);
        if self.desc {
            total - skipped - count..total - skipped
        } else {
            skipped..skipped + count
        }
    }

    /// The same query of a list that has no dates: they are ignored there, whatever they say.
    pub(super) fn parse_without_dates(query: &str) -> Result<RunsQuery, String> {
        RunsQuery::read(query, false)
    }

    /// Reads a query string; an error is the API's message for 400.
    pub fn parse(query: &str) -> Result<RunsQuery, String> {
        RunsQuery::read(query, true)
    }

    fn read(query: &str, has_dates: bool) -> Result<RunsQuery, String> {
        let mut parsed = RunsQuery {
            offset: 0,
            limit: MAX_LIMIT,
            desc: false,
            statuses: None,
            after: Millis::MIN,
            before: Millis::MAX,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let wrong = |expected: &str| wrong(&name, expected);
            match &*name {
                "offset" => parsed.offset = number(&name, &value)?,
                "limit" => parsed.limit = limit(&name, &value)?,
                "desc" => parsed.desc = boolean(&name, &value)?,
                "status" if value.is_empty() => parsed.statuses = None,
                "status" => {
                    let place = |status: &str| STATUSES.iter().position(|known| *known == status).map(|at| at as u8);
                    let places: Option<Vec<u8>> = value.split(',').map(place).collect();
                    parsed.statuses = Some(places.ok_or_else(|| wrong("a comma list of run statuses"))?);
                }
                "startedAfter" | "startedBefore" if !has_dates => {}
                "startedAfter" => {
                    // What lies between two milliseconds is after the first.
                    let (ms, is_past) = instant(&value).ok_or_else(|| wrong(INSTANT))?;
                    parsed.after = ms + Millis::from(is_past);
                }
                "startedBefore" => parsed.before = instant(&value).ok_or_else(|| wrong(INSTANT))?.0,
                _ => {}
            }
        }
        Ok(parsed)
    }
}

const INSTANT: &str = "a date, or a date and time as in 2025-09-01T00:00:00.000Z";

/// The millisecond that an instant lies in, and whether it is past that one's beginning.
fn instant(text: &str) -> Option<(Millis, bool)> {
    let date = text.get(..10)?.bytes().enumerate();
    let is_date = date.into_iter().all(|(at, byte)| {
        if at == 4 || at == 7 {
            byte == b'-'
        } else {
            byte.is_ascii_digit()
        }
    });
    if !is_date {
        return None;
    }
    if text.len() == 10 {
        let midnight = text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?;
        return Some((midnight.and_utc().timestamp_millis(), false));
    }
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    // A leap second has more nanoseconds than a second holds.
    let nanos = instant.timestamp_subsec_nanos();
    (nanos < 1_000_000_000).then(|| (instant.timestamp_millis(), nanos % 1_000_000 > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits_are_clamped_and_zero_is_unset() {
        let limit = |query| RunsQuery::parse(query).unwrap().limit;
        assert_eq!(
            [limit(""), limit("limit=0"), limit("limit=5"), limit("limit=5000")],
            [1000, 1000, 5, 1000]
        );
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        for query in [
            "limit=-1",
            "offset=1e300",
            "startedAfter=yesterday",
            "desc=maybe",
            "status=DONE",
            "offset=%ff",
            "limit=%2B5",
            "startedAfter=2025-9-5",
            "startedAfter=2025-09-15%20",
            "startedAfter=%2B262142-12-31",
            "startedBefore=2025-09-15T23:59:60Z",
        ] {
            let name = query.split('=').next().unwrap();
            assert!(RunsQuery::parse(query).unwrap_err().contains(name), "{query}");
        }
    }

    #[test]
    fn statuses_are_a_list_and_instants_have_milliseconds() {
        let query = RunsQuery::parse(
            "status=FAILED,TIMED-OUT&startedAfter=2025-09-01T00:00:00.001Z&startedBefore=2025-09-02&desc=1",
        )
        .unwrap();
        assert_eq!(query.statuses, Some(vec![3, 5]));
        assert_eq!(
            RunsQuery::parse("startedAfter=2025-09-01T00:00:00.0009Z")
                .unwrap()
                .after,
            1_756_684_800_001
        );
        assert_eq!(RunsQuery::parse("status=FAILED&status=").unwrap().statuses, None);
        assert_eq!(
            (query.after, query.before, query.desc),
            (1_756_684_800_001, 1_756_771_200_000, true)
        );
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in ".*") {
            let _ = RunsQuery::parse(&query);
        }
    }
}
