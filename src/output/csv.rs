//! Rows to CSV: RFC 4180, LF, no byte-order mark, NULL an empty cell. Third parties' text that a spreadsheet would run is
//! defused with a leading apostrophe; numbers never are.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

use crate::error::{Error, Result};
use crate::money::Usd;
use crate::output::hashed::{FileEntry, HashedFile};
use crate::period::{format_instant, instant_bytes};
use crate::runs::column_set::ColumnSet;
use crate::runs::schema::{Column, Kind};
use crate::text::defused;

/// The file's name.
pub const RUNS_CSV: &str = "runs.csv";

/// Writes rows as they come.
pub struct CsvRows<W: Write = File> {
    writer: Writer<HashedFile<W>>,
    columns: ColumnSet,
    rows: u64,
    cell: String,
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
            cell: String::new(),
        })
    }

    /// Appends rows.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let columns: Vec<Cells> = self
            .columns
            .columns()
            .zip(rows.columns())
            .map(|(column, array)| Cells::of(column, array))
            .collect();
        for row in 0..rows.num_rows() {
            for column in &columns {
                self.cell.clear();
                let text = column.text(row, &mut self.cell);
                self.writer.write_field(text.as_bytes()).map_err(cannot_write)?;
            }
            self.writer.write_record(None::<&[u8]>).map_err(cannot_write)?;
        }
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    /// Completes the file.
    pub fn finish(self) -> Result<FileEntry> {
        let file = self.writer.into_inner().map_err(|error| cannot_write(error.error()))?;
        file.finish(RUNS_CSV, Some(self.rows)).map_err(cannot_write)
    }
}

/// A CSV writer of this project's dialect, also for reports.
pub fn writer<W: Write>(to: W) -> Writer<W> {
    WriterBuilder::new()
        .terminator(Terminator::Any(b'\n'))
        .quote_style(QuoteStyle::Necessary)
        .buffer_capacity(64 << 10)
        .from_writer(to)
}

fn cannot_write(cause: impl std::fmt::Display) -> Error {
    Error::Output(format!("cannot write {RUNS_CSV}: {cause}"))
}

/// A column of a batch, by how its cells are written.
enum Cells<'a> {
    Text(&'a arrow_array::StringArray),
    ThirdParty(&'a arrow_array::StringArray),
    Instant(&'a arrow_array::TimestampMillisecondArray),
    Usd(&'a arrow_array::Decimal128Array),
    Integer(&'a arrow_array::Int64Array),
}

impl<'a> Cells<'a> {
    fn of(column: &Column, array: &'a dyn Array) -> Cells<'a> {
        match column.kind {
            Kind::Text if column.third_party => Cells::ThirdParty(array.as_string()),
            Kind::Text => Cells::Text(array.as_string()),
            Kind::Instant => Cells::Instant(array.as_primitive::<TimestampMillisecondType>()),
            Kind::Usd | Kind::Decimal => Cells::Usd(array.as_primitive::<Decimal128Type>()),
            Kind::Integer => Cells::Integer(array.as_primitive::<Int64Type>()),
        }
    }

    fn text<'c>(&'c self, row: usize, cell: &'c mut String) -> Cow<'c, str> {
        match self {
            Cells::Text(array) if array.is_valid(row) => return Cow::Borrowed(array.value(row)),
            Cells::ThirdParty(array) if array.is_valid(row) => return defused(array.value(row)),
            Cells::Instant(array) if array.is_valid(row) => match instant_bytes(array.value(row)) {
                Some(bytes) => cell.push_str(std::str::from_utf8(&bytes).expect("an instant's text is ASCII")),
                None => cell.push_str(&format_instant(array.value(row))),
            },
            Cells::Usd(array) if array.is_valid(row) => {
                write!(cell, "{}", Usd(array.value(row))).expect("a String takes it")
            }
            Cells::Integer(array) if array.is_valid(row) => {
                write!(cell, "{}", array.value(row)).expect("a String takes it")
            }
            _ => {}
        }
        Cow::Borrowed(cell)
    }
}
