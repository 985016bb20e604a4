//! Single objects at a place: read, listed, put under a condition, and files sent there in parts. What they mean is the caller's.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;
use deltalake_core::ObjectStore;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as StorePath;
use object_store::{
    Attribute, Attributes, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion, WriteMultipart,
};

use crate::bounded::MAX_MANIFEST_BYTES;
use crate::error::{Error, Result};
use crate::stores::Location;
use crate::stores::errors::{StoreError, StoreErrorKind};

/// A part of a file that goes up: S3 takes 10,000 of them, so 80 GiB are a file's most.
const PART_BYTES: usize = 8 << 20;
/// How many parts of one file are on their way, all in memory.
const PARTS_IN_FLIGHT: usize = 4;

#[derive(Debug, Clone)]
pub struct ListedObject {
    pub path: String,
    pub bytes: u64,
    /// By the store's clock.
    pub written_ms: i64,
}

#[derive(Debug, Clone)]
pub struct ObjectContent {
    pub bytes: Bytes,
    pub version: UpdateVersion,
}

#[derive(Debug)]
pub enum Put {
    Done,
    /// Another process was first; nothing was written.
    Lost,
    Unclear(Error),
}

impl Location {
    /// All bytes of an object, if it is there, however many they are.
    pub fn fetch(&self, path: &str) -> Result<Option<Bytes>> {
        let store = self.store();
        self.found(path, async { store.get(&StorePath::from(path)).await?.bytes().await })
    }

    /// A small object, if it is there, and which version of it that is.
    pub fn read(&self, path: &str) -> Result<Option<ObjectContent>> {
        let store = self.store();
        self.found(path, async {
            let found = store.get(&StorePath::from(path)).await?;
            if found.meta.size > MAX_MANIFEST_BYTES {
                let source = format!("it has {} bytes; the limit is {MAX_MANIFEST_BYTES}", found.meta.size);
                return Err(object_store::Error::Generic {
                    store: "read",
                    source: source.into(),
                });
            }
            let version = UpdateVersion {
                e_tag: found.meta.e_tag.clone(),
                version: found.meta.version.clone(),
            };
            let bytes = found.bytes().await?;
            Ok(ObjectContent { bytes, version })
        })
    }

    fn found<T>(&self, path: &str, read: impl Future<Output = object_store::Result<T>>) -> Result<Option<T>> {
        match self.wait(read) {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.cannot_read(path, &error)),
        }
    }

    /// Every object, in the order of their paths.
    pub fn list(&self) -> Result<Vec<ListedObject>> {
        self.list_in("")
    }

    /// Every object in a folder of it, in the order of their paths; none where there is no such folder.
    pub fn list_in(&self, folder: &str) -> Result<Vec<ListedObject>> {
        let (store, prefix) = (self.store(), StorePath::from(folder));
        let prefix = (!folder.is_empty()).then_some(&prefix);
        let listed = match self.wait(store.list(prefix).try_collect::<Vec<_>>()) {
            Err(object_store::Error::NotFound { .. }) if prefix.is_some() => Vec::new(),
            listed => listed.map_err(|error| self.cannot_read(folder, &error))?,
        };
        let listed = listed.into_iter().map(|object| ListedObject {
            path: object.location.to_string(),
            bytes: object.size,
            written_ms: object.last_modified.timestamp_millis(),
        });
        // The place itself: consoles make such an object where a folder is wanted.
        let mut listed: Vec<ListedObject> = listed.filter(|object| !object.path.is_empty()).collect();
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listed)
    }

    /// Writes an object if there is none, or upon the version that was read.
    pub fn put_upon(&self, path: &str, content: Vec<u8>, before: Option<UpdateVersion>) -> Put {
        let options = PutOptions {
            mode: before.map_or(PutMode::Create, PutMode::Update),
            attributes: attributes(path),
            ..PutOptions::default()
        };
        let bytes = Bytes::from(content);
        let (store, to) = (self.store(), StorePath::from(path));
        let error = match self.wait(store.put_opts(&to, bytes.clone().into(), options)) {
            Ok(_) => return Put::Done,
            Err(error) => error,
        };
        // A request that was tried again may have met its own first attempt; one that got no answer may have been heard.
        match self.read(path) {
            Ok(Some(found)) if found.bytes == bytes => Put::Done,
            Ok(_) if is_lost(&error) => Put::Lost,
            Ok(_) => Put::Unclear(self.cannot_write(path, &error)),
            Err(unread) => Put::Unclear(match StoreError::from_store(&error).kind {
                // It was not about an earlier attempt, and no later one mends it.
                StoreErrorKind::Refused | StoreErrorKind::Forbidden | StoreErrorKind::Unauthenticated
                    if !is_lost(&error) =>
                {
                    self.cannot_write(path, &error)
                }
                _ => Error::Unreachable(unread.to_string()),
            }),
        }
    }

    /// Sends a file, in parts if it is large. `check` is asked between them whether to go on.
    pub fn upload(&self, file: &Path, path: &str, check: &dyn Fn() -> Result<()>) -> Result<()> {
        let source = File::open(file).map_err(|error| Error::output("read", file, error))?;
        self.upload_rest(source, file, path, check)
    }

    /// The same of an open file from where it stands.
    pub fn upload_rest(&self, mut source: File, file: &Path, path: &str, check: &dyn Fn() -> Result<()>) -> Result<()> {
        let unreadable = |error: io::Error| Error::output("read", file, error);
        let mut next = move || part(&mut source).map_err(unreadable);
        let (store, to) = (self.store(), StorePath::from(path));
        let failed = |error: object_store::Error| self.cannot_write(path, &error);
        self.wait(async {
            let mut bytes = next()?;
            // Folders have none.
            let attributes = match self.local() {
                Some(_) => Attributes::new(),
                None => attributes(path),
            };
            if bytes.len() < PART_BYTES {
                let put = store.put_opts(&to, PutPayload::from(bytes), attributes.into()).await;
                return put.map(drop).map_err(failed);
            }
            let begun = store.put_multipart_opts(&to, attributes.into()).await;
            let mut upload = WriteMultipart::new_with_chunk_size(begun.map_err(failed)?, PART_BYTES);
            while !bytes.is_empty() {
                let ready = upload.wait_for_capacity(PARTS_IN_FLIGHT).await.map_err(failed);
                if let Err(error) = ready.and_then(|()| check()) {
                    let _ = upload.abort().await;
                    return Err(error);
                }
                upload.put(bytes);
                bytes = next()?;
            }
            upload.finish().await.map(drop).map_err(failed)
        })
    }

    /// Copies an object into a file; `false` if it isn't there.
    pub fn download(&self, path: &str, mut into: impl Write) -> Result<bool> {
        let store = self.store();
        let failed = |error: object_store::Error| self.cannot_read(path, &error);
        self.wait(async {
            let found = match store.get(&StorePath::from(path)).await {
                Ok(found) => found,
                Err(object_store::Error::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(failed(error)),
            };
            let mut stream = found.into_stream();
            while let Some(bytes) = stream.next().await {
                let written = into.write_all(&bytes.map_err(failed)?);
                written.map_err(|error| Error::Output(format!("cannot write a copy of {path}: {error}")))?;
            }
            Ok(true)
        })
    }

    /// Removes objects; returns those that could not be removed.
    pub fn remove<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Vec<String> {
        let paths: Vec<StorePath> = paths.into_iter().map(StorePath::from).collect();
        let store = self.store();
        let removing = futures::stream::iter(paths).map(|path| {
            let store = store.clone();
            async move {
                match store.delete(&path).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => None,
                    Err(_) => Some(path.to_string()),
                }
            }
        });
        let removing = removing.buffered(PARTS_IN_FLIGHT);
        self.wait(removing.filter_map(std::future::ready).collect())
    }
}

/// Whether a put's condition didn't hold.
fn is_lost(error: &object_store::Error) -> bool {
    matches!(
        error,
        object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }
    )
}

/// The next part of a file; empty at its end.
fn part(file: &mut File) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(PART_BYTES);
    file.take(PART_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// What a browser is to make of an object.
fn attributes(path: &str) -> Attributes {
    let ending = path.rsplit('.').next().unwrap_or_default();
    let kind = match ending {
        "csv" => "text/csv; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        "md" => "text/markdown; charset=utf-8",
        "sql" => "application/sql",
        "txt" => "text/plain; charset=utf-8",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    };
    Attributes::from_iter([(Attribute::ContentType, kind)])
}
