//! The folder that a report's files go into, one process at a time. They are put together in a hidden folder of it and moved
//! to their names when all are whole; never in an export.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use crate::archive::DELTA_LOG;
use crate::error::{Error, Result};
use crate::output::lock::Lock;
use crate::output::manifest::{MANIFEST, Manifest};

/// Where files are put together.
const STAGING: &str = ".apify-runs-report-staging";
/// Held as long as they are.
const LOCK: &str = ".apify-runs-report.lock";

/// A folder that files are put into.
pub struct Folder {
    pub path: PathBuf,
    names: Vec<String>,
    /// Whether it wasn't there before: it goes again if nothing comes into it.
    is_new: bool,
    lock: Option<Lock>,
}

impl Folder {
    /// The folder at `out`, made if it isn't there; exit 6 if it is an export or a lake, or lies in one, and exit 8 if another
    /// process is writing into it.
    pub fn open(out: &Path) -> Result<Folder> {
        let failed = |error| Error::output("write into", out, error);
        let there = out.ancestors().find(|path| path.exists()).unwrap_or(Path::new(""));
        let missing = out.strip_prefix(there).unwrap_or(out);
        if missing.components().any(|part| part == Component::ParentDir) {
            return Err(failed(io::Error::other("it leads up from a folder that isn't there")));
        }
        let there = if there.as_os_str().is_empty() {
            Path::new(".")
        } else {
            there
        };
        let there = there.canonicalize().map_err(failed)?;
        if there.ancestors().any(|path| path.join(DELTA_LOG).is_dir()) {
            return Err(Error::Output(format!(
                "{} is (in) a lake, which holds nothing but what its log names: name another --out",
                out.display()
            )));
        }
        if there.ancestors().any(Manifest::is_there) {
            return Err(Error::Output(format!(
                "{} is (in) an export, which holds nothing but what its {MANIFEST} lists: name another --out",
                out.display()
            )));
        }
        let is_new = !out.exists();
        fs::create_dir_all(out).map_err(failed)?;
        let mut folder = Folder {
            path: out.to_path_buf(),
            names: Vec::new(),
            is_new,
            lock: None,
        };
        let lock = Lock::take(&out.join(LOCK)).map_err(failed)?;
        folder.lock = Some(lock.ok_or_else(|| {
            let shown = out.display();
            Error::Busy(format!(
                "another apify-runs process is writing into {shown}; it is left alone"
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

    /// Removes what isn't whole.
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
            return Err(Error::output("write", &path, "a folder is there"));
        }
        let mut options = OpenOptions::new();
        let created = options
            .write(true)
            .read(true)
            .create_new(true)
            .mode(0o600)
            .open(&staged);
        let file = created.map_err(|error| Error::output("write", &path, error))?;
        self.names.push(name.into());
        Ok(file)
    }

    pub fn write(&mut self, name: &str, text: &[u8]) -> Result<()> {
        let mut file = self.create(name)?;
        file.write_all(text)
            .map_err(|error| Error::output("write", &self.path.join(name), error))
    }

    /// Gives every file its name; the names in order.
    pub fn finish(mut self) -> Result<Vec<String>> {
        let names = std::mem::take(&mut self.names);
        for name in &names {
            let synced = File::open(self.staging().join(name)).and_then(|file| file.sync_all());
            synced.map_err(|error| Error::output("write", &self.path.join(name), error))?;
        }
        for name in &names {
            let path = self.path.join(name);
            fs::rename(self.staging().join(name), &path).map_err(|error| Error::output("write", &path, error))?;
        }
        let synced = File::open(&self.path).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Error::output("write into", &self.path, error))?;
        Ok(names)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Another process's are not ours to clear.
        if self.lock.is_some() {
            let _ = self.clear();
            self.lock = None;
        }
        if self.is_new {
            let _ = fs::remove_dir(&self.path);
        }
    }
}
