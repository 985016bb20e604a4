//! An export's folder as it was when it was opened: all files that its manifest lists are opened at once, from one folder, so
//! that an export that takes its place meanwhile mixes nothing into it. Not a check: what its rows say is not known here.

use std::collections::HashMap;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::bounded::read_opened;
use crate::error::{Error, ReadError, Result};
use crate::output::csv::RUNS_CSV;
use crate::output::hashed::FileEntry;
use crate::output::manifest::{MANIFEST, MAX_MANIFEST_BYTES, Manifest};
use crate::output::read::{RowsFile, batches_of, unreadable};
use crate::output::shared_file::SharedFile;

/// Files that a process may open beside an export's.
const USUAL_FILES: u64 = 512;

#[derive(Debug)]
pub struct ExportFolder {
    /// As the user gave it.
    path: PathBuf,
    folder: File,
    manifest_bytes: Vec<u8>,
    manifest: Manifest,
    /// Paths of all files within it.
    paths: Result<Vec<String>, ReadError>,
    /// The files that the manifest lists.
    files: HashMap<String, Result<SharedFile, ReadError>>,
}

impl ExportFolder {
    /// # Errors
    /// [`Error::Usage`] where there is no export, or one of another version; [`Error::Untrusted`] where its manifest is broken.
    pub fn open(path: &Path) -> Result<ExportFolder> {
        let unread = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::Usage(format!("{} holds no {MANIFEST}", path.display())),
            _ => Error::usage(unreadable(&path.join(MANIFEST), error)),
        };
        let folder = open_folder(path).map_err(unread)?;
        let bytes = read_manifest(folder.as_fd()).map_err(unread)?;
        let manifest = Manifest::parse(&bytes, path)?;
        Ok(ExportFolder::new(path, folder, bytes, manifest))
    }

    /// A folder that holds files of an export whose manifest is known.
    pub fn with_manifest(manifest: &Manifest, path: &Path) -> Result<ExportFolder, ReadError> {
        let folder = open_folder(path).map_err(|error| unreadable(path, error))?;
        let bytes = manifest.to_json().into_bytes();
        Ok(ExportFolder::new(path, folder, bytes, manifest.clone()))
    }

    fn new(path: &Path, folder: File, manifest_bytes: Vec<u8>, manifest: Manifest) -> ExportFolder {
        raise_open_file_limit(manifest.files.len() as u64);
        let open = |file: &FileEntry| {
            let opened = open_file(folder.as_fd(), &file.path);
            (file.path.clone(), opened.map_err(ReadError::new))
        };
        ExportFolder {
            files: manifest.files.iter().map(open).collect(),
            paths: paths_below(folder.as_fd()).map_err(ReadError::new),
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
            None => Err(ReadError::new(format_args!("{MANIFEST} doesn't list it"))),
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
        let paths = self.paths.as_ref().map_err(Clone::clone)?.iter();
        Ok(paths.filter(is_foreign).map(String::as_str).collect())
    }

    /// Whether there is another manifest at its path by now, or none: what couldn't be read may have gone with the old one.
    pub fn was_replaced(&self) -> bool {
        let there = open_folder(&self.path).and_then(|folder| read_manifest(folder.as_fd()));
        there.ok().as_ref() != Some(&self.manifest_bytes)
    }

    /// Whether the open folder itself has another manifest by now: files were put into it one by one, and what was read may
    /// be of two exports. A folder that was swapped out as a whole, and removed, is not written into.
    pub fn was_written_into(&self) -> bool {
        read_manifest(self.folder.as_fd()).is_ok_and(|bytes| bytes != self.manifest_bytes)
    }
}

fn open_folder(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(File::from(openat(CWD, path, flags, Mode::empty())?))
}

fn read_manifest(folder: BorrowedFd) -> io::Result<Vec<u8>> {
    // What is no file, such as a pipe, must not be waited for.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    read_opened(
        File::from(openat(folder, MANIFEST, flags, Mode::empty())?),
        MAX_MANIFEST_BYTES,
    )
}

/// Opens a regular file below a folder; a link is none.
fn open_file(folder: BorrowedFd, path: &str) -> io::Result<SharedFile> {
    let found = statat(folder, path, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is no regular file"));
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    SharedFile::new(File::from(openat(folder, path, flags, Mode::empty())?))
}

/// Paths of all files below a folder, with `/`, in order. A link counts as a file.
fn paths_below(folder: BorrowedFd) -> io::Result<Vec<String>> {
    fn walk(folder: BorrowedFd, prefix: &str, into: &mut Vec<String>) -> rustix::io::Result<()> {
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name: &CStr = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let path = format!("{prefix}{}", name.to_string_lossy());
            let kind = match entry.file_type() {
                FileType::Unknown => FileType::from_raw_mode(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode),
                kind => kind,
            };
            if kind == FileType::Directory {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let below = openat(folder, name, flags, Mode::empty())?;
                walk(below.as_fd(), &format!("{path}/"), into)?;
            } else {
                into.push(path);
            }
        }
        Ok(())
    }
    let mut paths = Vec::new();
    walk(folder, "", &mut paths)?;
    paths.sort();
    Ok(paths)
}

/// Lets this process open twice so many files beside the usual ones, as far as the system lets it: years in a file a day are
/// more than the usual 1,024, and two exports may be compared.
fn raise_open_file_limit(files: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = files.saturating_mul(2).saturating_add(USUAL_FILES);
    let wanted = limit.maximum.map_or(wanted, |most| wanted.min(most));
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        // Where this fails, opening the files fails too, and says so.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
