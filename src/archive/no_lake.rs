//! The lake in a build that has none: each function says which build has it.

use crate::archive::Archive;
use crate::archive::address::{ArchiveAddress, AsOf};
use crate::archive::info::ServedFiles;
use crate::error::{Error, Result};

pub fn open(_address: &ArchiveAddress, _as_of: Option<AsOf>) -> Result<Box<dyn Archive>> {
    Err(none())
}

pub fn served_files(_: &ArchiveAddress, _as_of: Option<AsOf>, _known: Option<&str>) -> Result<Option<ServedFiles>> {
    Err(none())
}

/// Exit 2, wherever a lake is asked for.
pub fn none() -> Error {
    Error::Usage("this build does not support lakes: build it with cargo build --release --features lake".into())
}
