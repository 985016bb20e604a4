//! Work on threads of their own, which hears of it once nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Result;

/// Tells work on a thread of its own that nobody waits for it any more.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

/// Says so when it is dropped.
pub struct Stopping(Stop);

impl Stop {
    /// Runs such work; if this isn't waited for to the end, it is told.
    pub async fn run<T: Send + 'static>(work: impl FnOnce(&Stop) -> Result<T> + Send + 'static) -> Result<T> {
        let stop = Stop::default();
        let stopping = Stopping(stop.clone());
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || span.in_scope(|| work(&stop))).await;
        drop(stopping);
        done.map_err(|error| anyhow::anyhow!("the job failed: {error}"))?
    }

    /// An error once nobody waits.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(anyhow::anyhow!("stopped").into());
        }
        Ok(())
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}
