//! Opens what is at an address, and repeats work whose export was replaced meanwhile. How each archive is read is its own.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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
        let opened = ExportFolder::open(path).inspect_err(|_| {
            if Destination::is_in_between(path) {
                self.in_between.set(true);
            }
        });
        let export = Arc::new(opened?);
        self.exports.borrow_mut().push(export.clone());
        Ok(export)
    }

    /// The path of an export that was replaced such that the work's result, or its failure, may come from that alone.
    fn was_replaced(&self, failed: bool) -> Option<String> {
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
