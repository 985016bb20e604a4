//! How often, and for how long, a store is asked again for one thing: as the API is, exponential with jitter, bounded by count and by
//! time.

use std::sync::Arc;
use std::time::Duration;

use object_store::{Error, Result};
use tokio::time::Instant;

use crate::retry::{RetryPolicy, chance};
use crate::stores::errors::GAVE_UP;

/// Attempts after the first: the waits between them are 16 to 31 s in all.
const RETRIES: u32 = 5;
/// Nothing is asked again once its attempts and waits have taken this long.
const TIME_CAP: Duration = Duration::from_secs(120);
/// After so many failed attempts, some 3 s, a warning goes to stderr.
const TOLD_AFTER: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFault {
    CutList,
    Hidden,
    Conflict,
    CutObject,
    NoAnswer,
    Replaced,
}

impl StoreFault {
    fn words(self) -> &'static str {
        match self {
            StoreFault::CutList => "the store's list is incomplete or not valid",
            StoreFault::Hidden => "the store lists the object, but answers 404 to a request for it",
            StoreFault::Conflict => "the store keeps answering 409 Conflict",
            StoreFault::CutObject => "the object ended too early while it was read",
            StoreFault::NoAnswer => "the store's answer ended too early",
            StoreFault::Replaced => "the object was replaced while it was read",
        }
    }
}

/// How often one thing was asked of a store in vain, and since when.
#[derive(Debug)]
pub struct Patience {
    shown: Arc<str>,
    began: Instant,
    failed: u32,
}

impl Patience {
    pub fn new(shown: Arc<str>) -> Patience {
        Patience {
            shown,
            began: Instant::now(),
            failed: 0,
        }
    }

    /// Waits before the next attempt; an error when there is to be none.
    pub async fn pause(&mut self, fault: StoreFault) -> Result<()> {
        self.failed += 1;
        let elapsed = self.began.elapsed();
        let policy = RetryPolicy::new(RETRIES);
        let wait = policy.wait(self.failed, elapsed, None, chance());
        let Some(wait) = wait.filter(|wait| elapsed + *wait <= TIME_CAP) else {
            return Err(self.give_up(fault));
        };
        if self.failed == TOLD_AFTER {
            tracing::warn!("{}: {}; trying again", self.shown, fault.words());
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// The error when nothing is asked again any more. It is safe to run again.
    pub fn give_up(&self, fault: StoreFault) -> Error {
        let (attempts, seconds) = (self.failed.max(1), self.began.elapsed().as_secs_f64());
        let what = fault.words();
        Error::Generic {
            store: "remote",
            source: format!("{GAVE_UP}{attempts} attempts in {seconds:.0} s: {what}").into(),
        }
    }

    /// Something was received: what comes next is counted anew.
    pub fn renew(&mut self) {
        (self.began, self.failed) = (Instant::now(), 0);
    }
}
