//! An export's folder as it was when it was opened: all files that its manifest lists are opened at once, from one folder, so
//! that an export that takes its place meanwhile mixes nothing into it. Not a check: what its rows say is not known here.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arrow_array::RecordBatch;

use crate::archive::folder_handle::{FolderContent, FolderHandle, raise_open_file_limit};
use crate::bounded::MAX_MANIFEST_BYTES;
use crate::error::{Error, ReadError, Result};
use crate::output::hashed::FileEntry;
use crate::output::manifest::Manifest;
use crate::output::names::MANIFEST;
use crate::output::names::RUNS_CSV;
use crate::output::read::{RowsFile, batches_of, unreadable};
use crate::output::shared_file::SharedFile;

#[derive(Debug)]
pub struct ExportFolder {
    /// As the user gave it.
    path: PathBuf,
    folder: FolderHandle,
    manifest_bytes: Vec<u8>,
    manifest: Manifest,
    content: Result<FolderContent, ReadError>,
    /// The files that the manifest lists.
    files: HashMap<String, Result<SharedFile, ReadError>>,
    /// What is wrong with its presentations, as far as they were looked at.
    presentations: Mutex<Vec<String>>,
}

/// Why a folder couldn't be opened as an export.
#[derive(Debug)]
pub struct NotOpened {
    pub error: Error,
    /// Whether the path has led to another folder since, or to one where there was none: the export may be there by now.
    pub was_replaced: bool,
}

impl ExportFolder {
    /// # Errors
    /// [`Error::Usage`] where there is no export, or one of another version; [`Error::Untrusted`] where its manifest is broken.
    pub fn open(path: &Path) -> Result<ExportFolder, NotOpened> {
        ExportFolder::open_in(path, FolderHandle::open(path))
    }

    /// The same of the folder that was found at the path.
    pub(super) fn open_in(path: &Path, found: io::Result<FolderHandle>) -> Result<ExportFolder, NotOpened> {
        let unread = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound if std::fs::symlink_metadata(path).is_err() => {
                Error::Usage(format!("{} does not exist", path.display()))
            }
            io::ErrorKind::NotFound => {
                Error::Usage(format!("{} has no {MANIFEST}, so it is not an export", path.display()))
            }
            _ => Error::usage(unreadable(&path.join(MANIFEST), error)),
        };
        let folder = found.map_err(|error| NotOpened {
            was_replaced: error.kind() == io::ErrorKind::NotFound && path.is_dir(),
            error: unread(error),
        })?;
        let read = || {
            let bytes = folder.read(MANIFEST, MAX_MANIFEST_BYTES).map_err(unread)?;
            let manifest = Manifest::parse(&bytes, path)?;
            Ok((bytes, manifest))
        };
        match read() {
            Ok((bytes, manifest)) => Ok(ExportFolder::new(path, folder, bytes, manifest)),
            Err(error) => Err(NotOpened {
                was_replaced: !folder.is_at(path),
                error,
            }),
        }
    }

    /// A folder that holds files of an export whose manifest is known.
    pub fn with_manifest(manifest: &Manifest, path: &Path) -> Result<ExportFolder, ReadError> {
        let folder = FolderHandle::open(path).map_err(|error| unreadable(path, error))?;
        let bytes = manifest.to_json().into_bytes();
        Ok(ExportFolder::new(path, folder, bytes, manifest.clone()))
    }

    fn new(path: &Path, folder: FolderHandle, manifest_bytes: Vec<u8>, manifest: Manifest) -> ExportFolder {
        raise_open_file_limit(manifest.files.len() as u64);
        let open = |file: &FileEntry| {
            let opened = folder.open_file(&file.path);
            (file.path.clone(), opened.map_err(ReadError::new))
        };
        ExportFolder {
            files: manifest.files.iter().map(open).collect(),
            content: folder.content().map_err(ReadError::new),
            presentations: Mutex::default(),
            path: path.to_path_buf(),
            folder,
            manifest_bytes,
            manifest,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A file that the manifest lists.
    pub fn file(&self, path: &str) -> Result<&SharedFile, ReadError> {
        match self.files.get(path) {
            Some(file) => file.as_ref().map_err(Clone::clone),
            None => Err(ReadError::new(format_args!("{MANIFEST} does not list it"))),
        }
    }

    /// The manifest's entry for a file.
    pub fn entry(&self, path: &str) -> Option<&FileEntry> {
        self.manifest.files.iter().find(|file| file.path == path)
    }

    pub fn has_parquet(&self) -> bool {
        self.manifest.parquet_files().next().is_some()
    }

    /// The files that rows are read from, in their order: Parquet, or where there is none, `runs.csv`.
    pub fn row_files(&self) -> Vec<&FileEntry> {
        if self.has_parquet() {
            self.manifest.parquet_files().collect()
        } else {
            self.entry(RUNS_CSV).into_iter().collect()
        }
    }

    /// A file of rows that the manifest lists.
    pub fn rows_file(&self, path: &str) -> Result<RowsFile, ReadError> {
        let shown = self.path.join(path);
        match self.file(path) {
            Ok(file) => Ok(RowsFile::new(shown, file.clone())),
            Err(why) => Err(unreadable(&shown, why)),
        }
    }

    /// All rows; with `columns`, those of them alone that there are.
    pub fn rows<'r>(
        &'r self,
        columns: Option<&'r [&'r str]>,
    ) -> impl Iterator<Item = Result<RecordBatch, ReadError>> + 'r {
        let files = self.row_files().into_iter();
        batches_of(files.map(|file| self.rows_file(&file.path)), columns)
    }

    /// Paths of the files in the folder that the manifest doesn't list.
    pub fn foreign_files(&self) -> Result<Vec<&str>, ReadError> {
        let is_foreign = |path: &&String| *path != MANIFEST && !self.files.contains_key(*path);
        let content = self.content.as_ref().map_err(Clone::clone)?;
        Ok(content.files.iter().filter(is_foreign).map(String::as_str).collect())
    }

    /// Paths of what desktops and file systems have left in it.
    pub fn leftovers(&self) -> &[String] {
        self.content.as_ref().map_or(&[], |content| &content.leftovers)
    }

    /// Notes what is wrong with files that only people read: nothing is made from them.
    pub fn note_presentations(&self, findings: Vec<String>) {
        *self.presentations.lock().unwrap_or_else(PoisonError::into_inner) = findings;
    }

    /// What was noted of them last, in one sentence.
    pub fn presentation_warning(&self) -> Option<String> {
        let findings = self.presentations.lock().unwrap_or_else(PoisonError::into_inner);
        let more = match findings.len() {
            0 | 1 => String::new(),
            found => format!(" (and {} more)", found - 1),
        };
        let (path, first) = (self.path.display(), findings.first()?);
        Some(format!(
            "{path}: {first}{more}; runs and manifest are unchanged, and nothing else was used: apify-runs verify {path} \
             lists what differs"
        ))
    }

    /// Whether there is another folder at its path by now, or none, or another manifest in this one: what couldn't be read may have
    /// gone with the old one. Manifests alone don't tell: an export of the same data that took its place may have the same bytes.
    pub fn was_replaced(&self) -> bool {
        let manifest = self.folder.read(MANIFEST, MAX_MANIFEST_BYTES);
        !self.folder.is_at(&self.path) || manifest.ok().as_ref() != Some(&self.manifest_bytes)
    }

    /// Whether the open folder itself has another manifest by now: files were put into it one by one, and what was read may
    /// be of two exports. A folder that was swapped out as a whole, and removed, is not written into.
    pub fn was_written_into(&self) -> bool {
        self.folder
            .read(MANIFEST, MAX_MANIFEST_BYTES)
            .is_ok_and(|bytes| bytes != self.manifest_bytes)
    }
}
