//! Rows back from an export's files in batches, from Parquet or CSV alike: the one reader of both. It trusts nothing: a file
//! that isn't what an export writes is an error, never a guess. Hashes are not its to check.

mod csv;

use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::error::{Error, ReadError, Result};
use crate::output::shared_file::SharedFile;
use crate::runs::column_set::ColumnSet;

/// Rows that are read at a time; also the size of every batch that is written.
pub const BATCH_ROWS: usize = 8192;

pub type RowBatches = Box<dyn Iterator<Item = Result<RecordBatch, ReadError>> + Send>;

/// An open file of rows, and its path as messages name it. One whose name ends in `.csv` is CSV, any other is Parquet.
#[derive(Debug, Clone)]
pub struct RowsFile {
    path: PathBuf,
    file: SharedFile,
}

impl RowsFile {
    pub fn open(path: &Path) -> Result<RowsFile, ReadError> {
        let file = File::open(path).and_then(SharedFile::new);
        Ok(RowsFile::new(
            path.to_path_buf(),
            file.map_err(|error| unreadable(path, error))?,
        ))
    }

    pub fn new(path: PathBuf, file: SharedFile) -> RowsFile {
        RowsFile { path, file }
    }

    pub fn file(&self) -> &SharedFile {
        &self.file
    }

    pub fn is_csv(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "csv")
    }

    /// The columns that a Parquet file has.
    pub fn columns(&self) -> Result<ColumnSet, ReadError> {
        let builder = self.builder()?;
        ColumnSet::from_schema(builder.schema()).map_err(|problem| self.unreadable(problem))
    }

    /// Its rows in its order: all columns, or those of these that it has, in the order of the file.
    pub fn batches(&self, columns: Option<&[&str]>) -> Result<RowBatches, ReadError> {
        if self.is_csv() {
            return csv::batches(self, columns);
        }
        let mut builder = self.builder()?;
        ColumnSet::from_schema(builder.schema()).map_err(|problem| self.unreadable(problem))?;
        if let Some(columns) = columns {
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        let reader = builder.with_batch_size(BATCH_ROWS).build();
        let reader = reader.map_err(|error| self.unreadable(error))?;
        let file = self.clone();
        Ok(Box::new(
            reader.map(move |batch| batch.map_err(|error| file.unreadable(error))),
        ))
    }

    fn builder(&self) -> Result<ParquetRecordBatchReaderBuilder<SharedFile>, ReadError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(self.file.clone(), options());
        builder.map_err(|error| self.unreadable(error))
    }

    pub fn unreadable(&self, cause: impl Display) -> ReadError {
        unreadable(&self.path, cause)
    }
}

/// Columns have the types that Parquet gives them. An Arrow schema in the file is ignored: another engine may have written it, and
/// its reader panics at one that is damaged.
pub fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

/// The rows of several files, one file after the other.
pub fn batches_of(
    files: impl Iterator<Item = Result<RowsFile, ReadError>>,
    columns: Option<&[&str]>,
) -> impl Iterator<Item = Result<RecordBatch, ReadError>> {
    files.flat_map(move |file| {
        let batches = file.and_then(|file| file.batches(columns));
        batches.unwrap_or_else(|error| Box::new(std::iter::once(Err(error))))
    })
}

/// The rows of a file that this job has written itself: exit 6 where they can't be read.
pub fn working_batches(
    path: &Path,
    columns: Option<&[&str]>,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let output = |error: ReadError| Error::Output(error.to_string());
    let batches = RowsFile::open(path).and_then(|file| file.batches(columns));
    Ok(batches.map_err(output)?.map(move |batch| batch.map_err(output)))
}

pub fn unreadable(path: &Path, cause: impl Display) -> ReadError {
    ReadError::new(cause).in_file(format_args!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Usd;
    use crate::runs::run::{Run, RunRecord, records};

    const NEEDED: &str = "id,act_id,status,started_at,finished_at,usage_total_usd,cost_state";

    fn runs(text: &str) -> Result<Vec<Run>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.csv");
        std::fs::write(&path, text).unwrap();
        let batches = batches_of(std::iter::once(RowsFile::open(&path)), Some(Run::COLUMNS));
        let runs: Result<Vec<Run>, ReadError> = records(batches).collect();
        runs.map_err(|error| error.to_string())
    }

    #[test]
    fn csv_may_lack_columns_that_are_not_needed() {
        let found = runs(
            "id,act_id,status,started_at,usage_total_usd,cost_state,extra,act_name\n\
             r1,a1,SUCCEEDED,2025-09-01T00:00:00.000Z,0.5,settled,x,'=1+1\n\
             r2,a1,RUNNING,2025-09-01T00:00:00.001Z,,unknown,x,\n",
        )
        .unwrap();
        let first = Run {
            id: "r1".into(),
            act_id: "a1".into(),
            act_name: Some("=1+1".into()),
            status: "SUCCEEDED".into(),
            started_at_ms: 1_756_684_800_000,
            finished_at_ms: None,
            usage: Some(Usd(500_000_000_000_000_000)),
            cost_state: "settled".into(),
        };
        assert_eq!(found[0], first);
        assert_eq!((&found[1].act_name, found[1].usage), (&None, None));
    }

    #[test]
    fn columns_of_no_export_and_a_cell_that_makes_no_sense_are_refused() {
        let row = |row: &str| runs(&format!("{NEEDED}\n{row}\n")).unwrap_err();
        for header in ["id,act_id", "act_id,id,status,started_at,usage_total_usd,cost_state"] {
            let problem = runs(&format!("{header}\n")).unwrap_err();
            assert!(
                problem.ends_with("its columns are not the columns of an export"),
                "{problem}"
            );
        }
        let more = runs(&format!("{NEEDED},more\n")).unwrap_err();
        assert!(more.ends_with("its columns are not the columns of an export"), "{more}");
        let wrong = [
            ("r,a,S,yesterday,,,unknown", "line 2: started_at is not valid"),
            (
                "r,a,S,2025-09-01T00:00:00.000Z,soon,,unknown",
                "line 2: finished_at is not valid",
            ),
            (
                "r,a,S,2025-09-01T00:00:00.000Z,,1e5,settled",
                "line 2: usage_total_usd is not valid",
            ),
            ("r,a", "found record with 2 fields"),
        ];
        for (line, problem) in wrong {
            assert!(row(line).contains(problem), "{}", row(line));
        }
    }
}
