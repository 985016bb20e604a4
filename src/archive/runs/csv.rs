//! Runs from `runs.csv`: the columns that are needed, by name, line by line.

use csv::StringRecord;

use crate::archive::runs::{
    ACT_ID, ACT_NAME, COST_STATE, FINISHED_AT, ID, KEY, OPTIONAL, RUN, STARTED_AT, STATUS, USAGE,
};
use crate::money::Usd;
use crate::output::read::RowsFile;
use crate::period::{Millis, parse_instant};
use crate::runs::pairing::Reading;
use crate::runs::run::{Key, Run};
use crate::text::unescape_formula;

/// A file's runs.
pub fn runs<'r>(file: RowsFile) -> Reading<'r, Run> {
    read(file, &RUN, run_of_record)
}

/// Where they stand.
pub fn keys<'r>(file: RowsFile) -> Reading<'r, Key> {
    read(file, &KEY, key_of_record)
}

fn read<'r, T: 'r>(
    file: RowsFile,
    columns: &'static [&'static str],
    of: fn(&StringRecord, &[Option<usize>]) -> Result<T, String>,
) -> Reading<'r, T> {
    let mut reader = csv::ReaderBuilder::new()
        .buffer_capacity(64 << 10)
        .from_reader(file.file().reader());
    let header = reader.headers().map_err(|error| error.to_string());
    let places = match header.and_then(|header| places(columns, header)) {
        Ok(places) => places,
        Err(error) => return Box::new(std::iter::once(Err(file.unreadable(error)))),
    };
    let items = reader.into_records().map(move |record| {
        let record = record.map_err(|error| file.unreadable(error))?;
        let line = record.position().map_or(0, csv::Position::line);
        of(&record, &places).map_err(|error| file.unreadable(format!("line {line}: {error}")))
    });
    Box::new(items)
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
            .map(|name| unescape_formula(name).into()),
        status: full(STATUS)?.into(),
        started_at_ms: instant(STARTED_AT, full(STARTED_AT)?)?,
        finished_at_ms: finished.transpose()?,
        usage,
        cost_state: full(COST_STATE)?.into(),
    })
}
