//! A period's days as a chart has them: one by one, by weeks or by months, those without runs too. Pure dates; no figures.

use std::collections::HashMap;

use chrono::{Datelike, Days, NaiveDate};

/// Most bars that stand for a day, and most that stand for a week.
const MOST_DAYS: usize = 62;
const MOST_DAYS_IN_WEEKS: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Day,
    Week,
    Month,
}

impl Unit {
    pub fn noun(self) -> &'static str {
        match self {
            Unit::Day => "day",
            Unit::Week => "week (from Monday)",
            Unit::Month => "month",
        }
    }

    /// Also the column that files have it in.
    pub fn word(self) -> &'static str {
        match self {
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
        }
    }

    fn first(self, day: NaiveDate) -> NaiveDate {
        match self {
            Unit::Day => day,
            Unit::Week => {
                let since_monday = day.weekday().num_days_from_monday();
                day.checked_sub_days(Days::new(since_monday.into())).unwrap_or(day)
            }
            Unit::Month => day.with_day(1).unwrap_or(day),
        }
    }
}

#[derive(Debug)]
pub struct Buckets {
    pub unit: Unit,
    pub starts: Vec<NaiveDate>,
    place_of: HashMap<NaiveDate, usize>,
}

impl Buckets {
    pub fn of(days: &[NaiveDate]) -> Buckets {
        let unit = match days.len() {
            count if count <= MOST_DAYS => Unit::Day,
            count if count <= MOST_DAYS_IN_WEEKS => Unit::Week,
            _ => Unit::Month,
        };
        let mut starts: Vec<NaiveDate> = days.iter().map(|day| unit.first(*day)).collect();
        starts.dedup();
        let place_of = starts.iter().enumerate().map(|(at, start)| (*start, at)).collect();
        Buckets { unit, starts, place_of }
    }

    /// Where a day of the form `YYYY-MM-DD` belongs.
    pub fn place(&self, day: &str) -> Option<usize> {
        let day: NaiveDate = day.parse().ok()?;
        self.place_of.get(&self.unit.first(day)).copied()
    }

    pub fn name(&self, at: usize) -> String {
        self.formatted(at, "%Y-%m-%d", "%Y-%m")
    }

    /// For an axis.
    pub fn short_name(&self, at: usize) -> String {
        self.formatted(at, "%-d %b", "%b %Y")
    }

    fn formatted(&self, at: usize, of_day: &str, of_month: &str) -> String {
        let format = if self.unit == Unit::Month { of_month } else { of_day };
        self.starts[at].format(format).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(count: u64) -> Vec<NaiveDate> {
        let first = NaiveDate::from_ymd_opt(2025, 9, 3).unwrap();
        (0..count)
            .map(|at| first.checked_add_days(Days::new(at)).unwrap())
            .collect()
    }

    #[test]
    fn long_periods_are_put_together_by_weeks_and_months() {
        let cases = [
            (1, Unit::Day, 1),
            (62, Unit::Day, 62),
            (63, Unit::Week, 10),
            (401, Unit::Month, 14),
        ];
        for (count, unit, bars) in cases {
            let buckets = Buckets::of(&days(count));
            assert_eq!((buckets.unit, buckets.starts.len()), (unit, bars), "{count}");
        }
        let weeks = Buckets::of(&days(63));
        // 2025-09-01 is the Monday of the week with which the period begins.
        assert_eq!(
            (weeks.name(0), weeks.short_name(0)),
            ("2025-09-01".into(), "1 Sep".into())
        );
        assert_eq!(
            (
                weeks.place("2025-09-03"),
                weeks.place("2025-09-08"),
                weeks.place("2024-01-01")
            ),
            (Some(0), Some(1), None)
        );
        assert_eq!(Buckets::of(&days(401)).short_name(1), "Oct 2025");
    }
}
