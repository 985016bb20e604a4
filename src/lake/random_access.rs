//! The table's files, read at random: on disk by the pages that are wanted, in an object store by ranges.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;

use crate::error::{Error, Result};
use crate::lake::Batches;
use crate::lake::batch_columns::with_schema;
use crate::lake::bounds::LogBounds;
use crate::lake::columns::LakeColumns;
use crate::lake::file_checks::{check_row_count, check_size};
use crate::lake::file_rows::{groups, is_sorted};
use crate::lake::files::DataFile;
use crate::lake::object_reader::{ObjectReader, object_batches, unread_object};
use crate::lake::table::LakeTable;
use crate::output::random_access::{OpenParquet, mask, page_options, rows, selected};
use crate::output::read::BATCH_ROWS;
use crate::runs::random_access::RandomAccessRuns;
use crate::runs::schema::Column;
use crate::stores::Location;

#[derive(Debug)]
struct LakeFile {
    name: String,
    location: Location,
    columns: LakeColumns,
    bounds: LogBounds,
    content: FileContent,
}

#[derive(Debug)]
enum FileContent {
    /// It stays open, so that a vacuum meanwhile doesn't take it away.
    Local(OpenParquet),
    Stored(ObjectReader, ArrowReaderMetadata),
}

impl LakeTable {
    /// Opens its files: those that overlap in time together, in order of time. Exit 5 for one that isn't what the log says.
    pub fn open_files(&self) -> Result<Vec<Vec<Box<dyn RandomAccessRuns>>>> {
        let open = |file: &DataFile| -> Result<Box<dyn RandomAccessRuns>> { Ok(Box::new(self.open_file(file)?)) };
        let groups = groups(self.files().iter().collect()).into_iter();
        groups.map(|group| group.into_iter().map(open).collect()).collect()
    }

    fn open_file(&self, file: &DataFile) -> Result<LakeFile> {
        let location = self.location();
        location.check_hash(file)?;
        let name = format!("{}/{}", location.shown(), file.path);
        check_size(location, file)?;
        let content = match location.local() {
            Some(folder) => {
                let open = OpenParquet::open(&folder.join(&file.path));
                FileContent::Local(open.map_err(|error| unread(&name, error))?)
            }
            None => {
                let mut reader = ObjectReader::new(location, file);
                let metadata = location.wait(ArrowReaderMetadata::load_async(&mut reader, page_options()));
                FileContent::Stored(
                    reader,
                    metadata.map_err(|error| unread_object(location, &file.path, &error))?,
                )
            }
        };
        let metadata = content.metadata().metadata();
        check_row_count(metadata, file).map_err(|why| unread(&name, why))?;
        Ok(LakeFile {
            location: location.clone(),
            columns: self.columns().clone(),
            bounds: LogBounds::new(location, file, is_sorted(metadata)),
            content,
            name,
        })
    }
}

fn unread(name: &str, cause: impl std::fmt::Display) -> Error {
    Error::Untrusted(format!("cannot read {name}: {cause}"))
}

impl FileContent {
    fn metadata(&self) -> &ArrowReaderMetadata {
        match self {
            FileContent::Local(open) => open.metadata(),
            FileContent::Stored(_, metadata) => metadata,
        }
    }
}

impl LakeFile {
    /// An export's columns that the table has, those of a choice alone.
    fn schema_of(&self, columns: Option<&[&str]>) -> SchemaRef {
        let has = self.columns.chosen().columns();
        let wanted = has.filter(|column| columns.is_none_or(|columns| columns.contains(&column.name)));
        Arc::new(Schema::new(wanted.map(Column::field).collect::<Vec<_>>()))
    }

    fn stored_batches(
        &self,
        reader: &ObjectReader,
        columns: Option<&[&str]>,
        selection: Option<(Vec<usize>, RowSelection)>,
    ) -> Result<Batches<'_>> {
        let metadata = self.content.metadata();
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader.clone(), metadata.clone());
        let builder = builder
            .with_projection(mask(metadata, columns))
            .with_batch_size(BATCH_ROWS);
        let builder = match selection {
            Some((groups, rows)) => builder.with_row_groups(groups).with_row_selection(rows),
            None => builder,
        };
        object_batches(&self.location, &self.name, builder)
    }
}

impl RandomAccessRuns for LakeFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self) -> usize {
        rows(self.content.metadata().metadata())
    }

    fn scan(&self, columns: &[&str], see: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let schema = self.schema_of(Some(columns));
        let mut bounds = self.bounds.clone();
        let batches: Batches = match &self.content {
            FileContent::Local(open) => {
                let batches = open.scan(columns).map_err(|error| unread(&self.name, error))?;
                Box::new(batches.map(|batch| batch.map_err(|error| unread(&self.name, error))))
            }
            FileContent::Stored(reader, _) => self.stored_batches(reader, Some(columns), None)?,
        };
        for batch in batches {
            let rows = with_schema(&batch?, &schema).map_err(|why| unread(&self.name, why))?;
            bounds.check(&rows)?;
            see(&rows)?;
        }
        Ok(())
    }

    fn read(&self, places: &[Range<usize>], columns: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
        let batches: Vec<RecordBatch> = match &self.content {
            FileContent::Local(open) => open.read(places, columns).map_err(|error| unread(&self.name, error))?,
            FileContent::Stored(reader, metadata) => match selected(metadata.metadata(), places) {
                None => Vec::new(),
                selection => self
                    .stored_batches(reader, columns, selection)?
                    .collect::<Result<_>>()?,
            },
        };
        let schema = self.schema_of(columns);
        let exported = |batch: &RecordBatch| with_schema(batch, &schema).map_err(|why| unread(&self.name, why));
        batches.iter().map(exported).collect()
    }
}
