//! A store in which some files of the table's log can't be seen: those that are broken, and that the log is whole without.
//! Whoever writes such a file anew sees it again.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
use bytes::Bytes;
use deltalake_core::ObjectStore;
use futures::stream::BoxStream;
use futures::{StreamExt, future};
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMode, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

pub const LOG: &str = "_delta_log";

/// The names in the log that can't be seen, for everybody who looks at the same place.
#[derive(Debug, Clone, Default)]
pub struct HiddenNames(Arc<RwLock<BTreeSet<String>>>);

impl HiddenNames {
    fn names(&self) -> RwLockReadGuard<'_, BTreeSet<String>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    /// `false` if it was hidden already.
    pub fn add(&self, name: &str) -> bool {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_string())
    }

    pub fn remove(&self, name: &str) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.remove(name);
    }

    fn hold(&self, path: &StorePath) -> bool {
        let names = self.names();
        if names.is_empty() {
            return false;
        }
        let mut parts = path.as_ref().rsplit('/');
        let name = parts.next().unwrap_or_default();
        parts.next() == Some(LOG) && names.contains(name)
    }

    fn written(&self, path: &StorePath) {
        if self.hold(path) {
            self.remove(path.filename().unwrap_or_default());
        }
    }
}

#[derive(Debug, Clone)]
pub struct LogView {
    inner: Arc<dyn ObjectStore>,
    hidden: HiddenNames,
}

impl fmt::Display for LogView {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl LogView {
    pub fn new(inner: Arc<dyn ObjectStore>, hidden: HiddenNames) -> LogView {
        LogView { inner, hidden }
    }

    fn look(&self, location: &StorePath) -> Result<()> {
        if self.hidden.hold(location) {
            return Err(Error::NotFound {
                path: location.to_string(),
                source: "it is ignored".into(),
            });
        }
        Ok(())
    }

    fn seen(&self, listed: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.hidden.is_empty() {
            return listed;
        }
        let hidden = self.hidden.clone();
        let is_seen = move |object: &Result<ObjectMeta>| {
            let is_hidden = object.as_ref().is_ok_and(|object| hidden.hold(&object.location));
            future::ready(!is_hidden)
        };
        listed.filter(is_seen).boxed()
    }
}

#[async_trait]
impl ObjectStore for LogView {
    async fn put_opts(&self, location: &StorePath, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let is_hidden = self.hidden.hold(location);
        let mode = match options.mode {
            // What can't be seen is not in anybody's way.
            PutMode::Create if is_hidden => PutMode::Overwrite,
            mode => mode,
        };
        let options = PutOptions { mode, ..options };
        let put = self.inner.put_opts(location, payload, options).await?;
        self.hidden.written(location);
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.inner.put_multipart_opts(location, options).await?;
        self.hidden.written(location);
        Ok(upload)
    }

    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> Result<GetResult> {
        self.look(location)?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &StorePath, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.look(location)?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<StorePath>>) -> BoxStream<'static, Result<StorePath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.seen(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&StorePath>,
        offset: &StorePath,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.seen(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> Result<ListResult> {
        let mut listed = self.inner.list_with_delimiter(prefix).await?;
        listed.objects.retain(|object| !self.hidden.hold(&object.location));
        Ok(listed)
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
