//! `--changes`: every run that a sync finds new or changed, as a CSV file that appears once all of it is committed.
//!
//! The changes of a commit are staged in the lake's own folder, under the commit's UUID, before the commit is made. A sync that
//! ends before it can publish its file leaves them there, and the next one that has `--changes` writes them: so every commit is
//! in one file. In two only if a sync ends after its file has its name and before the staged part is removed.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use csv::Writer;

use crate::disk::{make_parents, sync_folder};
use crate::error::{Error, Result};
use crate::lake::{CommitId, Location, StagedChanges};
use crate::output::atomic_file::AtomicFile;
use crate::output::csv::writer;
use crate::paths::folder_of;
use crate::report::diff::{Difference, csv as table};

/// The file, under another name until it is whole.
pub struct ChangesFile {
    location: Location,
    staged: PathBuf,
    csv: Writer<AtomicFile>,
    /// How many of its bytes are committed.
    committed: u64,
    /// The parts of it that are staged in the lake too, to be removed once it is published.
    parts: Vec<String>,
    /// The part of the commit that is being made.
    pending: Option<String>,
}

/// Refuses to replace anything but an earlier file of changes.
fn check_replaceable(path: &Path) -> Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    // Later versions may know more columns.
    let begin = table::HEADER[..3].join(",");
    if metadata.is_file() {
        let mut found = Vec::new();
        let read = File::open(path).and_then(|file| file.take(begin.len() as u64).read_to_end(&mut found));
        read.map_err(|error| Error::output("read", path, error))?;
        if found.is_empty() || found == begin.as_bytes() {
            return Ok(());
        }
    }
    Err(Error::Output(format!(
        "--changes {} exists and is not a file of changes: use another path, or remove it",
        path.display()
    )))
}

impl ChangesFile {
    /// Creates it beside its place.
    pub fn create(path: &Path, location: &Location) -> Result<ChangesFile> {
        let name = path.file_name();
        let name =
            name.ok_or_else(|| Error::Usage(format!("--changes {}: expected the path of a file", path.display())))?;
        check_replaceable(path)?;
        let process = std::process::id();
        let staged = path.with_file_name(format!(".{}.{process}.writing", name.to_string_lossy()));
        let failed = |error| Error::output("write", &staged, error);
        // Not more than were found missing when the job began.
        make_parents(path, usize::MAX).map_err(failed)?;
        let mut csv = writer(AtomicFile::create(path.into(), &staged, 0o600).map_err(failed)?);
        csv.write_record(table::HEADER).map_err(|error| failed(error.into()))?;
        let mut changes = ChangesFile {
            location: location.clone(),
            staged,
            csv,
            committed: 0,
            parts: Vec::new(),
            pending: None,
        };
        changes.commit()?;
        Ok(changes)
    }

    /// Writes runs as they are found.
    pub fn writer(&mut self) -> impl FnMut(&Difference) -> Result<()> + '_ {
        |difference| {
            let record = table::record(difference);
            let written = self.csv.write_record(record);
            written.map_err(|error| Error::output("write", &self.staged, error))
        }
    }

    /// Appends what an earlier sync has committed and not published.
    pub fn take_over(&mut self, left: &StagedChanges) -> Result<()> {
        let earlier = self.location.staged_changes(left)?;
        self.flushed()?;
        let written = self.csv.get_ref().file().write_all(&earlier);
        written.map_err(|error| Error::output("write", &self.staged, error))?;
        self.parts.push(left.path.clone());
        self.commit()
    }

    /// Stages what is not committed yet in the lake, for the sync that finds the commit.
    pub fn stage(&mut self, id: &CommitId) -> Result<()> {
        let length = self.flushed()?;
        if length > self.committed {
            let left = StagedChanges::new(id);
            self.location.stage_changes(&left, &self.staged, self.committed)?;
            self.pending = Some(left.path);
        }
        Ok(())
    }

    /// Marks all that it holds as committed.
    pub fn commit(&mut self) -> Result<()> {
        self.committed = self.flushed()?;
        self.parts.extend(self.pending.take());
        Ok(())
    }

    /// Removes what was not committed, and never will be.
    pub fn rewind(&mut self) -> Result<()> {
        if let Some(part) = self.pending.take() {
            self.location.remove([part.as_str()]);
        }
        self.truncate()
    }

    /// Gives the file its name, with what is committed. What may yet turn out to be committed stays staged.
    pub fn publish(mut self) -> Result<()> {
        self.truncate()?;
        let failed = |error| Error::output("write", &self.staged, error);
        let file = self.csv.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync().map_err(failed)?;
        let path = file.path().to_path_buf();
        file.rename().map_err(|error| Error::output("write", &path, error))?;
        // Before the staged parts go: a name that a loss of power undoes would leave nothing that tells.
        let folder = folder_of(&path);
        sync_folder(folder).map_err(|error| Error::output("write", folder, error))?;
        self.location.remove(self.parts.iter().map(String::as_str));
        Ok(())
    }

    /// Its bytes, none of which is in the writer any more.
    fn flushed(&mut self) -> Result<u64> {
        let failed = |error| Error::output("write", &self.staged, error);
        self.csv.flush().map_err(failed)?;
        Ok(self.csv.get_ref().file().metadata().map_err(failed)?.len())
    }

    fn truncate(&mut self) -> Result<()> {
        self.flushed()?;
        let mut file = self.csv.get_ref().file();
        let cut = file.set_len(self.committed);
        let at = cut.and_then(|()| file.seek(SeekFrom::Start(self.committed)));
        at.map_err(|error| Error::output("write", &self.staged, error))?;
        Ok(())
    }
}
