//! A data file as an object of its store, read in ranges, on disk too where few bytes of it are wanted.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use deltalake_core::ObjectStore;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::error::{Error, Result};
use crate::lake::files::DataFile;
use crate::stores::Location;

/// A Parquet file in an object store, read in ranges: those of the columns that are wanted.
#[derive(Debug, Clone)]
pub(super) struct Object {
    store: Arc<dyn ObjectStore>,
    path: StorePath,
    bytes: u64,
    read: Arc<AtomicU64>,
}

impl Object {
    /// How many bytes have been read of it, by all its copies.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn of(location: &Location, file: &DataFile) -> Object {
        Object {
            store: location.store(),
            path: StorePath::from(file.path.as_str()),
            bytes: file.bytes,
            read: Arc::default(),
        }
    }
}

/// What is said of a file in a store that can't be read.
pub(super) fn unread_object(location: &Location, path: &str, error: &ParquetError) -> Error {
    let odd = || Error::Untrusted(format!("cannot read {}/{path}: {error}", location.shown()));
    match error {
        ParquetError::External(source) => match source.downcast_ref::<object_store::Error>() {
            Some(object_store::Error::NotFound { .. }) | None => odd(),
            Some(error) => location.cannot_read(path, error),
        },
        _ => odd(),
    }
}

/// What is read of a file's end before anything is known of it: most footers fit.
const FOOTER_BYTES: usize = 64 << 10;

impl AsyncFileReader for Object {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.read.fetch_add(range.end - range.start, Ordering::Relaxed);
        let bytes = self.store.get_range(&self.path, range);
        bytes.map(|bytes| bytes.map_err(unreachable_object)).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        self.read.fetch_add(bytes, Ordering::Relaxed);
        async move {
            self.store
                .get_ranges(&self.path, &ranges)
                .await
                .map_err(unreachable_object)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let bytes = self.bytes;
            let pages = options.map_or(PageIndexPolicy::Skip, ArrowReaderOptions::offset_index_policy);
            let reader = ParquetMetaDataReader::new()
                .with_prefetch_hint(Some(FOOTER_BYTES))
                .with_offset_index_policy(pages);
            reader.load_and_finish(self, bytes).await.map(Arc::new)
        }
        .boxed()
    }
}

fn unreachable_object(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
