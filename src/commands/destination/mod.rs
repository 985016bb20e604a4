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
use crate::commands::destination::store::{StoredOut, staging_folder};
use crate::context::blocking::Stop;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::output::manifest::Manifest;
use crate::output::publish::{Destination, Staging, State};
use crate::period::Millis;

/// The output, which no other process of this machine writes meanwhile.
pub struct Held {
    /// As it was given.
    pub out: PathBuf,
    /// Where the export is put together, and where it goes unless that is a store.
    pub destination: Destination,
    /// The place in a store.
    stored: Option<StoredOut>,
}

impl Held {
    /// Takes hold of a folder, in which there is an export or nothing.
    pub fn in_folder(out: PathBuf) -> Result<Held> {
        let held = Held {
            destination: Destination::acquire(&out)?,
            out,
            stored: None,
        };
        held.existing()?;
        Ok(held)
    }

    /// Looks at a place in a store. What holds it is this machine's; others find out when they publish.
    pub async fn in_store(out: PathBuf) -> Result<Held> {
        let destination = Destination::acquire(&staging_folder(&out)?).map_err(|error| match error {
            Error::Busy(_) => Error::Busy(format!(
                "another apify-runs process of this machine is writing {}; it is left alone",
                out.display()
            )),
            other => other,
        })?;
        let (place, handle) = (out.clone(), Handle::current());
        let stored = Stop::run(move |_| StoredOut::open(&place, handle)).await?;
        Ok(Held {
            out,
            destination,
            stored: Some(stored),
        })
    }

    /// Where the export goes, as it is told.
    pub fn shown(&self) -> PathBuf {
        match self.stored {
            Some(_) => self.out.clone(),
            None => self.destination.path(),
        }
    }

    /// The export that is there.
    pub fn existing(&self) -> Result<Option<ExistingExport>> {
        match &self.stored {
            Some(stored) => Ok(stored.existing()),
            None if self.destination.state() == State::Occupied => {
                ExistingExport::read(&self.destination.path()).map(Some)
            }
            None => Ok(None),
        }
    }

    /// Makes a finished export visible there.
    pub async fn publish(
        mut self,
        staging: Arc<Staging>,
        manifest: Manifest,
        started_ms: Millis,
        umask: u32,
    ) -> Result<Manifest> {
        let (manifest, warnings) = match self.stored.take() {
            Some(stored) => {
                let sent = Stop::run(move |stop| {
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
                (manifest, staging.publish(umask)?.warning.into_iter().collect())
            }
        };
        for warning in warnings {
            warn(&warning);
        }
        Ok(manifest)
    }
}
