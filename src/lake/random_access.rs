//! The table's files, to be read anywhere: on disk by the pages that are wanted, in an object store by ranges.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;

use crate::error::{Error, Result};
use crate::lake::bounds::LogBounds;
use crate::lake::columns::{LakeColumns, with_schema};
use crate::lake::files::DataFile;
use crate::lake::object::{Object, unread_object};
use crate::lake::read::{as_large_as_told, as_many_as_told, groups, is_sorted};
use crate::lake::table::Table;
use crate::output::random_access::{OpenParquet, mask, options, rows, selected};
use crate::output::read::BATCH_ROWS;
use crate::runs::random_access::RandomAccessRuns;
use crate::runs::schema::Column;
use crate::stores::Location;

struct LakeFile {
    name: String,
    location: Location,
    columns: LakeColumns,
    bounds: LogBounds,
    content: Content,
}

enum Content {
    Local(OpenParquet),
    Stored(Object, ArrowReaderMetadata),
}

impl Table {
    /// Opens its files: those that overlap in time together, in order of time.
    ///
    /// # Errors
    /// [`Error::Untrusted`] for a file that isn't what the log says.
    pub fn open_files(&self) -> Result<Vec<Vec<Box<dyn RandomAccessRuns>>>> {
        let open = |file: &DataFile| -> Result<Box<dyn RandomAccessRuns>> { Ok(Box::new(self.open_file(file)?)) };
        let groups = groups(self.files().iter().collect()).into_iter();
        groups.map(|group| group.into_iter().map(open).collect()).collect()
    }

    fn open_file(&self, file: &DataFile) -> Result<LakeFile> {
        let location = self.location();
        location.check_hash(file)?;
        let name = format!("{}/{}", location.shown(), file.path);
        let odd = |cause: &dyn std::fmt::Display| Error::Untrusted(format!("cannot read {name}: {cause}"));
        as_large_as_told(location, file)?;
        let content = match location.local() {
            Some(folder) => {
                let open = OpenParquet::open(&folder.join(&file.path), true);
                Content::Local(open.map_err(|error| odd(&error))?)
            }
            None => {
                let mut object = Object::of(location, file);
                let metadata = location.wait(ArrowReaderMetadata::load_async(&mut object, options(true)));
                let metadata = metadata.map_err(|error| unread_object(location, &file.path, &error))?;
                Content::Stored(object, metadata)
            }
        };
        let opened = LakeFile {
            location: location.clone(),
            columns: self.columns().clone(),
            bounds: LogBounds::of(location, file, is_sorted(content.metadata().metadata())),
            content,
            name,
        };
        as_many_as_told(opened.metadata().metadata(), file).map_err(|why| opened.odd(why))?;
        Ok(opened)
    }
}

impl Content {
    fn metadata(&self) -> &ArrowReaderMetadata {
        match self {
            Content::Local(open) => open.metadata(),
            Content::Stored(_, metadata) => metadata,
        }
    }
}

impl LakeFile {
    fn metadata(&self) -> &ArrowReaderMetadata {
        self.content.metadata()
    }

    fn odd(&self, cause: impl std::fmt::Display) -> Error {
        Error::Untrusted(format!("cannot read {}: {cause}", self.name))
    }

    fn unread(&self, error: &ParquetError) -> Error {
        match &self.content {
            Content::Local(_) => self.odd(error),
            Content::Stored(..) => unread_object(&self.location, &self.name, error),
        }
    }

    /// An export's columns that the table has, those of a choice alone.
    fn schema_of(&self, columns: Option<&[&str]>) -> SchemaRef {
        let has = self.columns.chosen().columns();
        let wanted = has.filter(|column| columns.is_none_or(|columns| columns.contains(&column.name)));
        Arc::new(Schema::new(wanted.map(Column::field).collect::<Vec<_>>()))
    }

    fn builder(&self, object: &Object) -> ParquetRecordBatchStreamBuilder<Object> {
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(object.clone(), self.metadata().clone());
        builder.with_batch_size(BATCH_ROWS)
    }
}

impl RandomAccessRuns for LakeFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self) -> usize {
        rows(self.metadata().metadata())
    }

    fn scan(&self, columns: &[&str], see: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let schema = self.schema_of(Some(columns));
        let mut bounds = self.bounds.clone();
        let mut see = |batch: RecordBatch| {
            let rows = with_schema(&batch, &schema).map_err(|why| self.odd(why))?;
            bounds.check(&rows)?;
            see(&rows)
        };
        match &self.content {
            Content::Local(open) => {
                for batch in open.scan(columns).map_err(|error| self.unread(&error))? {
                    see(batch.map_err(|error| self.odd(error))?)?;
                }
            }
            Content::Stored(object, metadata) => {
                let stream = self
                    .builder(object)
                    .with_projection(mask(metadata, Some(columns)))
                    .build();
                let mut stream = stream.map_err(|error| self.unread(&error))?;
                while let Some(batch) = self.location.wait(stream.next()) {
                    see(batch.map_err(|error| self.unread(&error))?)?;
                }
            }
        }
        Ok(())
    }

    fn read(&self, places: &[Range<usize>], columns: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
        let batches: Result<Vec<RecordBatch>, ParquetError> = match &self.content {
            Content::Local(open) => open.read(places, columns),
            Content::Stored(object, metadata) => match selected(metadata.metadata(), places) {
                None => Ok(Vec::new()),
                Some((row_groups, selection)) => {
                    let builder = self.builder(object).with_row_groups(row_groups);
                    let builder = builder.with_projection(mask(metadata, columns));
                    let stream = builder.with_row_selection(selection).build();
                    stream.and_then(|stream| self.location.wait(stream.try_collect()))
                }
            },
        };
        let schema = self.schema_of(columns);
        let batches = batches.map_err(|error| self.unread(&error))?.into_iter();
        let exported = |batch: RecordBatch| with_schema(&batch, &schema).map_err(|why| self.odd(why));
        batches.map(exported).collect()
    }
}

impl std::fmt::Debug for LakeFile {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("LakeFile")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
