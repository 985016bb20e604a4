//! A Parquet file on disk, read at any row: by row groups and, where the file has a page index, by pages. The file stays
//! open, so that what replaces it under its name is another one.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

use crate::output::read::{BATCH_ROWS, options};
use crate::output::shared_file::SharedFile;

#[derive(Debug)]
pub struct OpenParquet {
    file: SharedFile,
    metadata: ArrowReaderMetadata,
}

impl OpenParquet {
    pub fn open(path: &Path) -> Result<OpenParquet, ParquetError> {
        // What is no file, such as a pipe, isn't even opened: that could wait for ever.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a file").into());
        }
        OpenParquet::new(SharedFile::new(File::open(path)?)?)
    }

    pub fn new(file: SharedFile) -> Result<OpenParquet, ParquetError> {
        let metadata = ArrowReaderMetadata::load(&file, page_options())?;
        Ok(OpenParquet { file, metadata })
    }

    pub fn metadata(&self) -> &ArrowReaderMetadata {
        &self.metadata
    }

    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    pub fn rows(&self) -> usize {
        rows(self.metadata.metadata())
    }

    /// All rows, with those of these columns that it has.
    pub fn scan(&self, columns: &[&str]) -> Result<ParquetRecordBatchReader, ParquetError> {
        let mask = mask(&self.metadata, Some(columns));
        let builder = self.builder().with_projection(mask);
        builder.with_batch_size(BATCH_ROWS).build()
    }

    /// The rows at some places, which ascend, likewise; without a choice, with all columns.
    pub fn read(&self, places: &[Range<usize>], columns: Option<&[&str]>) -> Result<Vec<RecordBatch>, ParquetError> {
        let Some((row_groups, selection)) = selected(self.metadata.metadata(), places) else {
            return Ok(Vec::new());
        };
        let builder = self.builder().with_row_groups(row_groups).with_row_selection(selection);
        let builder = builder.with_projection(mask(&self.metadata, columns));
        let batches = builder.with_batch_size(BATCH_ROWS).build()?;
        batches.map(|batch| Ok(batch?)).collect()
    }

    fn builder(&self) -> ParquetRecordBatchReaderBuilder<SharedFile> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone())
    }
}

/// As [`options`], but offsets of pages are loaded where the file has them, so that a page is read without those before it.
pub fn page_options() -> ArrowReaderOptions {
    options().with_offset_index_policy(PageIndexPolicy::Optional)
}

/// Those of some columns that a file has; all without a choice.
pub fn mask(metadata: &ArrowReaderMetadata, columns: Option<&[&str]>) -> ProjectionMask {
    match columns {
        Some(columns) => ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied()),
        None => ProjectionMask::all(),
    }
}

/// By the footer.
pub fn rows(metadata: &ParquetMetaData) -> usize {
    usize::try_from(metadata.file_metadata().num_rows()).unwrap_or(0)
}

/// The row groups that hold the rows at some places, and where those stand in them; `None` for no places.
pub fn selected(metadata: &ParquetMetaData, places: &[Range<usize>]) -> Option<(Vec<usize>, RowSelection)> {
    let mut row_groups = Vec::new();
    let mut ranges = Vec::with_capacity(places.len());
    let mut places = places.iter();
    let mut next = places.next().cloned();
    // Where the row group begins in the file, and among those that are read.
    let (mut begins, mut begins_read) = (0, 0);
    for (at, row_group) in metadata.row_groups().iter().enumerate() {
        let rows = usize::try_from(row_group.num_rows()).unwrap_or(0);
        let end = begins + rows;
        let before = ranges.len();
        while let Some(place) = next.clone().filter(|place| place.start < end) {
            let part = place.start - begins..place.end.min(end) - begins;
            ranges.push(part.start + begins_read..part.end + begins_read);
            // The rest of a place is in the next row group.
            next = if place.end > end {
                Some(end..place.end)
            } else {
                places.next().cloned()
            };
        }
        if ranges.len() > before {
            row_groups.push(at);
            begins_read += rows;
        }
        begins = end;
    }
    (!ranges.is_empty()).then(|| {
        (
            row_groups,
            RowSelection::from_consecutive_ranges(ranges.into_iter(), begins_read),
        )
    })
}
