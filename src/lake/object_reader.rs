//! A data file as an object of its store, read in ranges, on disk too where few bytes of it are wanted. Not parquet's own
//! `ParquetObjectReader`: that doesn't count the bytes that it reads, which commits of a sync report.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use deltalake_core::ObjectStore;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::error::{Error, Result};
use crate::lake::Batches;
use crate::lake::files::DataFile;
use crate::stores::Location;

/// What is read of a file's end before anything is known of it: most footers fit.
const FOOTER_BYTES: usize = 64 << 10;

#[derive(Debug, Clone)]
pub(super) struct ObjectReader {
    store: Arc<dyn ObjectStore>,
    path: StorePath,
    bytes: u64,
    read: Arc<AtomicU64>,
}

impl ObjectReader {
    pub(super) fn new(location: &Location, file: &DataFile) -> ObjectReader {
        ObjectReader {
            store: location.store(),
            path: StorePath::from(file.path.as_str()),
            bytes: file.bytes,
            read: Arc::default(),
        }
    }

    /// How many bytes all clones have read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    fn count(&self, range: &Range<u64>) {
        self.read.fetch_add(range.end - range.start, Ordering::Relaxed);
    }
}

impl AsyncFileReader for ObjectReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.count(&range);
        let bytes = self.store.get_range(&self.path, range);
        bytes.map(|bytes| bytes.map_err(external)).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        ranges.iter().for_each(|range| self.count(range));
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let bytes = self.bytes;
        let pages = options.map_or(PageIndexPolicy::Skip, ArrowReaderOptions::offset_index_policy);
        let reader = ParquetMetaDataReader::new()
            .with_prefetch_hint(Some(FOOTER_BYTES))
            .with_offset_index_policy(pages);
        async move { reader.load_and_finish(self, bytes).await.map(Arc::new) }.boxed()
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// The error for an object that can't be read.
pub(super) fn unread_object(location: &Location, path: &str, error: &ParquetError) -> Error {
    if let ParquetError::External(source) = error
        && let Some(error) = source.downcast_ref()
        && !matches!(error, object_store::Error::NotFound { .. })
    {
        return location.cannot_read(path, error);
    }
    Error::Untrusted(format!("cannot read {}/{path}: {error}", location.shown()))
}

/// The batches of a builder, each waited for as it is wanted.
pub(super) fn object_batches<'l>(
    location: &'l Location,
    path: &str,
    builder: ParquetRecordBatchStreamBuilder<ObjectReader>,
) -> Result<Batches<'l>> {
    let path = path.to_string();
    let unread = move |error: ParquetError| unread_object(location, &path, &error);
    let mut stream = builder.build().map_err(&unread)?;
    Ok(Box::new(std::iter::from_fn(move || {
        Some(location.wait(stream.next())?.map_err(&unread))
    })))
}
