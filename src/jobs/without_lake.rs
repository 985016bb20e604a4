//! The commands of the lake in a build that has none: each says which build has it.

use super::Surroundings;
use super::holding::Holding;
use crate::cli::{AsOf, Site};
use crate::error::{Error, Result};

/// Says so, with exit 2.
pub async fn run<A>(_args: A, _surroundings: Surroundings) -> Result<()> {
    Err(none())
}

/// The same where one is to be read.
pub(super) fn open(_site: &Site, _as_of: Option<AsOf>) -> Result<Box<dyn Holding>> {
    Err(none())
}

/// And where one is to be served.
pub(super) fn content(
    _site: &Site,
    _as_of: Option<AsOf>,
    _known: Option<&str>,
) -> Result<Option<super::holding::Content>> {
    Err(none())
}

/// What is said wherever a lake is asked for.
pub(super) fn none() -> Error {
    Error::Usage(
        "this build has no lake: build it with --features lake (cargo build --release --features lake), as shipped builds are"
            .into(),
    )
}

/// What takes an export in builds that have object stores.
pub(super) mod stored {
    use std::path::{Path, PathBuf};

    use tokio::runtime::Handle;

    use crate::error::Result;
    use crate::output::manifest::Manifest;
    use crate::output::publish::Staging;
    use crate::output::replace::Existing;
    use crate::period::Millis;

    /// There is none.
    pub(in crate::jobs) enum StoredOut {}

    impl StoredOut {
        pub(in crate::jobs) fn open(_out: &Path, _handle: Handle) -> Result<StoredOut> {
            Err(super::none())
        }

        pub(in crate::jobs) fn existing(&self) -> Option<Existing> {
            match *self {}
        }

        pub(in crate::jobs) fn publish(
            &self,
            _staging: &Staging,
            _manifest: &Manifest,
            _started_ms: Millis,
            _check: &dyn Fn() -> Result<()>,
        ) -> Result<Vec<String>> {
            match *self {}
        }
    }

    pub(in crate::jobs) fn staging_folder(_out: &Path) -> Result<PathBuf> {
        Err(super::none())
    }
}
