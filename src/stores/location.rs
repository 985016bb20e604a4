//! A place that a table is at: a folder, or a prefix in an object store.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use deltalake_core::ObjectStore;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;
use tokio::runtime::{Builder, Handle};
use url::Url;

use crate::disk;
use crate::error::{Error, Result};
use crate::paths;
use crate::stores::address::{Address, Cloud};
use crate::stores::failures::CANNOT_READ;
use crate::stores::folder_store::FolderStore;
use crate::stores::log_view::{HiddenNames, LOG, LogView};
use crate::stores::patient::PatientStore;
use crate::stores::{aws, google_azure};

/// Clones share what is known of the place.
#[derive(Debug, Clone)]
pub struct Location {
    pub(super) shown: String,
    url: Url,
    pub(super) local: Option<PathBuf>,
    log: LogStoreRef,
    /// Files of the log that no reader of this place sees.
    pub hidden: HiddenNames,
    /// The origin at which a store is talked to; a folder has none.
    pub(super) endpoint: Option<String>,
    handle: Handle,
    /// Paths of data files whose bytes have been found to be those that were written.
    pub checked: Arc<Mutex<HashSet<String>>>,
    /// Whether conditional puts were found to hold.
    pub(super) is_proven: Arc<AtomicBool>,
}

impl Location {
    /// A folder, as a path or a `file://` URL, or a place in an object store: s3://, gs:// or az://. A folder's futures run on the
    /// runtime that is given. A store is asked whether it is there, with credentials that it knows.
    /// Exit 2 for what is no such place, and a bucket that isn't there; exit 3 without credentials that are good for it.
    pub fn open(text: &str, handle: Handle) -> Result<Location> {
        let (cloud, bucket, url) = match Address::parse(text)? {
            Address::Folder(folder) => return Location::folder(text, &folder, handle),
            Address::Store { cloud, bucket, url } => (cloud, bucket, url),
        };
        let store = Location::in_store(text, cloud, &bucket, url)?;
        let first = store.wait(async { store.store().list(None).next().await });
        match first {
            Some(Err(error)) => Err(store.cannot_read("", &error)),
            Some(Ok(_)) | None => Ok(store),
        }
    }

    /// The same, but exit 6 for a bucket that isn't there.
    pub fn open_to_write(text: &str, handle: Handle) -> Result<Location> {
        // What is no place at all is wrong usage all the same.
        Address::parse(text)?;
        Location::open(text, handle).map_err(|error| match error {
            Error::Usage(text) if text.starts_with(CANNOT_READ) => Error::Output(text),
            other => other,
        })
    }

    fn folder(text: &str, folder: &Path, handle: Handle) -> Result<Location> {
        let absolute = paths::resolve_folder(folder).map_err(|error| Error::output("find", folder, error))?;
        if let Some(shown) = absolute.to_str().filter(|path| is_misread(path)) {
            return Err(Error::Usage(format!(
                "{}: the path of a lake may not have a backslash, a line feed, or % with two digits: use another path",
                shown.escape_default()
            )));
        }
        let url = Url::from_directory_path(&absolute)
            .map_err(|()| Error::Usage(format!("{text}: expected the path of a folder")))?;
        let store = Arc::new(FolderStore::new(&absolute));
        Location::at(text, url, Some(absolute), store, handle)
    }

    fn in_store(text: &str, cloud: Cloud, bucket: &str, url: Url) -> Result<Location> {
        let handle = network()?;
        let (store, endpoint) = handle.block_on(async {
            match cloud {
                Cloud::S3 => aws::bucket(bucket, &handle).await,
                Cloud::Google => google_azure::google(bucket, &handle).await,
                Cloud::Azure => google_azure::azure(bucket, &url, &handle).await,
            }
        })?;
        let root = Arc::new(PatientStore::new(store, text));
        let location = Location::at(text, url, None, root, handle)?;
        Ok(Location {
            endpoint: Some(endpoint),
            ..location
        })
    }

    /// A place in a store that is there already.
    pub fn at(
        text: &str,
        url: Url,
        local: Option<PathBuf>,
        root: Arc<dyn ObjectStore>,
        handle: Handle,
    ) -> Result<Location> {
        let config = StorageConfig::default();
        let hidden = HiddenNames::default();
        let root: Arc<dyn ObjectStore> = Arc::new(LogView::new(root, hidden.clone()));
        let prefixed = config
            .decorate_store(root.clone(), &url)
            .map_err(|error| Error::Usage(format!("{text}: {error}")))?;
        Ok(Location {
            shown: text.trim_end_matches('/').to_string(),
            log: default_logstore(Arc::new(prefixed), root, &url, &config),
            url,
            local,
            hidden,
            endpoint: None,
            handle,
            checked: Arc::default(),
            is_proven: Arc::default(),
        })
    }

    pub fn shown(&self) -> &str {
        &self.shown
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    pub fn local(&self) -> Option<&Path> {
        self.local.as_deref()
    }

    pub fn holds(&self, path: &Path) -> bool {
        let local = self.local.as_ref();
        local.is_some_and(|local| paths::resolve_folder(path).is_ok_and(|path| path.starts_with(local)))
    }

    /// The lake that a folder lies in.
    pub fn enclosing_lake(&self) -> Option<&Path> {
        let above = self.local.as_deref()?.ancestors().skip(1);
        above.into_iter().find(|folder| folder.join(LOG).is_dir())
    }

    pub fn log(&self) -> &LogStoreRef {
        &self.log
    }

    /// With paths within this place.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.log.object_store(None)
    }

    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.handle.block_on(future)
    }

    pub fn put(&self, path: &str, content: Vec<u8>) -> Result<()> {
        let put = self.wait(self.store().put(&StorePath::from(path), content.into()));
        put.map_err(|error| self.cannot_write(path, &error))?;
        self.sync_to_disk(path)
    }

    /// Syncs a file of a folder to disk, and its name; object stores do so by themselves.
    pub fn sync_to_disk(&self, path: &str) -> Result<()> {
        let Some(folder) = &self.local else {
            return Ok(());
        };
        let file = folder.join(path);
        let synced = File::open(&file).and_then(|opened| disk::sync(&opened));
        let synced = synced.and_then(|()| file.parent().map_or(Ok(()), disk::sync_folder));
        synced.map_err(|error| Error::output("write", &file, error))
    }

    /// Removes objects that nothing names; what can't be removed stays until the table is vacuumed.
    pub fn discard(&self, paths: impl IntoIterator<Item = String>) {
        let store = self.store();
        for path in paths {
            let _ = self.wait(store.delete(&StorePath::from(path)));
        }
    }

    /// Whether nothing is there but what a sync leaves that was killed before its first commit.
    pub fn is_free(&self) -> Result<bool> {
        let store = self.store();
        let is_free = self.wait(async {
            let mut objects = store.list(None);
            while let Some(object) = objects.next().await {
                match object {
                    Ok(object) if is_leftover(object.location.as_ref()) => {}
                    Err(object_store::Error::NotFound { .. }) => {}
                    other => return other.map(|_| false),
                }
            }
            Ok(true)
        });
        is_free.map_err(|error| self.cannot_read("", &error))
    }

    pub fn place(&self, path: &str) -> String {
        if path.is_empty() {
            self.shown.clone()
        } else {
            format!("{}/{path}", self.shown)
        }
    }
}

/// Whether the log's URLs would come to mean another path than this.
fn is_misread(path: &str) -> bool {
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    path.contains('\\') || path.contains(char::is_control) || path.split('%').skip(1).any(is_escape)
}

/// Whether a path is of the shape of a lake's own files.
pub(super) fn is_leftover(path: &str) -> bool {
    let is_beside = [LOG, OWN].iter().any(|folder| {
        let rest = path.strip_prefix(folder);
        rest.is_some_and(|rest| rest.starts_with('/'))
    });
    is_beside || (path.starts_with("started_month=") && path.contains(".zstd.parquet"))
}

/// Where a lake keeps what is its own beside the table.
pub const OWN: &str = "_apify_runs";

/// The runtime on which stores are talked to, on a thread of its own. It outlives the job's: whoever is stopped can still take
/// back what was sent.
fn network() -> Result<Handle> {
    static NETWORK: OnceLock<Handle> = OnceLock::new();
    if let Some(handle) = NETWORK.get() {
        return Ok(handle.clone());
    }
    let failed = |error: io::Error| Error::Other(anyhow::anyhow!("cannot start: {error}"));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let handle = runtime.handle().clone();
    let drive = move || runtime.block_on(std::future::pending::<()>());
    thread::Builder::new()
        .name("network".into())
        .spawn(drive)
        .map_err(failed)?;
    // Two that come at once have one each; the first stays.
    Ok(NETWORK.get_or_init(|| handle).clone())
}
