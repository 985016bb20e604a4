//! Rows in order, to every format at once, re-cut to batches of one size: neither pages nor windows show in the files.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::interleave::interleave_record_batch;

use crate::error::Result;
use crate::output::csv::{CsvRows, RUNS_CSV};
use crate::output::hashed::FileEntry;
use crate::output::parquet::{Layout, ParquetRows};
use crate::output::publish::Staging;
use crate::output::read::BATCH_ROWS;
use crate::runs::column_set::ColumnSet;

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFormats {
    /// Which columns.
    pub columns: ColumnSet,
    /// How Parquet is laid out. It is always written: what comes later reads rows back from it.
    pub parquet: Layout,
    /// Whether it keeps to encodings that every engine reads.
    pub parquet_compat: bool,
    /// Whether CSV is written.
    pub csv: bool,
}

/// The files of rows.
pub struct RowFiles {
    parquet: ParquetRows,
    csv: Option<CsvRows>,
}

impl RowFiles {
    /// Opens them in a staging folder.
    pub fn create(staging: &Arc<Staging>, formats: &RowFormats) -> Result<RowFiles> {
        let columns = formats.columns.clone();
        Ok(RowFiles {
            parquet: ParquetRows::new(
                staging.clone(),
                formats.parquet,
                columns.clone(),
                formats.parquet_compat,
            ),
            csv: if formats.csv {
                Some(CsvRows::new(staging.create(RUNS_CSV)?, columns)?)
            } else {
                None
            },
        })
    }

    /// Appends rows, which have the columns that are wanted.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.parquet.write(rows)?;
        match &mut self.csv {
            Some(csv) => csv.write(rows),
            None => Ok(()),
        }
    }

    /// Completes them: Parquet first.
    pub fn finish(self) -> Result<Vec<FileEntry>> {
        let mut files = self.parquet.finish()?;
        if let Some(csv) = self.csv {
            files.push(csv.finish()?);
        }
        Ok(files)
    }
}

/// Gathers rows of pages into batches of [`BATCH_ROWS`].
#[derive(Default)]
pub struct Recut {
    pages: VecDeque<RecordBatch>,
    /// The number of the first page that is kept.
    first_page: usize,
    rows: VecDeque<(usize, usize)>,
}

impl Recut {
    /// Adds pages, and which of their rows are wanted, in order.
    pub fn add(&mut self, pages: Vec<RecordBatch>, rows: impl IntoIterator<Item = (u32, u32)>) {
        let base = self.first_page + self.pages.len();
        self.rows
            .extend(rows.into_iter().map(|(page, row)| (base + page as usize, row as usize)));
        self.pages.extend(pages);
    }

    /// The next batch; at the end also one that isn't full.
    pub fn next_batch(&mut self, at_the_end: bool) -> Option<RecordBatch> {
        let take = self.rows.len().min(BATCH_ROWS);
        if take == 0 || (take < BATCH_ROWS && !at_the_end) {
            return None;
        }
        let rows: Vec<_> = self
            .rows
            .drain(..take)
            .map(|(page, row)| (page - self.first_page, row))
            .collect();
        let last = rows.iter().map(|row| row.0).max().unwrap_or(0);
        let pages: Vec<&RecordBatch> = self.pages.iter().take(last + 1).collect();
        let batch = interleave_record_batch(&pages, &rows).expect("pages have one schema, and rows lie within them");
        let needed = self
            .rows
            .iter()
            .map(|row| row.0)
            .min()
            .unwrap_or(self.first_page + self.pages.len());
        self.pages.drain(..needed - self.first_page);
        self.first_page = needed;
        Some(batch)
    }
}
