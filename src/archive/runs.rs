//! The runs of an export, streamed back from its Parquet files or else from `runs.csv`. Columns are found by name: others
//! may be absent, more may be there, in any order. It trusts nothing: a file that isn't what its manifest says is an error,
//! never a guess. Hashes are `verify`'s to check.

mod csv;
pub mod parquet;
mod random_access;

use std::path::PathBuf;

use crate::archive::export_folder::ExportFolder;

use crate::output::names::RUNS_CSV;
use crate::output::read::{RowsFile, unreadable};
use crate::runs::pairing::{Moved, Pairs, Reading};
use crate::runs::run::{Key, Run};
use crate::text::thousands;

const ID: &str = "id";
const ACT_ID: &str = "act_id";
const ACT_NAME: &str = "act_name";
const STATUS: &str = "status";
const STARTED_AT: &str = "started_at";
const FINISHED_AT: &str = "finished_at";
const USAGE: &str = "usage_total_usd";
const COST_STATE: &str = "cost_state";

/// Columns that are read where they are there; an export may leave them out.
const OPTIONAL: [&str; 2] = [ACT_NAME, FINISHED_AT];
/// What a run needs.
const RUN: [&str; 8] = [ID, ACT_ID, STATUS, STARTED_AT, USAGE, COST_STATE, ACT_NAME, FINISHED_AT];
/// What a key needs.
const KEY: [&str; 2] = [ID, STARTED_AT];

/// An export's files of runs, in the order of the runs.
#[derive(Debug, Clone)]
pub struct Exported {
    files: Vec<RunsFile>,
}

#[derive(Debug, Clone)]
struct RunsFile {
    path: PathBuf,
    /// The open file, or why it can't be read; one that isn't opened yet is when it is read.
    opened: Option<Result<RowsFile, String>>,
    /// Its size, if that was said.
    bytes: Option<u64>,
    /// Its hash, likewise.
    sha256: String,
    /// How many runs it must hold, if that was said.
    rows: Option<u64>,
    is_csv: bool,
}

impl Exported {
    /// Those that a manifest names: Parquet, or where there is none, `runs.csv`. Each must hold as many runs as it says.
    pub fn of(export: &ExportFolder) -> Result<Exported, String> {
        let manifest = export.manifest();
        let csv = manifest.files.iter().find(|file| file.path == RUNS_CSV);
        let mut entries: Vec<_> = manifest.parquet_files().collect();
        let is_csv = entries.is_empty();
        entries.extend(csv.filter(|_| is_csv));
        if entries.is_empty() {
            return Err(format!(
                "the manifest of {} lists no file of runs: neither Parquet nor {RUNS_CSV}",
                export.path().display()
            ));
        }
        let file = |entry: &crate::output::hashed::FileEntry| RunsFile {
            path: export.path().join(&entry.path),
            opened: Some(export.rows_file(&entry.path)),
            bytes: Some(entry.bytes),
            sha256: entry.sha256.clone(),
            rows: entry.rows,
            is_csv,
        };
        Ok(Exported {
            files: entries.into_iter().map(file).collect(),
        })
    }

    /// Parquet files, whatever number of runs they hold.
    pub fn parquet(paths: Vec<PathBuf>) -> Exported {
        Exported::unsaid(paths, false)
    }

    /// A CSV file, likewise.
    pub fn csv(path: PathBuf) -> Exported {
        Exported::unsaid(vec![path], true)
    }

    fn unsaid(paths: Vec<PathBuf>, is_csv: bool) -> Exported {
        let file = |path| RunsFile {
            path,
            opened: None,
            bytes: None,
            sha256: String::new(),
            rows: None,
            is_csv,
        };
        Exported {
            files: paths.into_iter().map(file).collect(),
        }
    }

    /// Its runs.
    pub fn runs(&self) -> Reading<'_, Run> {
        Box::new(self.files.iter().flat_map(|file| {
            file.counted(match file.open() {
                Ok(open) if file.is_csv => csv::runs(open),
                Ok(open) => parquet::runs(open),
                Err(why) => Box::new(std::iter::once(Err(why))),
            })
        }))
    }

    /// Where its runs stand.
    pub fn keys(&self) -> Reading<'_, Key> {
        Box::new(self.files.iter().flat_map(|file| {
            file.counted(match file.open() {
                Ok(open) if file.is_csv => csv::keys(open),
                Ok(open) => parquet::keys(open),
                Err(why) => Box::new(std::iter::once(Err(why))),
            })
        }))
    }
}

/// Which runs two exports hold at different places.
pub fn moved(old: &Exported, new: &Exported) -> Result<Moved, String> {
    Moved::find(old.keys(), new.keys(), || new.keys())
}

/// Every run of two exports once; `moved` is what [`moved`] said of the two.
pub fn pairs<'r>(old: &'r Exported, new: &'r Exported, moved: &'r Moved) -> Pairs<'r> {
    Pairs::new(old.runs(), new.runs(), moved)
}

impl RunsFile {
    fn open(&self) -> Result<RowsFile, String> {
        self.opened.clone().unwrap_or_else(|| RowsFile::open(&self.path))
    }

    /// The same, with an error at the end unless they were as many as was said.
    fn counted<'r, T: 'r>(&'r self, items: Reading<'r, T>) -> Reading<'r, T> {
        let mut items = items.fuse();
        let (mut found, mut done) = (0_u64, false);
        Box::new(std::iter::from_fn(move || {
            let item = items.next();
            found += u64::from(item.is_some());
            match (item, self.rows) {
                (None, Some(said)) if said != found && !done => {
                    done = true;
                    let problem = format!(
                        "it holds {} runs, the manifest says {}",
                        thousands(found),
                        thousands(said)
                    );
                    Some(Err(unreadable(&self.path, problem)))
                }
                (item, _) => item,
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Usd;

    fn runs(text: &str) -> Result<Vec<Run>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Exported::csv(file.path().into()).runs().collect()
    }

    #[test]
    fn columns_are_found_by_name_wherever_they_stand_and_some_may_be_missing() {
        let found = runs(
            "usage_total_usd,more,started_at,id,cost_state,act_id,status,act_name\n\
             0.5,x,2025-09-01T00:00:00.000Z,r1,settled,a1,SUCCEEDED,'=1+1\n\
             ,x,2025-09-01T00:00:00.001Z,r2,unknown,a1,RUNNING,\n",
        )
        .unwrap();
        let first = Run {
            id: "r1".into(),
            act_id: "a1".into(),
            act_name: Some("=1+1".into()),
            status: "SUCCEEDED".into(),
            started_at_ms: 1_756_684_800_000,
            finished_at_ms: None,
            usage: Some(Usd(500_000_000_000_000_000)),
            cost_state: "settled".into(),
        };
        assert_eq!(found[0], first);
        assert_eq!((&found[1].act_name, found[1].usage), (&None, None));
    }

    #[test]
    fn a_column_that_is_needed_and_a_cell_that_makes_no_sense_are_named() {
        let header = "id,act_id,status,started_at,finished_at,usage_total_usd,cost_state\n";
        let row = |row: &str| runs(&format!("{header}{row}\n")).unwrap_err();
        assert!(runs("id,act_id\n").unwrap_err().ends_with("it has no column status"));
        let wrong = [
            ("r,a,S,yesterday,,,unknown", "line 2: started_at makes no sense"),
            (
                "r,a,S,2025-09-01T00:00:00.000Z,soon,,unknown",
                "line 2: finished_at makes no sense",
            ),
            (
                "r,a,S,2025-09-01T00:00:00.000Z,,1e5,settled",
                "line 2: usage_total_usd makes no sense",
            ),
            ("r,a,,2025-09-01T00:00:00.000Z,,,unknown", "line 2: status is empty"),
            ("r,a", "found record with 2 fields"),
        ];
        for (line, problem) in wrong {
            assert!(row(line).contains(problem), "{}", row(line));
        }
    }
}
