//! A report as a CSV file: its name and its bytes. What is in its records is `report::csv`'s.

use std::io::{self, Write};

use crate::output::csv::writer;
use crate::report::csv::records;
use crate::report::table::Table;

pub fn csv_name(table: &Table) -> String {
    format!("{}.csv", table.name)
}

/// Writes a report as it is made: it may be large.
pub fn write_csv<W: Write>(table: &Table, into: W) -> io::Result<W> {
    let mut csv = writer(into);
    records(table).try_for_each(|record| csv.write_record(record))?;
    csv.into_inner().map_err(|error| error.into_error())
}
