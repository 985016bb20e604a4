//! Rows out of the table's files, some columns of them. It trusts nothing that a file says beyond its own rows.

use arrow_array::RecordBatch;
use arrow_select::interleave::interleave_record_batch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderBuilder, ParquetRecordBatchReaderBuilder};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::statistics::Statistics;

use crate::bounded::open_regular;
use crate::error::{Error, ReadError, Result};
use crate::lake::Batches;
use crate::lake::batch_columns::{ids, instants, to_ms, with_schema};
use crate::lake::bounds::LogBounds;
use crate::lake::columns::LakeColumns;
use crate::lake::file_checks::{check_row_count, check_size};
use crate::lake::files::DataFile;
use crate::lake::month_sums::MonthSums;
use crate::lake::object_reader::{ObjectReader, object_batches, unread_object};
use crate::output::read::{BATCH_ROWS, options};
use crate::period::Millis;
use crate::stores::Location;

/// What is wanted of files: some columns, and at least the rows of some periods.
#[derive(Clone, Copy)]
pub(super) struct Selection<'s> {
    columns: Option<&'s [&'s str]>,
    periods: Option<&'s [(Millis, Millis)]>,
}

impl<'s> Selection<'s> {
    pub(super) const ALL: Selection<'static> = Selection {
        columns: None,
        periods: None,
    };

    pub(super) fn columns(columns: &'s [&'s str]) -> Selection<'s> {
        Selection {
            columns: Some(columns),
            ..Selection::ALL
        }
    }

    /// Row groups of a file in order that have no run of these periods may be left out.
    pub(super) fn within(self, periods: &'s [(Millis, Millis)]) -> Selection<'s> {
        Selection {
            periods: Some(periods),
            ..self
        }
    }

    fn of_file<T>(self, builder: ArrowReaderBuilder<T>) -> ArrowReaderBuilder<T> {
        let mask = self.columns.map_or_else(ProjectionMask::all, |columns| {
            ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied())
        });
        let metadata = builder.metadata();
        let periods = self.periods.filter(|_| is_sorted(metadata));
        let groups = row_groups(metadata, periods);
        let builder = builder.with_projection(mask).with_row_groups(groups);
        builder.with_batch_size(BATCH_ROWS)
    }
}

/// A file that is open.
pub(super) struct OpenDataFile<'l> {
    /// Its rows as it holds them.
    pub(super) batches: Batches<'l>,
    /// Whether they are in order: this tool's files say so, those of other engines may not be.
    pub(super) is_sorted: bool,
}

/// Opens a file whose bytes must be those that were written: what is read here becomes figures, or rows of another file.
fn open<'l>(location: &'l Location, file: &DataFile, selection: Selection) -> Result<OpenDataFile<'l>> {
    if location.local().is_none()
        && let Some(bytes) = location.unchecked_bytes(file)?
    {
        return open_content(location, file, bytes, selection);
    }
    location.check_hash(file)?;
    open_unhashed(location, file, selection)
}

/// Opens a file without a look at its hash.
pub(super) fn open_unhashed<'l>(
    location: &'l Location,
    file: &DataFile,
    selection: Selection,
) -> Result<OpenDataFile<'l>> {
    // Not as an object of the folder's store: that opens the file anew for each range, so that a vacuum meanwhile would take it
    // from under its reader.
    if let Some(folder) = location.local() {
        let content = open_regular(&folder.join(&file.path)).map_err(|error| location.unread_file(file, &error))?;
        return open_content(location, file, content, selection);
    }
    let unread = |error: ParquetError| unread_object(location, &file.path, &error);
    let reader = ObjectReader::new(location, file);
    let builder = location.wait(ParquetRecordBatchStreamBuilder::new_with_options(reader, options()));
    let builder = builder.map_err(unread)?;
    check_row_count(builder.metadata(), file).map_err(|why| unread(ParquetError::General(why.to_string())))?;
    Ok(OpenDataFile {
        is_sorted: is_sorted(builder.metadata()),
        batches: object_batches(location, &file.path, selection.of_file(builder))?,
    })
}

fn open_content<'l>(
    location: &Location,
    file: &DataFile,
    content: impl ChunkReader + 'static,
    selection: Selection,
) -> Result<OpenDataFile<'l>> {
    let shown = format!("{}/{}", location.shown(), file.path);
    let unread = move |cause: &dyn std::fmt::Display| Error::Untrusted(format!("cannot read {shown}: {cause}"));
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(content, options());
    let builder = builder.map_err(|error| unread(&error))?;
    check_row_count(builder.metadata(), file).map_err(|why| unread(&why))?;
    let is_sorted = is_sorted(builder.metadata());
    let reader = selection.of_file(builder).build().map_err(|error| unread(&error))?;
    Ok(OpenDataFile {
        batches: Box::new(reader.map(move |batch| batch.map_err(|error| unread(&error)))),
        is_sorted,
    })
}

/// What a file holds, from its column of costs.
pub(super) fn sums_of_file(location: &Location, table: &LakeColumns, file: &DataFile) -> Result<MonthSums> {
    let untrusted = |why: ReadError| location.untrusted_file(file, why);
    let columns = ["usage_total_usd"];
    let schema = table.schema_of(Some(&columns));
    let mut sums = MonthSums::default();
    for batch in open(location, file, Selection::columns(&columns))?.batches {
        sums.add_rows(&with_schema(&batch?, &schema).map_err(untrusted)?);
    }
    Ok(sums)
}

/// Whether this tool wrote a file.
pub(super) fn is_sorted(metadata: &ParquetMetaData) -> bool {
    let by = metadata.file_metadata().created_by();
    by.is_some_and(|by| by.starts_with("apify-runs "))
}

/// Row groups that may hold runs which started in one of some periods.
fn row_groups(metadata: &ParquetMetaData, periods: Option<&[(Millis, Millis)]>) -> Vec<usize> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let started = columns.iter().position(|column| column.name() == "started_at");
    let may_hold = |at: &usize| {
        let bounds = started.and_then(|column| match metadata.row_group(*at).column(column).statistics() {
            Some(Statistics::Int64(bounds)) => bounds.min_opt().copied().zip(bounds.max_opt().copied()),
            _ => None,
        });
        let overlaps = |(from, to): &(Millis, Millis)| {
            bounds.is_none_or(|(first, last)| to_ms(first) < *to && to_ms(last) >= *from)
        };
        periods.is_none_or(|periods| periods.iter().any(overlaps))
    };
    (0..metadata.num_row_groups()).filter(may_hold).collect()
}

/// Files in time order, those that overlap together: each of this tool's stands alone.
pub(super) fn groups(files: Vec<&DataFile>) -> Vec<Vec<&DataFile>> {
    let mut groups: Vec<(Vec<&DataFile>, Millis)> = Vec::new();
    for file in files {
        match groups.last_mut() {
            Some((group, last_ms)) if file.first_ms <= *last_ms => {
                *last_ms = file.last_ms.max(*last_ms);
                group.push(file);
            }
            _ => groups.push((vec![file], file.last_ms)),
        }
    }
    groups.into_iter().map(|(group, _)| group).collect()
}

/// Opens a file for its rows as rows of the table.
fn open_rows<'l>(
    location: &'l Location,
    table: &LakeColumns,
    file: &DataFile,
    selection: Selection,
) -> Result<OpenDataFile<'l>> {
    let schema = table.schema_of(selection.columns);
    let untrusted = |why: ReadError| Error::Untrusted(format!("cannot read {}: {why}", location.shown()));
    let OpenDataFile { batches, is_sorted } = open(location, file, selection)?;
    let batches = batches.map(move |batch| with_schema(&batch?, &schema).map_err(untrusted));
    Ok(OpenDataFile {
        batches: Box::new(batches),
        is_sorted,
    })
}

/// The rows of a group of files as rows of the table, by start and ID, which are among the columns that are wanted. What
/// another engine wrote is put in order in memory.
pub(super) fn sorted<'l>(
    location: &'l Location,
    table: &LakeColumns,
    group: &[&DataFile],
    selection: Selection,
) -> Result<Batches<'l>> {
    let opened = group.iter().map(|file| open_rows(location, table, file, selection));
    in_order(opened.collect::<Result<_>>()?)
}

/// The same for whoever makes figures of them: files and rows must be what the log says.
pub(super) fn checked<'l>(
    location: &'l Location,
    table: &LakeColumns,
    group: &[&DataFile],
    selection: Selection,
) -> Result<Batches<'l>> {
    let mut opened = Vec::with_capacity(group.len());
    let mut ours: Option<&DataFile> = None;
    for file in group {
        let OpenDataFile { batches, is_sorted } = open_rows(location, table, file, selection)?;
        check_size(location, file)?;
        if is_sorted {
            // Files of this tool don't overlap in time.
            if let Some(before) = ours.filter(|before| file.first_ms <= before.last_ms) {
                let why = format!("its period overlaps the one of {}", before.path);
                return Err(location.untrusted_file(file, why + ": see apify-runs verify"));
            }
            ours = Some(file);
        }
        let mut bounds = LogBounds::new(location, file, is_sorted);
        let batches = batches.map(move |batch| batch.and_then(|rows| bounds.check(&rows).map(|()| rows)));
        opened.push(OpenDataFile {
            batches: Box::new(batches),
            is_sorted,
        });
    }
    in_order(opened)
}

/// The rows of open files: as they come where this tool wrote the one that there is, else sorted in memory.
fn in_order(mut opened: Vec<OpenDataFile>) -> Result<Batches> {
    if opened.len() == 1 && opened[0].is_sorted {
        return Ok(opened.remove(0).batches);
    }
    let batches = opened.into_iter().flat_map(|file| file.batches);
    Ok(interleaved(batches.collect::<Result<_>>()?))
}

fn interleaved(batches: Vec<RecordBatch>) -> Batches<'static> {
    let mut rows = Vec::new();
    for (at, batch) in batches.iter().enumerate() {
        let (started, ids) = (instants(batch, "started_at"), ids(batch));
        rows.extend((0..batch.num_rows()).map(|row| (started.value(row), ids.value(row).to_string(), at, row)));
    }
    rows.sort_unstable();
    let places: Vec<(usize, usize)> = rows.into_iter().map(|(_, _, at, row)| (at, row)).collect();
    let mut at = 0;
    Box::new(std::iter::from_fn(move || {
        let end = (at + BATCH_ROWS).min(places.len());
        let sources: Vec<&RecordBatch> = batches.iter().collect();
        let batch = (at < end).then(|| interleave_record_batch(&sources, &places[at..end]))?;
        at = end;
        Some(batch.map_err(|error| Error::Other(anyhow::anyhow!("cannot put rows in order: {error}"))))
    }))
}
