//! Where other rules of a time zone place the days of a period elsewhere. Whose rules they are is not known here.

use chrono::NaiveDate;

use super::instant::day_start;
use super::zone::Zone;
use super::{Millis, Period};

/// A day that begins elsewhere by other rules.
#[derive(Debug, PartialEq, Eq)]
pub struct MovedDay {
    pub day: NaiveDate,
    /// Its first instant by the rules of the period.
    pub here: Millis,
    /// The same by the others.
    pub there: Millis,
}

impl Period {
    /// The first day of which other rules of its time zone place the beginning elsewhere, where that is an end of the period or
    /// within it.
    pub fn first_moved_day(&self, other: Zone) -> Option<MovedDay> {
        let days = self.days();
        let beyond = days.last().and_then(|last| last.succ_opt());
        let moved = |day: NaiveDate| {
            let (here, there) = (day_start(self.timezone, day), day_start(other, day));
            let is_within = |ms: Millis| self.from < ms && ms < self.to;
            let counts = here == self.from || here == self.to || is_within(here) || is_within(there);
            (counts && here != there).then_some(MovedDay { day, here, there })
        };
        days.into_iter().chain(beyond).find_map(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::parse_instant;
    use crate::period::zone::zone;

    /// A zone that is always so many hours ahead of UTC: a file of version 1 without changes.
    fn fixed(hours: i32) -> Vec<u8> {
        let mut file = b"TZif".to_vec();
        file.extend([0; 16]);
        for count in [0, 0, 0, 0, 1, 4_u32] {
            file.extend(count.to_be_bytes());
        }
        file.extend((hours * 3600).to_be_bytes());
        file.extend([0, 0]);
        file.extend(b"XYZ\0");
        file
    }

    #[test]
    fn days_that_other_rules_move_count_where_they_are_ends_of_the_period_or_within() {
        // In winter clocks in Prague are an hour ahead.
        let prague = zone("Europe/Prague");
        let (same, other) = (
            prague.with_rules(&fixed(1)).unwrap(),
            prague.with_rules(&fixed(2)).unwrap(),
        );
        let at = |text: &str| parse_instant(text).unwrap();
        let period = |from: &str, to: &str| Period {
            from: at(from),
            to: at(to),
            requested_to: at(to),
            timezone: prague,
        };
        let january = period("2024-12-31T23:00:00Z", "2025-01-31T23:00:00Z");
        assert_eq!(january.first_moved_day(same), None);
        let first = MovedDay {
            day: "2025-01-01".parse().unwrap(),
            here: january.from,
            there: january.from - 3_600_000,
        };
        assert_eq!(january.first_moved_day(other), Some(first));
        let hours = period("2025-01-01T08:00:00Z", "2025-01-01T12:00:00Z");
        assert_eq!(hours.first_moved_day(other), None);
        let night = period("2025-01-01T21:00:00Z", "2025-01-01T22:30:00Z");
        assert_eq!(night.first_moved_day(other).unwrap().day.to_string(), "2025-01-02");
        assert_eq!(prague.with_rules(b"TZif"), None);
    }

    #[test]
    fn a_day_counts_by_either_rules_and_not_where_it_begins_at_an_end_by_the_others_alone() {
        let prague = zone("Europe/Prague");
        let rules = |hours| prague.with_rules(&fixed(hours)).unwrap();
        let at = |text: &str| parse_instant(text).unwrap();
        let period = |from: &str, to: &str| Period {
            from: at(from),
            to: at(to),
            requested_to: at(to),
            timezone: prague,
        };
        // 2 January begins at 23:00 here, and at midnight or at 22:00 by the others.
        let after = period("2025-01-02T00:00:00Z", "2025-01-02T12:00:00Z");
        assert_eq!(after.first_moved_day(rules(0)), None);
        let before = period("2025-01-01T12:00:00Z", "2025-01-01T22:00:00Z");
        assert_eq!(before.first_moved_day(rules(2)), None);
        let within = period("2025-01-01T22:30:00Z", "2025-01-02T12:00:00Z");
        let moved = within.first_moved_day(rules(2)).unwrap();
        assert_eq!(moved.day.to_string(), "2025-01-02");
    }
}
