//! The archive that is served now. Another may take its place while questions are answered.

use std::sync::{Arc, PoisonError, RwLock};

use super::ServedArchive;

/// An archive and its revision: a text that differs from what may come to be at its place later.
#[derive(Debug)]
pub struct CurrentArchive(RwLock<(Arc<ServedArchive>, String)>);

impl CurrentArchive {
    pub fn new(archive: ServedArchive, revision: String) -> CurrentArchive {
        CurrentArchive(RwLock::new((Arc::new(archive), revision)))
    }

    pub fn get(&self) -> Arc<ServedArchive> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    pub fn revision(&self) -> String {
        self.0.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Questions that are being answered keep the archive that they began with.
    pub fn replace(&self, archive: ServedArchive, revision: String) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(archive), revision);
    }
}
