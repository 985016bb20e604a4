//! Which rows of a batch FOCUS can hold, and in which charge and billing period each lies. Pure; not how they are written.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime};

use crate::error::{Error, Result};

/// `0000-01-01T00:00:00Z` and `9999-12-31T23:59:59Z`: what FOCUS's date/time format can write.
const WRITABLE_S: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// The columns of a batch that decide, and those that stand in every file.
pub(super) struct Runs<'a> {
    pub(super) ids: &'a StringArray,
    pub(super) act_ids: &'a StringArray,
    pub(super) statuses: &'a StringArray,
    pub(super) states: &'a StringArray,
    pub(super) started: &'a TimestampMillisecondArray,
    pub(super) finished: &'a TimestampMillisecondArray,
    pub(super) costs: &'a Decimal128Array,
    batch: &'a RecordBatch,
}

impl<'a> Runs<'a> {
    /// Of a batch of an export's columns with `finished_at` among them.
    pub(super) fn of(batch: &'a RecordBatch) -> Runs<'a> {
        let needed = |name: &str| {
            let column = batch.column_by_name(name);
            column.expect("the export was found to have what FOCUS needs")
        };
        let text = |name: &str| needed(name).as_string::<i32>();
        let instants = |name: &str| needed(name).as_primitive::<TimestampMillisecondType>();
        Runs {
            ids: text("id"),
            act_ids: text("act_id"),
            statuses: text("status"),
            states: text("cost_state"),
            started: instants("started_at"),
            finished: instants("finished_at"),
            costs: needed("usage_total_usd").as_primitive::<Decimal128Type>(),
            batch,
        }
    }

    /// Text of a column that the export may lack.
    pub(super) fn text(&self, name: &str) -> Option<&'a StringArray> {
        self.batch.column_by_name(name).map(|column| column.as_string::<i32>())
    }
}

/// A cell of text that may be missing; FOCUS has no empty text ('Null Handling').
pub(super) fn text_at(column: Option<&StringArray>, row: usize) -> Option<&str> {
    let column = column.filter(|column| column.is_valid(row))?;
    Some(column.value(row)).filter(|text| !text.is_empty())
}

/// A billing period in seconds since the epoch, its end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BillingPeriod {
    pub(super) start_s: i64,
    pub(super) end_s: i64,
    pub(super) basis: Basis,
}

/// What a billing period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// The account's billing cycle.
    BillingCycle,
    /// The calendar month, in UTC.
    CalendarMonth,
}

impl Basis {
    pub(super) fn text(self) -> &'static str {
        match self {
            Basis::BillingCycle => "billing-cycle",
            Basis::CalendarMonth => "calendar-month",
        }
    }
}

/// A row that FOCUS can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// Its position in the batch.
    pub(super) row: usize,
    /// Its charge period in seconds since the epoch, the end excluded.
    pub(super) start_s: i64,
    pub(super) end_s: i64,
    pub(super) period: BillingPeriod,
}

/// Why FOCUS can't hold a row: there costs and both ends of the charge period may not be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Unknown,
    Unfinished,
    UnknownAndUnfinished,
}

impl Missing {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Missing::Unknown => "cost-unknown",
            Missing::Unfinished => "unfinished",
            Missing::UnknownAndUnfinished => "cost-unknown-and-unfinished",
        }
    }
}

/// Places rows; remembers the last billing period, since rows come in order of time.
pub(super) struct Placer {
    cycle: Option<(i64, i64)>,
    last: Option<((i64, i64), BillingPeriod)>,
}

impl Placer {
    /// With a billing cycle in milliseconds since the epoch, its end excluded, if one is known.
    pub(super) fn new(cycle: Option<(i64, i64)>) -> Placer {
        Placer { cycle, last: None }
    }

    /// Where a row belongs.
    pub(super) fn place(&mut self, runs: &Runs, row: usize) -> Result<std::result::Result<Placed, Missing>> {
        match (runs.costs.is_valid(row), runs.finished.is_valid(row)) {
            (true, true) => {}
            (false, true) => return Ok(Err(Missing::Unknown)),
            (true, false) => return Ok(Err(Missing::Unfinished)),
            (false, false) => return Ok(Err(Missing::UnknownAndUnfinished)),
        }
        let started_ms = runs.started.value(row);
        let start_s = started_ms.div_euclid(1000);
        let end_s = ceiled_s(runs.finished.value(row)).max(start_s + 1);
        let period = self.period_of(started_ms);
        let placed = period.map(|period| Placed {
            row,
            start_s,
            end_s,
            period,
        });
        let writable = |placed: &Placed| {
            WRITABLE_S.contains(&start_s) && WRITABLE_S.contains(&end_s) && WRITABLE_S.contains(&placed.period.end_s)
        };
        let placed = placed.filter(writable).ok_or_else(|| {
            let id = runs.ids.value(row);
            Error::Untrusted(format!(
                "run {id} lies outside the years 0 to 9999, which FOCUS can't write"
            ))
        })?;
        Ok(Ok(placed))
    }

    fn period_of(&mut self, started_ms: i64) -> Option<BillingPeriod> {
        if let Some(((from_ms, to_ms), period)) = self.last
            && (from_ms..to_ms).contains(&started_ms)
        {
            return Some(period);
        }
        let cycle = self
            .cycle
            .filter(|(from_ms, to_ms)| (*from_ms..*to_ms).contains(&started_ms));
        let (bounds, basis) = match cycle {
            Some(cycle) => (cycle, Basis::BillingCycle),
            None => (month_of(started_ms)?, Basis::CalendarMonth),
        };
        let period = BillingPeriod {
            start_s: bounds.0.div_euclid(1000),
            end_s: ceiled_s(bounds.1),
            basis,
        };
        // A month that the cycle cuts isn't remembered: a part of it belongs to the cycle.
        let cut = self.cycle.is_some_and(|cycle| cycle.0 < bounds.1 && bounds.0 < cycle.1);
        if basis == Basis::BillingCycle || !cut {
            self.last = Some((bounds, period));
        }
        Some(period)
    }
}

fn ceiled_s(ms: i64) -> i64 {
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

    fn period(cycle: Option<(&str, &str)>, started: &[&str]) -> Vec<(i64, i64, Basis)> {
        let mut placer = Placer::new(cycle.map(|(from, to)| (ms(from), ms(to))));
        let mut of = |text: &&str| placer.period_of(ms(text)).unwrap();
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
        let month = |from, to| (from, to, Basis::CalendarMonth);
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
        let in_cycle = (1_757_894_400, 1_760_486_400, Basis::BillingCycle);
        let september = (1_756_684_800, 1_759_276_800, Basis::CalendarMonth);
        let october = (1_759_276_800, 1_761_955_200, Basis::CalendarMonth);
        assert_eq!(
            period(Some(cycle), &started),
            [september, in_cycle, in_cycle, in_cycle, october, in_cycle]
        );
    }

    #[test]
    fn an_end_is_ceiled_also_before_the_epoch() {
        assert_eq!(
            [0, 1, 999, 1000, -1, -1000, -1001].map(ceiled_s),
            [0, 1, 1, 1, 0, -1, -1]
        );
    }
}
