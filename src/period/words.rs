//! A period in words: the first line of outputs, and the default folder's name.
//! Deliberately no part of what a period means, and nothing that is read back.

use chrono::{Datelike, Days, Months, NaiveDate, SecondsFormat};

use super::instant::{day_start, local_date, local_time};
use super::{DAY_MS, Millis, Period, Zone, format_instant};

const UNITS: [(Millis, &str); 5] = [
    (DAY_MS, "day"),
    (3_600_000, "hour"),
    (60_000, "minute"),
    (1_000, "second"),
    (1, "millisecond"),
];

impl Period {
    /// Whether the period isn't over yet: it ends at the job's start.
    pub fn is_cut(&self) -> bool {
        self.to < self.requested_to
    }

    /// The period as the first line of outputs says it: `1–30 September 2025 (UTC)`.
    pub fn first_line(&self) -> String {
        let zone = self.timezone.name();
        let (whole, length, is_of_days) = match self.dates() {
            Some((from, to)) => {
                let days = to.signed_duration_since(from).num_days();
                (days_text(from, to), counted(days, "day"), true)
            }
            None => (
                format!(
                    "{} to {}",
                    local_text(self.timezone, self.from),
                    local_text(self.timezone, self.requested_to)
                ),
                length_text(self.requested_to - self.from),
                false,
            ),
        };
        match (self.is_cut(), is_of_days) {
            (false, true) => format!("{whole} ({zone})"),
            (false, false) => format!("{whole} ({length}, {zone})"),
            (true, _) => {
                let cut = local_text(self.timezone, self.to);
                let so_far = length_text(self.to - self.from);
                format!("{whole} ({zone}), so far until {cut} ({so_far} of {length})")
            }
        }
    }

    /// The name of the folder where `--out` isn't given: `apify-runs-2025-09` for a calendar month, else with both
    /// ends, as dates where they are midnights and as instants in UTC where not.
    pub fn default_folder(&self, demo: bool) -> String {
        let made_up = if demo { "demo-" } else { "" };
        format!("apify-runs-{made_up}{}", self.short_name())
    }

    pub fn short_name(&self) -> String {
        self.month().unwrap_or_else(|| {
            let (from, to) = self.ends();
            format!("{from}_{to}")
        })
    }

    /// The calendar month that was asked for, if it is one: `2025-09`.
    pub fn month(&self) -> Option<String> {
        let (from, to) = self.dates()?;
        is_month(from, to).then(|| format!("{:04}-{:02}", from.year(), from.month()))
    }

    /// The options that ask for it, in its time zone: `--month 2025-09`, `--from 2025-09-01 --to 2025-09-08`.
    pub fn options(&self) -> String {
        if let Some(month) = self.month() {
            return format!("--month {month}");
        }
        let (from, to) = match self.dates() {
            Some((from, to)) => (from.to_string(), to.to_string()),
            None => (format_instant(self.from), format_instant(self.requested_to)),
        };
        format!("--from {from} --to {to}")
    }

    /// Both ends as they were asked for, for names: dates where they are midnights, instants in UTC where not.
    pub fn ends(&self) -> (String, String) {
        match self.dates() {
            Some((from, to)) => (from.to_string(), to.to_string()),
            None => (compact_text(self.from), compact_text(self.requested_to)),
        }
    }

    /// How many days of its time zone it has, where it is of whole days.
    pub fn whole_days(&self) -> Option<i64> {
        let to = day_of_midnight(self.timezone, self.to)?;
        Some(to.signed_duration_since(self.begins_a_day()?).num_days())
    }

    /// The period before this one: the calendar month before a month, else one of as many days, or as long; of a period that
    /// isn't over, as much of it.
    pub fn before(&self) -> Option<Period> {
        let from = match self.dates() {
            Some((from, to)) if is_month(from, to) => {
                day_start(self.timezone, from.checked_sub_months(Months::new(1))?)
            }
            Some((from, to)) => {
                let days = Days::new(to.signed_duration_since(from).num_days().unsigned_abs());
                day_start(self.timezone, from.checked_sub_days(days)?)
            }
            None => self.from.checked_sub(self.requested_to - self.from)?,
        };
        let (to, timezone) = (self.from, self.timezone);
        let before = Period {
            from,
            to,
            requested_to: to,
            timezone,
        };
        Some(before.cut_as(self))
    }

    /// The same, cut as another that isn't over: up to the same time of the same day of it, where both begin with a
    /// day, else for as long.
    pub fn cut_as(self, other: &Period) -> Period {
        let as_long = self.from.saturating_add(other.to - other.from);
        let so_far = self.days_into(other).unwrap_or(as_long);
        let to = if other.is_cut() { self.to.min(so_far) } else { self.to };
        Period { to, ..self }
    }

    /// The instant that is as many days, and as long into the next, from the start as another period's end is from its own.
    fn days_into(&self, other: &Period) -> Option<Millis> {
        let first = self.begins_a_day()?;
        let last = local_date(other.timezone, other.to);
        let days = last.signed_duration_since(other.begins_a_day()?).num_days();
        let day = first.checked_add_days(Days::new(u64::try_from(days).ok()?))?;
        Some(day_start(self.timezone, day) + (other.to - day_start(other.timezone, last)))
    }

    /// The day with whose first instant it begins, if it begins with one.
    fn begins_a_day(&self) -> Option<NaiveDate> {
        day_of_midnight(self.timezone, self.from)
    }

    /// The first day, and the first one beyond, where the period was asked for in whole days of its time zone.
    fn dates(&self) -> Option<(NaiveDate, NaiveDate)> {
        let to = day_of_midnight(self.timezone, self.requested_to)?;
        Some((self.begins_a_day()?, to))
    }
}

fn day_of_midnight(tz: Zone, ms: Millis) -> Option<NaiveDate> {
    let date = local_date(tz, ms);
    (day_start(tz, date) == ms).then_some(date)
}

/// The days from one up to, and without, another: `1–30 September 2025`.
fn days_text(from: NaiveDate, to: NaiveDate) -> String {
    let last = to.pred_opt().unwrap_or(to);
    let first = match from {
        from if from >= last => return last.format("%-d %B %Y").to_string(),
        from if (from.year(), from.month()) == (last.year(), last.month()) => from.format("%-d–"),
        from if from.year() == last.year() => from.format("%-d %B – "),
        from => from.format("%-d %B %Y – "),
    };
    format!("{first}{}", last.format("%-d %B %Y"))
}

fn is_month(from: NaiveDate, to: NaiveDate) -> bool {
    from.day() == 1 && from.checked_add_months(Months::new(1)) == Some(to)
}

/// RFC 3339 in the time zone's own time, fractions only where there are any.
pub(super) fn local_text(tz: Zone, ms: Millis) -> String {
    local_time(tz, ms).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// `20250926T060000Z`, with milliseconds only where there are any.
fn compact_text(ms: Millis) -> String {
    format_instant(ms).replace(['-', ':'], "").replace(".000", "")
}

/// The two largest units of a length; 'about' where that isn't all of it.
fn length_text(length: Millis) -> String {
    let largest = UNITS.iter().position(|(unit, _)| length >= *unit);
    let largest = largest.unwrap_or(UNITS.len() - 1);
    let (unit, name) = UNITS[largest];
    let mut text = counted(length / unit, name);
    let mut rest = length % unit;
    if let Some((unit, name)) = UNITS.get(largest + 1)
        && rest >= *unit
    {
        text = format!("{text} {}", counted(rest / unit, name));
        rest %= unit;
    }
    if rest > 0 { format!("about {text}") } else { text }
}

fn counted(number: i64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use crate::period::zone::zone;

    use super::*;
    use crate::period::{PeriodSpec, parse_duration, parse_edge, parse_instant, parse_month};

    fn now() -> Millis {
        parse_instant("2025-10-03T06:00:00Z").unwrap()
    }

    fn month(text: &str, tz: Zone) -> Period {
        parse_month(text).unwrap().resolve(tz, now()).unwrap()
    }

    fn from_to(from: &str, to: &str, tz: Zone) -> Period {
        let (from, to) = (parse_edge(from).unwrap(), parse_edge(to).unwrap());
        PeriodSpec::FromTo { from, to }.resolve(tz, now()).unwrap()
    }

    fn last(text: &str, tz: Zone) -> Period {
        PeriodSpec::Last(parse_duration(text).unwrap())
            .resolve(tz, now())
            .unwrap()
    }

    #[test]
    fn the_first_line_says_what_is_in_the_period_and_what_is_not() {
        let cases = [
            (month("2025-09", Zone::UTC), "1–30 September 2025 (UTC)"),
            (
                month("2025-03", zone("Europe/Prague")),
                "1–31 March 2025 (Europe/Prague)",
            ),
            (from_to("2025-09-01", "2025-09-02", Zone::UTC), "1 September 2025 (UTC)"),
            (
                from_to("2025-08-15", "2025-09-15", Zone::UTC),
                "15 August – 14 September 2025 (UTC)",
            ),
            (
                from_to("2024-12-15", "2025-01-15", Zone::UTC),
                "15 December 2024 – 14 January 2025 (UTC)",
            ),
            (
                last("7d", Zone::UTC),
                "2025-09-26T06:00:00Z to 2025-10-03T06:00:00Z (7 days, UTC)",
            ),
            (
                last("36h", zone("Europe/Prague")),
                "2025-10-01T20:00:00+02:00 to 2025-10-03T08:00:00+02:00 (1 day 12 hours, Europe/Prague)",
            ),
            (
                from_to("2025-09-01T00:00:00Z", "2025-09-02T01:01:00.250Z", Zone::UTC),
                "2025-09-01T00:00:00Z to 2025-09-02T01:01:00.250Z (about 1 day 1 hour, UTC)",
            ),
            (
                month("2025-10", Zone::UTC),
                "1–31 October 2025 (UTC), so far until 2025-10-03T06:00:00Z (2 days 6 hours of 31 days)",
            ),
            (
                from_to("2025-10-03T05:00:00Z", "2025-10-03T07:30:00Z", Zone::UTC),
                "2025-10-03T05:00:00Z to 2025-10-03T07:30:00Z (UTC), so far until 2025-10-03T06:00:00Z (1 hour of 2 hours \
                 30 minutes)",
            ),
        ];
        for (period, expected) in cases {
            assert_eq!(period.first_line(), expected);
        }
    }

    #[test]
    fn a_period_has_a_number_of_days_where_it_is_of_whole_ones() {
        let prague = zone("Europe/Prague");
        let periods = [
            month("2025-03", prague),
            month("2025-09", Zone::UTC),
            from_to("2025-09-01", "2025-09-02", prague),
            month("2025-10", Zone::UTC),
            last("7d", Zone::UTC),
        ];
        let days = periods.map(|period| period.whole_days());
        assert_eq!(days, [Some(31), Some(30), Some(1), None, None]);
    }

    #[test]
    fn the_default_folder_is_named_after_the_period_that_was_asked_for() {
        let cases = [
            (month("2025-09", Zone::UTC), "apify-runs-2025-09"),
            (month("2025-09", zone("Europe/Prague")), "apify-runs-2025-09"),
            (from_to("2025-09-01", "2025-10-01", Zone::UTC), "apify-runs-2025-09"),
            (month("2025-10", Zone::UTC), "apify-runs-2025-10"),
            (
                from_to("2025-09-01", "2025-09-15", Zone::UTC),
                "apify-runs-2025-09-01_2025-09-15",
            ),
            (
                from_to("2025-08-01", "2025-10-01", Zone::UTC),
                "apify-runs-2025-08-01_2025-10-01",
            ),
            (last("7d", Zone::UTC), "apify-runs-20250926T060000Z_20251003T060000Z"),
            (
                last("250ms", Zone::UTC),
                "apify-runs-20251003T055959.750Z_20251003T060000Z",
            ),
            // A month of another zone is none here.
            (
                from_to("2025-09-01T00:00:00Z", "2025-10-01T00:00:00Z", zone("Europe/Prague")),
                "apify-runs-20250901T000000Z_20251001T000000Z",
            ),
        ];
        for (period, expected) in cases {
            assert_eq!(period.default_folder(false), expected);
            assert_eq!(
                period.default_folder(true),
                expected.replace("apify-runs-", "apify-runs-demo-")
            );
        }
    }

    #[test]
    fn the_period_before_is_the_month_before_or_one_of_as_many_days() {
        let at = |text: &str| super::super::parse_instant(&format!("{text}T00:00:00.000Z")).unwrap();
        let before = |from: &str, to: &str, requested_to: &str| {
            let (from, to, requested_to, timezone) = (at(from), at(to), at(requested_to), Zone::UTC);
            let before = Period {
                from,
                to,
                requested_to,
                timezone,
            }
            .before()
            .unwrap();
            [before.from, before.to, before.requested_to].map(|ms| format_instant(ms)[..10].to_string())
        };
        assert_eq!(
            before("2025-03-01", "2025-04-01", "2025-04-01"),
            ["2025-02-01", "2025-03-01", "2025-03-01"]
        );
        assert_eq!(
            before("2025-03-01", "2025-03-11", "2025-04-01"),
            ["2025-02-01", "2025-02-11", "2025-03-01"]
        );
        assert_eq!(
            before("2025-03-01", "2025-03-31", "2025-04-01"),
            ["2025-02-01", "2025-03-01", "2025-03-01"]
        );
        assert_eq!(
            before("2025-09-08", "2025-09-15", "2025-09-15"),
            ["2025-09-01", "2025-09-08", "2025-09-08"]
        );
    }

    #[test]
    fn a_period_is_cut_at_the_same_time_of_the_same_day_whatever_the_clocks_did() {
        let at = |text: &str| super::super::parse_instant(&format!("{text}:00:00.000Z")).unwrap();
        let period = |from: &str, to: &str, requested_to: &str| Period {
            from: at(from),
            to: at(to),
            requested_to: at(requested_to),
            timezone: zone("Europe/Prague"),
        };
        // 26 days of November: clocks went back on 26 October, whose 26 days are an hour longer.
        let november = period("2025-10-31T23", "2025-11-26T23", "2025-11-30T23");
        let october = november.before().unwrap();
        assert_eq!(format_instant(october.from), "2025-09-30T22:00:00.000Z");
        assert_eq!(format_instant(october.to), "2025-10-26T23:00:00.000Z");
    }

    #[test]
    fn the_options_of_a_period_are_those_that_ask_for_it() {
        assert_eq!(month("2025-09", Zone::UTC).options(), "--month 2025-09");
        let week = from_to("2025-09-01", "2025-09-08", Zone::UTC);
        assert_eq!(week.options(), "--from 2025-09-01 --to 2025-09-08");
    }

    #[test]
    fn the_period_before_is_as_long_and_cut_as_this_one() {
        let at = |text: &str| parse_instant(text).unwrap();
        let before = last("12h", Zone::UTC).before().unwrap();
        assert_eq!(
            (before.from, before.to),
            (at("2025-10-02T06:00:00Z"), at("2025-10-02T18:00:00Z"))
        );
        let october = month("2025-10", Zone::UTC).before().unwrap();
        assert_eq!(
            (october.from, october.to),
            (at("2025-09-01T00:00:00Z"), at("2025-09-03T06:00:00Z"))
        );
        // Of no whole days, and over for four hours of twelve.
        let open = Period {
            from: at("2025-10-03T02:00:00Z"),
            to: at("2025-10-03T06:00:00Z"),
            requested_to: at("2025-10-03T14:00:00Z"),
            timezone: Zone::UTC,
        };
        let before = open.before().unwrap();
        assert_eq!(
            (before.from, before.to),
            (at("2025-10-02T14:00:00Z"), at("2025-10-02T18:00:00Z"))
        );
        assert_eq!(length_text(0), "0 milliseconds");
    }
}
