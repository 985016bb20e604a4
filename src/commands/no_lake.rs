//! The commands of the lake in a build that has none: each says which build has it.

use crate::archive::no_lake::none;
use crate::context::Context;
use crate::error::Result;

/// Exit 2.
pub async fn run<A>(_args: A, _surroundings: Context) -> Result<()> {
    Err(none())
}

pub fn open(_site: &ArchiveAddress, _as_of: Option<AsOf>) -> Result<Box<dyn Archive>> {
    Err(none())
}

pub fn content(
    _site: &ArchiveAddress,
    _as_of: Option<AsOf>,
    _known: Option<&str>,
) -> Result<Option<crate::archive::Content>> {
    Err(none())
}

/// The error wherever a lake is asked for.
pub fn none() -> Error {
    Error::Usage(
        "this build has no lake: build it with --features lake (cargo build --release --features lake), as shipped builds are"
            .into(),
    )
}
