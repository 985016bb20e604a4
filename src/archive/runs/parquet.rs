//! Runs from a Parquet file: the columns that are needed, by name, batch by batch.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::archive::runs::{
    ACT_ID, ACT_NAME, COST_STATE, FINISHED_AT, ID, KEY, OPTIONAL, RUN, STARTED_AT, STATUS, USAGE,
};
use crate::money::Usd;
use crate::output::read::{BATCH_ROWS, RowsFile};
use crate::runs::pairing::Reading;
use crate::runs::run::{Key, Run};
use crate::runs::schema::{USD_PRECISION, USD_SCALE};

/// A file's runs.
pub fn runs<'r>(file: RowsFile) -> Reading<'r, Run> {
    read(file, &RUN, runs_of_batch)
}

/// Where they stand.
pub fn keys<'r>(file: RowsFile) -> Reading<'r, Key> {
    read(file, &KEY, keys_of_batch)
}

fn read<'r, T: 'r>(
    file: RowsFile,
    columns: &'static [&'static str],
    of: fn(&RecordBatch) -> Result<Vec<T>, String>,
) -> Reading<'r, T> {
    let batches = match reader(&file, columns) {
        Ok(batches) => batches,
        Err(error) => return Box::new(std::iter::once(Err(error))),
    };
    let items = batches.flat_map(move |batch| {
        let items = batch.map_err(|error| error.to_string()).and_then(|batch| of(&batch));
        match items.map_err(|error| file.unreadable(error)) {
            Ok(items) => items.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    });
    Box::new(items)
}

/// A column's type, as every version of an export has it.
fn data_type(column: &str) -> DataType {
    match column {
        STARTED_AT | FINISHED_AT => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        USAGE => DataType::Decimal128(USD_PRECISION, USD_SCALE),
        _ => DataType::Utf8,
    }
}

/// Reads those of the columns that are there.
fn reader(file: &RowsFile, columns: &[&str]) -> Result<ParquetRecordBatchReader, String> {
    let failed = |error: parquet::errors::ParquetError| file.unreadable(error);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.file().clone()).map_err(failed)?;
    let mut roots = Vec::with_capacity(columns.len());
    for name in columns {
        match builder.schema().column_with_name(name) {
            Some((at, field)) if *field.data_type() == data_type(name) => roots.push(at),
            Some((_, field)) => {
                let problem = format!("its column {name} is of type {}, not an export's", field.data_type());
                return Err(file.unreadable(problem));
            }
            None if OPTIONAL.contains(name) => {}
            None => return Err(file.unreadable(format!("it has no column {name}"))),
        }
    }
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(failed)
}

/// A column that is never null.
fn filled<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b dyn Array, String> {
    let column = batch.column_by_name(name).ok_or("a column got lost")?;
    if column.null_count() > 0 {
        return Err(format!("its column {name} has empty values"));
    }
    Ok(column.as_ref())
}

fn text<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b StringArray, String> {
    Ok(filled(batch, name)?.as_string::<i32>())
}

/// Where the runs of a batch stand.
pub fn keys_of_batch(batch: &RecordBatch) -> Result<Vec<Key>, String> {
    let ids = text(batch, ID)?;
    let started = filled(batch, STARTED_AT)?.as_primitive::<TimestampMillisecondType>();
    let key = |row| Key {
        started_at_ms: started.value(row),
        id: ids.value(row).into(),
    };
    Ok((0..batch.num_rows()).map(key).collect())
}

/// The runs of a batch.
pub fn runs_of_batch(batch: &RecordBatch) -> Result<Vec<Run>, String> {
    let (ids, act_ids) = (text(batch, ID)?, text(batch, ACT_ID)?);
    let (statuses, cost_states) = (text(batch, STATUS)?, text(batch, COST_STATE)?);
    let started = filled(batch, STARTED_AT)?.as_primitive::<TimestampMillisecondType>();
    let usages = batch.column_by_name(USAGE).ok_or("a column got lost")?;
    let usages: &Decimal128Array = usages.as_primitive::<Decimal128Type>();
    let names: Option<&StringArray> = batch.column_by_name(ACT_NAME).map(|column| column.as_string::<i32>());
    let finished: Option<&TimestampMillisecondArray> =
        batch.column_by_name(FINISHED_AT).map(|column| column.as_primitive());
    let run = |row| Run {
        id: ids.value(row).into(),
        act_id: act_ids.value(row).into(),
        act_name: names
            .filter(|names| names.is_valid(row))
            .map(|names| names.value(row).into()),
        status: statuses.value(row).into(),
        started_at_ms: started.value(row),
        finished_at_ms: finished.map(|finished| finished.is_valid(row).then(|| finished.value(row))),
        usage: usages.is_valid(row).then(|| Usd(usages.value(row))),
        cost_state: cost_states.value(row).into(),
    };
    Ok((0..batch.num_rows()).map(run).collect())
}
