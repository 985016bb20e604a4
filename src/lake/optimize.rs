//! Small files put together: the same rows, in fewer files, so that a reader opens few.

use serde_json::{Map, Value, json};

use super::commit::{Change, Committed, Doing};
use super::files::DataFile;
use super::read::{groups, sorted};
use super::table::Table;
use super::write::{FileWriter, MAX_FILE_ROWS};
use crate::error::Result;
use crate::period::Millis;

/// How many small files next to each other are worth it.
const MIN_FILES: usize = 2;

/// What was put together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Optimized {
    /// Files before.
    pub files_before: usize,
    /// Files after.
    pub files_after: usize,
    /// Commits that were made.
    pub commits: usize,
}

impl Table {
    /// Puts small files of a month together, those alone whose runs all started before a moment: later ones are written anew
    /// by the next syncs anyway. A commit a month. `None` if another process was first; the months before it are done.
    pub fn optimize(mut self, before_ms: Millis, at_least: usize) -> Result<(Option<Table>, Optimized)> {
        let mut optimized = Optimized::default();
        for runs in runs_of_small(self.files(), before_ms, at_least.max(MIN_FILES)) {
            let files: Vec<&DataFile> = runs.iter().collect();
            let mut out = FileWriter::new(&self.location, self.columns(), files[0].month.clone());
            for group in groups(files) {
                for batch in sorted(&self.location, self.columns(), &group, None, None)? {
                    out.write(&batch?)?;
                }
            }
            let adds = out.finish()?;
            let paths: Vec<String> = adds.iter().map(|add| add.path.clone()).collect();
            let (before, after) = (runs.len(), adds.len());
            let change = Change {
                doing: Doing::Optimize,
                adds,
                removes: runs,
                state: self.state().clone(),
                columns: self.columns().clone(),
                info: Map::from_iter([(
                    "operationMetrics".to_string(),
                    json!({"numFilesAdded": after, "numFilesRemoved": before}) as Value,
                )]),
            };
            match change.commit(&self.location, Some(&self)) {
                Ok(Committed::Done(table)) => self = *table,
                Ok(Committed::Lost) => {
                    self.location.discard(paths);
                    return Ok((None, optimized));
                }
                // Whether the commit was made is not known: what nothing names, a vacuum removes.
                Err(error) => return Err(error),
            }
            optimized.files_before += before;
            optimized.files_after += after;
            optimized.commits += 1;
        }
        Ok((Some(self), optimized))
    }
}

/// Files next to each other, of one month, that together are fewer when they are as large as they may be.
fn runs_of_small(files: &[DataFile], before_ms: Millis, at_least: usize) -> Vec<Vec<DataFile>> {
    let is_small = |file: &DataFile| file.rows.is_none_or(|rows| rows < MAX_FILE_ROWS as u64 / 2);
    let mut runs: Vec<Vec<DataFile>> = Vec::new();
    let mut follows = false;
    for file in files.iter().filter(|file| file.last_ms < before_ms) {
        if !is_small(file) {
            follows = false;
            continue;
        }
        match runs.last_mut() {
            Some(run) if follows && run[0].month == file.month => run.push(file.clone()),
            _ => runs.push(vec![file.clone()]),
        }
        follows = true;
    }
    runs.retain(|run| run.len() >= at_least);
    runs
}
