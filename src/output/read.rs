//! Rows back from an export's files: batches from Parquet, and from CSV what reports are made from. It trusts nothing: a
//! file that isn't what an export writes is an error, never a guess.

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::money::Usd;
use crate::period::parse_instant;
use crate::runs::chosen::Chosen;
use crate::runs::row::Row;
use crate::text::as_it_was;

/// Rows that are read at a time; also the size of every batch that is written.
pub const BATCH_ROWS: usize = 8192;

/// The columns that a Parquet file of runs has.
pub fn parquet_chosen(path: &Path) -> Result<Chosen, String> {
    Chosen::of_schema(builder(path)?.schema()).map_err(|problem| unreadable(path, problem))
}

/// The batches of a Parquet file.
pub fn parquet_batches(path: &Path) -> Result<impl Iterator<Item = Result<RecordBatch, String>> + use<>, String> {
    let reader = builder(path)?.build().map_err(|error| unreadable(path, error))?;
    let path = path.to_path_buf();
    Ok(reader.map(move |batch| batch.map_err(|error| unreadable(&path, error))))
}

/// The same with some columns alone, as far as it has them; they come in the order of the file.
pub fn parquet_columns(
    path: &Path,
    columns: &[&str],
) -> Result<impl Iterator<Item = Result<RecordBatch, String>> + use<>, String> {
    let builder = builder(path)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(mask).build();
    let reader = reader.map_err(|error| unreadable(path, error))?;
    let path = path.to_path_buf();
    Ok(reader.map(move |batch| batch.map_err(|error| unreadable(&path, error))))
}

fn builder(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, String> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(path, error))?;
    Chosen::of_schema(builder.schema()).map_err(|problem| unreadable(path, problem))?;
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
    /// Who started it.
    pub user_id: Option<String>,
    /// Its task.
    pub actor_task_id: Option<String>,
    /// Its status.
    pub status: String,
    /// How final its cost is.
    pub cost_state: String,
    /// Its Actor's name.
    pub act_name: Option<String>,
    /// Its task's name.
    pub actor_task_name: Option<String>,
}

impl CsvRun {
    /// The same as a row.
    pub fn row(&self) -> Row<'_> {
        Row {
            id: &self.key.id,
            act_id: &self.act_id,
            user_id: self.user_id.as_deref(),
            actor_task_id: self.actor_task_id.as_deref(),
            status: &self.status,
            started_at_ms: self.key.started_at_ms,
            usage: self.key.usage,
            cost_state: &self.cost_state,
            act_name: self.act_name.as_deref(),
            actor_task_name: self.actor_task_name.as_deref(),
        }
    }
}

/// An export's runs from its CSV file, in the order of the file.
pub fn csv_runs(path: &Path) -> Result<impl Iterator<Item = Result<CsvRun, String>>, String> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(|error| unreadable(path, error))?;
    let columns = Chosen::of_names(header).map_err(|problem| unreadable(path, problem))?;
    let path = path.to_path_buf();
    Ok(reader.into_records().map(move |record| {
        let record = record.map_err(|error| unreadable(&path, error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |name: &str| columns.position(name).and_then(|at| record.get(at)).unwrap_or_default();
        let text = |name: &str| Some(cell(name).to_string()).filter(|text| !text.is_empty());
        let third_party = |name: &str| text(name).map(|text| as_it_was(&text).to_string());
        let wrong = |name: &str| unreadable(&path, format!("line {line}: {name} makes no sense"));
        let usage = match cell("usage_total_usd") {
            "" => None,
            text => Some(Usd::parse_plain(text).ok_or_else(|| wrong("usage_total_usd"))?),
        };
        let started_at_ms = parse_instant(cell("started_at")).ok_or_else(|| wrong("started_at"))?;
        Ok(CsvRun {
            key: RunKey {
                started_at_ms,
                id: cell("id").into(),
                usage,
            },
            act_id: cell("act_id").into(),
            user_id: text("user_id"),
            actor_task_id: text("actor_task_id"),
            status: cell("status").into(),
            cost_state: cell("cost_state").into(),
            act_name: third_party("act_name"),
            actor_task_name: third_party("actor_task_name"),
        })
    }))
}

pub(super) fn unreadable(path: &Path, cause: impl std::fmt::Display) -> String {
    format!("cannot read {}: {cause}", path.display())
}
