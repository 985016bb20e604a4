//! An export's files of runs, to be read anywhere: its Parquet, or `runs.csv` put into Parquet in a file without a name.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::archive::runs::{Exported, RunsFile as ExportedFile};
use crate::error::{Error, Result};
use crate::output::random_access::{OpenParquet, SharedFile};
use crate::output::read::{RowsFile, unreadable};
use crate::runs::column_set::Chosen;
use crate::runs::random_access::RunsFile;

/// Rows of a page of what was CSV.
const PAGE_ROWS: usize = 4096;

#[derive(Debug)]
struct OpenFile {
    /// Its path and its hash, by the manifest.
    name: String,
    parquet: OpenParquet,
}

impl Exported {
    /// Opens its files, in order of time: none overlaps another.
    ///
    /// # Errors
    /// [`Error::Untrusted`] for a file that isn't what the manifest says, as far as its size and its footer tell.
    pub fn open(&self) -> Result<Vec<Box<dyn RunsFile>>> {
        let open = |file: &ExportedFile| -> Result<Box<dyn RunsFile>> { Ok(Box::new(OpenFile::open(file)?)) };
        self.files.iter().map(open).collect()
    }
}

impl OpenFile {
    fn open(file: &ExportedFile) -> Result<OpenFile> {
        let odd = |cause: &dyn std::fmt::Display| Error::Untrusted(unreadable(&file.path, cause));
        let rows = file.open().map_err(Error::Untrusted)?;
        let content = if file.is_csv {
            SharedFile::of(as_parquet(&rows)?).map_err(|error| odd(&error))?
        } else {
            rows.file().clone()
        };
        let parquet = OpenParquet::of(content, false).map_err(|error| odd(&error))?;
        if file.bytes.is_some_and(|said| said != rows.file().bytes()) {
            return Err(odd(&"its size is not what the manifest says"));
        }
        Chosen::of_schema(parquet.schema()).map_err(|problem| odd(&problem))?;
        match file.rows {
            Some(said) if said != parquet.rows() as u64 => Err(odd(&format!(
                "it holds {} runs, the manifest says {said}",
                parquet.rows()
            ))),
            _ => Ok(OpenFile {
                name: format!("{} {}", file.path.display(), file.sha256),
                parquet,
            }),
        }
    }

    fn unreadable(&self, error: impl std::fmt::Display) -> Error {
        Error::Untrusted(unreadable(Path::new(&self.name), error))
    }
}

impl RunsFile for OpenFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self) -> usize {
        self.parquet.rows()
    }

    fn scan(&self, columns: &[&str], see: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let batches = self.parquet.scan(columns).map_err(|error| self.unreadable(error))?;
        for batch in batches {
            see(&batch.map_err(|error| self.unreadable(error))?)?;
        }
        Ok(())
    }

    fn read(&self, places: &[Range<usize>], columns: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
        let batches = self.parquet.read(places, columns);
        batches.map_err(|error| self.unreadable(error))
    }
}

/// The rows of a CSV file as Parquet, in a temporary file that goes with its handle.
fn as_parquet(rows: &RowsFile) -> Result<File> {
    let failed = |error: &dyn std::fmt::Display| {
        let folder = std::env::temp_dir();
        Error::Output(format!(
            "cannot write a temporary file in {}: {error}",
            folder.display()
        ))
    };
    let mut file = tempfile::tempfile().map_err(|error| failed(&error))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .build();
    let mut batches = rows.csv_batches().map_err(Error::Untrusted)?.peekable();
    let schema = match batches.peek() {
        Some(Ok(batch)) => batch.schema(),
        _ => Chosen::all(false).schema(),
    };
    let mut writer = ArrowWriter::try_new(&mut file, schema, Some(properties)).map_err(|error| failed(&error))?;
    for batch in batches {
        let batch = batch.map_err(Error::Untrusted)?;
        writer.write(&batch).map_err(|error| failed(&error))?;
    }
    writer.close().map_err(|error| failed(&error))?;
    Ok(file)
}
