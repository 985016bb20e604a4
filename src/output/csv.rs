//! Rows to CSV: RFC 4180, LF, no byte-order mark, NULL an empty cell. Third parties' text that a spreadsheet would run is
//! escape_formula with a leading apostrophe; numbers never are.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

use crate::error::{Error, Result};
use crate::money::Usd;
use crate::output::hashed::{FileEntry, HashedFile};
use crate::output::names::RUNS_CSV;
use crate::period::{format_instant, instant_bytes};
use crate::runs::column_set::ColumnSet;
use crate::runs::schema::{Column, Kind};
use crate::text::escape_formula;

/// Writes [`RUNS_CSV`].
pub struct CsvRows<W: Write = File> {
    writer: Writer<HashedFile<W>>,
    columns: ColumnSet,
    rows: u64,
}

impl<W: Write> CsvRows<W> {
    /// Writes rows of these columns into a new file, the header first.
    pub fn new(file: W, columns: ColumnSet) -> Result<CsvRows<W>> {
        let mut writer = writer(HashedFile::new(file));
        writer.write_record(columns.names()).map_err(cannot_write)?;
        Ok(CsvRows {
            writer,
            columns,
            rows: 0,
        })
    }

    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let columns = self.columns.columns().zip(rows.columns());
        let columns: Vec<_> = columns.map(|(column, array)| CsvColumn::new(column, array)).collect();
        write_rows(&mut self.writer, &columns, rows.num_rows()).map_err(cannot_write)?;
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    pub fn finish(self) -> Result<FileEntry> {
        let file = self.writer.into_inner().map_err(|error| cannot_write(error.error()))?;
        file.finish(RUNS_CSV, Some(self.rows)).map_err(cannot_write)
    }
}

/// A CSV writer of this project's dialect, also for reports.
pub fn writer<W: Write>(to: W) -> Writer<W> {
    separated_writer(to, b',')
}

/// The same with another separator between cells.
pub fn separated_writer<W: Write>(to: W, separator: u8) -> Writer<W> {
    WriterBuilder::new()
        .delimiter(separator)
        .terminator(Terminator::Any(b'\n'))
        .quote_style(QuoteStyle::Necessary)
        .buffer_capacity(64 << 10)
        .from_writer(to)
}

fn cannot_write(cause: impl std::fmt::Display) -> Error {
    Error::output("write", RUNS_CSV.as_ref(), cause)
}

/// A column of a batch, by the form of its cells.
pub(super) enum CsvColumn<'a> {
    Text(&'a StringArray),
    /// Defused.
    ThirdParty(&'a StringArray),
    /// `2025-09-01T00:00:00.000Z`
    Millisecond(&'a TimestampMillisecondArray),
    /// `2025-09-01T00:00:00Z`
    Second(&'a TimestampMillisecondArray),
    Usd(&'a Decimal128Array),
    Integer(&'a Int64Array),
    /// This text in every row.
    Constant(&'static str),
}

/// Appends the rows of a batch.
pub(super) fn write_rows<W: Write>(writer: &mut Writer<W>, columns: &[CsvColumn], rows: usize) -> csv::Result<()> {
    let mut cell = String::new();
    (0..rows).try_for_each(|row| write_row(writer, columns, row, &mut cell))
}

/// Appends one row of a batch; `cell` is what cells are put together in.
pub(super) fn write_row<W: Write>(
    writer: &mut Writer<W>,
    columns: &[CsvColumn],
    row: usize,
    cell: &mut String,
) -> csv::Result<()> {
    for column in columns {
        cell.clear();
        writer.write_field(column.text(row, cell).as_bytes())?;
    }
    writer.write_record(None::<&[u8]>)
}

impl<'a> CsvColumn<'a> {
    fn new(column: &Column, array: &'a dyn Array) -> CsvColumn<'a> {
        match column.kind {
            Kind::Text if column.third_party => CsvColumn::ThirdParty(array.as_string()),
            Kind::Text => CsvColumn::Text(array.as_string()),
            Kind::Instant => CsvColumn::Millisecond(array.as_primitive::<TimestampMillisecondType>()),
            Kind::Usd | Kind::Decimal => CsvColumn::Usd(array.as_primitive::<Decimal128Type>()),
            Kind::Integer => CsvColumn::Integer(array.as_primitive::<Int64Type>()),
        }
    }

    /// A cell, put together in `cell` where it isn't there as text.
    fn text<'c>(&'c self, row: usize, cell: &'c mut String) -> Cow<'c, str> {
        match self {
            CsvColumn::Text(array) if array.is_valid(row) => return Cow::Borrowed(array.value(row)),
            CsvColumn::ThirdParty(array) if array.is_valid(row) => return escape_formula(array.value(row)),
            CsvColumn::Millisecond(array) if array.is_valid(row) => push_instant(cell, array.value(row)),
            CsvColumn::Second(array) if array.is_valid(row) => {
                push_instant(cell, array.value(row));
                cell.truncate(cell.len() - ".000Z".len());
                cell.push('Z');
            }
            CsvColumn::Usd(array) if array.is_valid(row) => {
                write!(cell, "{}", Usd(array.value(row))).expect("a String takes it")
            }
            CsvColumn::Integer(array) if array.is_valid(row) => {
                write!(cell, "{}", array.value(row)).expect("a String takes it")
            }
            CsvColumn::Constant(text) => return Cow::Borrowed(text),
            _ => {}
        }
        Cow::Borrowed(cell)
    }
}

fn push_instant(cell: &mut String, ms: i64) {
    match instant_bytes(ms) {
        Some(bytes) => cell.push_str(std::str::from_utf8(&bytes).expect("an instant's text is ASCII")),
        None => cell.push_str(&format_instant(ms)),
    }
}
