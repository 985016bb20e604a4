//! A part of an export's period, and the rows that are of it.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;

use crate::archive::export_folder::ExportFolder;
use crate::error::{Error, Result};
use crate::output::manifest::Manifest;
use crate::output::names::RUNS_CSV;
use crate::period::{Millis, Period, parse_instant, parse_timezone};

/// An export's period; exit 5 where its manifest has none that makes sense, or doesn't say when it was asked for.
pub fn period_of(manifest: &Manifest, shown: &Path) -> Result<Period> {
    let text = &manifest.period;
    let instants = parse_instant(&text.from)
        .zip(parse_instant(&text.to))
        .zip(parse_instant(&text.requested_to));
    let parsed = instants.zip(parse_timezone(&text.timezone).ok());
    let parsed = parsed.filter(|(((from, to), requested_to), _)| from < to && to <= requested_to);
    let parsed = parsed.filter(|_| parse_instant(&manifest.queried_at).is_some());
    let (((from, to), requested_to), timezone) =
        parsed.ok_or_else(|| Error::Untrusted(format!("{}: its period makes no sense", shown.display())))?;
    Ok(Period {
        from,
        to,
        requested_to,
        timezone,
    })
}

/// When an export's job began; of one whose period makes sense.
pub fn asked_at(manifest: &Manifest) -> Millis {
    parse_instant(&manifest.queried_at).unwrap_or_default()
}

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
