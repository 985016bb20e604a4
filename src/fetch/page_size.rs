//! How large pages are in memory, which bounds how many are held.

use std::sync::atomic::{AtomicU64, Ordering};

use super::plan::{MAX_HELD_BYTES, MAX_HELD_PAGES};
use crate::api::page::Page;

/// The mean size of a page in memory.
#[derive(Debug)]
pub struct PageSize {
    pages: AtomicU64,
    bytes: AtomicU64,
    shares: u64,
}

impl PageSize {
    /// For so many periods that are read side by side, which share what may be held: of it half, since each has a writer too.
    pub fn of(side_by_side: usize) -> PageSize {
        PageSize {
            pages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            shares: if side_by_side > 1 { 2 * side_by_side as u64 } else { 1 },
        }
    }

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
        ((MAX_HELD_BYTES / mean.max(1)).min(MAX_HELD_PAGES) / self.shares).max(1)
    }
}
