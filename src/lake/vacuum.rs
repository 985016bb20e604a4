//! Files that no version of the last days needs, removed: those of earlier versions, and those that a killed sync left.

use chrono::Duration;
use deltalake_core::operations::vacuum::VacuumMode;

use super::table::Table;
use crate::error::{Error, Result};

impl Table {
    /// Removes them, by Delta's own rules; with `dry_run` only says which they are. A shorter time than the table's own, a
    /// week, is refused unless it is forced.
    pub fn vacuum(&self, keep: std::time::Duration, force: bool, dry_run: bool) -> Result<Vec<String>> {
        let shown = self.location.shown();
        let keep = Duration::from_std(keep).map_err(|_| Error::Usage("--keep: no such time".into()))?;
        let vacuum = self.delta.clone().vacuum();
        let vacuum = vacuum
            .with_mode(VacuumMode::Full)
            .with_retention_period(keep)
            .with_enforce_retention_duration(!force)
            .with_dry_run(dry_run);
        let vacuumed = self.location.wait(async { vacuum.await });
        let (_, metrics) = vacuumed.map_err(|error| Error::Output(format!("{shown}: cannot vacuum: {error}")))?;
        let mut files = metrics.files_deleted;
        files.sort();
        Ok(files)
    }
}
