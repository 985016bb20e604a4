//! Which rows of an archive a report is of, for the formats that hold rows.

use arrow_array::RecordBatch;

use crate::error::Result;
use crate::report::groups::Groups;
use crate::report::run_filter::RunFilter;

pub struct RowSelection {
    pub only: RunFilter,
    /// By which runs are grouped.
    pub rules: Option<Groups>,
}

impl RowSelection {
    pub fn of(&mut self, rows: &RecordBatch) -> Result<RecordBatch> {
        Ok(match self.only.is_empty() {
            true => rows.clone(),
            false => self.only.select(rows, &mut self.rules)?,
        })
    }
}
