//! A part of an export's period, and the rows that are of it.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;

use crate::archive::export_folder::ExportFolder;
use crate::error::{Error, Result};
use crate::output::names::RUNS_CSV;
use crate::period::Period;

/// Whether an export's period holds another, both as they were asked for.
pub fn holds(export: &Period, period: &Period) -> bool {
    export.from <= period.from && period.requested_to <= export.requested_to
}

/// The rows of an export once more, in order: of one that has been read and checked before.
pub fn rows_again(export: &ExportFolder, mut see: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
    let mut all = |batches: &mut dyn Iterator<Item = std::result::Result<RecordBatch, String>>| {
        for batch in batches {
            see(&batch.map_err(Error::Untrusted)?)?;
        }
        Ok(())
    };
    let open = |path: &str| export.rows_file(path).map_err(Error::Untrusted);
    let mut parquet = export.manifest().parquet_files().peekable();
    if parquet.peek().is_none() {
        return all(&mut open(RUNS_CSV)?.csv_batches().map_err(Error::Untrusted)?);
    }
    parquet.try_for_each(|file| all(&mut open(&file.path)?.parquet_batches().map_err(Error::Untrusted)?))
}

/// Rows of a batch that started within a period; batches are in order of their start.
pub fn within(batch: &RecordBatch, period: &Period) -> RecordBatch {
    let started = batch.column_by_name("started_at").expect("every export has it");
    let started = started.as_primitive::<TimestampMillisecondType>().values();
    let first = started.partition_point(|at| *at < period.from);
    let end = started.partition_point(|at| *at < period.to).max(first);
    batch.slice(first, end - first)
}
