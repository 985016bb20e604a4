//! A row of an export as reports and checks look at it, whether it comes from a batch or from a line of CSV.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};

use super::schema::col;
use crate::money::Usd;

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its ID.
    pub id: &'a str,
    /// Its Actor.
    pub act_id: &'a str,
    /// Its status.
    pub status: &'a str,
    /// When it started: milliseconds since the epoch.
    pub started_at_ms: i64,
    /// Its cost, where known.
    pub usage: Option<Usd>,
    /// How final that is.
    pub cost_state: &'a str,
}

/// The rows of a batch in the written schema.
pub fn rows_of(batch: &RecordBatch) -> impl Iterator<Item = Row<'_>> {
    let ids = batch.column(col::ID).as_string::<i32>();
    let act_ids = batch.column(col::ACT_ID).as_string::<i32>();
    let statuses = batch.column(col::STATUS).as_string::<i32>();
    let started = batch.column(col::STARTED_AT).as_primitive::<TimestampMillisecondType>();
    let usages = batch.column(col::USAGE_TOTAL_USD).as_primitive::<Decimal128Type>();
    let states = batch.column(col::COST_STATE).as_string::<i32>();
    (0..batch.num_rows()).map(move |row| Row {
        id: ids.value(row),
        act_id: act_ids.value(row),
        status: statuses.value(row),
        started_at_ms: started.value(row),
        usage: usages.is_valid(row).then(|| Usd(usages.value(row))),
        cost_state: states.value(row),
    })
}
