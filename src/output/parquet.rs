//! Rows to Parquet, one file or one a UTC day. Row groups are cut by rows alone, so that equal rows give equal bytes.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};
use crate::output::hashed::{FileEntry, HashedFile};
use crate::output::names::RUNS_PARQUET;
use crate::output::publish::Staging;
use crate::period::{DAY_MS, Millis, Period, format_instant};
use crate::provenance::Account;
use crate::runs::column_set::ColumnSet;
use crate::runs::schema::{Column, Kind, Values};

/// Rows in a row group: what a reader can skip at a time, and what a writer holds in memory.
pub const ROW_GROUP_ROWS: usize = 64 << 10;
/// Most rows of a page of a column: what is unpacked to read one of them. Small pages are read faster where a few rows are
/// wanted, and take 2 % more space.
pub const PAGE_ROWS: usize = 4096;
/// About its bytes before compression: IDs fill a page with some hundred rows.
pub const PAGE_BYTES: usize = 8 << 10;
/// Rows between two looks at a page's bytes.
pub const LOOK_ROWS: usize = 512;

/// Rows in a row group of a file that is read once: without a dictionary they take more memory meanwhile.
const PASSING_ROW_GROUP_ROWS: usize = 16 << 10;

/// How rows are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsLayout {
    /// One file of this name.
    File(&'static str),
    /// `runs/started_on=YYYY-MM-DD/runs.parquet`, by UTC day; without rows, one empty file for the day of this instant.
    Daily(Millis),
}

/// For whom files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Engines of today.
    Current,
    /// The oldest ones too: encodings and compression that each of them reads.
    All,
    /// This process alone, once: written in the least time, a third larger.
    Own,
}

/// What a file of rows says of itself in its metadata, so that one which was moved can be told from others. Nothing that differs
/// from job to job: unchanged rows give unchanged bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParquetFacts(Vec<(&'static str, String)>);

impl ParquetFacts {
    /// The period is the one that was asked for; how much of it was over is the manifest's to say.
    pub fn new(account: Option<&Account>, period: &Period) -> ParquetFacts {
        let [from, to] = [period.from, period.requested_to].map(format_instant);
        let mut facts = vec![
            ("apify_runs.version", env!("CARGO_PKG_VERSION").to_string()),
            ("apify_runs.period", format!("{from}/{to}")),
            ("apify_runs.timezone", period.timezone.to_string()),
        ];
        if let Some(account) = account {
            facts.push(("apify_runs.account", account.id.clone()));
            facts.extend(account.username.clone().map(|name| ("apify_runs.account_name", name)));
        }
        ParquetFacts(facts)
    }

    fn key_values(&self) -> Option<Vec<KeyValue>> {
        let pairs = self
            .0
            .iter()
            .map(|(key, value)| KeyValue::new((*key).into(), value.clone()));
        (!self.0.is_empty()).then(|| pairs.collect())
    }
}

/// Writes rows that come in order of `started_at`.
pub struct ParquetRows {
    staging: Arc<Staging>,
    layout: RunsLayout,
    columns: ColumnSet,
    properties: WriterProperties,
    open: Option<ParquetFile>,
    files: Vec<FileEntry>,
}

/// The file that is being written.
struct ParquetFile {
    path: String,
    /// The first instant that belongs to another file.
    until_ms: Millis,
    rows: u64,
    writer: ArrowWriter<HashedFile>,
}

impl ParquetRows {
    /// Writes rows of these columns into a staging folder. Files say what they are of by `facts`.
    pub fn new(
        staging: Arc<Staging>,
        layout: RunsLayout,
        columns: ColumnSet,
        readers: Readers,
        facts: &ParquetFacts,
    ) -> ParquetRows {
        let properties = match readers {
            Readers::Current => writer_properties(&columns, false),
            Readers::All => writer_properties(&columns, true).set_compression(Compression::SNAPPY),
            Readers::Own => passing_properties(),
        };
        let properties = properties.set_key_value_metadata(facts.key_values());
        ParquetRows {
            staging,
            layout,
            properties: properties.build(),
            columns,
            open: None,
            files: Vec::new(),
        }
    }

    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let started = rows
            .column_by_name("started_at")
            .expect("every export has it")
            .as_primitive::<TimestampMillisecondType>()
            .values();
        let mut at = 0;
        while at < rows.num_rows() {
            let open = self.file_of(started[at])?;
            let end = at + started[at..].partition_point(|start| *start < open.until_ms);
            let part = rows.slice(at, end - at);
            open.rows += part.num_rows() as u64;
            let written = open.writer.write(&part);
            written.map_err(|error| cannot_write(&open.path, error))?;
            at = end;
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<Vec<FileEntry>> {
        if self.open.is_none() && self.files.is_empty() {
            let first = match self.layout {
                RunsLayout::Daily(first) => first,
                RunsLayout::File(_) => 0,
            };
            self.file_of(first)?;
        }
        self.close()?;
        Ok(self.files)
    }

    /// The file of a row: the open one, or the next one.
    fn file_of(&mut self, started_at: Millis) -> Result<&mut ParquetFile> {
        if self.open.as_ref().is_some_and(|open| started_at >= open.until_ms) {
            self.close()?;
        }
        if self.open.is_none() {
            let (path, until_ms) = self.layout.file_of(started_at);
            let file = HashedFile::new(self.staging.create(&path)?);
            let writer = ArrowWriter::try_new(file, self.columns.schema(), Some(self.properties.clone()));
            self.open = Some(ParquetFile {
                until_ms,
                rows: 0,
                writer: writer.map_err(|error| cannot_write(&path, error))?,
                path,
            });
        }
        Ok(self.open.as_mut().expect("it is open by now"))
    }

    fn close(&mut self) -> Result<()> {
        if let Some(ParquetFile { path, rows, writer, .. }) = self.open.take() {
            let file = writer.into_inner().map_err(|error| cannot_write(&path, error))?;
            let entry = file.finish(&path, Some(rows));
            self.files.push(entry.map_err(|error| cannot_write(&path, error))?);
        }
        Ok(())
    }
}

impl RunsLayout {
    /// The file of a row, and the first instant that belongs to another one.
    fn file_of(self, started_at: Millis) -> (String, Millis) {
        match self {
            RunsLayout::File(name) => (name.into(), Millis::MAX),
            RunsLayout::Daily(_) => {
                let start = format_instant(started_at);
                let day = start.split('T').next().unwrap_or_default();
                (
                    format!("runs/started_on={day}/{RUNS_PARQUET}"),
                    (started_at.div_euclid(DAY_MS) + 1) * DAY_MS,
                )
            }
        }
    }
}

fn cannot_write(path: &str, cause: impl std::fmt::Display) -> Error {
    Error::output("write", path.as_ref(), cause)
}

/// What every Parquet file has in common. Of `decimals` the writer would keep the bounds of each row group as slices of whole
/// batches, 128 KiB a row group for as long as the file is open: they have no bounds.
pub(super) fn common_properties<'a>(decimals: impl Iterator<Item = &'a str>) -> WriterPropertiesBuilder {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("apify-runs version ", env!("CARGO_PKG_VERSION")).into())
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    decimals.fold(properties, |properties, name| {
        properties.set_column_statistics_enabled(name.into(), EnabledStatistics::None)
    })
}

fn passing_properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(PASSING_ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(false)
}

/// How rows of these columns are written; `compatible` keeps to encodings that every engine reads.
pub fn writer_properties(columns: &ColumnSet, compatible: bool) -> WriterPropertiesBuilder {
    let sorted_by = |column: &str| SortingColumn {
        column_idx: columns.position(column).expect("every export has it") as i32,
        descending: false,
        nulls_first: false,
    };
    let is_decimal = |column: &&Column| matches!(column.kind, Kind::Usd | Kind::Decimal);
    let decimals = columns.columns().filter(is_decimal).map(|column| column.name);
    let mut properties = common_properties(decimals)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_write_batch_size(LOOK_ROWS)
        .set_sorting_columns(Some(vec![sorted_by("started_at"), sorted_by("id")]));
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
    properties
}
