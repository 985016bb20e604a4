//! The runs of an export, streamed back from its Parquet files or else from `runs.csv`. Columns are found by name: others
//! may be absent, more may be there, in any order. It trusts nothing: a file that isn't what its manifest says is an error,
//! never a guess. Hashes are `verify`'s to check.

use std::fs::File;
use std::path::{Component, Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::{DataType, TimeUnit};
use csv::StringRecord;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::csv::RUNS_CSV;
use super::manifest::Manifest;
use super::read::{BATCH_ROWS, unreadable};
use crate::money::Usd;
use crate::period::{Millis, parse_instant};
use crate::runs::pairing::{Moved, Pairs, Reading};
use crate::runs::run::{Key, Run};
use crate::runs::schema::{USD_PRECISION, USD_SCALE};
use crate::text::{as_it_was, thousands};

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
    /// How many runs it must hold, if that was said.
    rows: Option<u64>,
    is_csv: bool,
}

impl Exported {
    /// Those that a manifest names: Parquet, or where there is none, `runs.csv`. Each must hold as many runs as it says.
    pub fn of(export: &Path, manifest: &Manifest) -> Result<Exported, String> {
        let csv = manifest.files.iter().find(|file| file.path == RUNS_CSV);
        let mut entries: Vec<_> = manifest.parquet_files().collect();
        let is_csv = entries.is_empty();
        entries.extend(csv.filter(|_| is_csv));
        if entries.is_empty() {
            return Err(format!(
                "the manifest of {} lists no file of runs: neither Parquet nor {RUNS_CSV}",
                export.display()
            ));
        }
        let file = |entry: &super::hashed::FileEntry| {
            let path = Path::new(&entry.path);
            if !path.components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(unreadable(path, "its path leads out of the export"));
            }
            Ok(RunsFile {
                path: export.join(path),
                rows: entry.rows,
                is_csv,
            })
        };
        Ok(Exported {
            files: entries.into_iter().map(file).collect::<Result<_, _>>()?,
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
            if file.is_csv {
                file.read_csv(&RUN, run_of_record)
            } else {
                file.read_parquet(&RUN, runs_of_batch)
            }
        }))
    }

    /// Where its runs stand.
    pub fn keys(&self) -> Reading<'_, Key> {
        Box::new(self.files.iter().flat_map(|file| {
            if file.is_csv {
                file.read_csv(&KEY, key_of_record)
            } else {
                file.read_parquet(&KEY, keys_of_batch)
            }
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
    fn read_parquet<'r, T: 'r>(
        &'r self,
        columns: &'static [&'static str],
        of: fn(&RecordBatch) -> Result<Vec<T>, String>,
    ) -> Reading<'r, T> {
        let batches = match parquet_reader(&self.path, columns) {
            Ok(batches) => batches,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let items = batches.flat_map(move |batch| {
            let items = batch.map_err(|error| error.to_string()).and_then(|batch| of(&batch));
            match items.map_err(|error| unreadable(&self.path, error)) {
                Ok(items) => items.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        });
        self.counted(items)
    }

    fn read_csv<'r, T: 'r>(
        &'r self,
        columns: &'static [&'static str],
        of: fn(&StringRecord, &[Option<usize>]) -> Result<T, String>,
    ) -> Reading<'r, T> {
        let opened = File::open(&self.path).map_err(|error| error.to_string());
        let opened = opened.and_then(|file| {
            let mut reader = csv::ReaderBuilder::new().buffer_capacity(64 << 10).from_reader(file);
            let header = reader.headers().map_err(|error| error.to_string())?;
            let places = places(columns, header)?;
            Ok((reader, places))
        });
        let (reader, places) = match opened {
            Ok(opened) => opened,
            Err(error) => return Box::new(std::iter::once(Err(unreadable(&self.path, error)))),
        };
        let items = reader.into_records().map(move |record| {
            let record = record.map_err(|error| unreadable(&self.path, error))?;
            let line = record.position().map_or(0, csv::Position::line);
            of(&record, &places).map_err(|error| unreadable(&self.path, format!("line {line}: {error}")))
        });
        self.counted(items)
    }

    /// The same, with an error at the end unless they were as many as was said.
    fn counted<'r, T: 'r>(&'r self, items: impl Iterator<Item = Result<T, String>> + 'r) -> Reading<'r, T> {
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

/// A column's type, as every version of an export has it.
fn data_type(column: &str) -> DataType {
    match column {
        STARTED_AT | FINISHED_AT => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        USAGE => DataType::Decimal128(USD_PRECISION, USD_SCALE),
        _ => DataType::Utf8,
    }
}

/// Reads those of the columns that are there.
fn parquet_reader(path: &Path, columns: &[&str]) -> Result<ParquetRecordBatchReader, String> {
    let failed = |error: parquet::errors::ParquetError| unreadable(path, error);
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
    let mut roots = Vec::with_capacity(columns.len());
    for name in columns {
        match builder.schema().column_with_name(name) {
            Some((at, field)) if *field.data_type() == data_type(name) => roots.push(at),
            Some((_, field)) => {
                let problem = format!("its column {name} is of type {}, not an export's", field.data_type());
                return Err(unreadable(path, problem));
            }
            None if OPTIONAL.contains(name) => {}
            None => return Err(unreadable(path, format!("it has no column {name}"))),
        }
    }
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(failed)
}

/// A column that is never null.
fn filled<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b dyn Array, String> {
    let column = batch.column_by_name(name).ok_or("a column got lost")?;
    if column.null_count() > 0 {
        return Err(format!("its column {name} has empty values"));
    }
    Ok(column.as_ref())
}

fn text<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b StringArray, String> {
    Ok(filled(batch, name)?.as_string::<i32>())
}

fn keys_of_batch(batch: &RecordBatch) -> Result<Vec<Key>, String> {
    let ids = text(batch, ID)?;
    let started = filled(batch, STARTED_AT)?.as_primitive::<TimestampMillisecondType>();
    let key = |row| Key {
        started_at_ms: started.value(row),
        id: ids.value(row).into(),
    };
    Ok((0..batch.num_rows()).map(key).collect())
}

fn runs_of_batch(batch: &RecordBatch) -> Result<Vec<Run>, String> {
    let (ids, act_ids) = (text(batch, ID)?, text(batch, ACT_ID)?);
    let (statuses, cost_states) = (text(batch, STATUS)?, text(batch, COST_STATE)?);
    let started = filled(batch, STARTED_AT)?.as_primitive::<TimestampMillisecondType>();
    let usages = batch.column_by_name(USAGE).ok_or("a column got lost")?;
    let usages: &Decimal128Array = usages.as_primitive::<Decimal128Type>();
    let names: Option<&StringArray> = batch.column_by_name(ACT_NAME).map(|column| column.as_string::<i32>());
    let finished: Option<&TimestampMillisecondArray> =
        batch.column_by_name(FINISHED_AT).map(|column| column.as_primitive());
    let run = |row| Run {
        id: ids.value(row).into(),
        act_id: act_ids.value(row).into(),
        act_name: names
            .filter(|names| names.is_valid(row))
            .map(|names| names.value(row).into()),
        status: statuses.value(row).into(),
        started_at_ms: started.value(row),
        finished_at_ms: finished.map(|finished| finished.is_valid(row).then(|| finished.value(row))),
        usage: usages.is_valid(row).then(|| Usd(usages.value(row))),
        cost_state: cost_states.value(row).into(),
    };
    Ok((0..batch.num_rows()).map(run).collect())
}

/// Where the columns are in a CSV file, in their own order.
fn places(columns: &[&str], header: &StringRecord) -> Result<Vec<Option<usize>>, String> {
    let place = |name: &&str| match header.iter().position(|found| found == *name) {
        None if !OPTIONAL.contains(name) => Err(format!("it has no column {name}")),
        place => Ok(place),
    };
    columns.iter().map(place).collect()
}

/// A cell, if the file has its column.
fn cell<'c>(record: &'c StringRecord, places: &[Option<usize>], columns: &[&str], name: &str) -> Option<&'c str> {
    let at = columns.iter().position(|column| *column == name)?;
    record.get((*places.get(at)?)?)
}

/// A cell that is never empty.
fn full<'c>(
    record: &'c StringRecord,
    places: &[Option<usize>],
    columns: &[&str],
    name: &str,
) -> Result<&'c str, String> {
    match cell(record, places, columns, name) {
        None | Some("") => Err(format!("{name} is empty")),
        Some(text) => Ok(text),
    }
}

fn instant(name: &str, text: &str) -> Result<Millis, String> {
    parse_instant(text).ok_or_else(|| format!("{name} makes no sense"))
}

fn key_of_record(record: &StringRecord, places: &[Option<usize>]) -> Result<Key, String> {
    Ok(Key {
        started_at_ms: instant(STARTED_AT, full(record, places, &KEY, STARTED_AT)?)?,
        id: full(record, places, &KEY, ID)?.into(),
    })
}

fn run_of_record(record: &StringRecord, places: &[Option<usize>]) -> Result<Run, String> {
    let full = |name: &str| full(record, places, &RUN, name);
    let cell = |name: &str| cell(record, places, &RUN, name);
    let usage = match cell(USAGE).unwrap_or_default() {
        "" => None,
        text => Some(Usd::parse_plain(text).ok_or_else(|| format!("{USAGE} makes no sense"))?),
    };
    let finished = cell(FINISHED_AT).map(|text| match text {
        "" => Ok(None),
        text => instant(FINISHED_AT, text).map(Some),
    });
    Ok(Run {
        id: full(ID)?.into(),
        act_id: full(ACT_ID)?.into(),
        act_name: cell(ACT_NAME)
            .filter(|name| !name.is_empty())
            .map(|name| as_it_was(name).into()),
        status: full(STATUS)?.into(),
        started_at_ms: instant(STARTED_AT, full(STARTED_AT)?)?,
        finished_at_ms: finished.transpose()?,
        usage,
        cost_state: full(COST_STATE)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
