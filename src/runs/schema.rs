//! The one table of columns, from which Parquet, CSV and the documentation take names, types and order. Not the decoder:
//! how the API's JSON becomes these columns is `api::page`'s; and not the choice of some of them, which is `column_set`'s.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::money;

/// What a column holds, with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// An instant: milliseconds since the epoch, UTC.
    Instant,
    /// US dollars, Decimal128(38,18).
    Usd,
    /// A number, Decimal128(38,18); its meaning says the unit.
    Decimal,
    /// A 64-bit integer; its meaning says the unit, if any.
    Integer,
}

/// How a column's values repeat, which decides its Parquet encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Nearly every row has its own.
    Distinct,
    /// Few values for many rows.
    Repeated,
}

/// One column of an export.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name in every file.
    pub name: &'static str,
    /// Type and unit.
    pub kind: Kind,
    /// Whether a row may lack it.
    pub nullable: bool,
    /// Whether it repeats.
    pub values: Values,
    /// Whether its text comes from third parties, so that a spreadsheet must be kept from running it.
    pub third_party: bool,
    /// What it says, for the documentation.
    pub meaning: &'static str,
}

const fn column(name: &'static str, kind: Kind, values: Values, meaning: &'static str) -> Column {
    Column {
        name,
        kind,
        nullable: true,
        values,
        third_party: false,
        meaning,
    }
}

const fn required(column: Column) -> Column {
    Column {
        nullable: false,
        ..column
    }
}

const fn foreign(column: Column) -> Column {
    Column {
        third_party: true,
        ..column
    }
}

use Kind::{Decimal, Instant, Integer, Text, Usd};
use Values::{Distinct, Repeated};

/// A meter of `usageUsd`.
const fn meter(name: &'static str, meaning: &'static str) -> Column {
    column(name, Usd, Repeated, meaning)
}

/// Every column, in the order of every file: the API's names in snake_case and its order with `meta` flattened, then ours,
/// then those of a run's detail (only with `--details all`), then names.
#[rustfmt::skip]
pub static COLUMNS: [Column; 43] = [
    required(column("id", Text, Distinct, "the run's ID")),
    required(column("act_id", Text, Repeated, "the Actor's ID")),
    column("user_id", Text, Repeated, "the ID of the user who started the run, in organisations"),
    column("actor_task_id", Text, Repeated, "the task's ID; NULL for a run without a task"),
    required(column("status", Text, Repeated, "as the API spells it, such as `SUCCEEDED` or `TIMED-OUT`")),
    required(column("started_at", Instant, Distinct, "when the run started")),
    column("finished_at", Instant, Distinct, "when the run ended; NULL while it is running"),
    column("build_id", Text, Repeated, "the ID of the Actor's build"),
    column("build_number", Text, Repeated, "the number of the build, such as `0.1.23`"),
    column("build_number_int", Integer, Repeated, "the same number as an integer, as the API gives it"),
    column("meta_origin", Text, Repeated, "what started the run, such as `SCHEDULER` or `API`"),
    column("meta_client_ip", Text, Repeated, "the caller's IP address; personal data"),
    foreign(column("meta_user_agent", Text, Repeated, "the caller's user agent; personal data")),
    column("meta_schedule_id", Text, Repeated, "the ID of the schedule that started the run"),
    column("meta_scheduled_at", Instant, Repeated, "when the schedule planned to start the run"),
    column("usage_total_usd", Usd, Repeated, "US dollars as Apify priced the run when queried; NULL is unknown, never zero"),
    column("default_key_value_store_id", Text, Distinct, "the ID of the run's default key-value store"),
    column("default_dataset_id", Text, Distinct, "the ID of the run's default dataset"),
    column("default_request_queue_id", Text, Distinct, "the ID of the run's default request queue"),
    required(column("cost_state", Text, Repeated, "`settled`, `provisional` (the cost may change) or `unknown` (no cost)")),
    foreign(column("extra", Text, Repeated, "fields that this version does not know, as compact JSON; numbers as the API sent them")),
    meter("usage_usd_actor_compute_units", "US dollars of compute units; NULL is unknown, never zero, as in all meters"),
    meter("usage_usd_dataset_reads", "US dollars of dataset reads"),
    meter("usage_usd_dataset_writes", "US dollars of dataset writes"),
    meter("usage_usd_key_value_store_reads", "US dollars of key-value store reads"),
    meter("usage_usd_key_value_store_writes", "US dollars of key-value store writes"),
    meter("usage_usd_key_value_store_lists", "US dollars of key-value store lists"),
    meter("usage_usd_request_queue_reads", "US dollars of request queue reads"),
    meter("usage_usd_request_queue_writes", "US dollars of request queue writes"),
    meter("usage_usd_data_transfer_internal_gbytes", "US dollars of data transfer within Apify"),
    meter("usage_usd_data_transfer_external_gbytes", "US dollars of data transfer to and from outside Apify"),
    meter("usage_usd_proxy_residential_transfer_gbytes", "US dollars of data transfer through residential proxies"),
    meter("usage_usd_proxy_serps", "US dollars of requests to the Google SERP proxy"),
    column("compute_units", Decimal, Repeated, "compute units: gigabytes of memory times hours"),
    column("memory_mbytes", Integer, Repeated, "memory of the run, in megabytes"),
    column("duration_millis", Integer, Distinct, "duration of the run, in milliseconds"),
    column("resurrect_count", Integer, Repeated, "how often the run was resurrected"),
    column("pricing_model", Text, Repeated, "how the Actor is priced, such as `PAY_PER_EVENT`; NULL: by usage only"),
    foreign(column("charged_event_counts", Text, Repeated, "charged events, as compact JSON: the count of each name")),
    column("max_total_charge_usd", Usd, Repeated, "US dollars at which the run is stopped; NULL: no limit"),
    foreign(column("act_name", Text, Repeated, "the Actor's current name, `username/name`; NULL if it is unknown")),
    foreign(column("actor_task_name", Text, Repeated, "the task's current name; NULL if it is unknown")),
    foreign(column("meta_schedule_name", Text, Repeated, "the schedule's current name; NULL if it is unknown")),
];

/// Positions in [`COLUMNS`].
#[allow(missing_docs, reason = "each is the position of the column of that name")]
pub mod col {
    pub const ID: usize = 0;
    pub const ACT_ID: usize = 1;
    pub const USER_ID: usize = 2;
    pub const ACTOR_TASK_ID: usize = 3;
    pub const STATUS: usize = 4;
    pub const STARTED_AT: usize = 5;
    pub const FINISHED_AT: usize = 6;
    pub const META_SCHEDULE_ID: usize = 13;
    pub const USAGE_TOTAL_USD: usize = 15;
    pub const COST_STATE: usize = 19;
    pub const EXTRA: usize = 20;
    pub const FIRST_METER: usize = 21;
    pub const COMPUTE_UNITS: usize = 33;
    pub const MEMORY_MBYTES: usize = 34;
    pub const DURATION_MILLIS: usize = 35;
    pub const RESURRECT_COUNT: usize = 36;
    pub const PRICING_MODEL: usize = 37;
    pub const CHARGED_EVENT_COUNTS: usize = 38;
    pub const MAX_TOTAL_CHARGE_USD: usize = 39;
    pub const ACT_NAME: usize = 40;
    pub const ACTOR_TASK_NAME: usize = 41;
    pub const META_SCHEDULE_NAME: usize = 42;
}

/// How many meters a run's usage is split into.
pub const METERS: usize = col::COMPUTE_UNITS - col::FIRST_METER;

/// Columns of personal data: a table has them only if it was asked to, and files that hold them are their owner's alone.
pub const PERSONAL: [&str; 2] = ["meta_client_ip", "meta_user_agent"];

/// The columns of a run's detail.
pub const DETAIL: std::ops::Range<usize> = col::FIRST_METER..col::ACT_NAME;

/// Digits of money, all and after the point.
pub const USD_PRECISION: u8 = money::PRECISION as u8;
/// See [`USD_PRECISION`].
pub const USD_SCALE: i8 = money::SCALE as i8;

impl Column {
    /// The column as an Arrow field.
    pub fn field(&self) -> Field {
        let data_type = match self.kind {
            Kind::Text => DataType::Utf8,
            Kind::Instant => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Kind::Usd | Kind::Decimal => DataType::Decimal128(USD_PRECISION, USD_SCALE),
            Kind::Integer => DataType::Int64,
        };
        Field::new(self.name, data_type, self.nullable)
    }

    /// The API's key of a meter in `usageUsd`, such as `DATASET_READS`; empty for any other column.
    pub fn meter_key(&self) -> String {
        self.name
            .strip_prefix("usage_usd_")
            .unwrap_or_default()
            .to_ascii_uppercase()
    }
}

static DECODED: LazyLock<SchemaRef> = LazyLock::new(|| {
    let decoded = (0..DETAIL.start).filter(|at| *at != col::COST_STATE);
    Arc::new(Schema::new(decoded.map(|at| COLUMNS[at].field()).collect::<Vec<_>>()))
});

/// The Arrow schema of a page as it is decoded: `extra` stands where `cost_state` will.
pub fn decoded_schema() -> SchemaRef {
    DECODED.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_name_the_columns_they_claim() {
        for (at, name) in [
            (col::ID, "id"),
            (col::ACT_ID, "act_id"),
            (col::ACTOR_TASK_ID, "actor_task_id"),
            (col::STATUS, "status"),
            (col::STARTED_AT, "started_at"),
            (col::FINISHED_AT, "finished_at"),
            (col::META_SCHEDULE_ID, "meta_schedule_id"),
            (col::USAGE_TOTAL_USD, "usage_total_usd"),
            (col::COST_STATE, "cost_state"),
            (col::EXTRA, "extra"),
            (col::USER_ID, "user_id"),
            (col::FIRST_METER, "usage_usd_actor_compute_units"),
            (col::COMPUTE_UNITS, "compute_units"),
            (col::MEMORY_MBYTES, "memory_mbytes"),
            (col::DURATION_MILLIS, "duration_millis"),
            (col::RESURRECT_COUNT, "resurrect_count"),
            (col::PRICING_MODEL, "pricing_model"),
            (col::CHARGED_EVENT_COUNTS, "charged_event_counts"),
            (col::MAX_TOTAL_CHARGE_USD, "max_total_charge_usd"),
            (col::ACT_NAME, "act_name"),
            (col::ACTOR_TASK_NAME, "actor_task_name"),
            (col::META_SCHEDULE_NAME, "meta_schedule_name"),
        ] {
            assert_eq!(COLUMNS[at].name, name);
        }
    }

    #[test]
    fn only_five_columns_are_never_null() {
        let never: Vec<_> = COLUMNS
            .iter()
            .filter(|column| !column.nullable)
            .map(|column| column.name)
            .collect();
        assert_eq!(never, ["id", "act_id", "status", "started_at", "cost_state"]);
    }
}
