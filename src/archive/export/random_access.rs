//! An export's files of runs, read at any row: its Parquet, or `runs.csv` put into Parquet in a file without a name.

use std::fmt::Display;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::archive::export_folder::ExportFolder;
use crate::error::{Error, Result};
use crate::output::hashed::FileEntry;
use crate::output::random_access::OpenParquet;
use crate::output::read::{RowsFile, unreadable};
use crate::output::shared_file::SharedFile;
use crate::runs::column_set::ColumnSet;
use crate::runs::random_access::RandomAccessRuns;

/// Rows of a page of what was CSV.
const PAGE_ROWS: usize = 4096;

#[derive(Debug)]
struct ExportFile {
    /// Its path and its hash, by the manifest.
    name: String,
    parquet: OpenParquet,
}

/// Opens an export's files of runs, in order of time: none overlaps another.
///
/// # Errors
/// [`Error::Untrusted`] for a file that isn't what the manifest says, as far as its size and its footer tell.
pub fn open(export: &ExportFolder) -> Result<Vec<Box<dyn RandomAccessRuns>>> {
    let open =
        |entry: &FileEntry| -> Result<Box<dyn RandomAccessRuns>> { Ok(Box::new(ExportFile::open(export, entry)?)) };
    export.row_files().into_iter().map(open).collect()
}

impl ExportFile {
    fn open(export: &ExportFolder, entry: &FileEntry) -> Result<ExportFile> {
        let rows = export.rows_file(&entry.path).map_err(Error::untrusted)?;
        let untrusted = |cause: &dyn Display| Error::untrusted(rows.unreadable(cause));
        let content = if rows.is_csv() {
            SharedFile::new(as_parquet(&rows)?).map_err(|error| untrusted(&error))?
        } else {
            rows.file().clone()
        };
        let parquet = OpenParquet::new(content).map_err(|error| untrusted(&error))?;
        if entry.bytes != rows.file().bytes() {
            return Err(untrusted(&"its size differs from the manifest"));
        }
        ColumnSet::from_schema(parquet.schema()).map_err(|problem| untrusted(&problem))?;
        match entry.rows {
            Some(said) if said != parquet.rows() as u64 => Err(untrusted(&format_args!(
                "it holds {} runs, the manifest says {said}",
                parquet.rows()
            ))),
            _ => Ok(ExportFile {
                name: format!("{} {}", export.path().join(&entry.path).display(), entry.sha256),
                parquet,
            }),
        }
    }

    fn unreadable(&self, error: impl Display) -> Error {
        Error::untrusted(unreadable(Path::new(&self.name), error))
    }
}

impl RandomAccessRuns for ExportFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self) -> usize {
        self.parquet.rows()
    }

    fn scan(&self, columns: &[&str], see: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let mut batches = self.parquet.scan(columns).map_err(|error| self.unreadable(error))?;
        batches.try_for_each(|batch| see(&batch.map_err(|error| self.unreadable(error))?))
    }

    fn read(&self, places: &[Range<usize>], columns: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
        let batches = self.parquet.read(places, columns);
        batches.map_err(|error| self.unreadable(error))
    }
}

/// The rows of a CSV file as Parquet, in a temporary file that goes with its handle.
fn as_parquet(rows: &RowsFile) -> Result<File> {
    let unwritten = |error: &dyn Display| {
        let folder = std::env::temp_dir();
        Error::Output(format!(
            "cannot write a temporary file in {}: {error}",
            folder.display()
        ))
    };
    let mut file = tempfile::tempfile().map_err(|error| unwritten(&error))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .build();
    let mut batches = rows.batches(None).map_err(Error::untrusted)?.peekable();
    let schema = match batches.peek() {
        Some(Ok(batch)) => batch.schema(),
        _ => ColumnSet::all(false).schema(),
    };
    let mut writer = ArrowWriter::try_new(&mut file, schema, Some(properties)).map_err(|error| unwritten(&error))?;
    for batch in batches {
        let batch = batch.map_err(Error::untrusted)?;
        writer.write(&batch).map_err(|error| unwritten(&error))?;
    }
    writer.close().map_err(|error| unwritten(&error))?;
    Ok(file)
}
