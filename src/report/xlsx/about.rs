//! The first sheet: what the workbook is about, how far its figures can be trusted, and which sheets there are. The words are
//! those of every other format.

use rust_xlsxwriter::{RowNum, Url, Worksheet, XlsxError};

use super::SheetEntry;
use super::cells::Value;
use super::sheet::for_print;
use super::styles::Styles;
use crate::period::format_instant;
use crate::report::Report;
use crate::report::diff::words;
use crate::report::headline;
use crate::text::{counted, width};

pub const NAME: &str = "About";
pub const TITLE: &str = "Apify runs and their usage";

/// Characters of a line of sentences, cautiously: not every program works out the height of rows for itself.
const LINE: usize = 101;
const LINE_HEIGHT: f64 = 15.0;

const HOW_TO_READ: [&str; 5] = [
    "A cell holds only the first 15 to 17 digits of a number, as in all spreadsheets. The exact figures are in report.json and in the CSV and \
     Parquet files.",
    "An empty amount is unknown, or there are no such runs; it is never zero. 'Cost unknown' counts runs whose cost is not in \
     the totals. Amounts below a cent have six decimal places.",
    "Row 3 of a sheet is the total of the rows that the filter shows, and row 4 has the column names. A column has no total \
     where a sum makes no sense.",
    "Times are in UTC; days and weeks are in the time zone of the period.",
    "Text cells are never formulas or links. Control characters are shown as \\u{…}.",
];

pub fn fill(sheet: &mut Worksheet, report: &Report, sheets: &[SheetEntry], styles: &Styles) -> Result<(), XlsxError> {
    let mut page = AboutSheet { sheet, styles, row: 0 };
    page.sheet.set_column_width(0, 24)?.set_column_width(1, 92)?;
    page.sheet.set_row_height(0, 30)?;
    page.sheet.write_string_with_format(0, 0, TITLE, &styles.book_title)?;
    page.row = 1;
    if let Some(notice) = report.facts.source.notice() {
        page.sheet.write_string_with_format(1, 0, notice, &styles.warning)?;
        page.row = 2;
    }
    page.row += 1;
    for (label, sentences) in headline::entries(report) {
        page.entry(label, sentences)?;
    }
    if report.figures.totals.runs() > 0 {
        page.entry("Runs", [headline::outcomes(report).join(" · ")])?;
    }
    page.gap();
    page.entry(
        headline::PLEASE_NOTE,
        report.facts.caveats.iter().map(ToString::to_string),
    )?;
    if let Some(replaced) = &report.replaced {
        let held = counted(replaced.runs, "run", "runs");
        let first = format!(
            "the export that was queried at {}, with {held}",
            format_instant(replaced.queried_at_ms)
        );
        let changes = replaced.changes.as_ref();
        let line = changes.map(|changes| words::line(changes, replaced.queried_at_ms));
        page.entry("Replaced", [first].into_iter().chain(line))?;
    }
    page.gap();
    page.heading("Sheets")?;
    for listed in sheets {
        page.link(listed)?;
    }
    page.gap();
    page.entry(
        "How to read this report",
        std::iter::once(headline::how_to_read(headline::EXACT)).chain(HOW_TO_READ.map(String::from)),
    )?;
    if !report.files.is_empty() {
        page.gap();
        page.heading("Files")?;
        for file in &report.files {
            let rows = file
                .rows
                .map_or(String::new(), |rows| format!("{}, ", counted(rows, "row", "rows")));
            let bytes = counted(file.bytes, "byte", "bytes");
            page.pair(&file.path, &format!("{rows}{bytes}, SHA-256 {}", file.sha256))?;
        }
    }
    for_print(page.sheet, report);
    page.sheet.set_portrait();
    Ok(())
}

struct AboutSheet<'p> {
    sheet: &'p mut Worksheet,
    styles: &'p Styles,
    row: RowNum,
}

impl AboutSheet<'_> {
    /// A label and its sentences, one a row.
    fn entry(&mut self, label: &str, sentences: impl IntoIterator<Item = String>) -> Result<(), XlsxError> {
        for (at, sentence) in sentences.into_iter().enumerate() {
            self.pair(if at == 0 { label } else { "" }, &sentence)?;
        }
        Ok(())
    }

    fn pair(&mut self, label: &str, sentence: &str) -> Result<(), XlsxError> {
        self.cell(0, label, |styles| &styles.label)?;
        self.sentence(sentence)?;
        self.row += 1;
        Ok(())
    }

    fn sentence(&mut self, sentence: &str) -> Result<(), XlsxError> {
        self.cell(1, sentence, |styles| &styles.sentence)?;
        // Excel's highest row has 409 points.
        let lines = width(sentence).div_ceil(LINE).clamp(1, 27) as f64;
        self.sheet.set_row_height(self.row, lines * LINE_HEIGHT)?;
        Ok(())
    }

    fn cell(
        &mut self,
        column: u16,
        text: &str,
        style: impl Fn(&Styles) -> &rust_xlsxwriter::Format,
    ) -> Result<(), XlsxError> {
        if let Value::Text(text) = Value::text(text) {
            self.sheet
                .write_string_with_format(self.row, column, text, style(self.styles))?;
        }
        Ok(())
    }

    fn heading(&mut self, text: &str) -> Result<(), XlsxError> {
        self.cell(0, text, |styles| &styles.title)?;
        self.row += 1;
        Ok(())
    }

    fn link(&mut self, listed: &SheetEntry) -> Result<(), XlsxError> {
        let to = Url::new(format!("internal:'{}'!A1", listed.name)).set_text(&listed.name);
        self.sheet.write_url_with_format(self.row, 0, to, &self.styles.link)?;
        let cut = listed.cut.as_ref().map_or(String::new(), |cut| format!(" {cut}"));
        self.sentence(&format!("{}{cut}", listed.title))?;
        self.row += 1;
        Ok(())
    }

    fn gap(&mut self) {
        self.row += 1;
    }
}
