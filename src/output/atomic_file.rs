//! A single file that appears whole or not at all: it is written under another name, synced, then renamed over what is there.
//! Not for folders, which `publish` swaps, nor for files that must stay the same inode, such as a mounted `--outcome`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::disk;

/// A file that is being written; removed when it is dropped before it has its name. A killed process leaves it staged.
#[derive(Debug)]
pub struct AtomicFile {
    staged: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Creates `staged`, which is to become `path` on the same file system, or empties what a killed process left there. The
    /// umask takes its bits from `mode`.
    pub fn create(path: PathBuf, staged: &Path, mode: u32) -> io::Result<AtomicFile> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(staged)?;
        Ok(AtomicFile {
            staged: NamedTempFile::from_parts(file, TempPath::try_from_path(staged)?),
            path,
        })
    }

    pub fn file(&self) -> &File {
        self.staged.as_file()
    }

    /// The path that it will have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Brings its content to the disk.
    pub fn sync(&self) -> io::Result<()> {
        disk::sync(self.file())
    }

    /// Gives it its name, over any file that has it: a symlink is replaced, not followed. To be synced before, and its folder
    /// afterwards.
    pub fn rename(self) -> io::Result<()> {
        self.staged.persist(self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.staged.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.staged.as_file_mut().flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (path, staged) = (folder.path().join("f"), folder.path().join(".f.new"));
        let begin = || {
            let mut file = AtomicFile::create(path.clone(), &staged, 0o600).unwrap();
            file.write_all(b"new").unwrap();
            file
        };
        drop(begin());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // A killed process's is written over; what has the name stays until the new one is whole.
        fs::write(&staged, "left by a killed process").unwrap();
        fs::write(&path, "old").unwrap();
        let file = begin();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        file.sync().unwrap();
        file.rename().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(!staged.exists());
    }

    #[test]
    fn a_symlink_is_replaced_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("f"), folder.path().join("target"));
        fs::write(&target, "precious").unwrap();
        symlink(&target, &path).unwrap();
        let file = AtomicFile::create(path.clone(), &folder.path().join(".f.new"), 0o600).unwrap();
        file.rename().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    }
}
