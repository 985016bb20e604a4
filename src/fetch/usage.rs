//! The billing cycles that touch a period: a calendar month touches two.

use chrono::{DateTime, NaiveDate};

use crate::api::client::ApiClient;
use crate::api::usage::MonthlyUsage;
use crate::error::{Error, Result};
use crate::period::{DAY_MS, Millis};

/// Most cycles that are asked for: more than Apify is old.
const MAX_CYCLES: usize = 600;

/// Reads the usage of every billing cycle that has a part in `[from, to)`, in order. A cycle's end is known when it has been read,
/// so they are asked for one after the other.
pub async fn read_cycles(api: &ApiClient, (from, to): (Millis, Millis)) -> Result<Vec<MonthlyUsage>> {
    let mut cycles: Vec<MonthlyUsage> = Vec::new();
    let mut at = from;
    while at < to && cycles.len() < MAX_CYCLES {
        let cycle = api.monthly_usage(utc_day(at)?).await?;
        // A cycle that ends within a day must not be asked for twice.
        at = cycle.to_ms.max(at.div_euclid(DAY_MS) * DAY_MS + DAY_MS);
        cycles.push(cycle);
    }
    Ok(cycles)
}

/// The day of an instant in UTC.
pub fn utc_day(ms: Millis) -> Result<NaiveDate> {
    let at = DateTime::from_timestamp_millis(ms);
    at.map(|at| at.date_naive())
        .ok_or_else(|| Error::Untrusted("a billing cycle begins outside the calendar".into()))
}
