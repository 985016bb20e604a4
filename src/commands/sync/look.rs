//! Whether a sync could begin in a place: for `check`. Nothing is written.

use std::path::Path;

use rustix::fs::{Access, access};
use tokio::runtime::Handle;

use crate::error::{Error, Result};
use crate::lake::{LakeTable, Location, Moment};

/// What is there, in words; blocks. An error is that of a sync.
pub fn look(lake: &str, handle: Handle) -> Result<String> {
    let location = Location::open_to_write(lake, handle)?;
    let shown = location.shown();
    let is_there = LakeTable::find(&location, Moment::Now)?.writable(&location)?.is_some();
    if let Some(folder) = location.local() {
        let existing = folder
            .ancestors()
            .find(|folder| folder.exists())
            .unwrap_or(Path::new("/"));
        access(existing, Access::WRITE_OK).map_err(|error| Error::output("write", existing, error))?;
    }
    Ok(match (is_there, location.local()) {
        (true, _) => format!("{shown} holds a lake that can be synced"),
        (false, Some(_)) => format!("{shown} can be written"),
        (false, None) => format!("{shown} can be reached"),
    })
}
