//! Opens what is at an address, and repeats work whose export was replaced meanwhile. How each archive is read is its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::archive::address::{ArchiveAddress, AsOf};
use crate::archive::export_folder::ExportFolder;
#[cfg(feature = "lake")]
use crate::archive::lake;
#[cfg(not(feature = "lake"))]
use crate::archive::no_lake as lake;
use crate::archive::{Archive, ServedFiles};
use crate::error::{Error, Result};
use crate::output::manifest::Manifest;
use crate::output::names::MANIFEST;
use crate::output::publish::Destination;
use crate::paths;

/// The folder that makes another one a Delta table.
pub const DELTA_LOG: &str = "_delta_log";

/// How often work is attempted whose export was replaced meanwhile.
const ATTEMPTS: u32 = 3;
/// How long the second attempt waits for an export that is about to be swapped in; the third waits twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// Opens archives, and remembers the exports among them until the work that reads them has ended.
#[derive(Default)]
pub struct ArchiveOpener {
    exports: RefCell<Vec<Arc<ExportFolder>>>,
    /// Where an export was replaced while it was being opened.
    replaced: RefCell<Option<String>>,
    /// Whether there was no export at a path only because one was being replaced.
    in_between: Cell<bool>,
}

/// Does work that reads archives, and that shows nothing of what it has read before it has ended. The work is repeated where
/// an export was replaced meanwhile, so that it can't have read one whole: three attempts in all, then exit 4.
pub fn read<T>(mut work: impl FnMut(&ArchiveOpener) -> Result<T>) -> Result<T> {
    let mut attempt = 1;
    loop {
        let opening = ArchiveOpener::default();
        let done = work(&opening);
        let is_last = attempt == ATTEMPTS;
        if let Some(place) = opening.was_replaced(done.is_err()) {
            if is_last {
                return Err(Error::Unreachable(format!(
                    "{place} was replaced while it was read, {ATTEMPTS} times in a row; it is safe to run again"
                )));
            }
        } else if opening.in_between.get() && !is_last {
            std::thread::sleep(PAUSE * attempt);
        } else {
            if done.is_ok() {
                opening.warn_of_presentations();
            }
            return done;
        }
        attempt += 1;
    }
}

impl ArchiveOpener {
    /// Blocks while it reads. Exit 2 where there is neither an export nor a lake.
    pub fn open(&self, address: &ArchiveAddress, as_of: Option<AsOf>) -> Result<Box<dyn Archive>> {
        match export_path(address, as_of)? {
            Some(path) => Ok(Box::new(self.export(path)?)),
            None => lake::open(address, as_of),
        }
    }

    /// The same, to be served; `None` if its stamp is still the known one.
    pub fn served_files(
        &self,
        address: &ArchiveAddress,
        as_of: Option<AsOf>,
        known: Option<&str>,
    ) -> Result<Option<ServedFiles>> {
        match export_path(address, as_of)? {
            Some(path) => self.export(path)?.served_files(known),
            None => lake::served_files(address, as_of, known),
        }
    }

    fn export(&self, path: &Path) -> Result<Arc<ExportFolder>> {
        let opened = ExportFolder::open(path).map_err(|failure| {
            if failure.was_replaced {
                self.replaced.replace(Some(path.display().to_string()));
            } else if Destination::is_in_between(path) {
                self.in_between.set(true);
            }
            failure.error
        });
        let opened = opened.map_err(|error| match enclosing_lake(path) {
            Some(lake) if matches!(error, Error::Usage(_)) && path.exists() => Error::Usage(format!(
                "{} is inside the lake at {}: use that path",
                path.display(),
                lake.display()
            )),
            _ => error,
        });
        let export = Arc::new(opened?);
        self.exports.borrow_mut().push(export.clone());
        Ok(export)
    }

    /// Says, once for each export, that its page or another presentation isn't what was published.
    fn warn_of_presentations(&self) {
        let exports = self.exports.borrow();
        let warnings: BTreeSet<String> = exports
            .iter()
            .filter_map(|export| export.presentation_warning())
            .collect();
        warnings.iter().for_each(|warning| warn!("{warning}"));
    }

    /// The path of an export that was replaced such that the work's result, or its failure, may come from that alone.
    fn was_replaced(&self, failed: bool) -> Option<String> {
        // Also where the work made do without it.
        if let Some(place) = self.replaced.take() {
            return Some(place);
        }
        let exports = self.exports.borrow();
        let is_torn = |export: &&Arc<ExportFolder>| export.was_written_into() || (failed && export.was_replaced());
        let torn = exports.iter().find(is_torn);
        torn.map(|export| export.path().display().to_string())
    }
}

/// Whether a lake is meant: by a URL, or by a folder that has a table's log.
pub fn is_lake(address: &ArchiveAddress) -> bool {
    address.path().is_none_or(|path| path.join(DELTA_LOG).is_dir())
}

/// The lake that a folder lies in, as the user would name it where that is clear.
fn enclosing_lake(path: &Path) -> Option<PathBuf> {
    let is_lake = |folder: &&Path| folder.join(DELTA_LOG).is_dir();
    let as_given = path
        .ancestors()
        .skip(1)
        .filter(|above| !above.as_os_str().is_empty())
        .find(is_lake);
    let resolved = paths::resolve(path);
    let lake = as_given.or_else(|| resolved.ancestors().skip(1).find(is_lake));
    lake.map(Path::to_path_buf)
}

/// The path, where an export is meant.
fn export_path(address: &ArchiveAddress, as_of: Option<AsOf>) -> Result<Option<&Path>> {
    match address {
        ArchiveAddress::Path(path) if !is_lake(address) => {
            if as_of.is_some() && Manifest::is_there(path) {
                return Err(Error::Usage(format!(
                    "{address} is an export: --as-of works only with lakes"
                )));
            }
            Ok(Some(path))
        }
        ArchiveAddress::Path(path) if path.join(MANIFEST).exists() => Err(Error::Usage(format!(
            "{address} holds both {MANIFEST} (an export) and {DELTA_LOG} (a lake): move one of them away"
        ))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::archive::folder_handle::FolderHandle;
    use crate::output::names::RUNS_CSV;

    const MANIFEST_JSON: &str = r#"{"schema_version":1,"tool_version":"0.1.0","account":null,"source":"api","period":{
        "from":"2025-09-01T00:00:00.000Z","to":"2025-10-01T00:00:00.000Z","requested_to":"2025-10-01T00:00:00.000Z",
        "timezone":"UTC"},"filters":{"status":[],"actor":[],"task":[]},"queried_at":"2025-10-03T06:00:00.000Z",
        "settle_ms":600000,"proof":{"proven":true,"counted":0,"fetched":0,"notes":[]},"totals":{"runs":0,
        "runs_succeeded":0,"runs_failed":0,"runs_timed_out":0,"runs_aborted":0,"runs_other":0,"usage_total_usd":null,
        "runs_cost_unknown":0,"runs_provisional":0},"fields_mistyped":0,"runs_rejected":0,"caveats":[],"requests":{
        "total":1,"retries":0,"rate_limited":0,"bytes":0},"replaced":null,"files":[{"path":"runs.csv","bytes":4,
        "rows":0,"sha256":"x"}]}"#;

    /// A folder with these files at `out`, in the place of what is there.
    fn put(out: &Path, files: &[&str]) {
        let next = out.with_extension("next");
        fs::create_dir(&next).unwrap();
        for name in files {
            let content = if *name == MANIFEST { MANIFEST_JSON } else { "id\n" };
            fs::write(next.join(name), content).unwrap();
        }
        let _ = fs::remove_dir_all(out);
        fs::rename(&next, out).unwrap();
    }

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        (folder, out)
    }

    /// Opens the export at `out`, lets something happen, then reads its file of runs.
    fn read_runs(out: &Path, mut meanwhile: impl FnMut()) -> Result<()> {
        read(|opener| {
            let export = opener.export(out)?;
            meanwhile();
            export.file(RUNS_CSV).map(|_| ()).map_err(Error::untrusted)
        })
    }

    #[test]
    fn a_file_that_went_with_the_export_is_no_damage_also_where_the_next_manifest_has_the_same_bytes() {
        let (_guard, out) = place();
        // As it is found by who opens it while it is being removed: the manifest is still there, the rows have gone.
        put(&out, &[MANIFEST]);
        let mut times = 0;
        read_runs(&out, || {
            times += 1;
            put(&out, &[MANIFEST, RUNS_CSV]);
        })
        .unwrap();
        assert_eq!(times, 2);
        put(&out, &[MANIFEST]);
        let error = read_runs(&out, || put(&out, &[MANIFEST])).unwrap_err();
        assert_eq!(error.exit_code(), 4, "{error}");
        assert!(error.to_string().contains("was replaced while it was read"), "{error}");
    }

    #[test]
    fn a_file_that_is_missing_from_the_export_at_the_path_is_damage_at_once() {
        let (_guard, out) = place();
        put(&out, &[MANIFEST]);
        let mut times = 0;
        let error = read_runs(&out, || times += 1).unwrap_err();
        assert_eq!((error.exit_code(), times), (5, 1), "{error}");
    }

    #[test]
    fn an_export_that_was_replaced_between_its_folder_and_its_manifest_is_there_all_the_same() {
        let (_guard, out) = place();
        for (found, named) in [(&[][..], "removed to its last file"), (&[RUNS_CSV], "half removed")] {
            put(&out, found);
            let folder = FolderHandle::open(&out);
            put(&out, &[MANIFEST, RUNS_CSV]);
            let failure = ExportFolder::open_in(&out, folder).unwrap_err();
            assert!(failure.was_replaced, "{named}: {}", failure.error);
        }
        // Between two renamings, where folders can't be exchanged.
        fs::rename(&out, out.with_extension("aside")).unwrap();
        let folder = FolderHandle::open(&out);
        put(&out, &[MANIFEST, RUNS_CSV]);
        assert!(ExportFolder::open_in(&out, folder).unwrap_err().was_replaced);
        // What has no manifest and stays is no export.
        put(&out, &[RUNS_CSV]);
        let failure = ExportFolder::open(&out).unwrap_err();
        assert_eq!((failure.error.exit_code(), failure.was_replaced), (2, false));
        fs::remove_dir_all(&out).unwrap();
        assert!(!ExportFolder::open(&out).unwrap_err().was_replaced);
    }
}
