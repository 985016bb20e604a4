//! Rows into new files of the table: sorted, within one month, cut at a bound. A file is written whole, and is part of the
//! table only once a commit names it.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch};
use deltalake_core::kernel::Add;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{BloomFilterPosition, BloomFilterProperties, EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};
use crate::lake::columns::{LakeColumns, QUERIED_AT, STARTED_MONTH};
use crate::lake::files::{Nulls, Stats, tags};
use crate::lake::integrity::MonthSums;
use crate::output::hashed::hash_of;
use crate::output::parquet::{LOOK_ROWS, PAGE_BYTES, PAGE_ROWS};
use crate::period::format_instant;
use crate::runs::schema::{Kind, Values};
use crate::stores::Location;

/// Most rows of a file, but for runs of one millisecond: what a sync that changes one of them writes anew, and holds in memory meanwhile, compressed.
pub const MAX_FILE_ROWS: usize = 256 << 10;
/// Rows of a row group.
const ROW_GROUP_ROWS: usize = 64 << 10;
/// How often the filter of IDs may take an ID that isn't there for one that is. Each false answer costs the reading of a row
/// group's IDs, and a day's sync of 30,000 runs asks some 160 filters of ten million runs: at this rate a few of them answer
/// falsely, at a hundred times of it (and half the size, since filters have a power of two of bytes) almost half.
const ID_FILTER_FPP: f64 = 1e-7;

/// Writes rows that come in order, all of one month.
pub(super) struct FileWriter<'l> {
    location: &'l Location,
    columns: &'l LakeColumns,
    month: String,
    open: Option<Open>,
    adds: Vec<Add>,
}

struct Open {
    writer: ArrowWriter<Vec<u8>>,
    stats: Stats,
    sums: MonthSums,
    /// The start of its last run, in microseconds.
    last: i64,
}

impl<'l> FileWriter<'l> {
    pub(super) fn new(location: &'l Location, columns: &'l LakeColumns, month: String) -> FileWriter<'l> {
        FileWriter {
            location,
            columns,
            month,
            open: None,
            adds: Vec::new(),
        }
    }

    /// Appends rows of the table.
    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let started = rows.column_by_name("started_at").expect("every table has it");
        let started = started.as_primitive::<TimestampMicrosecondType>().values();
        let mut at = 0;
        while at < rows.num_rows() {
            // Runs of one millisecond stay together, so that files are disjoint in time.
            if self
                .open
                .as_ref()
                .is_some_and(|open| open.is_full() && open.last != started[at])
            {
                self.close()?;
            }
            let open = match &mut self.open {
                Some(open) => open,
                None => self.open.insert(Open::new(self.columns)?),
            };
            let room = MAX_FILE_ROWS.saturating_sub(open.stats.num_records as usize).max(1);
            let mut end = rows.num_rows().min(at + room);
            while end < rows.num_rows() && started[end] == started[end - 1] {
                end += 1;
            }
            let part = rows.slice(at, end - at);
            open.writer.write(&part).map_err(unwritable)?;
            open.stats.see(&part);
            open.sums.add_rows(&part);
            open.last = started[end - 1];
            at = end;
        }
        Ok(())
    }

    /// Completes the files.
    pub(super) fn finish(mut self) -> Result<Vec<Add>> {
        self.close()?;
        Ok(std::mem::take(&mut self.adds))
    }

    fn close(&mut self) -> Result<()> {
        let Some(Open {
            writer, stats, sums, ..
        }) = self.open.take()
        else {
            return Ok(());
        };
        let content = writer.into_inner().map_err(unwritable)?;
        let (sha256, _) = hash_of(content.as_slice()).map_err(anyhow::Error::from)?;
        let path = format!(
            "{STARTED_MONTH}={}/part-{}.zstd.parquet",
            self.month,
            uuid::Uuid::new_v4()
        );
        let bytes = content.len() as i64;
        // Named before it is there: what fails half-way is discarded too.
        self.adds.push(Add {
            path: path.clone(),
            partition_values: HashMap::from([(STARTED_MONTH.into(), Some(self.month.clone()))]),
            size: bytes,
            modification_time: crate::period::now_ms(),
            data_change: true,
            stats: Some(serde_json::to_string(&stats).expect("statistics are text and numbers")),
            tags: Some(tags(sha256, &sums)),
            ..Add::default()
        });
        self.location.put(&path, content)
    }
}

impl Drop for FileWriter<'_> {
    /// Of a writer that was not finished, nothing stays.
    fn drop(&mut self) {
        self.location.discard(self.adds.drain(..).map(|add| add.path));
    }
}

impl Open {
    fn new(columns: &LakeColumns) -> Result<Open> {
        let writer = ArrowWriter::try_new(Vec::new(), columns.schema(), Some(properties(columns)));
        Ok(Open {
            writer: writer.map_err(unwritable)?,
            stats: Stats::default(),
            sums: MonthSums::default(),
            last: i64::MIN,
        })
    }

    fn is_full(&self) -> bool {
        self.stats.num_records as usize >= MAX_FILE_ROWS
    }
}

fn unwritable(error: parquet::errors::ParquetError) -> Error {
    Error::Other(anyhow::anyhow!("cannot write Parquet: {error}"))
}

/// Plain and dictionary encodings alone, which every engine reads.
fn properties(columns: &LakeColumns) -> WriterProperties {
    let sorted_by = |column: &str| SortingColumn {
        column_idx: columns.chosen().position(column).expect("every table has it") as i32,
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
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // Together before the footer, so that one request fetches all filters of a file.
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_column_bloom_filter_properties(
            ColumnPath::from("id"),
            BloomFilterProperties::builder()
                .with_fpp(ID_FILTER_FPP)
                .with_max_ndv(ROW_GROUP_ROWS as u64)
                .build(),
        );
    for column in columns.chosen().columns() {
        let path = ColumnPath::from(column.name);
        if column.values == Values::Distinct {
            properties = properties.set_column_dictionary_enabled(path.clone(), false);
        }
        if matches!(column.kind, Kind::Usd | Kind::Decimal) {
            // The writer would keep slices of whole batches for them.
            properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None);
        }
    }
    properties.build()
}

impl Stats {
    /// Takes note of rows.
    pub(super) fn see(&mut self, rows: &RecordBatch) {
        self.num_records += rows.num_rows() as u64;
        let column = |name: &str| rows.column_by_name(name).expect("every table has it");
        for (name, least, greatest) in [
            ("id", &mut self.min_values.id, &mut self.max_values.id),
            (
                "cost_state",
                &mut self.min_values.cost_state,
                &mut self.max_values.cost_state,
            ),
        ] {
            let texts = column(name).as_string::<i32>();
            widen(
                least,
                greatest,
                texts.iter().flatten().min(),
                texts.iter().flatten().max(),
            );
        }
        for (name, least, greatest) in [
            (
                "started_at",
                &mut self.min_values.started_at,
                &mut self.max_values.started_at,
            ),
            (
                "finished_at",
                &mut self.min_values.finished_at,
                &mut self.max_values.finished_at,
            ),
            (
                QUERIED_AT,
                &mut self.min_values.queried_at,
                &mut self.max_values.queried_at,
            ),
        ] {
            let Some(instants) = rows.column_by_name(name) else {
                continue;
            };
            let instants = instants.as_primitive::<TimestampMicrosecondType>();
            let text = |at: i64| format_instant(at.div_euclid(1000));
            let (first, last) = (
                instants.iter().flatten().min().map(text),
                instants.iter().flatten().max().map(text),
            );
            widen(least, greatest, first.as_deref(), last.as_deref());
        }
        let add = |count: &mut Option<u64>, name: &str| {
            let nulls = rows
                .column_by_name(name)
                .map_or(rows.num_rows(), |column| column.null_count());
            *count = Some(count.unwrap_or(0) + nulls as u64);
        };
        let Nulls {
            id,
            started_at,
            finished_at,
            queried_at,
            cost_state,
        } = &mut self.null_count;
        add(id, "id");
        add(started_at, "started_at");
        add(finished_at, "finished_at");
        add(queried_at, QUERIED_AT);
        add(cost_state, "cost_state");
    }
}

fn widen(least: &mut Option<String>, greatest: &mut Option<String>, first: Option<&str>, last: Option<&str>) {
    if let Some(first) = first
        && least.as_deref().is_none_or(|least| first < least)
    {
        *least = Some(first.into());
    }
    if let Some(last) = last
        && greatest.as_deref().is_none_or(|greatest| last > greatest)
    {
        *greatest = Some(last.into());
    }
}
