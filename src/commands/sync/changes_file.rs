//! `--changes`: every run that a sync finds new or changed, as a CSV file that appears once all of it is committed.
//!
//! The changes of a commit are staged in the lake's own folder, under the commit's UUID, before the commit is made. A sync that
//! ends before it can publish its file leaves them there, and the next one that has `--changes` tells them: so every commit is
//! told, once. Twice only if a sync ends after its file has its name and before the staged part is removed.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use csv::Writer;

use crate::error::{Error, Result};
use crate::lake::{CommitId, Location, StagedChanges};
use crate::output::csv::writer;
use crate::report::changes::{Difference, csv as table};
use crate::text::defused;

/// The file, under another name until it is whole.
pub struct ChangesFile {
    location: Location,
    path: PathBuf,
    staged: PathBuf,
    csv: Option<Writer<File>>,
    /// How much of it is committed.
    committed: u64,
    /// The parts of it that are staged in the lake too, to be removed once it is published.
    parts: Vec<String>,
    /// The part of the commit that is being made.
    pending: Option<String>,
}

/// Whether nothing but an earlier file of changes would be replaced.
fn replaceable(path: &Path) -> Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    // Later versions may know more columns.
    let begin = table::HEADER[..3].join(",");
    let mut held = Vec::new();
    if metadata.is_file() {
        let file = File::open(path).map_err(|error| Error::output("read", path, error))?;
        file.take(begin.len() as u64)
            .read_to_end(&mut held)
            .map_err(|error| Error::output("read", path, error))?;
    }
    if metadata.is_file() && (held.is_empty() || held == begin.as_bytes()) {
        return Ok(());
    }
    Err(Error::Output(format!(
        "--changes {} is there and no file of changes: name another, or remove it",
        path.display()
    )))
}

impl ChangesFile {
    /// Begins it beside its place.
    pub fn create(path: &Path, location: &Location) -> Result<ChangesFile> {
        let name = path.file_name();
        let name = name.ok_or_else(|| Error::Usage(format!("--changes {}: no name of a file", path.display())))?;
        replaceable(path)?;
        let process = std::process::id();
        let staged = path.with_file_name(format!(".{}.{process}.writing", name.to_string_lossy()));
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&staged);
        let file = file.map_err(|error| Error::output("write", &staged, error))?;
        let mut changes = ChangesFile {
            path: path.into(),
            staged,
            csv: Some(writer(file)),
            committed: 0,
            parts: Vec::new(),
            pending: None,
            location: location.clone(),
        };
        changes.record(table::HEADER)?;
        changes.commit()?;
        Ok(changes)
    }

    fn record<T: AsRef<[u8]>>(&mut self, record: impl IntoIterator<Item = T>) -> Result<()> {
        let csv = self.csv.as_mut().expect("it is open until it is published");
        csv.write_record(record)
            .map_err(|error| Error::output("write", &self.staged, error))
    }

    /// Writes runs as they are found.
    pub fn writer(&mut self) -> impl FnMut(&Difference) -> Result<()> + '_ {
        |difference| {
            let mut record = table::record(difference);
            record[table::ACT_NAME] = defused(&record[table::ACT_NAME]).into_owned();
            self.record(record)
        }
    }

    /// Takes in what an earlier sync has committed and not told.
    pub fn take_over(&mut self, left: &StagedChanges) -> Result<()> {
        let failed = |error| Error::output("write", &self.staged, error);
        let csv = self.csv.as_mut().expect("it is open until it is published");
        csv.flush().map_err(failed)?;
        csv.get_ref()
            .write_all(&self.location.staged_changes(left)?)
            .map_err(failed)?;
        self.parts.push(left.path.clone());
        self.commit()
    }

    /// Stages what is not committed yet, for whoever finds the commit.
    pub fn stage(&mut self, id: &CommitId) -> Result<()> {
        let length = self.flushed()?;
        if length > self.committed {
            let left = StagedChanges::new(id);
            self.location.stage_changes(&left, &self.staged, self.committed)?;
            self.pending = Some(left.path);
        }
        Ok(())
    }

    /// What it holds by now is committed.
    pub fn commit(&mut self) -> Result<()> {
        self.committed = self.flushed()?;
        self.parts.extend(self.pending.take());
        Ok(())
    }

    /// Takes back what was not committed, and never will be.
    pub fn rewind(&mut self) -> Result<()> {
        if let Some(part) = self.pending.take() {
            self.location.remove([part.as_str()]);
        }
        self.truncate()
    }

    /// Puts what is committed in its place. What may yet turn out to be committed stays staged.
    pub fn publish(mut self) -> Result<()> {
        self.truncate()?;
        let failed = |error| Error::output("write", &self.staged, error);
        let csv = self.csv.take().expect("it is open until it is published");
        let file = csv
            .into_inner()
            .map_err(|error| Error::output("write", &self.staged, error.error()))?;
        file.sync_all().map_err(failed)?;
        fs::rename(&self.staged, &self.path).map_err(|error| Error::output("write", &self.path, error))?;
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // Before the staged parts go: a name that a loss of power undoes would leave nothing that tells.
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| Error::output("write", folder, error))?;
        }
        self.location.remove(self.parts.iter().map(String::as_str));
        Ok(())
    }

    fn flushed(&mut self) -> Result<u64> {
        let failed = |error| Error::output("write", &self.staged, error);
        let csv = self.csv.as_mut().expect("it is open until it is published");
        csv.flush().map_err(failed)?;
        Ok(csv.get_ref().metadata().map_err(failed)?.len())
    }

    fn truncate(&mut self) -> Result<()> {
        let failed = |error| Error::output("write", &self.staged, error);
        let csv = self.csv.take().expect("it is open until it is published");
        let mut file = csv
            .into_inner()
            .map_err(|error| Error::output("write", &self.staged, error.error()))?;
        file.set_len(self.committed).map_err(failed)?;
        file.seek(SeekFrom::Start(self.committed)).map_err(failed)?;
        self.csv = Some(writer(file));
        Ok(())
    }
}

impl Drop for ChangesFile {
    fn drop(&mut self) {
        if self.csv.is_some() {
            let _ = fs::remove_file(&self.staged);
        }
    }
}
