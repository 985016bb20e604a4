//! Columns of batches, whoever wrote them: as the types that the table gives them, and by name.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{
    Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, new_null_array,
};
use arrow_schema::{DataType, FieldRef, SchemaRef, TimeUnit};

use crate::error::ReadError;
use crate::period::Millis;

/// The IDs of rows of the table or of an export.
pub(super) fn ids(rows: &RecordBatch) -> &StringArray {
    rows.column_by_name("id").expect("it is among the columns").as_string()
}

/// A column of instants of rows of the table, in microseconds.
pub(super) fn instants<'r>(rows: &'r RecordBatch, name: &str) -> &'r TimestampMicrosecondArray {
    rows.column_by_name(name)
        .expect("it is among the columns")
        .as_primitive()
}

/// Delta has microseconds, all else here milliseconds.
pub(super) fn to_ms(micros: i64) -> Millis {
    micros.div_euclid(1_000)
}

/// Rows of an export, which are in order, without those that started outside of `[from, to)`.
pub(super) fn slice_period(rows: &RecordBatch, (from, to): (Millis, Millis)) -> RecordBatch {
    let started = rows.column_by_name("started_at").expect("every export has it");
    let started = started.as_primitive::<TimestampMillisecondType>().values();
    let first = started.partition_point(|at| *at < from);
    let end = started.partition_point(|at| *at < to).max(first);
    rows.slice(first, end - first)
}

/// Rows as a file holds them, whoever wrote it, as rows of a schema: columns in order, missing ones NULL.
pub(super) fn with_schema(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ReadError> {
    let column = |field: &FieldRef| match rows.column_by_name(field.name()) {
        Some(column) => as_type(column, field.data_type()).ok_or_else(|| {
            let (name, data_type) = (field.name(), column.data_type());
            ReadError::new(format!("its column {name} has the unexpected type {data_type}"))
        }),
        None => Ok(new_null_array(field.data_type(), rows.num_rows())),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(ReadError::new)
}

/// The same values as another type; `None` where that isn't the same column in another engine's hand.
pub(super) fn as_type(column: &ArrayRef, wanted: &DataType) -> Option<ArrayRef> {
    if column.data_type() == wanted {
        return Some(column.clone());
    }
    match (column.data_type(), wanted) {
        (DataType::Timestamp(..), DataType::Timestamp(unit, _)) => in_unit(column, *unit),
        (DataType::LargeUtf8, DataType::Utf8) => {
            Some(Arc::new(column.as_string::<i64>().iter().collect::<StringArray>()))
        }
        (DataType::Utf8View, DataType::Utf8) => Some(Arc::new(column.as_string_view().iter().collect::<StringArray>())),
        (DataType::Int32, DataType::Int64) => {
            let values = column.as_primitive::<Int32Type>();
            Some(Arc::new(values.unary::<_, Int64Type>(i64::from)))
        }
        _ => None,
    }
}

/// Instants in milliseconds or microseconds, from any unit; Apify tells milliseconds, so nothing is lost.
fn in_unit(column: &ArrayRef, unit: TimeUnit) -> Option<ArrayRef> {
    let micros: TimestampMicrosecondArray = match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => column
            .as_primitive::<TimestampSecondType>()
            .unary(|at| at.saturating_mul(1_000_000)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => column
            .as_primitive::<TimestampMillisecondType>()
            .unary(|at| at.saturating_mul(1_000)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => column.as_primitive::<TimestampMicrosecondType>().clone(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => column
            .as_primitive::<TimestampNanosecondType>()
            .unary(|at| at.div_euclid(1_000)),
        _ => return None,
    };
    Some(match unit {
        TimeUnit::Millisecond => {
            let millis: TimestampMillisecondArray = micros.unary(to_ms);
            Arc::new(millis.with_timezone("UTC"))
        }
        TimeUnit::Microsecond => Arc::new(micros.with_timezone("UTC")),
        _ => return None,
    })
}
