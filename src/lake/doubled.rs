//! Runs that a table holds more than once, and the files without their surplus rows: of a run, the row that was queried last
//! stays. Syncs of this version add no such rows; earlier ones and other engines may have.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use deltalake_core::kernel::Add;

use super::columns::QUERIED_AT;
use super::files::DataFile;
use super::read::sorted;
use super::table::Table;
use super::write::FileWriter;
use crate::error::{Error, Result};
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
pub struct Doubled(BTreeMap<String, Vec<RowKey>>);

impl Doubled {
    /// How many runs.
    pub fn runs(&self) -> u64 {
        self.0.len() as u64
    }

    /// How many rows there are too many.
    pub fn rows(&self) -> u64 {
        self.0.values().map(|rows| rows.len() as u64).sum()
    }

    /// Their IDs.
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

impl Table {
    /// The runs that some files hold more than once.
    pub(super) fn doubled(&self, files: &[&DataFile]) -> Result<Doubled> {
        let mut seen = SeenIds::with_capacity(files.iter().filter_map(|file| file.rows).sum());
        self.each_key(files, |id, _| seen.add(id))?;
        let suspects = seen.suspects();
        if suspects.is_empty() {
            return Ok(Doubled::default());
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
        Ok(Doubled(surplus.collect()))
    }

    /// The files that have surplus rows, and files without those in their place.
    pub(super) fn without(&self, doubled: &Doubled, files: &[&DataFile]) -> Result<(Vec<Add>, Vec<DataFile>)> {
        let (mut adds, mut removes) = (Vec::new(), Vec::new());
        for file in files {
            let surplus = doubled.of_file(&file.path);
            if surplus.is_empty() {
                continue;
            }
            let mut out = FileWriter::new(&self.location, self.columns(), file.month.clone());
            for batch in sorted(&self.location, self.columns(), &[file], None, None)? {
                let batch = batch?;
                let keys = Keys::of(&batch);
                let stays: BooleanArray = (0..batch.num_rows())
                    .map(|row| Some(!surplus.contains(&(keys.id(row), keys.started(row), keys.queried(row)))))
                    .collect();
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
            for batch in sorted(&self.location, self.columns(), &[file], Some(&KEY), None)? {
                let batch = batch?;
                let keys = Keys::of(&batch);
                for row in 0..batch.num_rows() {
                    see(keys.id(row), &|| RowKey {
                        queried: keys.queried(row),
                        started: keys.started(row),
                        path: file.path.clone(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// The columns by which rows are told apart.
struct Keys<'b>(&'b RecordBatch);

impl<'b> Keys<'b> {
    fn of(batch: &'b RecordBatch) -> Keys<'b> {
        Keys(batch)
    }

    fn id(&self, row: usize) -> &'b str {
        let ids = self.0.column_by_name("id").expect("every row of the table has it");
        ids.as_string::<i32>().value(row)
    }

    fn started(&self, row: usize) -> i64 {
        self.instant("started_at", row)
    }

    fn queried(&self, row: usize) -> i64 {
        self.instant(QUERIED_AT, row)
    }

    fn instant(&self, name: &str, row: usize) -> i64 {
        let column = self.0.column_by_name(name).expect("every row of the table has it");
        column.as_primitive::<TimestampMicrosecondType>().value(row)
    }
}
