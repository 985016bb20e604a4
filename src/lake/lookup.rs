//! Whether the table holds runs with some IDs, anywhere. IDs are random, so that bounds rule out no file: each row group has a
//! filter of its IDs, and where that may hold one, or a file has no filters, the column of IDs itself is read.

use std::collections::HashSet;
use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use foldhash::fast::RandomState;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;

use crate::error::Result;
use crate::lake::batch_columns::{as_type, with_schema};
use crate::lake::file_checks::check_row_count;
use crate::lake::files::DataFile;
use crate::lake::object_reader::{ObjectReader, unread_object};
use crate::lake::table::LakeTable;
use crate::lake::tally::LookupCost;
use crate::output::random_access::{mask, page_options, selected};
use crate::output::read::{BATCH_ROWS, options};

/// Files that are looked at side by side: it hides a store's latency.
const FILES_AT_ONCE: usize = 4;
/// With more IDs than these, to ask a filter for each takes longer than to read the IDs that it is of.
const MANY_IDS: usize = 256 << 10;

/// IDs that are looked for.
pub(super) type Ids = HashSet<Box<str>, RandomState>;

/// Rows of a file that have one of the IDs, and how many bytes were read of it.
type FileFound = (Vec<RecordBatch>, u64);

#[derive(Debug, Default)]
pub(super) struct Lookup {
    pub(super) rows: Vec<RecordBatch>,
    pub(super) cost: LookupCost,
}

impl LakeTable {
    /// Every row whose ID is one of these.
    pub(super) fn look_up(&self, ids: &Ids) -> Result<Lookup> {
        let mut lookup = Lookup::default();
        if ids.is_empty() {
            return Ok(lookup);
        }
        lookup.cost.ids = ids.len() as u64;
        // On two threads, since it is hashing and decoding that takes the time.
        let (first, second) = self.files().split_at(self.files().len() / 2);
        let looked = std::thread::scope(|scope| {
            let second = scope.spawn(|| self.look_into(second, ids));
            let mut looked = self.look_into(first, ids);
            looked.extend(second.join().expect("a lookup doesn't panic"));
            looked
        });
        for (file, found) in looked {
            let found = found.map_err(|error| unread_object(self.location(), &file.path, &error));
            let (found, bytes) = found?;
            lookup.cost.files += 1;
            lookup.cost.bytes += bytes;
            for rows in found {
                let rows = with_schema(&rows, &self.columns().schema());
                lookup
                    .rows
                    .push(rows.map_err(|why| self.location().unreadable_file(file, why))?);
            }
        }
        Ok(lookup)
    }

    fn look_into<'t>(
        &'t self,
        files: &'t [DataFile],
        ids: &Ids,
    ) -> Vec<(&'t DataFile, Result<FileFound, ParquetError>)> {
        let looked = futures::stream::iter(files).map(|file| async move {
            let lookup = FileLookup {
                object: ObjectReader::new(self.location(), file),
                file,
            };
            (file, lookup.run(ids).await)
        });
        self.location().wait(looked.buffered(FILES_AT_ONCE).collect())
    }
}

struct FileLookup<'t> {
    file: &'t DataFile,
    object: ObjectReader,
}

impl FileLookup<'_> {
    async fn run(mut self, ids: &Ids) -> Result<FileFound, ParquetError> {
        let metadata = ArrowReaderMetadata::load_async(&mut self.object, options()).await?;
        check_row_count(metadata.metadata(), self.file).map_err(|why| ParquetError::General(why.to_string()))?;
        let columns = metadata.parquet_schema().columns();
        let id = columns.iter().position(|column| column.name() == "id");
        let id = id.ok_or_else(|| ParquetError::General("it has no column id".into()))?;
        let groups = self.groups_that_may_have(ids, &metadata, id).await?;
        let rows = match groups.is_empty() {
            true => Vec::new(),
            false => self.read_rows(ids, &metadata, groups).await?,
        };
        Ok((rows, self.object.bytes_read()))
    }

    /// The row groups whose filter may hold one of the IDs, and those without a filter.
    async fn groups_that_may_have(
        &mut self,
        ids: &Ids,
        metadata: &ArrowReaderMetadata,
        id: usize,
    ) -> Result<Vec<usize>, ParquetError> {
        let groups = metadata.metadata().row_groups().iter();
        let places: Vec<Option<Range<u64>>> = groups.map(|group| filter_place(group.column(id))).collect();
        let there = places.iter().flatten().cloned();
        let all = there.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        let Some(all) = all.filter(|_| ids.len() <= MANY_IDS) else {
            return Ok((0..places.len()).collect());
        };
        let bytes = self.object.get_bytes(all.clone()).await?;
        let filter = |place: &Range<u64>| -> Result<Sbbf, ParquetError> {
            let part = (place.start - all.start) as usize..(place.end - all.start) as usize;
            Sbbf::from_bytes(&bytes[part])
        };
        let mut groups = Vec::new();
        for (group, place) in places.iter().enumerate() {
            let filter = place.as_ref().map(filter).transpose()?;
            if filter.is_none_or(|filter| ids.iter().any(|id| filter.check(&**id))) {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    /// The rows of these groups that have one of the IDs: first their IDs alone, then all columns of those rows.
    async fn read_rows(
        &mut self,
        ids: &Ids,
        metadata: &ArrowReaderMetadata,
        groups: Vec<usize>,
    ) -> Result<Vec<RecordBatch>, ParquetError> {
        let sizes = metadata.metadata().row_groups().iter();
        let sizes = sizes.map(|group| group.num_rows().max(0) as usize);
        let starts = sizes.scan(0, |at, rows| Some(std::mem::replace(at, *at + rows)));
        let starts: Vec<usize> = starts.collect();
        let mut places: Vec<Range<usize>> = Vec::new();
        for group in groups {
            let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(self.object.clone(), metadata.clone());
            let builder = builder.with_row_groups(vec![group]).with_batch_size(BATCH_ROWS);
            let mut stream = builder.with_projection(mask(metadata, Some(&["id"]))).build()?;
            let mut at = starts[group];
            while let Some(batch) = stream.try_next().await? {
                let found = positions(ids, &batch)?;
                places.extend(found.into_iter().map(|row| at + row..at + row + 1));
                at += batch.num_rows();
            }
        }
        // With the index of pages, which only few rows are worth.
        let metadata = ArrowReaderMetadata::load_async(&mut self.object, page_options()).await?;
        let Some((groups, selection)) = selected(metadata.metadata(), &places) else {
            return Ok(Vec::new());
        };
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(self.object.clone(), metadata);
        let builder = builder
            .with_row_groups(groups)
            .with_row_selection(selection)
            .with_batch_size(BATCH_ROWS);
        builder.build()?.try_collect().await
    }
}

/// Where a column's filter is in its file; `None` where it has none that can be read at once.
fn filter_place(chunk: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = u64::try_from(chunk.bloom_filter_offset()?).ok()?;
    let length = u64::try_from(chunk.bloom_filter_length()?).ok()?;
    Some(start..start.checked_add(length)?)
}

/// Which rows of a batch have one of the IDs.
fn positions(ids: &Ids, rows: &RecordBatch) -> Result<Vec<usize>, ParquetError> {
    let column = rows
        .column_by_name("id")
        .and_then(|column| as_type(column, &DataType::Utf8));
    let column = column.ok_or_else(|| ParquetError::General("its column id is not text".into()))?;
    let texts = column.as_string::<i32>().iter().enumerate();
    let found = texts.filter(|(_, id)| id.is_some_and(|id| ids.contains(id)));
    Ok(found.map(|(row, _)| row).collect())
}
