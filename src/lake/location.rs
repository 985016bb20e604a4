//! Where a lake is: a folder, or a place in an object store. It knows the stores and their credentials, and turns their
//! errors into this project's; not what is kept there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use deltalake_core::{DeltaTableError, ObjectStore};
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use tokio::runtime::Handle;
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
    /// A folder, as a path or a `file://` URL; futures run on the runtime that is given.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is neither, and for a URL of another kind.
    pub fn open(text: &str, handle: Handle) -> Result<Location> {
        let local = match Url::parse(text) {
            Ok(url) if url.scheme() == "file" => url
                .to_file_path()
                .map_err(|()| Error::Usage(format!("{text}: not a file URL of this machine")))?,
            Ok(url) if text.contains("://") => {
                return Err(Error::Usage(format!(
                    "{text}: {} is no place that a lake can be at",
                    url.scheme()
                )));
            }
            _ => PathBuf::from(text),
        };
        let absolute = std::path::absolute(&local).map_err(|error| Error::output("find", &local, error))?;
        let url =
            Url::from_directory_path(&absolute).map_err(|()| Error::Usage(format!("{text}: no path of a folder")))?;
        Location::at(text, url, Some(absolute), Arc::new(LocalFileSystem::new()), handle)
    }

    /// A place in a store that is there already.
    pub(super) fn at(
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
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
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
        use futures::StreamExt;
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
    pub(super) fn cannot_read(&self, path: &str, error: &object_store::Error) -> Error {
        let place = self.place(path);
        let text = format!("cannot read {place}: {}", told(error));
        match error {
            object_store::Error::NotFound { .. } => Error::Usage(text),
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                Error::NotAuthorised(text)
            }
            _ if self.local.is_some() => Error::Untrusted(text),
            _ => Error::Unreachable(text),
        }
    }

    /// What became of writing something.
    pub(super) fn cannot_write(&self, path: &str, error: &object_store::Error) -> Error {
        let text = format!("cannot write {}: {}", self.place(path), told(error));
        match error {
            object_store::Error::Unauthenticated { .. } => Error::NotAuthorised(text),
            object_store::Error::NotFound { .. } | object_store::Error::PermissionDenied { .. } => Error::Output(text),
            _ if self.local.is_some() => Error::Output(text),
            _ => Error::Unreachable(text),
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

/// An error of the store with its causes, which its own text leaves out at times.
fn told(error: &object_store::Error) -> String {
    format!("{:#}", anyhow::anyhow!(error.to_string()))
}
