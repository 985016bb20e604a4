//! Runs that a table holds more than once, and the files without their surplus rows: of a run, the row that was queried last
//! stays. Syncs of this version add no such rows; earlier ones and other engines may have.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use deltalake_core::kernel::Add;

use crate::error::{Error, Result};
use crate::lake::batch_columns::{ids, instants};
use crate::lake::columns::QUERIED_AT;
use crate::lake::file_rows::{Selection, sorted};
use crate::lake::files::DataFile;
use crate::lake::table::LakeTable;
use crate::lake::write::FileWriter;
use crate::runs::dedup::SeenIds;

const KEY: [&str; 3] = ["id", "started_at", QUERIED_AT];

/// A row, by the file that it is in: when it was queried and when its run started, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct RowKey {
    queried: i64,
    started: i64,
    path: String,
}

/// Runs that are there more than once, with all rows but the one that stays.
#[derive(Debug, Clone, Default)]
pub struct DuplicateRuns(BTreeMap<String, Vec<RowKey>>);

impl DuplicateRuns {
    pub fn runs(&self) -> u64 {
        self.0.len() as u64
    }

    /// How many rows there are too many.
    pub fn rows(&self) -> u64 {
        self.0.values().map(|rows| rows.len() as u64).sum()
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The rows of a file that go: ID, start, and when they were queried.
    fn of_file(&self, path: &str) -> HashSet<(&str, i64, i64)> {
        let rows = self
            .0
            .iter()
            .flat_map(|(id, rows)| rows.iter().map(move |row| (id, row)));
        let of_file = rows.filter(|(_, row)| row.path == path);
        of_file
            .map(|(id, row)| (id.as_str(), row.started, row.queried))
            .collect()
    }
}

impl LakeTable {
    /// The runs that some files hold more than once.
    pub(super) fn duplicates(&self, files: &[&DataFile]) -> Result<DuplicateRuns> {
        let mut seen = SeenIds::with_capacity(files.iter().filter_map(|file| file.rows).sum());
        self.each_key(files, |id, _| seen.add(id))?;
        let suspects = seen.suspects();
        if suspects.is_empty() {
            return Ok(DuplicateRuns::default());
        }
        let mut times = BTreeMap::new();
        self.each_key(files, |id, _| suspects.count(id, &mut times))?;
        let mut rows: HashMap<String, Vec<RowKey>> = HashMap::new();
        self.each_key(files, |id, row| {
            if times.get(id).is_some_and(|times| *times > 1) {
                rows.entry(id.into()).or_default().push(row());
            }
        })?;
        let surplus = rows.into_iter().map(|(id, mut rows)| {
            rows.sort_unstable();
            rows.pop();
            (id, rows)
        });
        Ok(DuplicateRuns(surplus.collect()))
    }

    /// The files that have surplus rows, and files without those in their place.
    pub(super) fn without(&self, doubled: &DuplicateRuns, files: &[&DataFile]) -> Result<(Vec<Add>, Vec<DataFile>)> {
        let (mut adds, mut removes) = (Vec::new(), Vec::new());
        for file in files {
            let surplus = doubled.of_file(&file.path);
            if surplus.is_empty() {
                continue;
            }
            let mut out = FileWriter::new(&self.location, self.columns(), file.month.clone());
            for batch in sorted(&self.location, self.columns(), &[file], Selection::ALL)? {
                let batch = batch?;
                let stays: BooleanArray = keys(&batch).map(|key| Some(!surplus.contains(&key))).collect();
                let rest = filter_record_batch(&batch, &stays);
                out.write(&rest.map_err(|error| Error::Other(error.into()))?)?;
            }
            adds.extend(out.finish()?);
            removes.push((*file).clone());
        }
        Ok((adds, removes))
    }

    fn each_key(&self, files: &[&DataFile], mut see: impl FnMut(&str, &dyn Fn() -> RowKey)) -> Result<()> {
        for file in files {
            for batch in sorted(&self.location, self.columns(), &[file], Selection::columns(&KEY))? {
                let batch = batch?;
                for (id, started, queried) in keys(&batch) {
                    see(id, &|| RowKey {
                        queried,
                        started,
                        path: file.path.clone(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// ID, start, and when it was queried, of each row.
fn keys(batch: &RecordBatch) -> impl Iterator<Item = (&str, i64, i64)> {
    let (started, queried) = (instants(batch, "started_at"), instants(batch, QUERIED_AT));
    let ids = ids(batch);
    (0..batch.num_rows()).map(move |row| (ids.value(row), started.value(row), queried.value(row)))
}
