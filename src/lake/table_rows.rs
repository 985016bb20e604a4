//! The table's rows as an export has them: of a period, in order, or of one file as it holds them.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;

use crate::error::{Error, ReadError, Result};
use crate::lake::Batches;
use crate::lake::batch_columns::{slice_period, with_schema};
use crate::lake::file_rows::{Selection, checked, groups, open_unhashed};
use crate::lake::files::DataFile;
use crate::lake::table::LakeTable;
use crate::period::Millis;
use crate::runs::column_set::ColumnSet;
use crate::runs::schema::{COLUMNS, Column};

/// Batches that wait to be taken.
const BATCHES_AHEAD: usize = 2;

const KEY: [&str; 2] = ["id", "started_at"];

impl LakeTable {
    /// Hands the runs that started in `[from, to)` to `see`, as an export with these columns would have them, in order. Reads
    /// no file that holds none of them, and no other columns; exit 5 for a file that isn't what the log says. A thread reads ahead:
    /// to unpack rows takes as long as to make something of them.
    pub fn rows(
        &self,
        edges: (Millis, Millis),
        columns: &ColumnSet,
        mut see: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let span = tracing::Span::current();
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(BATCHES_AHEAD);
            scope.spawn(move || {
                span.in_scope(|| {
                    let mut read = self.batches(edges, columns);
                    // Nobody takes more of them once something failed.
                    while let Some(rows) = read.next()
                        && sender.send(rows).is_ok()
                    {}
                });
            });
            batches.into_iter().try_for_each(|rows| see(&rows?))
        })
    }

    /// The same as an iterator, which opens files as it comes to them and ends with the first error.
    pub fn batches(&self, edges: (Millis, Millis), columns: &ColumnSet) -> Batches<'_> {
        self.batches_of(edges, columns.schema())
    }

    /// IDs and starts alone.
    pub fn keys(&self, edges: (Millis, Millis)) -> Batches<'_> {
        let keys = COLUMNS.iter().filter(|column| KEY.contains(&column.name));
        let keys = Schema::new(keys.map(Column::field).collect::<Vec<_>>());
        self.batches_of(edges, Arc::new(keys))
    }

    fn batches_of(&self, edges: (Millis, Millis), schema: SchemaRef) -> Batches<'_> {
        let wanted = schema.clone();
        let groups = groups(self.files_of(edges.0, edges.1)).into_iter();
        let batches = groups.flat_map(move |group| -> Batches<'_> {
            let names: Vec<&str> = wanted.fields().iter().map(|field| field.name().as_str()).collect();
            let selection = Selection::columns(&names).within(std::slice::from_ref(&edges));
            match checked(&self.location, self.columns(), &group, selection) {
                Ok(batches) => batches,
                Err(error) => Box::new(std::iter::once(Err(error))),
            }
        });
        let rows = batches.map(move |batch| {
            let untrusted = |why: ReadError| Error::Untrusted(format!("{}: {why}", self.location.shown()));
            let rows = with_schema(&batch?, &schema).map_err(untrusted)?;
            Ok(slice_period(&rows, edges))
        });
        let mut rows = rows.filter(|rows| rows.as_ref().map_or(true, |rows| rows.num_rows() > 0));
        // A file's reader that has failed panics if it is asked again.
        let mut has_failed = false;
        Box::new(std::iter::from_fn(move || {
            let next = if has_failed { None } else { rows.next() };
            has_failed |= next.as_ref().is_some_and(Result::is_err);
            next
        }))
    }

    /// Hands the rows of one file to `see` as it holds them, in its order, with the columns of an export that the table has.
    /// Returns whether this tool wrote it: other engines needn't keep an order.
    pub fn rows_of_file(&self, file: &DataFile, mut see: impl FnMut(&RecordBatch) -> Result<()>) -> Result<bool> {
        let untrusted = |why: ReadError| self.location.untrusted_file(file, why);
        let (own, exported) = (self.columns().schema(), self.columns().chosen().schema());
        let opened = open_unhashed(&self.location, file, Selection::ALL)?;
        for batch in opened.batches {
            let batch = batch?;
            with_schema(&batch, &own).map_err(untrusted)?;
            see(&with_schema(&batch, &exported).map_err(untrusted)?)?;
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
