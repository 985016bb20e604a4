//! An export's folder as it was when it was opened: all files that its manifest lists are opened at once, from one folder, so
//! that an export that takes its place meanwhile mixes nothing into it. What its rows say is not known here.

use std::collections::HashMap;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::bounded::read_opened;
use crate::error::{Error, Result};
use crate::output::hashed::FileEntry;
use crate::output::manifest::{MAX_MANIFEST_BYTES, Manifest};
use crate::output::names::MANIFEST;
use crate::output::random_access::SharedFile;
use crate::output::read::RowsFile;

/// Files that a process may open beside an export's.
const USUAL_FILES: u64 = 512;

/// An open export.
#[derive(Debug)]
pub struct ExportFolder {
    path: PathBuf,
    folder: File,
    /// The manifest's bytes.
    text: Vec<u8>,
    manifest: Manifest,
    /// Paths of all files within it.
    paths: Result<Vec<String>, String>,
    /// The files that the manifest lists, or why one can't be read.
    files: HashMap<String, Result<SharedFile, String>>,
}

impl ExportFolder {
    /// The export in a folder.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none, or one of another version; [`Error::Untrusted`] where its manifest is broken.
    pub fn open(path: &Path) -> Result<ExportFolder> {
        let unread = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::Usage(format!("{} holds no {MANIFEST}", path.display())),
            _ => Error::Usage(format!("cannot read {}: {error}", path.join(MANIFEST).display())),
        };
        let folder = open_folder(path).map_err(unread)?;
        let text = read_manifest(folder.as_fd()).map_err(unread)?;
        let manifest = Manifest::parse(&text, path)?;
        Ok(ExportFolder::of(path, folder, text, manifest))
    }

    /// A folder that holds files of an export whose manifest is known; the error says why it can't be read.
    pub fn with(manifest: &Manifest, path: &Path) -> Result<ExportFolder, String> {
        let folder = open_folder(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let text = manifest.to_json().into_bytes();
        Ok(ExportFolder::of(path, folder, text, manifest.clone()))
    }

    fn of(path: &Path, folder: File, text: Vec<u8>, manifest: Manifest) -> ExportFolder {
        make_room(manifest.files.len() as u64);
        let open = |file: &FileEntry| (file.path.clone(), open_file(folder.as_fd(), &file.path));
        ExportFolder {
            files: manifest.files.iter().map(open).collect(),
            paths: paths_below(folder.as_fd()),
            path: path.to_path_buf(),
            folder,
            text,
            manifest,
        }
    }

    /// Where it was, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A file that the manifest lists; the error says why it can't be read.
    pub fn file(&self, path: &str) -> Result<&SharedFile, String> {
        match self.files.get(path) {
            Some(file) => file.as_ref().map_err(Clone::clone),
            None => Err(format!("{MANIFEST} doesn't list it")),
        }
    }

    /// A file of rows that the manifest lists.
    pub fn rows_file(&self, path: &str) -> Result<RowsFile, String> {
        let (shown, file) = (self.path.join(path), self.file(path));
        match file {
            Ok(file) => Ok(RowsFile::of(shown, file.clone())),
            Err(why) => Err(format!("cannot read {}: {why}", shown.display())),
        }
    }

    /// Paths of the files in the folder that the manifest doesn't list; the error says why they can't be told.
    pub fn foreign_files(&self) -> Result<Vec<&str>, String> {
        let is_foreign = |path: &&String| *path != MANIFEST && !self.files.contains_key(*path);
        let paths = self.paths.as_ref().map_err(Clone::clone)?.iter();
        Ok(paths.filter(is_foreign).map(String::as_str).collect())
    }

    /// Whether its place has another manifest by now, or none: what couldn't be read may have gone with it.
    pub fn has_given_way(&self) -> bool {
        let there = open_folder(&self.path).and_then(|folder| read_manifest(folder.as_fd()));
        there.ok().as_ref() != Some(&self.text)
    }

    /// Whether the folder itself has another manifest by now: files have been put into it one by one, and what was read of
    /// them may be of two exports. A folder that has given way to another one as a whole, and is removed, is none of that.
    pub fn was_written_into(&self) -> bool {
        read_manifest(self.folder.as_fd()).is_ok_and(|text| text != self.text)
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
fn open_file(folder: BorrowedFd, path: &str) -> Result<SharedFile, String> {
    let text = |error: io::Error| error.to_string();
    let found = statat(folder, path, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| text(errno.into()))?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err("it is no regular file".into());
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(folder, path, flags, Mode::empty()).map_err(|errno| text(errno.into()))?;
    SharedFile::of(File::from(file)).map_err(text)
}

/// Paths of all files below a folder, with `/`, in order. A link counts as a file.
fn paths_below(folder: BorrowedFd) -> Result<Vec<String>, String> {
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
                walk(
                    openat(folder, name, flags, Mode::empty())?.as_fd(),
                    &format!("{path}/"),
                    into,
                )?;
            } else {
                into.push(path);
            }
        }
        Ok(())
    }
    let mut paths = Vec::new();
    walk(folder, "", &mut paths).map_err(|errno| io::Error::from(errno).to_string())?;
    paths.sort();
    Ok(paths)
}

/// Lets this process open twice so many files beside the usual ones, as far as the system lets it: years in a file a day are
/// more than the usual 1,024, and two exports may be compared.
fn make_room(files: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = files.saturating_mul(2).saturating_add(USUAL_FILES);
    let wanted = limit.maximum.map_or(wanted, |most| wanted.min(most));
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        // Where it may not, opening the files fails, and says so.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
