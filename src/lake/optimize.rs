//! Small files put together: the same rows, in fewer files, so that a reader opens few.

use deltalake_core::kernel::Add;
use serde_json::{Map, json};

use crate::error::Result;
use crate::lake::commit::{CommitKind, CommitOutcome};
use crate::lake::file_rows::{Selection, groups, sorted};
use crate::lake::file_stats::FileStats;
use crate::lake::files::{DataFile, add_action};
use crate::lake::month_sums::MonthSums;
use crate::lake::table::LakeTable;
use crate::lake::write::{FileWriter, MAX_FILE_ROWS};
use crate::period::{DAY_MS, Millis};

/// The next syncs write files with runs of this time before the last sync again, so compacting them gains nothing.
const RECENT_MS: Millis = 7 * DAY_MS;
/// How many small files next to each other are worth it.
const MIN_FILES: usize = 2;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OptimizeResult {
    pub files_before: usize,
    pub files_after: usize,
    /// Files whose SHA-256 the log didn't have before.
    pub hashed: usize,
    pub commits: usize,
}

impl LakeTable {
    /// Compacts the small files of each month, in one commit a month. Files with runs of the last week before `synced_at_ms` are
    /// left alone. `None` if another process committed first; the months before that are done.
    pub fn optimize(mut self, synced_at_ms: Millis, at_least: usize) -> Result<(Option<LakeTable>, OptimizeResult)> {
        let before_ms = synced_at_ms.saturating_sub(RECENT_MS);
        let mut optimized = OptimizeResult::default();
        let without_hash = self.files().iter().filter(|file| file.sha256.is_none());
        let adds = without_hash
            .map(|file| self.add_with_hash(file))
            .collect::<Result<Vec<_>>>()?;
        if !adds.is_empty() {
            optimized.hashed = adds.len();
            match self.replace_files(adds, Vec::new())? {
                Some(table) => self = table,
                None => return Ok((None, optimized)),
            }
            optimized.commits += 1;
        }
        for runs in runs_of_small(self.files(), before_ms, at_least.max(MIN_FILES)) {
            let files: Vec<&DataFile> = runs.iter().collect();
            let mut out = FileWriter::new(&self.location, self.columns(), files[0].month.clone());
            for group in groups(files) {
                for batch in sorted(&self.location, self.columns(), &group, Selection::ALL)? {
                    out.write(&batch?)?;
                }
            }
            let adds = out.finish()?;
            let (before, after) = (runs.len(), adds.len());
            match self.replace_files(adds, runs)? {
                Some(table) => self = table,
                None => return Ok((None, optimized)),
            }
            optimized.files_before += before;
            optimized.files_after += after;
            optimized.commits += 1;
        }
        Ok((Some(self), optimized))
    }

    /// Commits the same rows in other files, or the same files with more said of them. `None` if another process was first.
    fn replace_files(&self, adds: Vec<Add>, removes: Vec<DataFile>) -> Result<Option<LakeTable>> {
        let replaced = |add: &&Add| !self.files().iter().any(|file| file.path == add.path);
        let new: Vec<String> = adds.iter().filter(replaced).map(|add| add.path.clone()).collect();
        let metrics = json!({"numFilesAdded": adds.len(), "numFilesRemoved": removes.len()});
        let info = Map::from_iter([("operationMetrics".to_string(), metrics)]);
        match self.commit_files(CommitKind::Optimize, adds, removes, self.state().clone(), info)? {
            CommitOutcome::Done(table) => Ok(Some(*table)),
            CommitOutcome::Unread(_, error) => Err(error),
            CommitOutcome::Lost => {
                self.location.discard(new);
                Ok(None)
            }
        }
    }

    /// A file whose hash the log doesn't have, since an older version or another engine wrote it, with hash, sums and
    /// statistics.
    fn add_with_hash(&self, file: &DataFile) -> Result<Add> {
        let (mut stats, mut sums) = (FileStats::default(), MonthSums::default());
        for batch in sorted(&self.location, self.columns(), &[file], Selection::ALL)? {
            let rows = batch?;
            stats.add_rows(&rows);
            sums.add_rows(&rows);
        }
        let (sha256, bytes) = self.location.hash_of_file(file)?;
        if bytes != file.bytes {
            let why = format!("{bytes} bytes, the log says {}", file.bytes);
            return Err(self.location.untrusted_file(file, why));
        }
        Ok(Add {
            path: file.path.clone(),
            size: file.bytes as i64,
            ..add_action(&file.month, &stats, &sums, sha256)
        })
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
