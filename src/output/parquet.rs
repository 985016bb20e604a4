//! Rows to Parquet, one file or one a UTC day. Row groups are cut by rows alone, so that equal rows give equal bytes.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};
use crate::output::hashed::{FileEntry, HashedFile};
use crate::output::publish::Staging;
use crate::period::{Millis, format_instant};
use crate::runs::column_set::ColumnSet;
use crate::runs::schema::{Kind, Values};

/// Rows in a row group: what a reader can skip at a time, and what a writer holds in memory.
const ROW_GROUP_ROWS: usize = 64 << 10;
/// Most rows of a page of a column: what has to be unpacked to read one of them. Small pages are read faster where a few rows
/// are wanted, and take two hundredths more room.
pub const PAGE_ROWS: usize = 4096;
/// And its bytes before they are packed, about: IDs fill a page with some hundred rows.
pub const PAGE_BYTES: usize = 8 << 10;
/// After how many rows a page's bytes are looked at.
pub const LOOK_ROWS: usize = 512;
const DAY_MS: i64 = 86_400_000;

/// How rows are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One file of this name.
    File(&'static str),
    /// `runs/started_on=YYYY-MM-DD/runs.parquet`, by UTC day; without rows, one empty file for the day of this instant.
    Daily(Millis),
}

/// Writes rows that come in order of `started_at`.
pub struct ParquetRows {
    staging: Arc<Staging>,
    layout: Layout,
    columns: ColumnSet,
    properties: WriterProperties,
    open: Option<Open>,
    files: Vec<FileEntry>,
}

struct Open {
    path: String,
    /// The first instant that belongs to another file.
    until_ms: Millis,
    rows: u64,
    writer: ArrowWriter<HashedFile>,
}

impl ParquetRows {
    /// Writes rows of these columns into a staging folder; `compatible` keeps to encodings that every engine reads.
    pub fn new(staging: Arc<Staging>, layout: Layout, columns: ColumnSet, compatible: bool) -> ParquetRows {
        ParquetRows {
            staging,
            layout,
            properties: properties(&columns, compatible),
            columns,
            open: None,
            files: Vec::new(),
        }
    }

    /// Appends rows.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let started = rows
            .column_by_name("started_at")
            .expect("every export has it")
            .as_primitive::<TimestampMillisecondType>()
            .values();
        let mut at = 0;
        while at < rows.num_rows() {
            let open = self.open_for(started[at])?;
            let end = at + started[at..].partition_point(|start| *start < open.until_ms);
            let part = rows.slice(at, end - at);
            open.rows += part.num_rows() as u64;
            open.writer
                .write(&part)
                .map_err(|error| cannot_write(&open.path, error))?;
            at = end;
        }
        Ok(())
    }

    /// Completes the files.
    pub fn finish(mut self) -> Result<Vec<FileEntry>> {
        if self.open.is_none() && self.files.is_empty() {
            let first = if let Layout::Daily(first) = self.layout {
                first
            } else {
                0
            };
            self.open_for(first)?;
        }
        self.close()?;
        Ok(self.files)
    }

    fn open_for(&mut self, started_at: Millis) -> Result<&mut Open> {
        if self.open.as_ref().is_some_and(|open| started_at >= open.until_ms) {
            self.close()?;
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let (path, until_ms) = match self.layout {
                    Layout::File(name) => (name.to_string(), Millis::MAX),
                    Layout::Daily(_) => {
                        let day = format_instant(started_at);
                        let day = day.split('T').next().unwrap_or_default();
                        (
                            format!("runs/started_on={day}/runs.parquet"),
                            (started_at.div_euclid(DAY_MS) + 1) * DAY_MS,
                        )
                    }
                };
                let file = HashedFile::new(self.staging.create(&path)?);
                let writer = ArrowWriter::try_new(file, self.columns.schema(), Some(self.properties.clone()));
                let writer = writer.map_err(|error| cannot_write(&path, error))?;
                Open {
                    path,
                    until_ms,
                    rows: 0,
                    writer,
                }
            }
        };
        Ok(self.open.insert(open))
    }

    fn close(&mut self) -> Result<()> {
        let Some(Open { path, rows, writer, .. }) = self.open.take() else {
            return Ok(());
        };
        let file = writer.into_inner().map_err(|error| cannot_write(&path, error))?;
        self.files.push(
            file.finish(&path, Some(rows))
                .map_err(|error| cannot_write(&path, error))?,
        );
        Ok(())
    }
}

fn cannot_write(path: &str, cause: impl std::fmt::Display) -> Error {
    Error::Output(format!("cannot write {path}: {cause}"))
}

fn properties(columns: &ColumnSet, compatible: bool) -> WriterProperties {
    let sorted_by = |column: &str| SortingColumn {
        column_idx: columns.position(column).expect("every export has it") as i32,
        descending: false,
        nulls_first: false,
    };
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("apify-runs version ", env!("CARGO_PKG_VERSION")).into())
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_write_batch_size(LOOK_ROWS)
        .set_sorting_columns(Some(vec![sorted_by("started_at"), sorted_by("id")]))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for column in columns
        .columns()
        .filter(|column| matches!(column.kind, Kind::Usd | Kind::Decimal))
    {
        // Of decimals the writer keeps the bounds of every row group as slices of whole batches, which would hold 128 KiB
        // a row group for as long as the file is open.
        let path = ColumnPath::from(column.name);
        properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    for column in columns.columns().filter(|column| column.values == Values::Distinct) {
        let path = ColumnPath::from(column.name);
        properties = properties.set_column_dictionary_enabled(path.clone(), false);
        if !compatible {
            let encoding = match column.kind {
                Kind::Instant | Kind::Integer => Encoding::DELTA_BINARY_PACKED,
                Kind::Text | Kind::Usd | Kind::Decimal => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            };
            properties = properties.set_column_encoding(path, encoding);
        }
    }
    properties.build()
}
