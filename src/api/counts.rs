//! What was sent and received.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Requests that were sent, and bytes that were received.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct RequestCounts {
    pub total: u64,
    /// Requests that repeated an earlier request.
    pub retries: u64,
    pub rate_limited: u64,
    /// Bytes of the bodies as received, before unpacking.
    pub bytes: u64,
}

#[derive(Debug, Default)]
pub struct Counters {
    pub(super) total: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) rate_limited: AtomicU64,
    pub(super) bytes: AtomicU64,
}

impl Counters {
    pub fn read(&self) -> RequestCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RequestCounts {
            total: read(&self.total),
            retries: read(&self.retries),
            rate_limited: read(&self.rate_limited),
            bytes: read(&self.bytes),
        }
    }
}
