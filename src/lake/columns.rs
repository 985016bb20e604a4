//! The lake's columns: those of an export, `queried_at` and `started_on`, and the partition's `started_month`. Rows of an
//! export become rows of the table here; which rows go where is not known here.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{ArrayRef, Date32Array, RecordBatch, TimestampMicrosecondArray, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use deltalake_core::kernel::{DataType as DeltaType, PrimitiveType, StructField, StructType};

use crate::error::ReadError;
use crate::lake::batch_columns::as_type;
use crate::period::{DAY_MS, Millis, format_instant};
use crate::runs::column_set::ColumnSet;
use crate::runs::schema::{COLUMNS, Column, Kind, PERSONAL, USD_PRECISION, USD_SCALE};

/// When a row's values last changed, by the start of the sync that saw it.
pub const QUERIED_AT: &str = "queried_at";
/// The UTC day on which a run started.
pub const STARTED_ON: &str = "started_on";
/// The UTC month in which a run started, such as `2025-09`: what the table is partitioned by.
pub const STARTED_MONTH: &str = "started_month";

/// Which columns a table has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeColumns(ColumnSet);

impl LakeColumns {
    /// All of an export with details; the caller's address and user agent only if `personal`.
    pub fn all(personal: bool) -> LakeColumns {
        let except = PERSONAL.iter().filter(|_| !personal);
        let except: Vec<String> = except.map(|name| name.to_string()).collect();
        LakeColumns(ColumnSet::from_args(&[], &except, true).expect("personal data is nothing that reports need"))
    }

    /// Those of a table of ours, by its columns' names; the error names one that this version doesn't know.
    pub fn of_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<LakeColumns, ReadError> {
        let mut known = Vec::new();
        for name in names {
            if [QUERIED_AT, STARTED_ON, STARTED_MONTH].contains(&name) {
                continue;
            }
            let position = COLUMNS.iter().position(|column| column.name == name);
            known
                .push(position.ok_or_else(|| ReadError::new(format!("this version does not know its column {name}")))?);
        }
        known.sort_unstable();
        let chosen = ColumnSet::from_names(known.into_iter().map(|at| COLUMNS[at].name));
        chosen.map(LakeColumns)
    }

    /// The columns of an export among them.
    pub fn chosen(&self) -> &ColumnSet {
        &self.0
    }

    /// These and all that this version would give a new table.
    pub fn brought_up_to_date(&self, personal: bool) -> LakeColumns {
        LakeColumns::all(personal || self.0.has_personal())
    }

    /// Rows of the table as its files hold them: without the partition's column.
    pub fn schema(&self) -> SchemaRef {
        let fields = self.0.columns().map(field);
        let own = [
            Field::new(QUERIED_AT, micros(), false),
            Field::new(STARTED_ON, DataType::Date32, false),
        ];
        Arc::new(Schema::new(fields.chain(own).collect::<Vec<_>>()))
    }

    /// The same as Delta's log has it, with the partition's column.
    pub fn delta_schema(&self) -> StructType {
        let own = [
            StructField::not_null(QUERIED_AT, DeltaType::TIMESTAMP),
            StructField::not_null(STARTED_ON, DeltaType::DATE),
            StructField::not_null(STARTED_MONTH, DeltaType::STRING),
        ];
        let fields = self.0.columns().map(|column| {
            let data_type = match column.kind {
                Kind::Text => DeltaType::STRING,
                Kind::Instant => DeltaType::TIMESTAMP,
                Kind::Integer => DeltaType::LONG,
                Kind::Usd | Kind::Decimal => DeltaType::Primitive(
                    PrimitiveType::decimal(USD_PRECISION, USD_SCALE as u8)
                        .expect("its digits are within Delta's bounds"),
                ),
            };
            StructField::new(column.name, data_type, column.nullable)
        });
        StructType::try_new(fields.chain(own)).expect("the columns' names differ")
    }

    /// Rows of an export as rows of the table, last changed now. Columns that the export lacks are NULL.
    pub fn to_lake(&self, rows: &RecordBatch, queried_at_ms: Millis) -> RecordBatch {
        let mut columns: Vec<ArrayRef> = self.0.columns().map(|column| of_export(rows, column)).collect();
        let started = rows.column_by_name("started_at").expect("every export has it");
        let started = started.as_primitive::<TimestampMillisecondType>().values();
        let days = started.iter().map(|at| at.div_euclid(DAY_MS) as i32);
        let queried = TimestampMicrosecondArray::from_value(queried_at_ms * 1000, rows.num_rows());
        columns.push(Arc::new(queried.with_timezone("UTC")));
        columns.push(Arc::new(Date32Array::from_iter_values(days)));
        RecordBatch::try_new(self.schema(), columns).expect("each column was made of its type")
    }

    /// The schema of some columns alone.
    pub(super) fn schema_of(&self, only: Option<&[&str]>) -> SchemaRef {
        let schema = self.schema();
        let Some(only) = only else {
            return schema;
        };
        let fields = schema.fields().iter();
        let fields = fields.filter(|field| only.contains(&field.name().as_str()));
        Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
    }
}

/// The month of an instant, such as `2025-09`.
pub fn month_of(at: Millis) -> String {
    format_instant(at).chars().take(7).collect()
}

fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn field(column: &Column) -> Field {
    let field = column.field();
    match column.kind {
        Kind::Instant => field.with_data_type(micros()),
        _ => field,
    }
}

fn of_export(rows: &RecordBatch, column: &Column) -> ArrayRef {
    let data_type = field(column).data_type().clone();
    match rows.column_by_name(column.name) {
        Some(values) => as_type(values, &data_type).expect("an export's instants are milliseconds, all else is alike"),
        None => new_null_array(&data_type, rows.num_rows()),
    }
}
