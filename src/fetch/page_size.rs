//! How large pages are in memory, which bounds how many are held.

use std::sync::atomic::{AtomicU64, Ordering};

use super::plan::{MAX_HELD_BYTES, MAX_HELD_PAGES};
use crate::api::page::Page;

/// The mean size of a page in memory.
#[derive(Debug, Default)]
pub struct PageSize {
    pages: AtomicU64,
    bytes: AtomicU64,
}

impl PageSize {
    /// Takes note of a page.
    pub fn note(&self, page: &Page) {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let bytes = page.runs.get_array_memory_size() as u64;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many pages may be held in memory at once.
    pub fn max_held_pages(&self) -> u64 {
        let pages = self.pages.load(Ordering::Relaxed);
        let mean = self.bytes.load(Ordering::Relaxed) / pages.max(1);
        (MAX_HELD_BYTES / mean.max(1)).clamp(1, MAX_HELD_PAGES)
    }
}
