//! `report.xlsx`: the reports as a workbook for people who filter and add up. Cells are numbers as a spreadsheet holds them,
//! the nearest double; the exact figures are in JSON, CSV and Parquet, and the first sheet says so. No text is ever a formula.

mod about;
mod cells;
mod charts;
mod names;
mod runs;
mod sheet;
mod styles;
mod table;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, Worksheet, XlsxError};

use super::Report;
use crate::error::{Error, Result};
use sheet::FIRST_ROW;
use styles::Styles;

pub const REPORT_XLSX: &str = "report.xlsx";

/// Rows of a sheet, by Excel's own limit.
const SHEET_ROWS: u32 = 1_048_576;
/// Rows of a table up to which its sheet is put together in memory; beyond, rows go through a temporary file as they come.
const ROWS_IN_MEMORY: u32 = 2_000;

/// Writes the workbook. `scratch` is a folder in which large sheets may have temporary files, which have no name there.
pub fn write<W: Write + Send>(report: &Report, scratch: &Path, to: W) -> Result<()> {
    Book::new(report, scratch)?.save(to)
}

pub struct Book<'r> {
    report: &'r Report,
    workbook: Workbook,
    styles: Arc<Styles>,
    sheets: Vec<SheetEntry>,
    sheet_rows: u32,
    scratch: PathBuf,
}

struct SheetEntry {
    name: String,
    title: String,
    /// What of its rows isn't on it, if anything.
    cut: Option<String>,
}

impl<'r> Book<'r> {
    /// A workbook with every report; see [`write()`] for `scratch`.
    pub fn new(report: &'r Report, scratch: &Path) -> Result<Book<'r>> {
        Book::within(report, scratch, SHEET_ROWS).map_err(cannot_write)
    }

    fn within(report: &'r Report, scratch: &Path, sheet_rows: u32) -> Result<Book<'r>, XlsxError> {
        let mut workbook = Workbook::new();
        workbook.set_properties(&properties(report));
        // The place of the first sheet: it lists the others, so it is filled last.
        workbook.add_worksheet().set_name(about::NAME)?;
        let mut book = Book {
            report,
            workbook,
            styles: Arc::new(Styles::default()),
            sheets: Vec::new(),
            sheet_rows,
            scratch: scratch.into(),
        };
        let (charts, chart_data) = charts::sheets(report, &book.styles)?.unzip();
        let entry = |name: &str, title: &str| SheetEntry {
            name: name.into(),
            title: title.into(),
            cut: None,
        };
        if let Some(sheet) = charts {
            book.push(sheet, entry(charts::NAME, charts::TITLE));
        }
        report.tables().iter().try_for_each(|table| book.add_table(table))?;
        if let Some(data) = chart_data {
            book.push(data, entry(charts::DATA_NAME, charts::DATA_TITLE));
        }
        Ok(book)
    }

    pub fn save<W: Write + Send>(mut self, to: W) -> Result<()> {
        let save = || {
            let first = self.workbook.worksheet_from_index(0)?;
            about::fill(first, self.report, &self.sheets, &self.styles)?;
            self.workbook.save_to_writer(to)
        };
        save().map_err(cannot_write)
    }

    fn push(&mut self, sheet: Worksheet, entry: SheetEntry) {
        self.sheets.push(entry);
        self.workbook.push_worksheet(sheet);
    }

    fn most_rows(&self) -> u32 {
        self.sheet_rows - FIRST_ROW
    }

    /// A sheet without a name for so many rows, which are written in order.
    fn empty_sheet(&mut self, rows: u64) -> Result<Worksheet, XlsxError> {
        if rows <= u64::from(ROWS_IN_MEMORY) {
            return Ok(Worksheet::new());
        }
        self.workbook.set_tempdir(&self.scratch)?;
        self.workbook.new_worksheet_with_constant_memory()
    }

    fn free_name(&self, wanted: &str) -> String {
        names::free(wanted, |name| {
            let taken = self.sheets.iter().map(|sheet| sheet.name.as_str());
            taken.chain([about::NAME]).any(|taken| taken.eq_ignore_ascii_case(name))
        })
    }
}

/// Made of the report alone, so that the same export gives the same bytes.
fn properties(report: &Report) -> DocProperties {
    let properties = DocProperties::new()
        .set_title(about::TITLE)
        .set_subject(format!("Runs by start date: {}", report.facts.period.first_line()));
    match ExcelDateTime::from_timestamp(report.facts.queried_at_ms.div_euclid(1000)) {
        Ok(at) => properties.set_creation_datetime(&at),
        Err(_) => properties,
    }
}

fn cannot_write(cause: XlsxError) -> Error {
    Error::Output(format!("cannot write {REPORT_XLSX}: {cause}"))
}

#[cfg(test)]
mod tests;
