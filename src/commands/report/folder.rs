//! The folder that a report's files go into, one process at a time. They are put together in a hidden folder of it and moved
//! to their names when all are whole; never in an export or a lake.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::archive::DELTA_LOG;
use crate::commands::report::focus_parts::{StagedParts, stale_files};
use crate::context::terminal::warn;
use crate::disk::{ONE_PARENT, make_parents, remove_made, set_mode, sync_folder};
use crate::error::{Error, Result};
use crate::output::atomic_file::AtomicFile;
use crate::output::lock::Lock;
use crate::output::manifest::Manifest;
use crate::output::modes::Modes;
use crate::output::names::focus_part;
use crate::paths;

/// Where files are put together.
const STAGING: &str = ".apify-runs-report-staging";
/// Locked for as long as files are written.
const LOCK: &str = ".apify-runs-report.lock";

/// Who may read a report's files.
#[derive(Debug, Clone, Copy)]
pub struct ReportModes {
    /// What `--mode` says.
    pub chosen: Option<u32>,
    /// Whether they are made from personal data, and so their owner's alone unless a mode was chosen.
    pub are_personal: bool,
}

impl ReportModes {
    /// The mode of a new file, from which the umask takes its bits.
    pub fn created(self) -> u32 {
        if self.are_personal || self.chosen.is_some() {
            0o600
        } else {
            0o666
        }
    }
}

/// Exit 6 where a folder is an export or a lake, or lies in one; `out` is what the user calls it.
pub fn check_no_archive(folder: &Path, out: &Path) -> Result<()> {
    let is_lake = folder.ancestors().any(|path| path.join(DELTA_LOG).is_dir());
    let kind = match (is_lake, folder.ancestors().any(Manifest::is_there)) {
        (true, _) => "a lake",
        (_, true) => "an export",
        _ => return Ok(()),
    };
    Err(Error::Output(format!(
        "{} is {kind} or inside one, which may not hold other files: use another --out",
        out.display()
    )))
}

/// The names of what was done in a folder.
pub struct PublishedFiles {
    pub written: Vec<String>,
    /// Files of FOCUS that an earlier report left, and that would count with the new ones.
    pub removed: Vec<String>,
}

pub struct ReportFolder {
    pub path: PathBuf,
    files: Vec<AtomicFile>,
    /// The parts of FOCUS that are staged, if it is among the formats; zero where it is in one file.
    focus_parts: Option<u32>,
    modes: ReportModes,
    /// What wasn't there before, the folder itself last: it goes again if nothing comes into it.
    made: Vec<PathBuf>,
    lock: Option<Lock>,
}

impl ReportFolder {
    /// The folder at `out`, made if it isn't there; exit 6 if it is an export or a lake, or lies in one, and exit 8 if another
    /// process is writing into it.
    pub fn open(out: &Path, modes: ReportModes) -> Result<ReportFolder> {
        let failed = |error| Error::output("write into", out, error);
        let real = paths::resolve_folder(out).map_err(failed)?;
        check_no_archive(&real, out)?;
        // The folder itself, too.
        let made = make_parents(&out.join(LOCK), ONE_PARENT + 1).map_err(failed)?;
        let mut folder = ReportFolder {
            path: out.to_path_buf(),
            modes,
            files: Vec::new(),
            focus_parts: None,
            made,
            lock: None,
        };
        let lock = Lock::take(&out.join(LOCK)).map_err(failed)?;
        let lock = lock.ok_or_else(|| {
            let shown = out.display();
            Error::Busy(format!(
                "another apify-runs process is already writing into {shown}; nothing was done"
            ))
        })?;
        lock.warning(out).iter().for_each(|warning| warn(warning));
        folder.lock = Some(lock);
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

    /// A new file, in a folder that is the owner's alone. The umask takes its bits from the mode that isn't chosen.
    pub fn create(&mut self, name: &str) -> Result<File> {
        let (staged, path) = (self.staging().join(name), self.path.join(name));
        if path.is_dir() {
            return Err(Error::output("write", &path, "it is a folder"));
        }
        let failed = |error| Error::output("write", &self.path.join(name), error);
        let file = AtomicFile::create(path, &staged, self.modes.created()).map_err(failed)?;
        let handle = file.file().try_clone().map_err(failed)?;
        self.files.push(file);
        Ok(handle)
    }

    /// For parts of FOCUS, whose number [`ReportFolder::has_focus`] takes when all are written.
    pub fn parts(&self) -> StagedParts {
        StagedParts {
            staging: self.staging(),
            folder: self.path.clone(),
            created: self.modes.created(),
            chosen: self.modes.chosen,
        }
    }

    /// FOCUS is among the files, in so many parts; zero where it is in one file. Others from before are to go.
    pub fn has_focus(&mut self, parts: u32) {
        self.focus_parts = Some(parts);
    }

    pub fn write(&mut self, name: &str, text: &[u8]) -> Result<()> {
        let mut file = self.create(name)?;
        file.write_all(text)
            .map_err(|error| Error::output("write", &self.path.join(name), error))
    }

    /// Of all files, and of the folder if it is new.
    fn set_modes(&self, chosen: u32) -> Result<()> {
        let Modes { files, folders } = Modes::new(Some(chosen), 0, true);
        let mut are_taken = true;
        for file in &self.files {
            let set = set_mode(file.file(), files);
            are_taken &= set.map_err(|error| Error::output("write", file.path(), error))?;
        }
        if self.made.last().is_some_and(|last| *last == self.path) {
            let set = File::open(&self.path).and_then(|folder| set_mode(&folder, folders));
            are_taken &= set.map_err(|error| Error::output("write into", &self.path, error))?;
        }
        if !are_taken {
            let shown = self.path.display();
            warn(&format!(
                "the file system of {shown} does not support modes (chmod), so its mount options decide who may read the files"
            ));
        }
        Ok(())
    }

    /// Gives every file its name, and removes what an earlier report left of FOCUS; the names in order.
    pub fn finish(mut self) -> Result<PublishedFiles> {
        if let Some(files) = self.modes.chosen {
            self.set_modes(files)?;
        }
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
        let removed = match self.focus_parts {
            Some(parts) => self.finish_focus(parts, &mut names)?,
            None => Vec::new(),
        };
        sync_folder(&self.path).map_err(|error| Error::output("write into", &self.path, error))?;
        Ok(PublishedFiles {
            written: names,
            removed,
        })
    }

    /// Gives the parts of FOCUS their names, and removes those of an earlier report.
    fn finish_focus(&self, parts: u32, names: &mut Vec<String>) -> Result<Vec<String>> {
        for name in (1..=parts).map(focus_part) {
            let path = self.path.join(&name);
            let renamed = fs::rename(self.staging().join(&name), &path);
            renamed.map_err(|error| Error::output("write", &path, error))?;
            names.push(name);
        }
        let mut stale = stale_files(&self.path, parts);
        for name in &stale {
            let path = self.path.join(name);
            fs::remove_file(&path).map_err(|error| Error::output("remove", &path, error))?;
        }
        stale.sort_unstable();
        Ok(stale)
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
        remove_made(&self.made);
    }
}
