//! Rows back from an export's files in batches, from Parquet or from CSV. It trusts nothing: a file that isn't what an export
//! writes is an error, never a guess.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Decimal128Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use csv::StringRecord;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::money::Usd;
use crate::output::random_access::SharedFile;
use crate::period::parse_instant;
use crate::runs::column_set::Chosen;
use crate::runs::schema::{Column, Kind};
use crate::text::unescape_formula;

/// Rows that are read at a time; also the size of every batch that is written.
pub const BATCH_ROWS: usize = 8192;

/// A file of rows that is open, and its path as messages name it.
#[derive(Debug, Clone)]
pub struct RowsFile {
    path: PathBuf,
    file: SharedFile,
}

impl RowsFile {
    /// The one at a path.
    pub fn open(path: &Path) -> Result<RowsFile, String> {
        let file = File::open(path).and_then(SharedFile::of);
        Ok(RowsFile {
            file: file.map_err(|error| unreadable(path, error))?,
            path: path.to_path_buf(),
        })
    }

    /// One that was opened.
    pub fn of(path: PathBuf, file: SharedFile) -> RowsFile {
        RowsFile { path, file }
    }

    /// Its bytes.
    pub fn file(&self) -> &SharedFile {
        &self.file
    }

    /// The columns that a Parquet file of runs has.
    pub fn parquet_chosen(&self) -> Result<Chosen, String> {
        Chosen::of_schema(self.builder()?.schema()).map_err(|problem| self.unreadable(problem))
    }

    /// The batches of a Parquet file.
    pub fn parquet_batches(&self) -> Result<impl Iterator<Item = Result<RecordBatch, String>> + use<>, String> {
        let reader = self.builder()?.build().map_err(|error| self.unreadable(error))?;
        let file = self.clone();
        Ok(reader.map(move |batch| batch.map_err(|error| file.unreadable(error))))
    }

    /// The same with some columns alone, as far as it has them; they come in the order of the file.
    pub fn parquet_columns(
        &self,
        columns: &[&str],
    ) -> Result<impl Iterator<Item = Result<RecordBatch, String>> + use<>, String> {
        let builder = self.builder()?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        let reader = builder.with_projection(mask).build();
        let reader = reader.map_err(|error| self.unreadable(error))?;
        let file = self.clone();
        Ok(reader.map(move |batch| batch.map_err(|error| file.unreadable(error))))
    }

    fn builder(&self) -> Result<ParquetRecordBatchReaderBuilder<SharedFile>, String> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(self.file.clone());
        let builder = builder.map_err(|error| self.unreadable(error))?;
        Chosen::of_schema(builder.schema()).map_err(|problem| self.unreadable(problem))?;
        Ok(builder.with_batch_size(BATCH_ROWS))
    }

    /// The rows of a CSV file in batches, in the order of the file.
    pub fn csv_batches(&self) -> Result<impl Iterator<Item = Result<RecordBatch, String>> + use<>, String> {
        let mut reader = csv::ReaderBuilder::new()
            .buffer_capacity(64 << 10)
            .from_reader(self.file.reader());
        let header = reader.headers().map_err(|error| self.unreadable(error))?;
        let columns = Chosen::of_names(header).map_err(|problem| self.unreadable(problem))?;
        let path = self.path.clone();
        let mut record = StringRecord::new();
        Ok(std::iter::from_fn(move || {
            let mut builders: Vec<Cells> = columns.columns().map(Cells::of).collect();
            let mut rows = 0;
            while rows < BATCH_ROWS {
                match reader.read_record(&mut record) {
                    Ok(true) => rows += 1,
                    Ok(false) => break,
                    Err(error) => return Some(Err(unreadable(&path, error))),
                }
                for ((builder, column), cell) in builders.iter_mut().zip(columns.columns()).zip(&record) {
                    if builder.push(column, cell).is_none() {
                        let line = record.position().map_or(0, csv::Position::line);
                        let problem = format!("line {line}: {} makes no sense", column.name);
                        return Some(Err(unreadable(&path, problem)));
                    }
                }
            }
            let arrays = builders.into_iter().map(Cells::finish).collect();
            let batch = RecordBatch::try_new(columns.schema(), arrays).map_err(|error| unreadable(&path, error));
            (rows > 0).then_some(batch)
        }))
    }

    /// What is said where it can't be read.
    pub fn unreadable(&self, cause: impl std::fmt::Display) -> String {
        unreadable(&self.path, cause)
    }
}

/// [`RowsFile::parquet_chosen`] of the file at a path.
pub fn parquet_chosen(path: &Path) -> Result<Chosen, String> {
    RowsFile::open(path)?.parquet_chosen()
}

/// [`RowsFile::parquet_batches`] of the file at a path.
pub fn parquet_batches(path: &Path) -> Result<impl Iterator<Item = Result<RecordBatch, String>> + use<>, String> {
    RowsFile::open(path)?.parquet_batches()
}

/// [`RowsFile::parquet_columns`] of the file at a path.
pub fn parquet_columns(
    path: &Path,
    columns: &[&str],
) -> Result<impl Iterator<Item = Result<RecordBatch, String>> + use<>, String> {
    RowsFile::open(path)?.parquet_columns(columns)
}

/// A column of a CSV file, by how its cells are read.
enum Cells {
    Text(StringBuilder),
    Instant(TimestampMillisecondBuilder),
    Decimal(Decimal128Builder),
    Integer(Int64Builder),
}

impl Cells {
    fn of(column: &Column) -> Cells {
        match column.kind {
            Kind::Text => Cells::Text(StringBuilder::new()),
            Kind::Instant => {
                Cells::Instant(TimestampMillisecondBuilder::new().with_data_type(column.field().data_type().clone()))
            }
            Kind::Usd | Kind::Decimal => {
                Cells::Decimal(Decimal128Builder::new().with_data_type(column.field().data_type().clone()))
            }
            Kind::Integer => Cells::Integer(Int64Builder::new()),
        }
    }

    /// Appends a cell; `None` if it is none of its column.
    fn push(&mut self, column: &Column, cell: &str) -> Option<()> {
        if cell.is_empty() && column.nullable {
            match self {
                Cells::Text(text) => text.append_null(),
                Cells::Instant(instant) => instant.append_null(),
                Cells::Decimal(decimal) => decimal.append_null(),
                Cells::Integer(integer) => integer.append_null(),
            }
            return Some(());
        }
        match self {
            Cells::Text(text) if column.third_party => text.append_value(unescape_formula(cell)),
            Cells::Text(text) => text.append_value(cell),
            Cells::Instant(instant) => instant.append_value(parse_instant(cell)?),
            Cells::Decimal(decimal) => decimal.append_value(Usd::parse_plain(cell)?.0),
            Cells::Integer(integer) => integer.append_value(cell.parse().ok()?),
        }
        Some(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Cells::Text(mut text) => Arc::new(text.finish()),
            Cells::Instant(mut instant) => Arc::new(instant.finish()),
            Cells::Decimal(mut decimal) => Arc::new(decimal.finish()),
            Cells::Integer(mut integer) => Arc::new(integer.finish()),
        }
    }
}

pub fn unreadable(path: &Path, cause: impl std::fmt::Display) -> String {
    format!("cannot read {}: {cause}", path.display())
}
