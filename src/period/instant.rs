//! Instants as milliseconds and as RFC 3339, and where the days of a time zone begin and end.
//! Deliberately without words for people: those are in `words`.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, Utc};

use super::zone::Zone;

/// Milliseconds since the epoch, UTC.
pub type Millis = i64;

/// A UTC day, which always has 24 hours.
pub const DAY_MS: Millis = 86_400_000;

/// Beyond this, some 250,000 years from the epoch, the calendar's own arithmetic ends.
const CALENDAR_MS: Millis = 8_000_000_000_000_000;

/// Reads an instant of RFC 3339; digits below a millisecond are cut off, towards the past.
pub fn parse_instant(text: &str) -> Option<Millis> {
    parse_exact(text.as_bytes()).or_else(|| {
        let instant = DateTime::parse_from_rfc3339(text).ok()?;
        Some(instant.timestamp_millis())
    })
}

/// The form that the API writes, `2025-09-01T00:00:00.000Z`; `None` for any other, also for a leap second.
fn parse_exact(text: &[u8]) -> Option<Millis> {
    let text: &[u8; 24] = text.try_into().ok()?;
    let separated = text[4] == b'-'
        && text[7] == b'-'
        && text[10] == b'T'
        && text[13] == b':'
        && text[16] == b':'
        && text[19] == b'.'
        && text[23] == b'Z';
    if !separated {
        return None;
    }
    let year = digits(&text[0..4])?;
    let month = digits(&text[5..7])?;
    let day = digits(&text[8..10])?;
    let hour = digits(&text[11..13])?;
    let minute = digits(&text[14..16])?;
    let second = digits(&text[17..19])?;
    let milli = digits(&text[20..23])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year as i32, month as u32, day as u32)?;
    let days = i64::from(date.num_days_from_ce()) - EPOCH_DAY;
    Some(days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000 + milli)
}

#[inline]
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + i64::from(digit))
    })
}

/// How many days the calendar counts from year 1 to the epoch.
const EPOCH_DAY: i64 = 719_163;

/// Year, month and day of days since the epoch, also of those beyond chrono's calendar;
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `2025-09-01T00:00:00.000Z` without an allocation; `None` outside the years 0 to 9999.
pub fn instant_bytes(ms: Millis) -> Option<[u8; 24]> {
    let (year, month, day) = civil_from_days(ms.div_euclid(DAY_MS));
    if !(0..=9999).contains(&year) {
        return None;
    }
    let time = ms.rem_euclid(DAY_MS);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], time / 3_600_000);
    put(&mut text[14..16], time / 60_000 % 60);
    put(&mut text[17..19], time / 1_000 % 60);
    put(&mut text[20..23], time % 1_000);
    Some(text)
}

#[inline]
fn put(text: &mut [u8], mut number: i64) {
    for byte in text.iter_mut().rev() {
        *byte = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// The UTC day of an instant, as in `2025-09-01`.
pub fn utc_date(ms: Millis) -> String {
    let text = format_instant(ms);
    text.split('T').next().unwrap_or_default().to_string()
}

/// `2025-09-01T00:00:00.000Z`; outside the years 0 to 9999 with ISO 8601's sign before the year, which
/// [`parse_instant`] doesn't read.
pub fn format_instant(ms: Millis) -> String {
    if let Some(text) = instant_bytes(ms) {
        return String::from_utf8_lossy(&text).into_owned();
    }
    let (year, month, day) = civil_from_days(ms.div_euclid(DAY_MS));
    let time = ms.rem_euclid(DAY_MS);
    let (hour, minute) = (time / 3_600_000, time / 60_000 % 60);
    let (second, milli) = (time / 1_000 % 60, time % 1_000);
    format!("{year:+07}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// An instant in the calendar of `tz`, drawn to the calendar's end where it lies beyond.
pub(super) fn local_time(tz: Zone, ms: Millis) -> DateTime<FixedOffset> {
    let ms = ms.clamp(-CALENDAR_MS, CALENDAR_MS);
    DateTime::<Utc>::from_timestamp_millis(ms)
        .unwrap_or_default()
        .with_timezone(&tz.offset(ms))
}

pub(super) fn local_date(tz: Zone, ms: Millis) -> NaiveDate {
    local_time(tz, ms).date_naive()
}

/// The first instant of a day: its midnight, the earlier one of two, and where the zone skips it, the first instant
/// that comes after. A day that a zone skips as a whole begins, and ends, where the next begins.
pub(super) fn day_start(tz: Zone, date: NaiveDate) -> Millis {
    let near = date.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    // Clocks differ from UTC by less than this, and change less often.
    let around = [near - 2 * DAY_MS, near - DAY_MS, near, near + DAY_MS, near + 2 * DAY_MS];
    let midnight = |at: Millis| {
        let offset = tz.offset(at);
        let midnight = near - Millis::from(offset.local_minus_utc()) * 1000;
        (tz.offset(midnight) == offset).then_some(midnight)
    };
    let [before, .., after] = around;
    let midnights = around.into_iter().filter_map(midnight);
    midnights
        .min()
        .unwrap_or_else(|| first_of_date(tz, date, before, after))
}

/// The first millisecond in `(before, after]` whose date is `date` or a later one.
fn first_of_date(tz: Zone, date: NaiveDate, mut before: Millis, mut after: Millis) -> Millis {
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if local_date(tz, middle) < date {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

/// Which day an instant belongs to. Days tile time: each runs from its first instant to the next one's, also where
/// a zone's clock falls back across midnight.
#[derive(Clone, Debug)]
pub struct DayClock {
    tz: Zone,
    day: NaiveDate,
    start: Millis,
    end: Millis,
}

impl DayClock {
    pub fn new(tz: Zone) -> DayClock {
        DayClock {
            tz,
            day: NaiveDate::MIN,
            start: 0,
            end: 0,
        }
    }

    /// The day of an instant; two comparisons while the input stays within one day.
    #[inline]
    pub fn day_of(&mut self, ms: Millis) -> NaiveDate {
        if ms < self.start || ms >= self.end {
            self.seek(ms);
        }
        self.day
    }

    #[cold]
    fn seek(&mut self, ms: Millis) {
        let following = |day: NaiveDate| day.succ_opt().unwrap_or(day);
        self.day = local_date(self.tz, ms);
        self.start = day_start(self.tz, self.day);
        self.end = day_start(self.tz, following(self.day));
        if ms >= self.end {
            // The wall shows yesterday's date again.
            self.day = following(self.day);
            self.start = self.end;
            self.end = day_start(self.tz, following(self.day));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::period::zone::zone;
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> Millis {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn instants_are_read_in_every_form_of_rfc_3339() {
        let cases = [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2025-09-01T00:00:00.000Z", 1_756_684_800_000),
            ("2025-09-01T00:00:00Z", 1_756_684_800_000),
            ("2025-09-01T02:00:00+02:00", 1_756_684_800_000),
            ("2025-09-01T00:00:00.000999Z", 1_756_684_800_000),
            ("2025-09-01T00:00:00.1Z", 1_756_684_800_100),
            ("2024-02-29T23:59:59.999Z", 1_709_251_199_999),
            ("1969-12-31T23:59:59.999Z", -1),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("0000-01-01T00:00:00.000Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_instant(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_none() {
        let refused = [
            "",
            "2025-09-01",
            "2025-09-01T00:00:00",
            "2025-02-29T00:00:00.000Z",
            "1900-02-29T00:00:00.000Z",
            "2025-13-01T00:00:00.000Z",
            "2025-00-01T00:00:00.000Z",
            "2025-09-00T00:00:00.000Z",
            "2025-09-31T00:00:00.000Z",
            "2025-09-01T24:00:00.000Z",
            "2025-09-01T00:60:00.000Z",
            "2025-09-01T00:00:61.000Z",
            "2025-09-01T00:00:00.000 ",
            "2025-09-01T00:00:00.-00Z",
            "2025/09/01T00:00:00.000Z",
            "+025-09-01T00:00:00.000Z",
            "２025-09-01T00:00:00.00Z",
        ];
        for text in refused {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    #[test]
    fn years_beyond_four_digits_are_written_with_their_sign() {
        assert_eq!(format_instant(253_402_300_800_000), "+010000-01-01T00:00:00.000Z");
        assert_eq!(format_instant(-62_167_219_200_001), "-000001-12-31T23:59:59.999Z");
        assert_eq!(instant_bytes(253_402_300_800_000), None);
    }

    #[test]
    fn a_day_begins_at_its_midnight_the_earlier_of_two_or_where_the_gap_ends() {
        let cases = [
            (Zone::UTC, "2025-09-01", "2025-09-01T00:00:00Z"),
            (zone("Europe/Prague"), "2025-09-01", "2025-08-31T22:00:00Z"),
            (zone("Europe/Prague"), "2025-10-26", "2025-10-25T22:00:00Z"),
            (zone("Europe/Prague"), "2025-10-27", "2025-10-26T23:00:00Z"),
            // Spring forward at midnight: 00:00 to 01:00 doesn't exist.
            (zone("America/Sao_Paulo"), "2018-11-03", "2018-11-03T03:00:00Z"),
            (zone("America/Sao_Paulo"), "2018-11-04", "2018-11-04T03:00:00Z"),
            (zone("America/Sao_Paulo"), "2018-11-05", "2018-11-05T02:00:00Z"),
            (zone("Asia/Beirut"), "2022-03-27", "2022-03-26T22:00:00Z"),
            (zone("Africa/Cairo"), "2023-04-28", "2023-04-27T22:00:00Z"),
            // Back from 24:00 to 23:00: midnight comes once, an hour later.
            (zone("Africa/Cairo"), "2023-10-27", "2023-10-26T22:00:00Z"),
            // Back from 01:00 to 00:00: two midnights.
            (zone("America/Havana"), "2024-11-03", "2024-11-03T04:00:00Z"),
            (zone("America/Havana"), "2024-11-04", "2024-11-04T05:00:00Z"),
            // Back from 00:01 to 23:01 of the day before: two midnights as well.
            (zone("America/Goose_Bay"), "2010-11-07", "2010-11-07T03:00:00Z"),
            // A day that never was.
            (zone("Pacific/Apia"), "2011-12-30", "2011-12-30T10:00:00Z"),
            (zone("Pacific/Apia"), "2011-12-31", "2011-12-30T10:00:00Z"),
        ];
        for (tz, day, expected) in cases {
            assert_eq!(
                format_instant(day_start(tz, date(day))),
                format_instant(instant(expected)),
                "{tz} {day}"
            );
        }
    }

    #[test]
    fn a_day_clock_knows_days_of_23_24_and_25_hours() {
        let cases = [
            (zone("Europe/Prague"), "2025-03-29T22:59:59.999Z", "2025-03-29"),
            (zone("Europe/Prague"), "2025-03-29T23:00:00Z", "2025-03-30"),
            (zone("Europe/Prague"), "2025-03-30T21:59:59.999Z", "2025-03-30"),
            (zone("Europe/Prague"), "2025-03-30T22:00:00Z", "2025-03-31"),
            (zone("Europe/Prague"), "2025-10-26T22:59:59.999Z", "2025-10-26"),
            (zone("America/Sao_Paulo"), "2018-11-04T02:59:59.999Z", "2018-11-03"),
            (zone("America/Sao_Paulo"), "2018-11-04T03:00:00Z", "2018-11-04"),
            (zone("Pacific/Apia"), "2011-12-30T09:59:59.999Z", "2011-12-29"),
            (zone("Pacific/Apia"), "2011-12-30T10:00:00Z", "2011-12-31"),
            // The wall shows the 6th again; the 7th has begun.
            (zone("America/Goose_Bay"), "2010-11-07T03:00:30Z", "2010-11-07"),
            (zone("America/Goose_Bay"), "2010-11-07T03:30:00Z", "2010-11-07"),
        ];
        for (tz, at, expected) in cases {
            assert_eq!(DayClock::new(tz).day_of(instant(at)), date(expected), "{tz} {at}");
        }
    }

    /// Zones with whole, half and quarter hours, and with changes at midnight, by a day, and none.
    fn zones() -> impl Strategy<Value = Zone> {
        proptest::sample::select(vec![
            Zone::UTC,
            zone("Europe/Prague"),
            zone("Europe/London"),
            zone("America/Sao_Paulo"),
            zone("America/Havana"),
            zone("America/St_Johns"),
            zone("America/Goose_Bay"),
            zone("America/Los_Angeles"),
            zone("Asia/Beirut"),
            zone("Asia/Kathmandu"),
            zone("Asia/Tehran"),
            zone("Africa/Cairo"),
            zone("Pacific/Apia"),
            zone("Pacific/Chatham"),
            zone("Australia/Lord_Howe"),
        ])
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(ms in -62_167_219_200_000..253_402_300_800_000_i64) {
            let text = format_instant(ms);
            prop_assert_eq!(parse_instant(&text), Some(ms));
            prop_assert_eq!(text.as_bytes(), instant_bytes(ms).unwrap());
            let chrono = DateTime::<Utc>::from_timestamp_millis(ms).unwrap();
            prop_assert_eq!(text, chrono.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        }

        #[test]
        fn the_fast_way_reads_what_chrono_reads(text in "[0-9]{4}-[0-3][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-5][0-9][.][0-9]{3}Z") {
            let chrono = DateTime::parse_from_rfc3339(&text).ok().map(|found| found.timestamp_millis());
            let fast = parse_exact(text.as_bytes());
            prop_assert!(fast.is_none() || fast == chrono);
            prop_assert_eq!(parse_instant(&text), chrono);
            prop_assert_eq!(fast.is_some(), chrono.is_some());
        }

        #[test]
        fn no_text_and_no_instant_makes_it_panic(text in "\\PC{0,30}", ms: i64, tz in zones()) {
            let _ = parse_instant(&text);
            let _ = format_instant(ms);
            let _ = local_time(tz, ms);
            let _ = DayClock::new(tz).day_of(ms);
        }

        #[test]
        fn days_tile_time(tz in zones(), days in 0..40_000_i64) {
            let day = NaiveDate::from_ymd_opt(1970, 1, 2).unwrap() + chrono::Days::new(days as u64);
            let (start, end) = (day_start(tz, day), day_start(tz, day.succ_opt().unwrap()));
            // Only Apia's 30 December 2011 has no hour at all.
            if tz == zone("Pacific/Apia") && day == date("2011-12-30") {
                prop_assert_eq!(start, end);
                return Ok(());
            }
            prop_assert!((22 * 3_600_000..=26 * 3_600_000).contains(&(end - start)), "{} ms", end - start);
            prop_assert_eq!(local_date(tz, start), day);
            prop_assert!(local_date(tz, start - 1) < day);
            let mut clock = DayClock::new(tz);
            for ms in [start, start + 1, (start + end) / 2, end - 1, start] {
                prop_assert_eq!(clock.day_of(ms), day);
            }
            prop_assert!(clock.day_of(end) > day);
            prop_assert!(clock.day_of(start - 1) < day);
        }

        #[test]
        fn a_day_clock_shows_what_the_wall_shows(tz in zones(), ms in 1_420_070_400_000..2_000_000_000_000_i64) {
            // Since 2015 no zone falls back across midnight but Cairo and Beirut, to 23:00, before the date changes.
            let wall = DateTime::<Utc>::from_timestamp_millis(ms).unwrap().with_timezone(&tz.offset(ms)).date_naive();
            prop_assert_eq!(DayClock::new(tz).day_of(ms), wall);
        }
    }

    #[test]
    fn the_usual_form_is_read_up_to_a_day_s_last_millisecond_and_of_digits_alone() {
        assert_eq!(parse_exact(b"2025-09-01T23:59:59.999Z"), Some(1_756_771_199_999));
        assert_eq!(parse_exact(b"2025-09-01T0::00:00.000Z"), None);
    }

    #[test]
    fn the_last_day_of_four_centuries_and_years_of_five_digits_are_written() {
        assert_eq!(format_instant(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(
            format_instant(253_402_300_800_000 + 45_296_789),
            "+010000-01-01T12:34:56.789Z"
        );
    }
}
