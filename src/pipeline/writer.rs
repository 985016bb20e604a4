//! The writing side of an export: windows in time order become files and figures, on a thread of its own.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use foldhash::fast::RandomState;
use tokio::sync::mpsc;

use crate::error::{Error, Result};
use crate::fetch::ReadyWindow;
use crate::fetch::names::NameBook;
use crate::output::hashed::FileEntry;
use crate::output::names::RUNS_CSV;
use crate::output::publish::Staging;
use crate::output::read::working_batches;
use crate::output::rows::{Recut, RowFiles, RowFormats};
use crate::period::Period;
use crate::report::dimension::Dimensions;
use crate::report::figures::Figures;
use crate::report::summary::Summary;
use crate::runs::complete::Completion;
use crate::runs::cost_state::SettleRule;
use crate::runs::dedup::{SeenIds, Suspects};
use crate::runs::schema::col;

/// What is written, and how.
#[derive(Debug)]
pub struct WriteOptions {
    pub formats: RowFormats,
    pub settle: SettleRule,
    /// Whether rows have the columns of details.
    pub metered: bool,
    /// Names: those of the lists are there when the first window comes, single ones when their window does.
    pub names: Arc<NameBook>,
    /// For the days of reports.
    pub period: Period,
    pub dimensions: Dimensions,
}

pub struct WrittenRows {
    pub files: Vec<FileEntry>,
    pub figures: Figures,
    /// IDs that two windows held; each is now in the files once.
    pub in_two_windows: u64,
}

/// Writes windows as they come, of about so many runs, if that is known.
pub fn write_windows(
    mut windows: mpsc::Receiver<ReadyWindow>,
    expected: Option<u64>,
    staging: &Arc<Staging>,
    options: &WriteOptions,
) -> Result<WrittenRows> {
    let mut files = RowFiles::create(staging, &options.formats)?;
    let mut summary = options.summary();
    let completion = Completion::new(options.settle, options.metered);
    let mut states = HashMap::new();
    let mut seen = expected.map_or_else(SeenIds::default, SeenIds::with_capacity);
    let mut recut = Recut::default();
    let mut open = true;
    while open {
        match windows.blocking_recv() {
            Some(window) => {
                states.extend(window.states);
                recut.add(window.pages, window.rows);
            }
            None => open = false,
        }
        while let Some(decoded) = recut.next_batch(!open) {
            let all = completion.complete(&decoded, &states, &options.names.names());
            // Reports tell no more than the files do, so that they can be made of these again.
            let rows = options.formats.columns.project(&all, completion.columns());
            seen.add_rows(&rows);
            summary.add(&rows)?;
            files.write(&rows)?;
        }
    }
    let files = files.finish()?;
    let losers = losers(seen.suspects(), staging, &files)?;
    if losers.is_empty() {
        return Ok(WrittenRows {
            files,
            figures: summary.finish(),
            in_two_windows: 0,
        });
    }
    rewrite(staging, options, &files, &losers)
}

impl WriteOptions {
    fn summary(&self) -> Summary {
        Summary::of(&self.period, self.dimensions.clone())
    }
}

type Losers = HashSet<(String, i64), RandomState>;

/// Which rows are another version of a run that the files hold too.
fn losers(mut suspects: Suspects, staging: &Staging, files: &[FileEntry]) -> Result<Losers> {
    if suspects.is_empty() {
        return Ok(suspects.losers());
    }
    // Most suspects are innocent, and their IDs alone show it.
    let mut times = BTreeMap::new();
    for file in parquet_paths(staging, files) {
        for rows in working_batches(&file, Some(&["id"]))? {
            suspects.count_rows(&rows?, &mut times);
        }
    }
    suspects.narrow(&times);
    if !suspects.is_empty() {
        for file in parquet_paths(staging, files) {
            for rows in working_batches(&file, None)? {
                suspects.check(&rows?);
            }
        }
    }
    Ok(suspects.losers())
}

/// Writes the files again without the losers.
fn rewrite(
    staging: &Arc<Staging>,
    options: &WriteOptions,
    files: &[FileEntry],
    losers: &Losers,
) -> Result<WrittenRows> {
    let mut superseded = Vec::new();
    for (at, path) in parquet_paths(staging, files).into_iter().enumerate() {
        let aside = staging.path().join(format!(".superseded-{at}.parquet"));
        fs::rename(&path, &aside).map_err(|error| Error::output("move", &path, error))?;
        // A day's folder, unless it holds more: that day may be left without runs.
        let _ = path.parent().map(fs::remove_dir);
        superseded.push(aside);
    }
    if options.formats.csv {
        let path = staging.path().join(RUNS_CSV);
        fs::remove_file(&path).map_err(|error| Error::output("remove", &path, error))?;
    }
    let mut files = RowFiles::create(staging, &options.formats)?;
    let mut summary = options.summary();
    let mut recut = Recut::default();
    for path in &superseded {
        for rows in working_batches(path, None)? {
            let kept = without(&rows?, losers);
            let all = (0..kept.num_rows() as u32).map(|row| (0, row));
            recut.add(vec![kept.clone()], all);
            write_full(&mut recut, &mut files, &mut summary, false)?;
        }
        fs::remove_file(path).map_err(|error| Error::output("remove", path, error))?;
    }
    write_full(&mut recut, &mut files, &mut summary, true)?;
    Ok(WrittenRows {
        files: files.finish()?,
        figures: summary.finish(),
        in_two_windows: losers.len() as u64,
    })
}

/// Writes and sums up what fills batches; at the end, all.
pub fn write_full(recut: &mut Recut, files: &mut RowFiles, summary: &mut Summary, at_the_end: bool) -> Result<()> {
    while let Some(rows) = recut.next_batch(at_the_end) {
        summary.add(&rows)?;
        files.write(&rows)?;
    }
    Ok(())
}

fn without(rows: &RecordBatch, losers: &Losers) -> RecordBatch {
    let ids = rows.column(col::ID).as_string::<i32>();
    let started = rows
        .column_by_name("started_at")
        .expect("every export has it")
        .as_primitive::<arrow_array::types::TimestampMillisecondType>();
    let keep: BooleanArray = (0..rows.num_rows())
        .map(|row| Some(!losers.contains(&(ids.value(row).to_string(), started.value(row)))))
        .collect();
    filter_record_batch(rows, &keep).expect("the mask is as long as the batch")
}

/// Where the Parquet files of rows are.
pub fn parquet_paths(staging: &Staging, files: &[FileEntry]) -> Vec<PathBuf> {
    files
        .iter()
        .filter(|file| file.path.ends_with(".parquet"))
        .map(|file| staging.path().join(&file.path))
        .collect()
}
