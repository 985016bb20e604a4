//! A folder by its handle: all files are opened relative to it, so that they are of one folder whatever takes its path. Nothing
//! is waited for: what is no regular file, such as a pipe, isn't read.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::bounded::read_opened;
use crate::leftovers::is_leftover;
use crate::output::shared_file::SharedFile;

/// Files that a process may open beside an export's.
const USUAL_FILES: u64 = 512;

#[derive(Debug)]
pub struct FolderHandle(File);

impl FolderHandle {
    pub fn open(path: &Path) -> io::Result<FolderHandle> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(FolderHandle(File::from(openat(CWD, path, flags, Mode::empty())?)))
    }

    /// Whether it is this very folder that stands at a path now. What is held open keeps its inode, so that no other folder has it.
    pub fn is_at(&self, path: &Path) -> bool {
        let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
        let (held, there) = (self.0.metadata(), std::fs::metadata(path));
        held.is_ok_and(|held| there.is_ok_and(|there| identity(held) == identity(there)))
    }

    /// The bytes of a file that has no more than `limit`.
    pub fn read(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        read_opened(File::from(openat(&self.0, path, flags, Mode::empty())?), limit)
    }

    /// Opens a regular file; a link is none.
    pub fn open_file(&self, path: &str) -> io::Result<SharedFile> {
        let found = statat(&self.0, path, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("it is not a regular file"));
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        SharedFile::new(File::from(openat(&self.0, path, flags, Mode::empty())?))
    }

    /// All files in it and below.
    pub fn content(&self) -> io::Result<FolderContent> {
        let mut content = FolderContent::default();
        walk(self.0.as_fd(), "", &mut content)?;
        content.files.sort();
        content.leftovers.sort();
        Ok(content)
    }
}

/// What is in a folder and below, as paths within it with `/`, in order.
#[derive(Debug, Default)]
pub struct FolderContent {
    /// A link counts as a file.
    pub files: Vec<String>,
    /// What desktops and file systems leave, files or folders; these aren't looked into, and may not be readable.
    pub leftovers: Vec<String>,
}

fn walk(folder: BorrowedFd, prefix: &str, into: &mut FolderContent) -> rustix::io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name: &CStr = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let path = format!("{prefix}{}", name.to_string_lossy());
        if is_leftover(&name.to_string_lossy()) {
            into.leftovers.push(path);
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => FileType::from_raw_mode(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode),
            kind => kind,
        };
        if kind == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let below = openat(folder, name, flags, Mode::empty())?;
            walk(below.as_fd(), &format!("{path}/"), into)?;
        } else {
            into.files.push(path);
        }
    }
    Ok(())
}

/// Lets this process open twice so many files beside the usual ones, as far as the system lets it: years in a file a day are
/// more than the usual 1,024, and two exports may be compared.
pub fn raise_open_file_limit(files: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = files.saturating_mul(2).saturating_add(USUAL_FILES);
    let wanted = limit.maximum.map_or(wanted, |most| wanted.min(most));
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        // Where this fails, opening the files fails too, and says so.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
