//! Where a lake is: a folder, or a place in an object store. It knows the stores and their credentials, and turns their
//! errors into this project's; not what is kept there.

mod address;
mod aws;
mod clouds;
mod objects;
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use address::{Address, Cloud};
use clouds::Client;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use deltalake_core::{DeltaTableError, ObjectStore};
use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
pub use objects::{Content, Listed, Put};
use tokio::runtime::Handle;
use trouble::{Kind, Trouble};
use url::Url;

use crate::error::{Error, Result};

/// A place that a table is at, or may come to be.
#[derive(Clone)]
pub struct Location {
    shown: String,
    url: Url,
    local: Option<PathBuf>,
    log: LogStoreRef,
    handle: Handle,
}

impl Location {
    /// A folder, as a path or a `file://` URL, or a place in an object store: s3://, gs:// or az://. Futures run on the runtime
    /// that is given, which must be at work on another thread. A store is asked whether it is there, and by credentials that it
    /// knows.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no such place, and a bucket that isn't there; [`Error::NotAuthorised`] without credentials
    /// that are good for it; [`Error::Unreachable`] if there is no way to it.
    pub fn open(text: &str, handle: Handle) -> Result<Location> {
        Location::found(text, handle, Location::cannot_read)
    }

    /// The same of a place that is to be written to.
    ///
    /// # Errors
    /// As [`Location::open`], but [`Error::Output`] for a bucket that isn't there.
    pub fn open_to_write(text: &str, handle: Handle) -> Result<Location> {
        Location::found(text, handle, Location::cannot_write)
    }

    fn found(
        text: &str,
        handle: Handle,
        failed: impl Fn(&Location, &str, &object_store::Error) -> Error,
    ) -> Result<Location> {
        let (cloud, bucket, url) = match Address::parse(text)? {
            Address::Folder(folder) => return Location::folder(text, &folder, handle),
            Address::Store { cloud, bucket, url } => (cloud, bucket, url),
        };
        let store = Location::in_store(text, cloud, &bucket, url, handle)?;
        let first = store.wait(async { store.store().list(None).next().await });
        match first {
            Some(Err(error)) => Err(failed(&store, "", &error)),
            Some(Ok(_)) | None => Ok(store),
        }
    }

    fn folder(text: &str, folder: &Path, handle: Handle) -> Result<Location> {
        let absolute = std::path::absolute(folder).map_err(|error| Error::output("find", folder, error))?;
        let url =
            Url::from_directory_path(&absolute).map_err(|()| Error::Usage(format!("{text}: no path of a folder")))?;
        Location::at(text, url, Some(absolute), Arc::new(LocalFileSystem::new()), handle)
    }

    fn in_store(text: &str, cloud: Cloud, bucket: &str, url: Url, handle: Handle) -> Result<Location> {
        let client = Client(handle.clone());
        let root = handle.block_on(clouds::store(cloud, bucket, &url, &client))?;
        Location::at(text, url, None, root, handle)
    }

    fn at(
        text: &str,
        url: Url,
        local: Option<PathBuf>,
        root: Arc<dyn ObjectStore>,
        handle: Handle,
    ) -> Result<Location> {
        let config = StorageConfig::default();
        let prefixed = config
            .decorate_store(root.clone(), &url)
            .map_err(|error| Error::Usage(format!("{text}: {error}")))?;
        Ok(Location {
            shown: text.trim_end_matches('/').to_string(),
            log: default_logstore(Arc::new(prefixed), root, &url, &config),
            url,
            local,
            handle,
        })
    }

    /// As it was given.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Its URL, for the table's log.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The folder, if it is one of this machine.
    pub fn local(&self) -> Option<&Path> {
        self.local.as_deref()
    }

    /// The table's log.
    pub(super) fn log(&self) -> &LogStoreRef {
        &self.log
    }

    /// What is kept there, by paths within.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.log.object_store(None)
    }

    /// Waits for something.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.handle.block_on(future)
    }

    /// Writes an object whole.
    pub fn put(&self, path: &str, content: Vec<u8>) -> Result<()> {
        let put = self.wait(self.store().put(&StorePath::from(path), content.into()));
        put.map(|_| ()).map_err(|error| self.cannot_write(path, &error))
    }

    /// Removes objects that nothing names; what can't be removed stays until the table is vacuumed.
    pub(super) fn discard(&self, paths: impl IntoIterator<Item = String>) {
        let store = self.store();
        for path in paths {
            let _ = self.wait(store.delete(&StorePath::from(path)));
        }
    }

    /// Whether anything is there.
    pub fn is_empty(&self) -> Result<bool> {
        let store = self.store();
        let first = self.wait(async { store.list(None).next().await });
        match first {
            None | Some(Err(object_store::Error::NotFound { .. })) => Ok(true),
            Some(Ok(_)) => Ok(false),
            Some(Err(error)) => Err(self.cannot_read("", &error)),
        }
    }

    fn place(&self, path: &str) -> String {
        if path.is_empty() {
            self.shown.clone()
        } else {
            format!("{}/{path}", self.shown)
        }
    }

    /// What became of reading something.
    pub fn cannot_read(&self, path: &str, error: &object_store::Error) -> Error {
        let Trouble { kind, text } = Trouble::of(error);
        let text = format!("cannot read {}: {text}", self.place(path));
        match kind {
            Kind::Missing | Kind::Refused if self.local.is_none() => Error::Usage(text),
            Kind::Missing => Error::Usage(text),
            Kind::Unknown | Kind::Forbidden => Error::NotAuthorised(text),
            _ if self.local.is_some() => Error::Untrusted(text),
            Kind::Unreachable | Kind::Refused => Error::Unreachable(safe(text)),
        }
    }

    /// What became of writing something.
    pub fn cannot_write(&self, path: &str, error: &object_store::Error) -> Error {
        let Trouble { kind, text } = Trouble::of(error);
        let text = format!("cannot write {}: {text}", self.place(path));
        match kind {
            Kind::Unreachable if self.local.is_none() => Error::Unreachable(safe(text)),
            Kind::Unknown => Error::NotAuthorised(text),
            Kind::Missing | Kind::Forbidden | Kind::Refused | Kind::Unreachable => Error::Output(text),
        }
    }

    /// What became of reading the table's log.
    pub(super) fn log_unread(&self, error: &DeltaTableError) -> Error {
        match error {
            DeltaTableError::ObjectStore { source } => self.cannot_read("_delta_log", source),
            other => Error::Untrusted(format!("{}: its log can't be read: {other}", self.shown)),
        }
    }
}

fn safe(text: String) -> String {
    format!("{text}; it is safe to run again")
}
