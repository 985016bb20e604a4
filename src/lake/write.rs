//! Rows into new files of the table: sorted, within one month, cut at a bound. A file is written whole, and is part of the
//! table only once a commit names it.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use arrow_array::RecordBatch;
use deltalake_core::kernel::Add;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::{BloomFilterPosition, BloomFilterProperties, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};
use crate::lake::batch_columns::instants;
use crate::lake::columns::{LakeColumns, STARTED_MONTH};
use crate::lake::file_stats::FileStats;
use crate::lake::files::add_action;
use crate::lake::month_sums::MonthSums;
use crate::output::hashed::hash_of;
use crate::output::parquet::{ROW_GROUP_ROWS, writer_properties};
use crate::stores::Location;

/// Most rows of a file, but for runs of one millisecond: what a sync that changes one of them writes anew, and holds in memory meanwhile, compressed.
pub const MAX_FILE_ROWS: usize = 256 << 10;
/// How often the filter of IDs may take an ID that isn't there for one that is. Each false answer costs the reading of a row
/// group's IDs, and a day's sync of 30,000 runs asks some 160 filters of ten million runs: at this rate a few of them answer
/// falsely, at a hundred times of it (and half the size, since filters have a power of two of bytes) almost half.
const ID_FILTER_FPP: f64 = 1e-7;

/// Batches that wait to be written, beside the one that is.
const WAITING_BATCHES: usize = 1;

/// Writes rows that come in order, all of one month.
pub(super) struct FileWriter<'l> {
    location: &'l Location,
    columns: &'l LakeColumns,
    month: String,
    open: Option<OpenWriter>,
    adds: Vec<Add>,
}

struct OpenWriter {
    encoder: Encoder,
    stats: FileStats,
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

    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let started = instants(rows, "started_at").values();
        let mut at = 0;
        while at < rows.num_rows() {
            // Runs of one millisecond stay together, so that files are disjoint in time.
            let ends_here = |open: &OpenWriter| open.is_full() && open.last != started[at];
            if self.open.as_ref().is_some_and(ends_here) {
                self.close()?;
            }
            let open = match &mut self.open {
                Some(open) => open,
                None => self.open.insert(OpenWriter::new(self.columns)?),
            };
            let room = MAX_FILE_ROWS.saturating_sub(open.stats.num_records as usize).max(1);
            let mut end = rows.num_rows().min(at + room);
            while end < rows.num_rows() && started[end] == started[end - 1] {
                end += 1;
            }
            let part = rows.slice(at, end - at);
            open.stats.add_rows(&part);
            open.sums.add_rows(&part);
            open.encoder.write(part);
            open.last = started[end - 1];
            at = end;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Vec<Add>> {
        self.close()?;
        Ok(std::mem::take(&mut self.adds))
    }

    fn close(&mut self) -> Result<()> {
        let Some(OpenWriter {
            encoder, stats, sums, ..
        }) = self.open.take()
        else {
            return Ok(());
        };
        let content = encoder.finish()?;
        let (sha256, _) = hash_of(content.as_slice()).map_err(anyhow::Error::from)?;
        let name = uuid::Uuid::new_v4();
        let path = format!("{STARTED_MONTH}={}/part-{name}.zstd.parquet", self.month);
        // Named before it is there: what fails half-way is discarded too.
        self.adds.push(Add {
            path: path.clone(),
            size: content.len() as i64,
            ..add_action(&self.month, &stats, &sums, sha256)
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

impl OpenWriter {
    fn new(columns: &LakeColumns) -> Result<OpenWriter> {
        Ok(OpenWriter {
            encoder: Encoder::new(columns)?,
            stats: FileStats::default(),
            sums: MonthSums::default(),
            last: i64::MIN,
        })
    }

    fn is_full(&self) -> bool {
        self.stats.num_records as usize >= MAX_FILE_ROWS
    }
}

/// Rows on their way to the bytes of a file. A thread of its own writes them, so that the next rows are read and merged meanwhile.
struct Encoder {
    rows: SyncSender<RecordBatch>,
    content: JoinHandle<Result<Vec<u8>, ParquetError>>,
}

impl Encoder {
    fn new(columns: &LakeColumns) -> Result<Encoder> {
        let writer = ArrowWriter::try_new(Vec::new(), columns.schema(), Some(properties(columns)));
        let mut writer = writer.map_err(unwritable)?;
        let (rows, to_write) = sync_channel::<RecordBatch>(WAITING_BATCHES);
        let content = thread::spawn(move || {
            to_write.iter().try_for_each(|rows| writer.write(&rows))?;
            writer.into_inner()
        });
        Ok(Encoder { rows, content })
    }

    /// What goes wrong is told at the end: there is no content then.
    fn write(&self, rows: RecordBatch) {
        let _ = self.rows.send(rows);
    }

    fn finish(self) -> Result<Vec<u8>> {
        drop(self.rows);
        let content = self.content.join();
        let content = content.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        content.map_err(unwritable)
    }
}

fn unwritable(error: ParquetError) -> Error {
    Error::Other(anyhow::anyhow!("cannot write Parquet: {error}"))
}

/// Plain and dictionary encodings alone, which every engine reads.
fn properties(columns: &LakeColumns) -> WriterProperties {
    let filter = BloomFilterProperties::builder()
        .with_fpp(ID_FILTER_FPP)
        .with_max_ndv(ROW_GROUP_ROWS as u64)
        .build();
    writer_properties(columns.chosen(), true)
        // Together before the footer, so that one request fetches all filters of a file.
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_column_bloom_filter_properties(ColumnPath::from("id"), filter)
        .build()
}
