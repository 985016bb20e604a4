//! An object's bytes as they come, taken up again where they break off. Never another object's: one that was replaced meanwhile
//! is an error.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use deltalake_core::ObjectStore;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path as StorePath;
use object_store::{Error, GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta, Result};

use crate::stores::errors::is_cut;
use crate::stores::patience::{Patience, StoreFault};

/// Bytes that are on their way, and who is asked for the rest.
pub struct ObjectBody {
    store: Arc<dyn ObjectStore>,
    location: StorePath,
    options: GetOptions,
    patience: Patience,
    meta: ObjectMeta,
    left: Range<u64>,
    bytes: BoxStream<'static, Result<Bytes>>,
}

impl ObjectBody {
    /// The answer with a body that is asked for again from where it breaks off.
    pub fn resume(
        found: GetResult,
        store: Arc<dyn ObjectStore>,
        location: &StorePath,
        options: GetOptions,
        mut patience: Patience,
    ) -> GetResult {
        patience.renew();
        let (meta, range, attributes) = (found.meta.clone(), found.range.clone(), found.attributes.clone());
        let body = ObjectBody {
            store,
            location: location.clone(),
            options,
            patience,
            meta: meta.clone(),
            left: range.clone(),
            bytes: found.into_stream(),
        };
        GetResult {
            payload: GetResultPayload::Stream(stream::try_unfold(body, ObjectBody::next).boxed()),
            meta,
            range,
            attributes,
        }
    }

    async fn next(mut self) -> Result<Option<(Bytes, ObjectBody)>> {
        loop {
            match self.bytes.next().await {
                // An empty part is no progress, and must not renew the patience.
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => {
                    self.left.start += bytes.len() as u64;
                    self.patience.renew();
                    return Ok(Some((bytes, self)));
                }
                _ if self.left.is_empty() => return Ok(None),
                Some(Err(error)) if !is_cut(&error) => return Err(error),
                Some(Err(_)) | None => {
                    self.patience.pause(StoreFault::CutObject).await?;
                    self.bytes = self.rest().await;
                }
            }
        }
    }

    async fn rest(&mut self) -> BoxStream<'static, Result<Bytes>> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(self.left.clone())),
            ..self.options.clone()
        };
        let found = self.store.get_opts(&self.location, options).await;
        let is_same = |found: &GetResult| found.meta.e_tag == self.meta.e_tag && found.meta.size == self.meta.size;
        match found {
            Ok(found) if is_same(&found) => found.into_stream(),
            Ok(_) => failed(self.patience.give_up(StoreFault::Replaced)),
            Err(error) => failed(error),
        }
    }
}

fn failed(error: Error) -> BoxStream<'static, Result<Bytes>> {
    stream::once(std::future::ready(Err(error))).boxed()
}
