//! `--changes`: every run that a sync finds new or changed, as a CSV file that appears once all of it is committed.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use csv::Writer;

use crate::error::{Error, Result};
use crate::output::csv::writer;
use crate::report::changes::{Difference, csv as table};
use crate::text::defused;

/// The file, under another name until it is whole.
pub(super) struct ChangesFile {
    path: PathBuf,
    staged: PathBuf,
    csv: Option<Writer<File>>,
    /// How much of it is committed.
    committed: u64,
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
    pub(super) fn create(path: &Path) -> Result<ChangesFile> {
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
    pub(super) fn writer(&mut self) -> impl FnMut(&Difference) -> Result<()> + '_ {
        |difference| {
            let mut record = table::record(difference);
            record[table::ACT_NAME] = defused(&record[table::ACT_NAME]).into_owned();
            self.record(record)
        }
    }

    /// What it holds by now is committed.
    pub(super) fn commit(&mut self) -> Result<()> {
        let failed = |error| Error::output("write", &self.staged, error);
        let csv = self.csv.as_mut().expect("it is open until it is published");
        csv.flush().map_err(failed)?;
        self.committed = csv.get_ref().metadata().map_err(failed)?.len();
        Ok(())
    }

    /// Takes back what was not committed.
    pub(super) fn rewind(&mut self) -> Result<()> {
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

    /// Puts what is committed in its place.
    pub(super) fn publish(mut self) -> Result<()> {
        self.rewind()?;
        let failed = |error| Error::output("write", &self.staged, error);
        let csv = self.csv.take().expect("it is open until it is published");
        let file = csv
            .into_inner()
            .map_err(|error| Error::output("write", &self.staged, error.error()))?;
        file.sync_all().map_err(failed)?;
        fs::rename(&self.staged, &self.path).map_err(|error| Error::output("write", &self.path, error))
    }
}

impl Drop for ChangesFile {
    fn drop(&mut self) {
        if self.csv.is_some() {
            let _ = fs::remove_file(&self.staged);
        }
    }
}
