//! The lists' parameters, as the API documents them: text to values, or the refusal that says why not.

use std::ops::Range;

use chrono::{DateTime, NaiveDate};

use super::refusal::Refusal;
use crate::period::Millis;
use crate::runs::cost_state::STATUSES;

const MAX_LIMIT: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    pub offset: usize,
    pub limit: usize,
    /// Last first.
    pub desc: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsQuery {
    pub paging: Paging,
    /// Positions in [`STATUSES`]; `None` is all.
    pub statuses: Option<Vec<u8>>,
    /// First millisecond.
    pub after: Millis,
    /// Last millisecond.
    pub before: Millis,
}

/// A query of the Actors or the tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryQuery {
    pub paging: Paging,
    /// Only the account's own Actors.
    pub my: bool,
    /// By the last run instead of by creation.
    pub by_last_run: bool,
}

impl Paging {
    const FIRST: Paging = Paging {
        offset: 0,
        limit: MAX_LIMIT,
        desc: false,
    };

    /// The parameters of a list that takes no others.
    pub fn parse(query: &str) -> Result<Paging, Refusal> {
        let mut paging = Paging::FIRST;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            paging.set(&name, &value)?;
        }
        Ok(paging)
    }

    /// Takes a parameter; one of another name is ignored, as the API does.
    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "offset" => self.offset = number(name, value)?,
            "limit" => {
                self.limit = match number(name, value)? {
                    0 => MAX_LIMIT,
                    limit => limit.min(MAX_LIMIT),
                }
            }
            "desc" => self.desc = boolean(name, value)?,
            _ => {}
        }
        Ok(())
    }

    /// Which of `total` items, in ascending order, make up the page; the page itself may be the other way round.
    pub fn part_of(self, total: usize) -> Range<usize> {
        let skipped = self.offset.min(total);
        let count = self.limit.min(total - skipped);
        if self.desc {
            total - skipped - count..total - skipped
        } else {
            skipped..skipped + count
        }
    }
}

impl DirectoryQuery {
    pub fn parse(query: &str) -> Result<DirectoryQuery, Refusal> {
        let mut parsed = DirectoryQuery {
            paging: Paging::FIRST,
            my: false,
            by_last_run: false,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (&*name, &*value) {
                ("my", _) => parsed.my = boolean(&name, &value)?,
                ("sortBy", "createdAt" | "") => parsed.by_last_run = false,
                ("sortBy", "stats.lastRunStartedAt") => parsed.by_last_run = true,
                ("sortBy", _) => return Err(bad_value(&name, "createdAt or stats.lastRunStartedAt")),
                _ => parsed.paging.set(&name, &value)?,
            }
        }
        Ok(parsed)
    }
}

impl RunsQuery {
    pub fn parse(query: &str) -> Result<RunsQuery, Refusal> {
        RunsQuery::read(query, true)
    }

    pub fn parse_without_dates(query: &str) -> Result<RunsQuery, Refusal> {
        RunsQuery::read(query, false)
    }

    fn read(query: &str, has_dates: bool) -> Result<RunsQuery, Refusal> {
        let mut parsed = RunsQuery {
            paging: Paging::FIRST,
            statuses: None,
            after: Millis::MIN,
            before: Millis::MAX,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let instant = || instant(&value).ok_or_else(|| bad_value(&name, INSTANT));
            match &*name {
                "status" if value.is_empty() => parsed.statuses = None,
                "status" => {
                    let place = |status: &str| STATUSES.iter().position(|known| *known == status).map(|at| at as u8);
                    let places: Option<Vec<u8>> = value.split(',').map(place).collect();
                    let places = places.ok_or_else(|| bad_value(&name, "a comma list of run statuses"))?;
                    parsed.statuses = Some(places);
                }
                "startedAfter" | "startedBefore" if !has_dates => {}
                "startedAfter" => {
                    // What lies between two milliseconds is after the first.
                    let (ms, is_past) = instant()?;
                    parsed.after = ms + Millis::from(is_past);
                }
                "startedBefore" => parsed.before = instant()?.0,
                _ => parsed.paging.set(&name, &value)?,
            }
        }
        Ok(parsed)
    }
}

/// The API's answer to a parameter that isn't what it takes.
pub fn bad_value(name: &str, expected: &str) -> Refusal {
    Refusal::BadValue(format!("Parameter \"{name}\" must be {expected}"))
}

fn number(name: &str, value: &str) -> Result<usize, Refusal> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| value.parse().ok()).flatten();
    number.ok_or_else(|| bad_value(name, "a non-negative integer"))
}

fn boolean(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        _ => Err(bad_value(name, "a boolean")),
    }
}

const INSTANT: &str = "a date, or a date and time as in 2025-09-01T00:00:00.000Z";

/// The millisecond that an instant lies in, and whether it is past that one's beginning.
fn instant(text: &str) -> Option<(Millis, bool)> {
    // chrono takes less exact dates too, such as 2025-9-5 and +262142-12-31.
    let mut date = text.get(..10)?.bytes().enumerate();
    let is_exact = date.all(|(at, byte)| {
        if at == 4 || at == 7 {
            byte == b'-'
        } else {
            byte.is_ascii_digit()
        }
    });
    if !is_exact {
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
        let limit = |query| RunsQuery::parse(query).unwrap().paging.limit;
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
            assert!(RunsQuery::parse(query).unwrap_err().message().contains(name), "{query}");
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
            (query.after, query.before, query.paging.desc),
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
