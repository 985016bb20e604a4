//! Work on threads of its own, which is told once its caller no longer waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Result;

/// Set once nobody waits for the work any more: the job was stopped or is late.
#[derive(Debug, Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// An error once nobody waits.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(anyhow::anyhow!("stopped").into());
        }
        Ok(())
    }
}

/// Sets the flag when the future that waits is dropped.
struct SetOnDrop(CancelFlag);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs work that blocks; its log lines belong to the caller's span.
pub async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce(&CancelFlag) -> Result<T> + Send + 'static,
) -> Result<T> {
    let cancel = CancelFlag::default();
    let waiting = SetOnDrop(cancel.clone());
    let span = tracing::Span::current();
    let done = tokio::task::spawn_blocking(move || span.in_scope(|| work(&cancel))).await;
    drop(waiting);
    done.map_err(|error| anyhow::anyhow!("the job failed: {error}"))?
}
