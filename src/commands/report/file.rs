//! The one file that a report goes into where `--out` names one. It is written beside its place under another name and moved
//! there when it is whole; never into an export or a lake, and never over a file of another kind.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::commands::report::folder::{ReportModes, check_no_archive};
use crate::context::terminal::warn;
use crate::disk::{ONE_PARENT, make_parents, remove_made, set_mode, sync_folder};
use crate::error::{Error, Result};
use crate::output::atomic_file::AtomicFile;
use crate::paths::{folder_of, resolve_folder};

/// By so many bytes at their beginning files of a kind are alike: of a table in CSV, these name its first columns.
const ALIKE: usize = 8;
/// How every workbook begins; what follows differs.
const WORKBOOK: &[u8] = b"PK\x03\x04";
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

pub struct ReportFile {
    path: PathBuf,
    staged: PathBuf,
    file: AtomicFile,
    modes: ReportModes,
    /// Folders that weren't there before.
    made: MadeFolders,
}

/// Folders that go again if nothing comes into them.
struct MadeFolders(Vec<PathBuf>);

impl Drop for MadeFolders {
    fn drop(&mut self) {
        remove_made(&self.0);
    }
}

impl ReportFile {
    /// Creates it beside its place; exit 6 where that is a folder, or in an export or a lake.
    pub fn create(out: &Path, modes: ReportModes) -> Result<ReportFile> {
        let failed = |error| Error::output("write", out, error);
        let folder = folder_of(out);
        check_no_archive(&resolve_folder(folder).map_err(failed)?, folder)?;
        if out.is_dir() {
            return Err(Error::Output(format!(
                "cannot write {shown}: it is a folder; use --out {shown}/ to write into it",
                shown = out.display()
            )));
        }
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        let staged = out.with_file_name(format!(".{name}.{}.writing", std::process::id()));
        let made = MadeFolders(make_parents(out, ONE_PARENT).map_err(failed)?);
        let file = AtomicFile::create(out.into(), &staged, modes.created()).map_err(failed)?;
        Ok(ReportFile {
            path: out.into(),
            staged,
            file,
            modes,
            made,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn handle(&self) -> Result<File> {
        let handle = self.file.file().try_clone();
        handle.map_err(|error| Error::output("write", &self.path, error))
    }

    pub fn write(&mut self, text: &[u8]) -> Result<()> {
        let written = self.file.write_all(text);
        written.map_err(|error| Error::output("write", &self.path, error))
    }

    /// Exit 6 where what has its name is no file that begins like this one, which is written.
    pub fn check_replaceable(&self) -> Result<()> {
        let Ok(metadata) = fs::symlink_metadata(&self.path) else {
            return Ok(());
        };
        if metadata.is_file() {
            let found = beginning(&self.path).map_err(|error| Error::output("read", &self.path, error))?;
            let new = beginning(&self.staged).map_err(|error| Error::output("read", &self.staged, error))?;
            if found.is_empty() || found == new {
                return Ok(());
            }
        }
        Err(Error::Output(format!(
            "--out {} exists and is not such a report: use another name, or remove it",
            self.path.display()
        )))
    }

    /// Gives it its name.
    pub fn finish(mut self) -> Result<()> {
        let failed = |error| Error::output("write", &self.path, error);
        if let Some(chosen) = self.modes.chosen
            && !set_mode(self.file.file(), chosen).map_err(failed)?
        {
            warn(&format!(
                "the file system of {} does not take modes (chmod), so who may read it is as it was mounted",
                self.path.display()
            ));
        }
        self.file.sync().map_err(failed)?;
        self.file.rename().map_err(failed)?;
        self.made.0.clear();
        sync_folder(folder_of(&self.path)).map_err(failed)
    }
}

/// What tells a file's kind: the separator and the mark of a form of CSV do not.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut found = Vec::new();
    File::open(path)?
        .take((BYTE_ORDER_MARK.len() + ALIKE) as u64)
        .read_to_end(&mut found)?;
    if found.starts_with(WORKBOOK) {
        return Ok(WORKBOOK.to_vec());
    }
    let text = found.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&found).iter();
    Ok(text
        .take(ALIKE)
        .map(|byte| if *byte == b';' { b',' } else { *byte })
        .collect())
}
