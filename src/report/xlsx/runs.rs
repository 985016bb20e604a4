//! The sheet of all runs, one row each, for whoever asks for it: rows as an export has them, written as they come. They
//! go through a temporary file, so memory doesn't grow with them.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use rust_xlsxwriter::XlsxError;

use crate::error::{Error, Result};
use crate::money::Usd;
use crate::report::Report;
use crate::report::xlsx::cells::{CellFormat, Value};
use crate::report::xlsx::sheet::{Sheet, SheetColumn, SheetTexts, Total, range};
use crate::report::xlsx::{Book, SheetEntry, cannot_write};
use crate::runs::column_set::ColumnSet;
use crate::runs::schema;
use crate::runs::schema::Kind;
use crate::text::thousands;

const NAME: &str = "Runs";
const TITLE: &str = "All runs";

/// Bytes of a sheet before it is packed, up to which the workbook is an ordinary ZIP file. ZIP64 holds more than 4 GiB, but LibreOffice
/// before 24.8 does not open it where sizes follow the data.
const MOST_BYTES: u64 = 4_000_000_000;
/// Bytes of a cell beside its text, and those by which an entity is longer than its letter: cautiously.
const CELL_BYTES: u64 = 96;
const ENTITY_BYTES: u64 = 5;

pub struct RunsSheet {
    sheet: Sheet,
    columns: ColumnSet,
    name: String,
    cut: Option<String>,
    most_rows: u32,
    seen: u64,
    expected: u64,
    /// How many bytes its cells take, at most.
    bytes: u64,
}

impl Book<'_> {
    /// Begins the sheet of runs: all those that the report's totals are of, with these columns. It becomes part of the workbook
    /// by [`Book::add_runs`].
    pub fn runs(&mut self, columns: ColumnSet) -> Result<RunsSheet> {
        self.begin_runs(columns).map_err(cannot_write)
    }

    fn begin_runs(&mut self, columns: ColumnSet) -> Result<RunsSheet, XlsxError> {
        let totals = &self.report.figures.totals;
        let (expected, most_rows) = (totals.runs(), self.most_rows());
        let shown = expected.min(most_rows.into());
        let cut = (shown < expected).then(|| {
            format!(
                "NOT ALL ROWS: this sheet has the first {} of {} runs, the most that fit; runs.csv and the Parquet files have all.",
                thousands(shown),
                thousands(expected)
            )
        });
        let note = crate::report::xlsx::table::note_of(self.report, cut.clone());
        let usage = totals.usage().map(Value::usd);
        let heads = (0..).zip(columns.columns()).map(|(at, column)| SheetColumn {
            head: column.name.into(),
            look: look(column.kind),
            absent: "",
            total: match (&usage, column.name) {
                (Some(Value::Number(usage)), "usage_total_usd") if cut.is_none() => {
                    let cells = range(at, shown as u32);
                    let formula = format!("IF(SUBTOTAL(102,{cells})=0,\"\",SUBTOTAL(109,{cells}))");
                    Total::Formula(formula, *usage)
                }
                (Some(Value::Number(usage)), "usage_total_usd") => Total::Number(*usage),
                _ => Total::None,
            },
        });
        let name = self.free_name(NAME);
        let sheet = self.empty_sheet(u64::MAX)?;
        let texts = SheetTexts {
            name: &name,
            title: TITLE,
            note: &note,
        };
        let sheet = Sheet::new(sheet, &self.styles, texts, heads.collect())?;
        Ok(RunsSheet {
            sheet,
            columns,
            name,
            cut,
            most_rows,
            seen: 0,
            expected,
            bytes: 0,
        })
    }

    /// Makes the sheet of runs a part of the workbook, its last sheet so far.
    ///
    /// # Errors
    /// Where it was given more or fewer runs than the report is of: [`Error::Untrusted`].
    pub fn add_runs(&mut self, runs: RunsSheet) -> Result<()> {
        if runs.seen != runs.expected {
            return Err(Error::Untrusted(format!(
                "the report has {} runs, but the workbook's sheet of runs got {}",
                thousands(runs.expected),
                thousands(runs.seen)
            )));
        }
        if runs.bytes > MOST_BYTES {
            self.workbook.use_zip_large_file(true);
        }
        let report: &Report = self.report;
        let sheet = runs.sheet.finish(report).map_err(cannot_write)?;
        let entry = SheetEntry {
            name: runs.name,
            title: TITLE.into(),
            cut: runs.cut,
        };
        self.push(sheet, entry);
        Ok(())
    }
}

impl RunsSheet {
    /// Appends rows, which have the sheet's columns; those beyond what a sheet holds are only counted.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let room = (self.most_rows - self.sheet.rows()) as usize;
        let kinds = self.columns.columns().map(|column| column.kind);
        let columns: Vec<RunCells> = kinds
            .zip(rows.columns())
            .map(|(kind, array)| RunCells::of(kind, array))
            .collect();
        for row in 0..rows.num_rows().min(room) {
            let bytes = &mut self.bytes;
            let values = columns.iter().map(|cells| {
                let value = cells.value(row);
                *bytes += most_bytes(&value);
                value
            });
            self.sheet.write(values).map_err(cannot_write)?;
        }
        self.seen += rows.num_rows() as u64;
        Ok(())
    }
}

/// Of a cell in the sheet's XML.
fn most_bytes(value: &Value) -> u64 {
    match value {
        Value::Empty => 0,
        Value::Number(_) => CELL_BYTES,
        Value::Text(text) => {
            let entities = text.bytes().filter(|byte| b"&<>\"'".contains(byte)).count();
            CELL_BYTES + text.len() as u64 + ENTITY_BYTES * entities as u64
        }
    }
}

fn look(kind: schema::Kind) -> CellFormat {
    match kind {
        Kind::Text => CellFormat::Text,
        Kind::Instant => CellFormat::Instant,
        Kind::Usd => CellFormat::SmallUsd,
        Kind::Decimal | Kind::Integer => CellFormat::Number,
    }
}

enum RunCells<'a> {
    Text(&'a arrow_array::StringArray),
    Instant(&'a arrow_array::TimestampMillisecondArray),
    Decimal(&'a arrow_array::Decimal128Array),
    Integer(&'a arrow_array::Int64Array),
}

impl<'a> RunCells<'a> {
    fn of(kind: Kind, array: &'a dyn Array) -> RunCells<'a> {
        match kind {
            Kind::Text => RunCells::Text(array.as_string()),
            Kind::Instant => RunCells::Instant(array.as_primitive::<TimestampMillisecondType>()),
            Kind::Usd | Kind::Decimal => RunCells::Decimal(array.as_primitive::<Decimal128Type>()),
            Kind::Integer => RunCells::Integer(array.as_primitive::<Int64Type>()),
        }
    }

    fn value(&self, row: usize) -> Value<'a> {
        match self {
            RunCells::Text(array) if array.is_valid(row) => Value::text(array.value(row)),
            RunCells::Instant(array) if array.is_valid(row) => Value::instant(array.value(row)),
            RunCells::Decimal(array) if array.is_valid(row) => Value::usd(Usd(array.value(row))),
            RunCells::Integer(array) if array.is_valid(row) => Value::Number(array.value(row) as f64),
            _ => Value::Empty,
        }
    }
}
