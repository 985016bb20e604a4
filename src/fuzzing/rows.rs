//! Rows of an export as they are read back, from CSV and from Parquet.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::DataType;
use chrono::DateTime;
use parquet::arrow::ArrowWriter;

use super::amounts::units;
use super::has_place;
use crate::error::ReadError;
use crate::money::PRECISION;
use crate::output::csv::CsvRows;
use crate::output::parquet::writer_properties;
use crate::output::read::RowsFile;
use crate::output::shared_file::SharedFile;
use crate::period::{LAST_INSTANT, Millis};
use crate::runs::column_set::ColumnSet;
use crate::text::unescape_formula;

/// `0000-01-01T00:00:00.000Z`, the first instant that every output can write.
const FIRST_INSTANT: Millis = -62_167_219_200_000;

/// A `runs.csv`. The place of a refusal is the file, and the line where it is not the header that is refused.
pub fn runs_csv(bytes: &[u8]) {
    match read("runs.csv", bytes) {
        Ok(batches) => {
            cells_agree(bytes, &batches);
            batches.iter().for_each(come_back_from_csv);
            batches.iter().for_each(come_back_from_parquet);
        }
        Err(refusal) => {
            let refusal = refusal.to_string();
            has_place(&refusal, &["runs.csv"]);
            has_place(
                &refusal,
                &["line ", "line: ", "its columns are not the columns of an export"],
            );
            line_is_there(&refusal, bytes);
        }
    }
}

/// A `runs.parquet`. The place of a refusal is the file.
pub fn runs_parquet(bytes: &[u8]) {
    match read("runs.parquet", bytes) {
        Ok(batches) => {
            batches.iter().for_each(come_back_from_parquet);
            let is_written = |batch: &&RecordBatch| all_can_be_written(batch);
            batches.iter().filter(is_written).for_each(come_back_from_csv);
        }
        Err(refusal) => has_place(&refusal.to_string(), &["runs.parquet"]),
    }
}

/// Rows that are written to CSV are read back equal, but that an empty text is NULL.
pub(super) fn come_back_from_csv(rows: &RecordBatch) {
    let mut csv = Vec::new();
    let mut writer = CsvRows::new(&mut csv, columns_of(rows)).expect("memory takes it");
    writer.write(rows).expect("memory takes it");
    writer.finish().expect("memory takes it");
    let found = read("runs.csv", &csv).expect("what is written can be read");
    are_equal(&found, &without_empty_texts(rows));
}

fn come_back_from_parquet(rows: &RecordBatch) {
    let mut file = Vec::new();
    let properties = writer_properties(&columns_of(rows), false).build();
    let mut writer = ArrowWriter::try_new(&mut file, rows.schema(), Some(properties)).expect("memory takes it");
    writer.write(rows).expect("memory takes it");
    writer.close().expect("memory takes it");
    are_equal(&read("runs.parquet", &file).expect("what is written can be read"), rows);
}

fn are_equal(found: &[RecordBatch], rows: &RecordBatch) {
    let count: usize = found.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(count, rows.num_rows());
    let mut from = 0;
    for batch in found {
        for (at, found) in batch.columns().iter().enumerate() {
            let expected = rows.column(at).slice(from, batch.num_rows());
            assert_eq!(found.as_ref(), expected.as_ref(), "{}", rows.schema().field(at).name());
        }
        from += batch.num_rows();
    }
}

fn read(name: &str, bytes: &[u8]) -> Result<Vec<RecordBatch>, ReadError> {
    let mut file: File = tempfile::tempfile().expect("there is a folder for temporary files");
    file.write_all(bytes).expect("the file takes it");
    let file = SharedFile::new(file).expect("it has a size");
    RowsFile::new(PathBuf::from(name), file).batches(None)?.collect()
}

fn columns_of(rows: &RecordBatch) -> ColumnSet {
    ColumnSet::from_schema(&rows.schema()).expect("they have the columns of an export")
}

fn without_empty_texts(rows: &RecordBatch) -> RecordBatch {
    let schema = rows.schema();
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8 if field.is_nullable() => {
                let texts = column.as_string::<i32>().iter();
                Arc::new(
                    texts
                        .map(|text| text.filter(|text| !text.is_empty()))
                        .collect::<StringArray>(),
                )
            }
            _ => column.clone(),
        }
    });
    RecordBatch::try_new(rows.schema(), columns.collect()).expect("they are of the same types")
}

/// Each cell is what another reader of CSV sees, and its number or instant what the reference makes of it.
fn cells_agree(bytes: &[u8], batches: &[RecordBatch]) {
    let mut reader = csv::Reader::from_reader(bytes);
    let mut records = reader.records();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let record = records
                .next()
                .expect("there are as many records")
                .expect("they are read");
            for (column, cell) in batch.columns().iter().zip(record.iter()) {
                cell_agrees(column, row, cell);
            }
        }
    }
    assert!(records.next().is_none(), "records are left over");
}

fn cell_agrees(column: &ArrayRef, row: usize, cell: &str) {
    if column.is_null(row) {
        assert_eq!(cell, "");
        return;
    }
    match column.data_type() {
        DataType::Utf8 => {
            let text = column.as_string::<i32>().value(row);
            // Texts of other people may have an apostrophe, so that no spreadsheet runs them.
            assert!(
                cell == text || unescape_formula(cell) == text,
                "{cell:?} is read as {text:?}"
            );
        }
        DataType::Int64 => {
            let integer = column.as_primitive::<Int64Type>().value(row);
            assert_eq!(cell.parse().ok(), Some(integer));
        }
        DataType::Decimal128(..) => {
            let decimal = column.as_primitive::<Decimal128Type>().value(row);
            assert_eq!(units(cell), Some(Ok(decimal.to_string())), "{cell}");
        }
        _ => {
            let instant = column.as_primitive::<TimestampMillisecondType>().value(row);
            let expected = DateTime::parse_from_rfc3339(cell).map(|at| at.timestamp_millis());
            assert_eq!(expected.ok(), Some(instant), "{cell}");
        }
    }
}

/// Whether its instants and amounts are some that an export can have; whoever reads a Parquet file checks them row by row.
fn all_can_be_written(rows: &RecordBatch) -> bool {
    let limit = 10_u128.pow(PRECISION);
    let schema = rows.schema();
    let columns = rows.columns().iter().zip(schema.fields());
    columns.into_iter().all(|(column, field)| match column.data_type() {
        DataType::Decimal128(..) => {
            let mut amounts = column.as_primitive::<Decimal128Type>().iter().flatten();
            amounts.all(|units| units.unsigned_abs() < limit)
        }
        DataType::Timestamp(..) => {
            let mut instants = column.as_primitive::<TimestampMillisecondType>().iter().flatten();
            instants.all(|at| (FIRST_INSTANT..=LAST_INSTANT).contains(&at))
        }
        // Where NULL is not allowed, an empty text is one that a file of ours never has.
        DataType::Utf8 => {
            field.is_nullable() || column.as_string::<i32>().iter().flatten().all(|text| !text.is_empty())
        }
        _ => true,
    })
}

/// The line that a refusal names is one of the file's.
fn line_is_there(refusal: &str, bytes: &[u8]) {
    let Some((_, after)) = refusal.split_once("line ").or_else(|| refusal.split_once("line: ")) else {
        return;
    };
    let line = after
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|line| line.parse::<usize>().ok());
    let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(line.is_some_and(|line| (1..=lines).contains(&line)), "{refusal}");
}
