//! The folder that a report's files go into, one process at a time. They are put together in a hidden folder of it and moved
//! to their names when all are whole; never in an export or a lake.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::archive::DELTA_LOG;
use crate::error::{Error, Result};
use crate::output::atomic_file::AtomicFile;
use crate::output::lock::Lock;
use crate::output::manifest::Manifest;
use crate::output::publish::sync_folder;
use crate::paths;

/// Where files are put together.
const STAGING: &str = ".apify-runs-report-staging";
/// ArchiveInfo as long as they are.
const LOCK: &str = ".apify-runs-report.lock";

pub struct ReportFolder {
    pub path: PathBuf,
    files: Vec<AtomicFile>,
    /// Whether it wasn't there before: it goes again if nothing comes into it.
    is_new: bool,
    lock: Option<Lock>,
}

impl ReportFolder {
    /// The folder at `out`, made if it isn't there; exit 6 if it is an export or a lake, or lies in one, and exit 8 if another
    /// process is writing into it.
    pub fn open(out: &Path) -> Result<ReportFolder> {
        let failed = |error| Error::output("write into", out, error);
        let real = paths::resolve_folder(out).map_err(failed)?;
        if real.ancestors().any(|path| path.join(DELTA_LOG).is_dir()) {
            return Err(Error::Output(format!(
                "{} is a lake or inside one, which may not hold other files: use another --out",
                out.display()
            )));
        }
        if real.ancestors().any(Manifest::is_there) {
            return Err(Error::Output(format!(
                "{} is an export or inside one, which may not hold other files: use another --out",
                out.display()
            )));
        }
        let is_new = !out.exists();
        fs::create_dir_all(out).map_err(failed)?;
        let mut folder = ReportFolder {
            path: out.to_path_buf(),
            files: Vec::new(),
            is_new,
            lock: None,
        };
        let lock = Lock::take(&out.join(LOCK)).map_err(failed)?;
        folder.lock = Some(lock.ok_or_else(|| {
            let shown = out.display();
            Error::Busy(format!(
                "another apify-runs process is already writing into {shown}; nothing was done"
            ))
        })?);
        // What a killed process left.
        folder.clear().map_err(failed)?;
        DirBuilder::new().mode(0o700).create(folder.staging()).map_err(failed)?;
        Ok(folder)
    }

    fn staging(&self) -> PathBuf {
        self.path.join(STAGING)
    }

    fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.staging()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// A new file; it holds what runs tell of people, so it is the owner's alone.
    pub fn create(&mut self, name: &str) -> Result<File> {
        let (staged, path) = (self.staging().join(name), self.path.join(name));
        if path.is_dir() {
            return Err(Error::output("write", &path, "it is a folder"));
        }
        let failed = |error| Error::output("write", &self.path.join(name), error);
        let file = AtomicFile::create(path, &staged, 0o600).map_err(failed)?;
        let handle = file.file().try_clone().map_err(failed)?;
        self.files.push(file);
        Ok(handle)
    }

    pub fn write(&mut self, name: &str, text: &[u8]) -> Result<()> {
        let mut file = self.create(name)?;
        file.write_all(text)
            .map_err(|error| Error::output("write", &self.path.join(name), error))
    }

    /// Gives every file its name; the names in order.
    pub fn finish(mut self) -> Result<Vec<String>> {
        for file in &self.files {
            file.sync()
                .map_err(|error| Error::output("write", file.path(), error))?;
        }
        let mut names = Vec::new();
        for file in std::mem::take(&mut self.files) {
            let path = file.path().to_path_buf();
            file.rename().map_err(|error| Error::output("write", &path, error))?;
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
        sync_folder(&self.path).map_err(|error| Error::output("write into", &self.path, error))?;
        Ok(names)
    }
}

impl Drop for ReportFolder {
    fn drop(&mut self) {
        // Another process's files have the same names: ours go while the lock is held, and only then.
        if self.lock.is_some() {
            self.files.clear();
            let _ = self.clear();
            self.lock = None;
        }
        if self.is_new {
            let _ = fs::remove_dir(&self.path);
        }
    }
}
