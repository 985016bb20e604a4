//! A cloud's store that asks again where the object stores' crate gives up at once: after a list that breaks off, a 404 for an
//! object that is there, a conflict (409), an object that breaks off. What the crate itself asks again for (5xx, 429, no
//! connection) isn't asked for twice as often here.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use deltalake_core::ObjectStore;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::stores::body::ObjectBody;
use crate::stores::errors::{StoreError, StoreErrorKind, code, is_conflict, is_cut};
use crate::stores::patience::{Patience, StoreFault};

#[derive(Debug, Clone)]
pub struct PatientStore {
    inner: Arc<dyn ObjectStore>,
    shown: Arc<str>,
}

impl fmt::Display for PatientStore {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PatientStore {
    /// `shown` names the store in warnings.
    pub fn new(inner: Arc<dyn ObjectStore>, shown: &str) -> PatientStore {
        PatientStore {
            inner,
            shown: shown.into(),
        }
    }

    fn patience(&self) -> Patience {
        Patience::new(self.shown.clone())
    }

    /// Whether a list has an object. Lists begin after a name: here after the object's own without its last letter.
    async fn is_listed(&self, location: &StorePath) -> Result<bool> {
        let text = location.as_ref();
        let folder = text.rsplit_once('/').map(|(folder, _)| StorePath::parse(folder));
        let folder = folder.transpose()?;
        let before = text.char_indices().next_back().map_or("", |(last, _)| &text[..last]);
        let mut listing = self.listing(folder, StorePath::parse(before).ok());
        while let Some(object) = listing.next().await {
            let object = object?;
            if object.location >= *location {
                return Ok(object.location == *location);
            }
        }
        Ok(false)
    }

    fn listing(&self, prefix: Option<StorePath>, offset: Option<StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
        let listing = Listing {
            objects: list(&self.inner, prefix.as_ref(), offset.as_ref()),
            store: self.inner.clone(),
            prefix,
            last: offset,
            is_begun: false,
            is_ordered: true,
            patience: self.patience(),
        };
        stream::try_unfold(listing, Listing::next).boxed()
    }

    /// Whether an error is worth another attempt, and as which fault: those of a write.
    fn fault_of_write(error: &Error) -> Option<StoreFault> {
        if is_conflict(error) {
            return Some(StoreFault::Conflict);
        }
        is_cut(error).then_some(StoreFault::NoAnswer)
    }
}

fn list(
    store: &Arc<dyn ObjectStore>,
    prefix: Option<&StorePath>,
    offset: Option<&StorePath>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    match offset {
        Some(offset) => store.list_with_offset(prefix, offset),
        None => store.list(prefix),
    }
}

struct Listing {
    store: Arc<dyn ObjectStore>,
    prefix: Option<StorePath>,
    objects: BoxStream<'static, Result<ObjectMeta>>,
    /// The list goes on after this name.
    last: Option<StorePath>,
    is_begun: bool,
    /// Whether objects came in the order of their names so far: only then it is known which are still to come.
    is_ordered: bool,
    patience: Patience,
}

impl Listing {
    async fn next(mut self) -> Result<Option<(ObjectMeta, Listing)>> {
        loop {
            match self.objects.next().await {
                None => return Ok(None),
                Some(Ok(object)) => {
                    let is_next = self.last.as_ref().is_none_or(|last| *last < object.location);
                    self.is_ordered &= is_next || !self.is_begun;
                    self.is_begun = true;
                    self.last = Some(object.location.clone());
                    self.patience.renew();
                    return Ok(Some((object, self)));
                }
                Some(Err(error)) if is_cut(&error) => {
                    if !self.is_ordered {
                        return Err(self.patience.give_up(StoreFault::CutList));
                    }
                    self.patience.pause(StoreFault::CutList).await?;
                    self.objects = list(&self.store, self.prefix.as_ref(), self.last.as_ref());
                }
                Some(Err(error)) => return Err(error),
            }
        }
    }
}

#[async_trait]
impl ObjectStore for PatientStore {
    async fn put_opts(&self, location: &StorePath, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mut patience = self.patience();
        loop {
            let put = self.inner.put_opts(location, payload.clone(), options.clone()).await;
            let Err(error) = put else { return put };
            let Some(fault) = PatientStore::fault_of_write(&error) else {
                return Err(error);
            };
            // A 409 without a word of why may mean that the object is there.
            let is_create = options.mode == PutMode::Create && fault == StoreFault::Conflict;
            if is_create && code(&error.to_string()).is_none() && self.is_listed(location).await? {
                return Err(error);
            }
            patience.pause(fault).await?;
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let mut patience = self.patience();
        loop {
            match self.inner.put_multipart_opts(location, options.clone()).await {
                Ok(upload) => return Ok(upload),
                Err(error) => match PatientStore::fault_of_write(&error) {
                    Some(fault) => patience.pause(fault).await?,
                    None => return Err(error),
                },
            }
        }
    }

    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> Result<GetResult> {
        let mut patience = self.patience();
        loop {
            let error = match self.inner.get_opts(location, options.clone()).await {
                Ok(found) if matches!(found.payload, GetResultPayload::Stream(_)) && !options.head => {
                    let store = self.inner.clone();
                    return Ok(ObjectBody::resume(found, store, location, options, patience));
                }
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let fault = match &error {
                Error::NotFound { .. } => match self.is_listed(location).await {
                    Ok(true) => StoreFault::Hidden,
                    Err(unlisted) if StoreError::from_store(&unlisted).kind == StoreErrorKind::Unreachable => {
                        return Err(unlisted);
                    }
                    Ok(false) | Err(_) => return Err(error),
                },
                error if is_cut(error) => StoreFault::NoAnswer,
                _ => return Err(error),
            };
            patience.pause(fault).await?;
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<StorePath>>) -> BoxStream<'static, Result<StorePath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(prefix.cloned(), None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&StorePath>,
        offset: &StorePath,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(prefix.cloned(), Some(offset.clone()))
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> Result<ListResult> {
        let mut patience = self.patience();
        loop {
            match self.inner.list_with_delimiter(prefix).await {
                Err(error) if is_cut(&error) => patience.pause(StoreFault::CutList).await?,
                other => return other,
            }
        }
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> Result<()> {
        let mut patience = self.patience();
        loop {
            let copied = self.inner.copy_opts(from, to, options.clone()).await;
            let Err(error) = copied else { return Ok(()) };
            match PatientStore::fault_of_write(&error) {
                Some(fault) => patience.pause(fault).await?,
                None => return Err(error),
            }
        }
    }
}
