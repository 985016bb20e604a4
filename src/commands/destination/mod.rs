//! The output of an export, held from before the first request until the export is there: a folder, or a place in a store.

#[cfg(not(feature = "lake"))]
pub mod no_store;
pub mod path_template;
#[cfg(feature = "lake")]
pub mod store;

#[cfg(not(feature = "lake"))]
pub use no_store as store;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::archive::existing::ExistingExport;
use crate::commands::destination::store::{StoreDestination, staging_folder};
use crate::context::blocking::run_blocking;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::output::manifest::Manifest;
use crate::output::modes::Modes;
use crate::output::publish::{Destination, OutputState, Staging};
use crate::paths::names_store;
use crate::period::Millis;
use crate::pipeline::scratch::acquire_scratch;

/// The output, which no other process of this machine writes meanwhile.
pub struct ExportDestination {
    pub out: PathBuf,
    /// Where the export is put together, and where it goes unless that is a store.
    pub folder: Destination,
    store: Option<StoreDestination>,
}

impl ExportDestination {
    /// Locks a folder, of which so many parents may be missing, or a place in a store.
    pub async fn open(out: PathBuf, levels: usize) -> Result<ExportDestination> {
        if names_store(&out) {
            ExportDestination::in_store(out).await
        } else {
            ExportDestination::in_folder(out, levels)
        }
    }

    /// Takes hold of a folder, in which there is an export or nothing; so many of its parents may be missing.
    pub fn in_folder(out: PathBuf, levels: usize) -> Result<ExportDestination> {
        let opened = ExportDestination {
            folder: Destination::acquire(&out, levels)?,
            out,
            store: None,
        };
        opened.existing()?;
        opened.folder.warning().iter().for_each(|warning| warn(warning));
        Ok(opened)
    }

    /// Looks at a place in a store. What holds it is this machine's; others find out when they publish.
    async fn in_store(out: PathBuf) -> Result<ExportDestination> {
        let folder = acquire_scratch(&staging_folder(&out)?).map_err(|error| match error {
            Error::Busy(_) => Error::Busy(format!(
                "another apify-runs process on this machine is already writing {}; nothing was done",
                out.display()
            )),
            other => other,
        })?;
        let (place, handle) = (out.clone(), Handle::current());
        let stored = run_blocking(move |_| StoreDestination::open(&place, handle)).await?;
        Ok(ExportDestination {
            out,
            folder,
            store: Some(stored),
        })
    }

    /// The path for messages.
    pub fn shown(&self) -> PathBuf {
        match self.store {
            Some(_) => self.out.clone(),
            None => self.folder.path(),
        }
    }

    pub fn existing(&self) -> Result<Option<ExistingExport>> {
        match &self.store {
            Some(stored) => Ok(stored.existing()),
            None if self.folder.state() == OutputState::Occupied => ExistingExport::read(&self.folder.path()).map(Some),
            None => Ok(None),
        }
    }

    /// Makes an assembled export visible.
    pub async fn publish(
        mut self,
        staging: Arc<Staging>,
        manifest: Manifest,
        started_ms: Millis,
        modes: Modes,
    ) -> Result<Manifest> {
        let (manifest, warnings) = match self.store.take() {
            Some(stored) => {
                let sent = run_blocking(move |stop| {
                    let warnings = stored.publish(&staging, &manifest, started_ms, &|| stop.check())?;
                    Ok((manifest, warnings))
                });
                sent.await?
            }
            None => {
                // Nobody's file may have come in meanwhile: the old folder is removed with all that is in it.
                self.existing()?;
                let staging = Arc::try_unwrap(staging);
                let staging = staging.map_err(|_| anyhow::anyhow!("the staging folder is still in use"))?;
                (manifest, staging.publish(modes)?)
            }
        };
        for warning in warnings {
            warn(&warning);
        }
        Ok(manifest)
    }
}
