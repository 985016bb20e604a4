//! The charge of a row: its charge period in whole seconds, its billing period, and of how many runs it is. Pure; not how it
//! is written.

use crate::error::{Error, Result};
use crate::output::focus::billing_period::{BillingPeriod, ceil_s};
use crate::runs::row::Row;

/// `0000-01-01T00:00:00Z` to `9999-12-31T23:59:59Z`: what FOCUS's date/time format can express.
const EXPRESSIBLE_S: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

pub(super) const DAY_S: i64 = 86_400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    /// The charge period in seconds since the epoch, its end excluded: never empty.
    pub(super) start_s: i64,
    pub(super) end_s: i64,
    pub(super) period: BillingPeriod,
    /// How many runs it is of; one where it is of none.
    pub(super) runs: u64,
}

impl Charge {
    /// The charge of a run that has finished.
    ///
    /// # Errors
    /// [`Error::Untrusted`] where one of its instants lies outside the years 0 to 9999.
    pub(super) fn of_run(run: &Row, finished_ms: i64, period: Option<BillingPeriod>) -> Result<Charge> {
        let start_s = run.started_at_ms.div_euclid(1000);
        let end_s = ceil_s(finished_ms).max(start_s + 1);
        Charge::new(run, start_s, end_s, period)
    }

    /// The charge of a day in UTC, days being counted from the epoch; so far of no run.
    ///
    /// # Errors
    /// As of a run: that which is given is the one that is named.
    pub(super) fn of_day(run: &Row, day: i64, period: Option<BillingPeriod>) -> Result<Charge> {
        let charge = Charge::new(run, day * DAY_S, (day + 1) * DAY_S, period)?;
        Ok(Charge { runs: 0, ..charge })
    }

    /// The charge of what is not attributed to a run in `[start_s, end_s)`, seconds since the epoch.
    ///
    /// # Errors
    /// [`Error::Untrusted`] outside the years 0 to 9999.
    pub(super) fn of_rest(start_s: i64, end_s: i64, period: Option<BillingPeriod>) -> Result<Charge> {
        Charge::within(start_s, end_s, period).ok_or_else(|| {
            Error::Untrusted("a day of usage is outside the years 0 to 9999, so FOCUS cannot have it".into())
        })
    }

    fn new(run: &Row, start_s: i64, end_s: i64, period: Option<BillingPeriod>) -> Result<Charge> {
        Charge::within(start_s, end_s, period).ok_or_else(|| {
            Error::Untrusted(format!(
                "run {} is outside the years 0 to 9999, so FOCUS cannot have it",
                run.id
            ))
        })
    }

    fn within(start_s: i64, end_s: i64, period: Option<BillingPeriod>) -> Option<Charge> {
        let expressible = |period: &BillingPeriod| {
            let instants = [start_s, end_s, period.end_s];
            instants.iter().all(|s| EXPRESSIBLE_S.contains(s))
        };
        period.filter(expressible).map(|period| Charge {
            start_s,
            end_s,
            period,
            runs: 1,
        })
    }
}
