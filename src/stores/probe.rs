//! Whether a store keeps its word on conditional puts, on which every commit relies: of two that write the same object on the
//! condition that there is none, one must be told. And at whom it is asked that.

use std::sync::atomic::Ordering;

use object_store::path::Path as StorePath;
use object_store::{ObjectStoreExt, PutMode};

use crate::error::{Error, Result};
use crate::stores::{ListedObject, Location, OWN};

/// After how long such an object is of a process that was killed.
const STALE_MS: i64 = 3_600_000;

impl Location {
    pub fn endpoint(&self) -> Option<String> {
        self.endpoint.clone()
    }

    /// Proves it once a process, unless it was proven for this origin before.
    pub fn ensure_conditional_puts(&self, proven_at: Option<&str>) -> Result<()> {
        if self.endpoint.as_deref() == proven_at || self.is_proven.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.prove_conditional_puts()?;
        self.is_proven.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Puts an object twice on the condition that there is none; the second must be refused. Nothing is asked of a folder, whose
    /// file system has no choice. What is left where the object can't be removed is harmless.
    /// Exit 6 where the condition is ignored or unknown.
    pub fn prove_conditional_puts(&self) -> Result<()> {
        if self.local().is_some() {
            return Ok(());
        }
        let path = format!("{OWN}/probe-{}", uuid::Uuid::new_v4());
        let tried = self.try_conditional_puts(&path);
        let stale = self.stale_probes(&path);
        self.discard(stale.into_iter().chain([path]));
        tried
    }

    /// Objects of processes that were killed: an hour older than this one's, by the store's clock, so that nobody needs them.
    fn stale_probes(&self, own: &str) -> Vec<String> {
        let listed = self.list_in(OWN).unwrap_or_default();
        let is_probe = |object: &&ListedObject| object.path.starts_with(&format!("{OWN}/probe-"));
        let probes: Vec<&ListedObject> = listed.iter().filter(is_probe).collect();
        let own = probes.iter().find(|probe| probe.path == own);
        let own_ms = own.map(|probe| probe.written_ms);
        let is_stale = |probe: &&&ListedObject| own_ms.is_some_and(|own_ms| probe.written_ms < own_ms - STALE_MS);
        probes.iter().filter(is_stale).map(|probe| probe.path.clone()).collect()
    }

    fn try_conditional_puts(&self, path: &str) -> Result<()> {
        let (store, at) = (self.store(), StorePath::from(path));
        let create = || {
            let content = bytes::Bytes::from_static(b"apify-runs: whether conditional puts hold\n");
            self.wait(store.put_opts(&at, content.into(), PutMode::Create.into()))
        };
        match create() {
            Ok(_) => {}
            Err(error) if is_unknown(&error) => return Err(self.unconditional("does not support conditional writes")),
            // It may have met its own first attempt.
            Err(error) if is_refused(&error) => {
                let found = self.wait(store.head(&at));
                found.map_err(|_| self.cannot_write(path, &error))?;
            }
            Err(error) => return Err(self.cannot_write(path, &error)),
        }
        match create() {
            Ok(_) => Err(self.unconditional("ignores the condition of conditional writes")),
            Err(error) if is_refused(&error) => Ok(()),
            Err(error) if is_unknown(&error) => Err(self.unconditional("does not support conditional writes")),
            Err(error) => Err(self.cannot_write(path, &error)),
        }
    }

    fn unconditional(&self, what: &str) -> Error {
        let at = self.endpoint.as_deref().map_or(String::new(), |at| format!(" at {at}"));
        Error::Output(format!(
            "{}: the store{at} {what} (If-None-Match), so two syncs could overwrite each other's commits; nothing was written: \
             use a store that supports them (Amazon S3, Google Cloud Storage, Azure, Cloudflare R2, a current MinIO), or a folder",
            self.shown
        ))
    }
}

fn is_refused(error: &object_store::Error) -> bool {
    matches!(
        error,
        object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }
    )
}

fn is_unknown(error: &object_store::Error) -> bool {
    let is_unimplemented = matches!(
        error,
        object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }
    );
    is_unimplemented || crate::stores::errors::is_unimplemented(error)
}
