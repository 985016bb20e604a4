//! The log put together in checkpoints, so that readers read few entries, and cleaned of what is past its retention.

use deltalake_core::checkpoints;

use crate::lake::table::LakeTable;

/// After how many commits: readers read the checkpoint and what came later.
const CHECKPOINT_EVERY: u64 = 10;

impl LakeTable {
    /// Makes a checkpoint where one is due, or at once. Returns a warning if that fails, since the table is right without.
    pub fn checkpoint_if_due(&self, at_once: bool) -> Option<String> {
        let is_due = self.version().is_multiple_of(CHECKPOINT_EVERY) || !self.location.hidden.is_empty();
        if !at_once && !is_due || self.version() == 0 {
            return None;
        }
        let done = self.location.wait(async {
            checkpoints::create_checkpoint(&self.delta, None).await?;
            checkpoints::cleanup_metadata(&self.delta, None).await
        });
        let why = |error| {
            self.location
                .log_unwritten(&error, "cannot write a checkpoint of its log")
        };
        done.err().map(|error| why(error).to_string())
    }
}
