//! Files that no version of the last days needs, removed: those of earlier versions, and those that a killed sync left.

use chrono::Duration;
use deltalake_core::operations::vacuum::VacuumMode;

use crate::error::{Error, Result};
use crate::lake::table::LakeTable;

impl LakeTable {
    /// Removes them, by Delta's own rules; with `dry_run` only says which they are. A shorter time than the table's own, a
    /// week, is refused unless it is forced.
    pub fn vacuum(&self, keep: std::time::Duration, force: bool, dry_run: bool) -> Result<Vec<String>> {
        let keep = Duration::from_std(keep).map_err(|_| Error::Usage("--keep: the time is too long".into()))?;
        let vacuum = self.delta.clone().vacuum();
        let vacuum = vacuum
            .with_mode(VacuumMode::Full)
            .with_retention_period(keep)
            .with_enforce_retention_duration(!force)
            .with_dry_run(dry_run);
        let vacuumed = self.location.wait(async { vacuum.await });
        let (_, metrics) = vacuumed.map_err(|error| match error {
            // The library's only word for it.
            error if error.to_string().contains("Invalid retention period") => Error::Usage(format!(
                "{}: --keep is less than the table's own delta.deletedFileRetentionDuration: use a longer time, or --force",
                self.location.shown()
            )),
            error => self.location.log_unwritten(&error, "cannot vacuum"),
        })?;
        let mut files = metrics.files_deleted;
        files.sort();
        Ok(files)
    }
}
