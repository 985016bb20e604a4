//! The billing period of a run: the account's billing cycle where it is known, else the calendar month in UTC. Pure.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime};

/// A billing period in seconds since the epoch, its end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BillingPeriod {
    pub(super) start_s: i64,
    pub(super) end_s: i64,
    pub(super) basis: PeriodBasis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeriodBasis {
    BillingCycle,
    /// In UTC.
    CalendarMonth,
}

impl PeriodBasis {
    pub(super) fn text(self) -> &'static str {
        match self {
            PeriodBasis::BillingCycle => "billing-cycle",
            PeriodBasis::CalendarMonth => "calendar-month",
        }
    }
}

/// Finds billing periods; keeps the last one, since runs come in order of time.
pub(super) struct BillingPeriods {
    /// Milliseconds since the epoch, the end excluded.
    cycle: Option<(i64, i64)>,
    last: Option<((i64, i64), BillingPeriod)>,
}

impl BillingPeriods {
    pub(super) fn new(cycle: Option<(i64, i64)>) -> BillingPeriods {
        BillingPeriods { cycle, last: None }
    }

    /// The period of a run by its start; `None` beyond the calendar.
    pub(super) fn period_of(&mut self, started_ms: i64) -> Option<BillingPeriod> {
        let holds_start = |(from_ms, to_ms): (i64, i64)| (from_ms..to_ms).contains(&started_ms);
        if let Some((_, period)) = self.last.filter(|(bounds, _)| holds_start(*bounds)) {
            return Some(period);
        }
        let (bounds, basis) = match self.cycle.filter(|cycle| holds_start(*cycle)) {
            Some(cycle) => (cycle, PeriodBasis::BillingCycle),
            None => (month_of(started_ms)?, PeriodBasis::CalendarMonth),
        };
        let period = BillingPeriod {
            start_s: bounds.0.div_euclid(1000),
            end_s: ceil_s(bounds.1),
            basis,
        };
        // A month that overlaps the cycle is not kept: the runs in the overlap belong to the cycle.
        let overlaps = self.cycle.is_some_and(|cycle| cycle.0 < bounds.1 && bounds.0 < cycle.1);
        if basis == PeriodBasis::BillingCycle || !overlaps {
            self.last = Some((bounds, period));
        }
        Some(period)
    }
}

/// Milliseconds to seconds, rounded up.
pub(super) fn ceil_s(ms: i64) -> i64 {
    ms.div_euclid(1000) + i64::from(ms.rem_euclid(1000) > 0)
}

/// The calendar month in UTC that holds an instant, in milliseconds since the epoch, its end excluded.
fn month_of(ms: i64) -> Option<(i64, i64)> {
    let date = DateTime::from_timestamp_millis(ms)?.date_naive();
    let first = NaiveDate::from_ymd_opt(date.year(), date.month(), 1)?;
    let next = first.checked_add_months(Months::new(1))?;
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    Some((midnight(first), midnight(next)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::parse_instant;

    fn ms(text: &str) -> i64 {
        parse_instant(text).unwrap()
    }

    fn period(cycle: Option<(&str, &str)>, started: &[&str]) -> Vec<(i64, i64, PeriodBasis)> {
        let mut periods = BillingPeriods::new(cycle.map(|(from, to)| (ms(from), ms(to))));
        let mut of = |text: &&str| periods.period_of(ms(text)).unwrap();
        let periods = started.iter().map(&mut of);
        periods
            .map(|period| (period.start_s, period.end_s, period.basis))
            .collect()
    }

    #[test]
    fn months_end_where_the_calendar_ends_them() {
        // From Python: calendar.timegm((year, month, 1, 0, 0, 0)).
        let edges = [
            "2023-12-31T23:59:59.999Z",
            "2024-02-29T12:00:00.000Z",
            "2025-02-28T23:59:59.999Z",
            "2025-03-01T00:00:00.000Z",
        ];
        let month = |from, to| (from, to, PeriodBasis::CalendarMonth);
        assert_eq!(
            period(None, &edges),
            [
                month(1_701_388_800, 1_704_067_200),
                month(1_706_745_600, 1_709_251_200),
                month(1_738_368_000, 1_740_787_200),
                month(1_740_787_200, 1_743_465_600),
            ]
        );
    }

    #[test]
    fn a_cycle_holds_what_starts_in_it_and_months_the_rest() {
        let cycle = ("2025-09-15T00:00:00.000Z", "2025-10-14T23:59:59.999Z");
        let started = [
            "2025-09-14T23:59:59.999Z",
            "2025-09-15T00:00:00.000Z",
            "2025-10-01T00:00:00.000Z",
            "2025-10-14T23:59:59.998Z",
            "2025-10-14T23:59:59.999Z",
            "2025-09-20T00:00:00.000Z",
        ];
        let in_cycle = (1_757_894_400, 1_760_486_400, PeriodBasis::BillingCycle);
        let september = (1_756_684_800, 1_759_276_800, PeriodBasis::CalendarMonth);
        let october = (1_759_276_800, 1_761_955_200, PeriodBasis::CalendarMonth);
        assert_eq!(
            period(Some(cycle), &started),
            [september, in_cycle, in_cycle, in_cycle, october, in_cycle]
        );
    }

    #[test]
    fn an_end_is_ceiled_also_before_the_epoch() {
        assert_eq!([0, 1, 999, 1000, -1, -1000, -1001].map(ceil_s), [0, 1, 1, 1, 0, -1, -1]);
    }
}
