//! What takes an export in a build without object stores: nothing does.

use std::path::{Path, PathBuf};

use tokio::runtime::Handle;

use crate::archive::existing::ExistingExport;
use crate::error::Result;
use crate::output::manifest::Manifest;
use crate::output::publish::Staging;
use crate::period::Millis;

pub use NoStore as StoreDestination;

/// No value of it exists.
pub enum NoStore {}

impl NoStore {
    pub fn open(_out: &Path, _handle: Handle) -> Result<NoStore> {
        Err(crate::archive::no_lake::none())
    }

    pub fn existing(&self) -> Option<ExistingExport> {
        match *self {}
    }

    pub fn publish(
        &self,
        _staging: &Staging,
        _manifest: &Manifest,
        _started_ms: Millis,
        _check: &dyn Fn() -> Result<()>,
    ) -> Result<Vec<String>> {
        match *self {}
    }
}

pub fn staging_folder(_out: &Path) -> Result<PathBuf> {
    Err(crate::archive::no_lake::none())
}
