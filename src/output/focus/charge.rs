//! The charge of a run: its charge period in whole seconds, and its billing period. Pure; not how it is written.

use crate::error::{Error, Result};
use crate::output::focus::billing_period::{BillingPeriod, BillingPeriods, ceil_s};
use crate::runs::row::Row;

/// `0000-01-01T00:00:00Z` to `9999-12-31T23:59:59Z`: what FOCUS's date/time format can express.
const EXPRESSIBLE_S: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    /// The run's position in its batch.
    pub(super) row: usize,
    /// The charge period in seconds since the epoch, its end excluded: never empty.
    pub(super) start_s: i64,
    pub(super) end_s: i64,
    pub(super) period: BillingPeriod,
}

impl Charge {
    /// The charge of a run that has finished.
    ///
    /// # Errors
    /// [`Error::Untrusted`] where one of its instants lies outside the years 0 to 9999.
    pub(super) fn new(row: usize, run: &Row, finished_ms: i64, periods: &mut BillingPeriods) -> Result<Charge> {
        let start_s = run.started_at_ms.div_euclid(1000);
        let end_s = ceil_s(finished_ms).max(start_s + 1);
        let period = periods.period_of(run.started_at_ms);
        period
            .filter(|period| [start_s, end_s, period.end_s].iter().all(|s| EXPRESSIBLE_S.contains(s)))
            .map(|period| Charge {
                row,
                start_s,
                end_s,
                period,
            })
            .ok_or_else(|| {
                Error::Untrusted(format!(
                    "run {} is outside the years 0 to 9999, so FOCUS cannot have it",
                    run.id
                ))
            })
    }
}
