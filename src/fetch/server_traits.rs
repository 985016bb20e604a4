//! How this server reads its parameters, as far as walks have found out. All walks of a period share it.

use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Default)]
pub struct ServerTraits {
    exclusive: AtomicBool,
    before_ignored: AtomicBool,
}

impl ServerTraits {
    /// Whether `startedAfter` leaves out the runs of that very millisecond.
    pub fn is_exclusive(&self) -> bool {
        self.exclusive.load(Ordering::Relaxed)
    }

    pub fn set_exclusive(&self, exclusive: bool) {
        self.exclusive.store(exclusive, Ordering::Relaxed);
    }

    /// Whether `startedBefore` has no effect.
    pub fn ignores_before(&self) -> bool {
        self.before_ignored.load(Ordering::Relaxed)
    }

    /// Whether that was known before.
    pub fn set_ignores_before(&self) -> bool {
        self.before_ignored.swap(true, Ordering::Relaxed)
    }
}
