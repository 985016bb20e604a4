//! A folder as a store of objects, on file systems of all kinds: the library's own store needs hard links to create an object
//! that isn't there yet, and can't list a folder in which it may not look into everything.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use deltalake_core::ObjectStore;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::disk::{UNSUPPORTED, is_one_of};
use crate::leftovers::{is_leftover, is_leftover_path};

/// Renames a file unless there is one of the new name; replaced in tests by one that can't.
type RenameNew = fn(&Path, &Path) -> std::result::Result<(), Errno>;

#[derive(Debug, Clone)]
pub struct FolderStore {
    files: LocalFileSystem,
    /// Below it, what desktops and file systems leave is passed over.
    folder: Arc<PathBuf>,
}

impl FolderStore {
    pub fn new(folder: &Path) -> FolderStore {
        FolderStore {
            files: LocalFileSystem::new(),
            folder: Arc::new(folder.to_path_buf()),
        }
    }

    fn is_leftover(&self, path: &StorePath) -> bool {
        let Ok(path) = self.files.path_to_filesystem(path) else {
            return false;
        };
        path.strip_prefix(&*self.folder).is_ok_and(is_leftover_path)
    }
}

impl fmt::Display for FolderStore {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.files.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for FolderStore {
    async fn put_opts(&self, location: &StorePath, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let is_new = matches!(options.mode, PutMode::Create);
        match self.files.put_opts(location, payload.clone(), options).await {
            Err(error) if is_new && lacks_links(&error) => {
                let path = self.files.path_to_filesystem(location)?;
                blocking(move || {
                    let write = |mut file: File| payload.iter().try_for_each(|part| file.write_all(part));
                    create(&path, write, rename_new)
                })
                .await?;
                Ok(PutResult {
                    e_tag: None,
                    version: None,
                })
            }
            put => put,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.files.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &StorePath, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.files.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<StorePath>>) -> BoxStream<'static, Result<StorePath>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
        let folder = prefix.map_or(Ok(PathBuf::from("/")), |prefix| self.files.path_to_filesystem(prefix));
        let of = self.folder.clone();
        let listed = async move {
            let folder = match folder {
                Ok(folder) => folder,
                Err(error) => return vec![Err(error)],
            };
            let walked = blocking(move || {
                let mut objects = Vec::new();
                walk(&folder, &of, &mut Vec::new(), &mut objects)?;
                Ok(objects)
            });
            match walked.await {
                Ok(objects) => objects.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        };
        stream::once(listed).flat_map(stream::iter).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> Result<ListResult> {
        let mut listed = self.files.list_with_delimiter(prefix).await?;
        listed.objects.retain(|object| !self.is_leftover(&object.location));
        listed.common_prefixes.retain(|folder| !self.is_leftover(folder));
        Ok(listed)
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> Result<()> {
        let is_new = matches!(options.mode, CopyMode::Create);
        match self.files.copy_opts(from, to, options).await {
            Err(error) if lacks_links(&error) => {
                let source = self.files.path_to_filesystem(from)?;
                let path = self.files.path_to_filesystem(to)?;
                let rename = if is_new { rename_new } else { rename_over };
                blocking(move || {
                    let write = |mut file: File| io::copy(&mut File::open(source)?, &mut file).map(drop);
                    create(&path, write, rename)
                })
                .await
            }
            copied => copied,
        }
    }
}

/// Does work that waits for the disk on another thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| generic(error.into()))?
}

fn generic(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Generic {
        store: "folder",
        source,
    }
}

/// Whether a file system said that it has no hard links.
fn lacks_links(error: &Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(this) = cause {
        if let Some(error) = this.downcast_ref::<io::Error>() {
            return is_one_of(error, &UNSUPPORTED) || is_one_of(error, &[Errno::PERM, Errno::MLINK, Errno::XDEV]);
        }
        cause = this.source();
    }
    false
}

fn rename_new(from: &Path, to: &Path) -> std::result::Result<(), Errno> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    return renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
    #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
    Err(Errno::NOSYS)
}

fn rename_over(from: &Path, to: &Path) -> std::result::Result<(), Errno> {
    rustix::fs::rename(from, to)
}

/// Creates a file whole: under a name that no list shows, then by renaming it.
fn create(path: &Path, write: impl FnOnce(File) -> io::Result<()>, rename: RenameNew) -> Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    // As the library names those that it writes: digits after #.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!("#{}{number:06}", std::process::id()));
    let staged = PathBuf::from(staged);
    let failed = |error: io::Error| {
        let _ = fs::remove_file(&staged);
        generic(error.into())
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    File::create(&staged).and_then(write).map_err(failed)?;
    match rename(&staged, path) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => {
            let _ = fs::remove_file(&staged);
            Err(Error::AlreadyExists {
                path: path.display().to_string(),
                source: "another process has written it".into(),
            })
        }
        Err(errno) if UNSUPPORTED.contains(&errno) => Err(failed(io::Error::other(
            "its file system has neither hard links nor a rename that never replaces a file, so two syncs could overwrite each \
             other's commits: use a folder on another file system, or an object store",
        ))),
        Err(errno) => Err(failed(errno.into())),
    }
}

/// Every object below a folder. Links are followed, unless they lead back up; what vanishes meanwhile is none.
fn walk(folder: &Path, of: &Path, above: &mut Vec<(u64, u64)>, into: &mut Vec<ObjectMeta>) -> Result<()> {
    // Whoever asked knows the folder that was asked for.
    let is_asked_for = above.is_empty();
    let failed = |path: &Path, error: &io::Error| match is_asked_for && path == folder {
        true => generic(error.to_string().into()),
        false => generic(format!("{}: {error}", path.display()).into()),
    };
    let is_gone = |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    let entries = match fs::read_dir(folder) {
        Err(error) if is_gone(&error) => return Ok(()),
        entries => entries.map_err(|error| failed(folder, &error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| failed(folder, &error))?;
        let (path, name) = (entry.path(), entry.file_name());
        if path.starts_with(of) && is_leftover(&name.to_string_lossy()) {
            continue;
        }
        let found = match fs::metadata(&path) {
            Err(error) if is_gone(&error) => continue,
            found => found.map_err(|error| failed(&path, &error))?,
        };
        if found.is_dir() {
            let this = (found.dev(), found.ino());
            if above.contains(&this) {
                return Err(generic(
                    format!("{}: a symlink leads back to a folder above it", path.display()).into(),
                ));
            }
            above.push(this);
            walk(&path, of, above, into)?;
            above.pop();
        } else if found.is_file() && !is_staged(&name.to_string_lossy()) {
            into.push(object(&path, &found)?);
        }
    }
    Ok(())
}

/// Whether it is a name of a file that is being written.
fn is_staged(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn object(path: &Path, found: &Metadata) -> Result<ObjectMeta> {
    let written = found.modified().map_err(|error| generic(error.into()))?;
    Ok(ObjectMeta {
        location: StorePath::from_absolute_path(path)?,
        last_modified: written.into(),
        size: found.len(),
        e_tag: None,
        version: None,
    })
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    fn at(path: &Path) -> StorePath {
        StorePath::from_absolute_path(path).unwrap()
    }

    /// As vfat says that it has no hard links.
    fn no_links() -> Error {
        generic(io::Error::from(Errno::PERM).into())
    }

    #[test]
    fn a_file_is_created_once_also_without_hard_links() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("_delta_log/00000000000000000000.json");
        let write = |text: &'static str| move |mut file: File| file.write_all(text.as_bytes());
        create(&path, write("first"), rename_new).unwrap();
        let lost = create(&path, write("second"), rename_new).unwrap_err();
        assert!(matches!(lost, Error::AlreadyExists { .. }), "{lost}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        create(&path, write("third"), rename_over).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "third");
        let lacking = create(&path, write("fourth"), |_, _| Err(Errno::INVAL)).unwrap_err();
        assert!(lacking.to_string().contains("neither hard links"), "{lacking}");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(lacks_links(&no_links()) && !lacks_links(&lost));
    }

    #[tokio::test]
    async fn leftovers_and_files_that_are_being_written_are_not_listed() {
        let guard = tempfile::tempdir().unwrap();
        // Its own name is no leftover.
        let folder = guard.path().canonicalize().unwrap().join("lake~");
        for path in [
            "lost+found/x",
            "a/b.parquet",
            "a/.DS_Store",
            "a/b.parquet#1",
            "c.json",
            "@eaDir/c.json",
        ] {
            fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
            fs::write(folder.join(path), "x").unwrap();
        }
        std::os::unix::fs::symlink("nowhere", folder.join("dangling")).unwrap();
        let store = FolderStore::new(&folder);
        let listed: Vec<_> = store.list(Some(&at(&folder))).collect().await;
        let mut paths: Vec<String> = listed
            .into_iter()
            .map(|object| object.unwrap().location.to_string())
            .collect();
        paths.sort();
        let expected = ["a/b.parquet", "c.json"].map(|path| at(&folder.join(path)).to_string());
        assert_eq!(paths, expected);
        let listed = store.list_with_delimiter(Some(&at(&folder))).await.unwrap();
        assert_eq!((listed.objects.len(), listed.common_prefixes.len()), (1, 1));
        assert_eq!(store.list(Some(&at(&folder.join("nothing")))).count().await, 0);
        std::os::unix::fs::symlink(&folder, folder.join("a/round")).unwrap();
        let round: Vec<_> = store.list(Some(&at(&folder))).collect().await;
        assert!(round.iter().any(Result::is_err));
        store.delete(&at(&folder.join("c.json"))).await.unwrap();
    }
}
