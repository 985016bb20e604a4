//! Rows out of the table's files, some columns of them. It trusts nothing that a file says beyond its own rows.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, TimestampMillisecondType};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::interleave::interleave_record_batch;
use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;

use crate::bounded::open_regular;
use crate::error::{Error, Result};
use crate::lake::bounds::LogBounds;
use crate::lake::columns::{LakeColumns, to_export, with_schema};
use crate::lake::files::DataFile;
use crate::lake::integrity::MonthSums;
use crate::lake::object::{Object, unread_object};
use crate::lake::table::Table;
use crate::output::read::BATCH_ROWS;
use crate::period::Millis;
use crate::runs::column_set::ColumnSet;
use crate::runs::schema::{COLUMNS, Column};
use crate::stores::Location;

/// What a key is made of.
const KEY: [&str; 2] = ["id", "started_at"];

/// A period, `[from, to)`.
pub(super) type Span = (Millis, Millis);

/// Batches, as they come.
pub type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch>> + 'a>;

/// A file that is open.
struct Opened<'l> {
    /// Its rows as it holds them.
    batches: Batches<'l>,
    /// Whether they are in order: this tool's files say so, those of other engines may not be.
    is_sorted: bool,
    /// What its rows are held against, where they are.
    bounds: Option<LogBounds>,
}

/// Opens a file, for these columns as far as it has them; for all without a choice. Of a file in order, row groups without
/// runs of the periods that are wanted may be left out. Its bytes must be those that were written: what is read here becomes
/// figures, or rows of another file.
fn open<'l>(
    location: &'l Location,
    file: &DataFile,
    columns: Option<&[&str]>,
    wanted: Option<&[Span]>,
) -> Result<Opened<'l>> {
    if location.local().is_none()
        && let Some(bytes) = location.unchecked_bytes(file)?
    {
        return opened(location, file, bytes, (columns, wanted));
    }
    location.check_hash(file)?;
    open_as_it_is(location, file, columns, wanted)
}

/// The same without a look at its hash.
fn open_as_it_is<'l>(
    location: &'l Location,
    file: &DataFile,
    columns: Option<&[&str]>,
    wanted: Option<&[Span]>,
) -> Result<Opened<'l>> {
    if let Some(folder) = location.local() {
        let content = open_regular(&folder.join(&file.path)).map_err(|error| location.unread_file(file, &error))?;
        return opened(location, file, content, (columns, wanted));
    }
    let shown_path = file.path.clone();
    let unreadable = move |error: &ParquetError| unread_object(location, &shown_path, error);
    let object = Object::of(location, file);
    let builder = location.wait(ParquetRecordBatchStreamBuilder::new_with_options(object, options()));
    let builder = builder.map_err(|error| unreadable(&error))?;
    let mask = mask(columns, builder.parquet_schema());
    let is_sorted = is_sorted(builder.metadata());
    as_many_as_told(builder.metadata(), file).map_err(|why| unreadable(&ParquetError::General(why)))?;
    let row_groups = row_groups(builder.metadata(), wanted.filter(|_| is_sorted));
    let builder = builder.with_projection(mask).with_row_groups(row_groups);
    let stream = builder.with_batch_size(BATCH_ROWS).build();
    let mut stream = stream.map_err(|error| unreadable(&error))?;
    let batches = Box::new(std::iter::from_fn(move || {
        let batch = location.wait(stream.next())?;
        Some(batch.map_err(|error| unreadable(&error)))
    }));
    Ok(Opened {
        batches,
        is_sorted,
        bounds: None,
    })
}

/// The rows of a file whose bytes are at hand.
fn opened<'l>(
    location: &Location,
    file: &DataFile,
    content: impl ChunkReader + 'static,
    (columns, wanted): (Option<&[&str]>, Option<&[Span]>),
) -> Result<Opened<'l>> {
    let shown = format!("{}/{}", location.shown(), file.path);
    let unreadable = move |cause: &dyn std::fmt::Display| Error::Untrusted(format!("cannot read {shown}: {cause}"));
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(content, options());
    let builder = builder.map_err(|error| unreadable(&error))?;
    let mask = mask(columns, builder.parquet_schema());
    let is_sorted = is_sorted(builder.metadata());
    as_many_as_told(builder.metadata(), file).map_err(|why| unreadable(&why))?;
    let row_groups = row_groups(builder.metadata(), wanted.filter(|_| is_sorted));
    let builder = builder.with_projection(mask).with_row_groups(row_groups);
    let reader = builder.with_batch_size(BATCH_ROWS).build();
    let reader = reader.map_err(|error| unreadable(&error))?;
    let batches = Box::new(reader.map(move |batch| batch.map_err(|error| unreadable(&error))));
    Ok(Opened {
        batches,
        is_sorted,
        bounds: None,
    })
}

/// What a file holds, from its column of costs.
pub(super) fn sums_of_file(location: &Location, table: &LakeColumns, file: &DataFile) -> Result<MonthSums> {
    let odd = |why: String| Error::Untrusted(format!("{}/{}: {why}", location.shown(), file.path));
    let schema = table.schema_of(Some(&["usage_total_usd"]));
    let mut sums = MonthSums::default();
    for batch in open(location, file, Some(&["usage_total_usd"]), None)?.batches {
        sums.add_rows(&with_schema(&batch?, &schema).map_err(odd)?);
    }
    Ok(sums)
}

/// Types are those of Parquet: what a writer says of Arrow's beside them is no part of the table.
pub(super) fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

fn mask(columns: Option<&[&str]>, schema: &SchemaDescriptor) -> ProjectionMask {
    match columns {
        Some(columns) => ProjectionMask::columns(schema, columns.iter().copied()),
        None => ProjectionMask::all(),
    }
}

/// Whether this tool wrote a file.
pub(super) fn is_sorted(metadata: &ParquetMetaData) -> bool {
    let by = metadata.file_metadata().created_by();
    by.is_some_and(|by| by.starts_with("apify-runs "))
}

/// Row groups that may hold runs which started in one of some periods.
fn row_groups(metadata: &ParquetMetaData, wanted: Option<&[Span]>) -> Vec<usize> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let started = columns.iter().position(|column| column.name() == "started_at");
    let may_hold = |at: &usize| {
        let bounds = started.and_then(|column| match metadata.row_group(*at).column(column).statistics() {
            Some(Statistics::Int64(bounds)) => bounds.min_opt().copied().zip(bounds.max_opt().copied()),
            _ => None,
        });
        let overlaps = |(from, to): &Span| {
            bounds.is_none_or(|(first, last)| first.div_euclid(1000) < *to && last.div_euclid(1000) >= *from)
        };
        wanted.is_none_or(|wanted| wanted.iter().any(overlaps))
    };
    (0..metadata.num_row_groups()).filter(may_hold).collect()
}

/// A file that holds another number of rows than the log says is another file.
pub(super) fn as_many_as_told(metadata: &ParquetMetaData, file: &DataFile) -> Result<(), String> {
    let found = metadata.file_metadata().num_rows();
    match file.rows {
        Some(told) if i64::try_from(told).ok() != Some(found) => {
            Err(format!("it holds {found} rows, the table's log says {told}"))
        }
        _ => Ok(()),
    }
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

/// The rows of a group of files as rows of the table, by start and ID, which are among the columns that are wanted; rows
/// outside of the periods that are wanted may be left out. What another engine wrote is put in order in memory.
pub(super) fn sorted<'l>(
    location: &'l Location,
    table: &'l LakeColumns,
    group: &[&DataFile],
    only: Option<&[&str]>,
    wanted: Option<&[Span]>,
) -> Result<Batches<'l>> {
    let opened = group.iter().map(|file| open(location, file, only, wanted));
    merged(location, table.schema_of(only), opened.collect::<Result<Vec<_>>>()?)
}

/// The same for whoever makes figures of them: files and rows must be what the log says.
fn checked<'l>(
    location: &'l Location,
    table: &'l LakeColumns,
    group: &[&DataFile],
    only: Option<&[&str]>,
    wanted: Span,
) -> Result<Batches<'l>> {
    let mut opened = Vec::with_capacity(group.len());
    let mut ours: Option<&DataFile> = None;
    for file in group {
        let mut open = open(location, file, only, Some(&[wanted]))?;
        as_large_as_told(location, file)?;
        open.bounds = Some(LogBounds::of(location, file, open.is_sorted));
        if open.is_sorted {
            // Files of this tool don't overlap in time.
            if let Some(before) = ours.filter(|before| file.first_ms <= before.last_ms) {
                let (shown, path, other) = (location.shown(), &file.path, &before.path);
                return Err(Error::Untrusted(format!(
                    "{shown}/{path}: its runs start before those of {other} end: see apify-runs verify"
                )));
            }
            ours = Some(file);
        }
        opened.push(open);
    }
    merged(location, table.schema_of(only), opened)
}

/// A local file of another size than the log says is another file.
pub(super) fn as_large_as_told(location: &Location, file: &DataFile) -> Result<()> {
    let Some(folder) = location.local() else {
        return Ok(());
    };
    match folder.join(&file.path).metadata() {
        Ok(found) if found.len() != file.bytes => Err(Error::Untrusted(format!(
            "cannot read {}/{}: {} bytes, the log says {}",
            location.shown(),
            file.path,
            found.len(),
            file.bytes
        ))),
        // One that is gone by now is open.
        _ => Ok(()),
    }
}

fn merged<'l>(location: &'l Location, schema: SchemaRef, mut opened: Vec<Opened<'l>>) -> Result<Batches<'l>> {
    let odd = |why: String| Error::Untrusted(format!("cannot read {}: {why}", location.shown()));
    let fit = move |batch: Result<RecordBatch>, bounds: &mut Option<LogBounds>| {
        let rows = with_schema(&batch?, &schema).map_err(odd)?;
        bounds.as_mut().map_or(Ok(()), |bounds| bounds.check(&rows))?;
        Ok(rows)
    };
    if let [file] = opened.as_slice()
        && file.is_sorted
        && let Some(mut file) = opened.pop()
    {
        return Ok(Box::new(file.batches.map(move |batch| fit(batch, &mut file.bounds))));
    }
    let mut batches = Vec::new();
    for mut file in opened {
        for batch in file.batches {
            batches.push(fit(batch, &mut file.bounds)?);
        }
    }
    Ok(in_order(batches))
}

/// Batches of one schema, put in order.
fn in_order(batches: Vec<RecordBatch>) -> Batches<'static> {
    let mut rows = Vec::new();
    for (at, batch) in batches.iter().enumerate() {
        let column = |name: &str| batch.column_by_name(name).expect("they are among the columns");
        let started = column("started_at").as_primitive::<TimestampMicrosecondType>();
        let ids = column("id").as_string::<i32>();
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

impl Table {
    /// Runs that started in `[from, to)` as an export with these columns would have them, in order, to whoever makes
    /// something of them. Reads no file that holds none of them, and no other columns.
    ///
    /// # Errors
    /// What `see` gives, and [`Error::Untrusted`] for a file that isn't what the log says.
    pub fn rows(
        &self,
        edges: (Millis, Millis),
        columns: &ColumnSet,
        mut see: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        self.batches(edges, columns).try_for_each(|rows| see(&rows?))
    }

    /// The same as an iterator, which opens files as it comes to them and ends with the first error.
    pub fn batches(&self, edges: (Millis, Millis), columns: &ColumnSet) -> Batches<'_> {
        self.batches_of(edges, columns.schema())
    }

    /// IDs and starts alone.
    pub fn keys(&self, edges: (Millis, Millis)) -> Batches<'_> {
        let keys = COLUMNS.iter().filter(|column| KEY.contains(&column.name));
        self.batches_of(
            edges,
            Arc::new(Schema::new(keys.map(Column::field).collect::<Vec<_>>())),
        )
    }

    fn batches_of(&self, (from, to): (Millis, Millis), schema: SchemaRef) -> Batches<'_> {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let groups = groups(self.files_of(from, to)).into_iter();
        let batches = groups.flat_map(move |group| -> Batches<'_> {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            match checked(&self.location, self.columns(), &group, Some(&names), (from, to)) {
                Ok(batches) => batches,
                Err(error) => Box::new(std::iter::once(Err(error))),
            }
        });
        let rows = batches.map(move |batch| {
            let odd = |why: String| Error::Untrusted(format!("{}: {why}", self.location.shown()));
            let rows = with_schema(&batch?, &schema).map_err(odd)?;
            let started = rows.column_by_name("started_at").expect("every export has it");
            let started = started.as_primitive::<TimestampMillisecondType>().values();
            let first = started.partition_point(|at| *at < from);
            let end = started.partition_point(|at| *at < to).max(first);
            Ok(rows.slice(first, end - first))
        });
        Box::new(rows.filter(|rows| rows.as_ref().map_or(true, |rows| rows.num_rows() > 0)))
    }

    /// The rows of one file as it holds them, in this order, with the columns of an export that the table has. Whether this
    /// tool wrote it: other engines needn't keep an order.
    pub fn rows_of_file(&self, file: &DataFile, mut see: impl FnMut(&RecordBatch) -> Result<()>) -> Result<bool> {
        let odd = |why: String| Error::Untrusted(format!("{}/{}: {why}", self.location.shown(), file.path));
        let opened = open_as_it_is(&self.location, file, None, None)?;
        for batch in opened.batches {
            let batch = batch?;
            with_schema(&batch, &self.columns().schema()).map_err(odd)?;
            see(&to_export(&batch, self.columns().chosen()).map_err(odd)?)?;
        }
        Ok(opened.is_sorted)
    }

    /// How large a file is; `None` where there is none.
    pub fn bytes_of(&self, file: &DataFile) -> Result<Option<u64>> {
        let path = StorePath::from(file.path.as_str());
        match self.location.wait(self.location.store().head(&path)) {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.location.cannot_read(&file.path, &error)),
        }
    }
}
