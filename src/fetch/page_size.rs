//! How large pages are: in memory, which bounds how many are held, and on the wire, which bounds how many runs are asked for.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::plan::{MAX_HELD_BYTES, MAX_HELD_PAGES, MAX_WINDOW_PAGES};
use crate::api::body::MAX_BODY_BYTES;
use crate::api::page::{MAX_PAGE_ITEMS, Page};

/// The limit that pages are asked for with: lowered where one is larger than any answer that is read.
#[derive(Debug)]
pub struct PageLimit(AtomicU64);

impl Default for PageLimit {
    fn default() -> PageLimit {
        PageLimit(AtomicU64::new(MAX_PAGE_ITEMS))
    }
}

impl PageLimit {
    pub fn runs(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// The limit after a page was too large with this one; none after a single run.
    pub fn lower(&self, limit: u64) -> Option<u64> {
        let smaller = limit / 2;
        // Others may have found the same meanwhile.
        (smaller > 0).then(|| self.0.fetch_min(smaller, Relaxed).min(smaller))
    }

    /// Raises the limit again after a page that was full and yet small.
    pub fn observe(&self, limit: u64, page: &Page) {
        let is_small = page.items() >= limit && page.bytes < MAX_BODY_BYTES as u64 / 4;
        if limit < MAX_PAGE_ITEMS && is_small {
            let larger = (2 * limit).min(MAX_PAGE_ITEMS);
            // Unless another page has changed it meanwhile.
            let _ = self.0.compare_exchange(limit, larger, Relaxed, Relaxed);
        }
    }
}

#[derive(Debug)]
pub struct PageSize {
    pages: AtomicU64,
    bytes: AtomicU64,
    shares: u64,
}

impl PageSize {
    /// For so many accounts at work, which share what may be held: half of it, since each has a writer too.
    pub fn new(side_by_side: usize) -> PageSize {
        PageSize {
            pages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            shares: if side_by_side > 1 { 2 * side_by_side as u64 } else { 1 },
        }
    }

    pub fn observe(&self, page: &Page) {
        self.pages.fetch_add(1, Relaxed);
        let bytes = page.runs.get_array_memory_size() as u64;
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// While so many windows are read at once: fewer need to read less far ahead.
    pub fn max_held_pages(&self, at_once: usize) -> u64 {
        let pages = self.pages.load(Relaxed);
        let mean = self.bytes.load(Relaxed) / pages.max(1);
        let needed = (at_once as u64).saturating_mul(MAX_WINDOW_PAGES).min(MAX_HELD_PAGES);
        ((MAX_HELD_BYTES / mean.max(1)).min(needed) / self.shares).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::page::decode;

    fn page(runs: usize, bytes: u64) -> Page {
        let run =
            |at| format!(r#"{{"id":"r{at}","actId":"a","status":"SUCCEEDED","startedAt":"2025-09-01T00:00:00.000Z"}}"#);
        let items: Vec<String> = (0..runs).map(run).collect();
        let body = format!(r#"{{"data":{{"total":{runs},"items":[{}]}}}}"#, items.join(","));
        let page = decode(body.as_bytes()).unwrap();
        Page { bytes, ..page }
    }

    #[test]
    fn a_limit_is_halved_down_to_one_run_and_doubles_again_after_full_pages_that_are_small() {
        let limit = PageLimit::default();
        let halved = std::iter::successors(Some(1000), |runs| limit.lower(*runs));
        assert_eq!(halved.collect::<Vec<_>>(), [1000, 500, 250, 125, 62, 31, 15, 7, 3, 1]);
        // Of several that found the same, one counts; and what was asked for with more isn't asked for with as much again.
        let limit = PageLimit::default();
        assert_eq!(
            (limit.lower(1000), limit.lower(1000), limit.lower(20)),
            (Some(500), Some(500), Some(10))
        );
        assert_eq!((limit.lower(1000), limit.runs()), (Some(10), 10));
        limit.observe(10, &page(9, 100));
        limit.observe(10, &page(10, 17 << 20));
        limit.observe(500, &page(500, 100));
        assert_eq!(limit.runs(), 10);
        limit.observe(10, &page(10, 15 << 20));
        assert_eq!(limit.runs(), 20);
        for runs in [20, 40, 80, 160, 320, 640, 1000] {
            assert_eq!(limit.runs(), runs);
            limit.observe(runs, &page(runs as usize, 100));
        }
        assert_eq!(limit.runs(), 1000);
    }
}
