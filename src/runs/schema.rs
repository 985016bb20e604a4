//! The one table of columns, from which Parquet, CSV and the documentation take names, types and order. Not the decoder:
//! how the API's JSON becomes these columns is `api::page`'s.

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
    /// A 64-bit integer without a unit.
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

const fn third_party(column: Column) -> Column {
    Column {
        third_party: true,
        ..column
    }
}

use Kind::{Instant, Integer, Text, Usd};
use Values::{Distinct, Repeated};

/// Every column, in the order of every file: the API's names in snake_case and its order with `meta` flattened, then ours.
pub const COLUMNS: [Column; 21] = [
    required(column("id", Text, Distinct, "the run's ID")),
    required(column("act_id", Text, Repeated, "the Actor's ID")),
    column("user_id", Text, Repeated, "who started it, in organisations"),
    column(
        "actor_task_id",
        Text,
        Repeated,
        "the task's ID; NULL for a run without a task",
    ),
    required(column(
        "status",
        Text,
        Repeated,
        "as the API spells it, such as `SUCCEEDED` or `TIMED-OUT`",
    )),
    required(column("started_at", Instant, Distinct, "when it started")),
    column("finished_at", Instant, Distinct, "when it finished; NULL while it runs"),
    column("build_id", Text, Repeated, "the build it ran"),
    column("build_number", Text, Repeated, "that build's number, such as `0.1.23`"),
    column(
        "build_number_int",
        Integer,
        Repeated,
        "that number as the API's integer",
    ),
    column(
        "meta_origin",
        Text,
        Repeated,
        "what started it, such as `SCHEDULER` or `API`",
    ),
    column("meta_client_ip", Text, Repeated, "the caller's address; personal data"),
    third_party(column(
        "meta_user_agent",
        Text,
        Repeated,
        "the caller's user agent; personal data",
    )),
    column("meta_schedule_id", Text, Repeated, "the schedule's ID"),
    column(
        "meta_scheduled_at",
        Instant,
        Repeated,
        "when the schedule meant it to start",
    ),
    column(
        "usage_total_usd",
        Usd,
        Repeated,
        "US dollars as Apify prices them when asked; NULL is unknown, never zero",
    ),
    column(
        "default_key_value_store_id",
        Text,
        Distinct,
        "its default key-value store",
    ),
    column("default_dataset_id", Text, Distinct, "its default dataset"),
    column("default_request_queue_id", Text, Distinct, "its default request queue"),
    required(column(
        "cost_state",
        Text,
        Repeated,
        "`settled`, `provisional` (may still move) or `unknown` (no cost)",
    )),
    third_party(column(
        "extra",
        Text,
        Repeated,
        "fields this version doesn't know, as compact JSON, numbers as they came",
    )),
];

/// Positions in [`COLUMNS`].
#[allow(missing_docs, reason = "each is the position of the column of that name")]
pub mod col {
    pub const ID: usize = 0;
    pub const ACT_ID: usize = 1;
    pub const ACTOR_TASK_ID: usize = 3;
    pub const STATUS: usize = 4;
    pub const STARTED_AT: usize = 5;
    pub const FINISHED_AT: usize = 6;
    pub const USAGE_TOTAL_USD: usize = 15;
    pub const COST_STATE: usize = 19;
    pub const EXTRA: usize = 20;
}

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
            Kind::Usd => DataType::Decimal128(USD_PRECISION, USD_SCALE),
            Kind::Integer => DataType::Int64,
        };
        Field::new(self.name, data_type, self.nullable)
    }
}

static SCHEMA: LazyLock<SchemaRef> =
    LazyLock::new(|| Arc::new(Schema::new(COLUMNS.iter().map(Column::field).collect::<Vec<_>>())));

static DECODED: LazyLock<SchemaRef> = LazyLock::new(|| {
    let decoded = COLUMNS.iter().enumerate().filter(|(at, _)| *at != col::COST_STATE);
    Arc::new(Schema::new(
        decoded.map(|(_, column)| column.field()).collect::<Vec<_>>(),
    ))
});

/// The Arrow schema of every row that is written.
pub fn schema() -> SchemaRef {
    SCHEMA.clone()
}

/// The same before `cost_state` is known, as a page is decoded: `extra` stands where `cost_state` will.
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
            (col::USAGE_TOTAL_USD, "usage_total_usd"),
            (col::COST_STATE, "cost_state"),
            (col::EXTRA, "extra"),
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
