//! What a table takes at its place, and which versions its log still has: from listings and the log, without a look into any
//! data file.

use std::collections::HashSet;

use object_store::path::Path as StorePath;
use serde::Serialize;

use crate::error::Result;
use crate::lake::columns::STARTED_MONTH;
use crate::lake::log_entries::LogEntries;
use crate::lake::table::LakeTable;
use crate::period::Millis;
use crate::stores::OWN;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FileCount {
    pub files: u64,
    pub bytes: u64,
}

impl FileCount {
    pub fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StorageUse {
    /// The files of this version, by its log.
    pub current: FileCount,
    /// Files of runs that this version doesn't have: of earlier versions, or left by a sync that was stopped.
    pub other: FileCount,
    /// Damaged files that a repair has kept.
    pub set_aside: FileCount,
    pub log: FileCount,
}

impl LakeTable {
    /// Lists everything at the lake's place.
    pub fn storage(&self) -> Result<StorageUse> {
        let mut storage = StorageUse::default();
        self.files().iter().for_each(|file| storage.current.add(file.bytes));
        let paths = self
            .files()
            .iter()
            .map(|file| StorePath::from(file.path.as_str()).to_string());
        let current: HashSet<String> = paths.collect();
        let (set_aside, data) = (format!("{OWN}/set-aside/"), format!("{STARTED_MONTH}="));
        for object in self.location().list()? {
            let path = object.path.as_str();
            let count = if path.starts_with("_delta_log/") {
                &mut storage.log
            } else if path.starts_with(&set_aside) {
                &mut storage.set_aside
            } else if path.starts_with(&data) && !current.contains(path) {
                &mut storage.other
            } else {
                continue;
            };
            count.add(object.bytes);
        }
        Ok(storage)
    }

    /// The oldest version that its log can still put together.
    pub fn oldest_version(&self) -> Result<u64> {
        Ok(LogEntries::list(self.location())?.ends().0)
    }

    /// When the table was created, by its log.
    pub fn created_ms(&self) -> Option<Millis> {
        let snapshot = self.delta.snapshot().ok()?;
        snapshot.metadata().created_time()
    }
}
