//! Billing cycles: from the second of a month to the first of the next, UTC.

use chrono::{Datelike, Days, Months, NaiveDate};
use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::options::{DAY_MS, DEMO_NOW_MS};
use crate::period::{Millis, format_instant};

/// A cycle, its last millisecond included, as the API writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cycle {
    pub(super) start: Millis,
    pub(super) end: Millis,
}

impl Cycle {
    /// The one that holds a day.
    pub(super) fn holding(day: NaiveDate) -> Cycle {
        // The first of a month still belongs to the cycle of the month before.
        let start = (day - Days::new(1)).with_day(1).expect("every month has a first") + Days::new(1);
        Cycle {
            start: midnight(start),
            end: midnight(start + Months::new(1)) - 1,
        }
    }

    pub(super) fn current() -> Cycle {
        let now = chrono::DateTime::from_timestamp_millis(DEMO_NOW_MS).expect("the clock is a valid instant");
        Cycle::holding(now.date_naive())
    }

    pub(super) fn days(self) -> usize {
        ((self.end + 1 - self.start) / DAY_MS) as usize
    }

    /// How many of them have begun by an instant.
    pub(super) fn days_until(self, instant: Millis) -> usize {
        if instant < self.start { 0 } else { self.day(instant) + 1 }
    }

    /// Which of its days holds an instant; the first or the last for one outside.
    pub(super) fn day(self, instant: Millis) -> usize {
        ((instant.clamp(self.start, self.end) - self.start) / DAY_MS) as usize
    }
}

impl Serialize for Cycle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (start, end) = (format_instant(self.start), format_instant(self.end));
        IndexMap::from([("startAt", start), ("endAt", end)]).serialize(serializer)
    }
}

fn midnight(day: NaiveDate) -> Millis {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_begins_on_the_second() {
        for (day, start, end) in [
            ((2025, 9, 1), "2025-08-02T00:00:00.000Z", "2025-09-01T23:59:59.999Z"),
            ((2025, 9, 2), "2025-09-02T00:00:00.000Z", "2025-10-01T23:59:59.999Z"),
            ((2024, 3, 1), "2024-02-02T00:00:00.000Z", "2024-03-01T23:59:59.999Z"),
            ((2025, 1, 1), "2024-12-02T00:00:00.000Z", "2025-01-01T23:59:59.999Z"),
        ] {
            let cycle = Cycle::holding(NaiveDate::from_ymd_opt(day.0, day.1, day.2).unwrap());
            assert_eq!(
                (&*format_instant(cycle.start), &*format_instant(cycle.end)),
                (start, end)
            );
        }
        assert_eq!(format_instant(Cycle::current().start), "2025-10-02T00:00:00.000Z");
    }

    #[test]
    fn days_count_from_its_start_and_none_lies_outside() {
        let cycle = Cycle::current();
        assert_eq!(cycle.days(), 31);
        assert_eq!(
            (cycle.day(0), cycle.day(cycle.start + DAY_MS), cycle.day(i64::MAX)),
            (0, 1, 30)
        );
        assert_eq!((cycle.days_until(0), cycle.days_until(DEMO_NOW_MS)), (0, 2));
    }
}
