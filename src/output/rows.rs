//! Rows in order, to every format at once, re-cut to batches of one size: neither pages nor windows show in the files.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use arrow_select::interleave::interleave_record_batch;

use crate::error::Result;
use crate::output::csv::CsvRows;
use crate::output::hashed::FileEntry;
use crate::output::names::RUNS_CSV;
use crate::output::parquet::{ParquetFacts, ParquetRows, Readers, RunsLayout};
use crate::output::publish::Staging;
use crate::output::read::BATCH_ROWS;
use crate::runs::column_set::ColumnSet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFormats {
    pub columns: ColumnSet,
    /// Parquet is always written: later steps read rows back from it.
    pub parquet: RunsLayout,
    pub readers: Readers,
    pub facts: ParquetFacts,
    pub csv: bool,
}

pub struct RowFiles {
    parquet: ParquetRows,
    csv: Option<CsvRows>,
}

impl RowFiles {
    /// Opens them in a staging folder.
    pub fn create(staging: &Arc<Staging>, formats: &RowFormats) -> Result<RowFiles> {
        let columns = || formats.columns.clone();
        let csv = formats.csv.then(|| staging.create(RUNS_CSV)).transpose()?;
        Ok(RowFiles {
            csv: csv.map(|file| CsvRows::new(file, columns())).transpose()?,
            parquet: ParquetRows::new(
                staging.clone(),
                formats.parquet,
                columns(),
                formats.readers,
                &formats.facts,
            ),
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

/// Rows in a part on average, from which on copying parts takes less time than copying rows.
const ROWS_A_PART: usize = 16;

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
        let rows = rows.into_iter();
        self.rows
            .extend(rows.map(|(page, row)| (base + page as usize, row as usize)));
        self.pages.extend(pages);
    }

    /// The next batch; at the end also one that isn't full.
    pub fn next_batch(&mut self, at_the_end: bool) -> Option<RecordBatch> {
        let take = self.rows.len().min(BATCH_ROWS);
        if take == 0 || (take < BATCH_ROWS && !at_the_end) {
            return None;
        }
        let taken = self.rows.drain(..take);
        let rows: Vec<_> = taken.map(|(page, row)| (page - self.first_page, row)).collect();
        let pages: Vec<&RecordBatch> = self.pages.iter().collect();
        let batch = gathered(&pages, &rows);
        let needed = self.rows.iter().map(|row| row.0).min();
        let needed = needed.unwrap_or(self.first_page + self.pages.len());
        self.pages.drain(..needed - self.first_page);
        self.first_page = needed;
        Some(batch)
    }
}

/// Rows as one batch, each by its place among some batches of one schema. Most follow each other as they do there: those are
/// copied in parts, and not at all where they are one part.
pub fn gathered(batches: &[&RecordBatch], rows: &[(usize, usize)]) -> RecordBatch {
    let follows = |a: &(usize, usize), b: &(usize, usize)| a.0 == b.0 && a.1 + 1 == b.1;
    let parts = rows.chunk_by(follows).count();
    if parts > rows.len() / ROWS_A_PART {
        let last = rows.iter().map(|row| row.0).max().unwrap_or(0);
        return interleave_record_batch(&batches[..=last], rows)
            .expect("they have one schema, and rows lie within them");
    }
    let parts = rows
        .chunk_by(follows)
        .map(|part| batches[part[0].0].slice(part[0].1, part.len()));
    let mut parts: Vec<RecordBatch> = parts.collect();
    if parts.len() == 1 {
        return parts.remove(0);
    }
    concat_batches(parts[0].schema_ref(), &parts).expect("they have one schema")
}
