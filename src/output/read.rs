//! Rows back from an export's files: whole batches from Parquet, and from CSV what identifies a run. It trusts nothing: a
//! file that isn't what an export writes is an error, never a guess.

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::money::Usd;
use crate::period::parse_instant;
use crate::runs::row::Row;
use crate::runs::schema::{COLUMNS, col, schema};

/// Rows that are read at a time; also the size of every batch that is written.
pub const BATCH_ROWS: usize = 8192;

/// The batches of a Parquet file.
pub fn parquet_batches(path: &Path) -> Result<impl Iterator<Item = Result<RecordBatch, String>>, String> {
    let reader = builder(path)?.build().map_err(|error| unreadable(path, error))?;
    Ok(reader.map(move |batch| batch.map_err(|error| unreadable(path, error))))
}

/// The same with some columns alone, by their positions, ascending.
pub fn parquet_columns(
    path: &Path,
    columns: &[usize],
) -> Result<impl Iterator<Item = Result<RecordBatch, String>>, String> {
    let builder = builder(path)?;
    let mask = ProjectionMask::leaves(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(mask).build();
    let reader = reader.map_err(|error| unreadable(path, error))?;
    Ok(reader.map(move |batch| batch.map_err(|error| unreadable(path, error))))
}

fn builder(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, String> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(path, error))?;
    let found = builder.schema();
    let same = found.fields().len() == COLUMNS.len()
        && found
            .fields()
            .iter()
            .zip(schema().fields())
            .all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type());
    if !same {
        return Err(unreadable(path, "its columns are not those of an export"));
    }
    Ok(builder.with_batch_size(BATCH_ROWS))
}

/// What identifies a run, and its cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunKey {
    /// When it started: milliseconds since the epoch.
    pub started_at_ms: i64,
    /// Its ID.
    pub id: String,
    /// Its cost, where known.
    pub usage: Option<Usd>,
}

/// A run of a CSV file, as far as it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvRun {
    /// What identifies it, and its cost.
    pub key: RunKey,
    /// Its Actor.
    pub act_id: String,
    /// Its status.
    pub status: String,
    /// How final its cost is.
    pub cost_state: String,
}

impl CsvRun {
    /// The same as a row.
    pub fn row(&self) -> Row<'_> {
        Row {
            id: &self.key.id,
            act_id: &self.act_id,
            status: &self.status,
            started_at_ms: self.key.started_at_ms,
            usage: self.key.usage,
            cost_state: &self.cost_state,
        }
    }
}

/// An export's runs from its CSV file, in the order of the file.
pub fn csv_runs(path: &Path) -> Result<impl Iterator<Item = Result<CsvRun, String>>, String> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(|error| unreadable(path, error))?;
    if !header.iter().eq(COLUMNS.iter().map(|column| column.name)) {
        return Err(unreadable(path, "its columns are not those of an export"));
    }
    let path = path.to_path_buf();
    Ok(reader.into_records().map(move |record| {
        let record = record.map_err(|error| unreadable(&path, error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |column: usize| unreadable(&path, format!("line {line}: {} makes no sense", COLUMNS[column].name));
        let usage = match &record[col::USAGE_TOTAL_USD] {
            "" => None,
            text => Some(Usd::parse_plain(text).ok_or_else(|| wrong(col::USAGE_TOTAL_USD))?),
        };
        let started_at_ms = parse_instant(&record[col::STARTED_AT]).ok_or_else(|| wrong(col::STARTED_AT))?;
        Ok(CsvRun {
            key: RunKey {
                started_at_ms,
                id: record[col::ID].into(),
                usage,
            },
            act_id: record[col::ACT_ID].into(),
            status: record[col::STATUS].into(),
            cost_state: record[col::COST_STATE].into(),
        })
    }))
}

pub(super) fn unreadable(path: &Path, cause: impl std::fmt::Display) -> String {
    format!("cannot read {}: {cause}", path.display())
}
