//! A sheet of rows: a title, what must be said, totals, heads, then rows, written in that order. All sheets are laid out alike,
//! so that whoever reads them by program finds heads in row 4. What stands in the rows is the caller's.

use std::sync::Arc;

use rust_xlsxwriter::{Formula, RowNum, Worksheet, XlsxError};

use super::cells::{CellFormat, Value};
use super::styles::Styles;
use crate::report::Report;
use crate::text::width;

const NOTE_ROW: RowNum = 1;
const TOTAL_ROW: RowNum = 2;
const HEAD_ROW: RowNum = 3;
/// The first row of figures, from 0 on.
pub const FIRST_ROW: RowNum = 4;
const WIDEST: usize = 46;
/// Narrowest column, which has room for a filter's button.
const NARROWEST: usize = 9;

pub struct SheetColumn {
    pub head: String,
    pub look: CellFormat,
    /// The word for a text that is absent; empty for none.
    pub absent: &'static str,
    pub total: Total,
}

pub enum Total {
    None,
    /// A number, where the sheet hasn't all the rows that it is of.
    Number(f64),
    /// A formula that follows the filter, and what it comes to without one.
    Formula(String, f64),
}

pub struct Sheet {
    sheet: Worksheet,
    styles: Arc<Styles>,
    columns: Vec<SheetColumn>,
    widths: Vec<usize>,
    next: RowNum,
}

/// What a sheet is called, and what stands above its table.
pub struct SheetTexts<'t> {
    pub name: &'t str,
    pub title: &'t str,
    /// Empty for none.
    pub note: &'t str,
}

impl Sheet {
    pub fn new(
        sheet: Worksheet,
        styles: &Arc<Styles>,
        texts: SheetTexts,
        columns: Vec<SheetColumn>,
    ) -> Result<Sheet, XlsxError> {
        let widths = columns.iter().map(|column| head_width(&column.head)).collect();
        let mut sheet = Sheet {
            sheet,
            styles: Arc::clone(styles),
            columns,
            widths,
            next: FIRST_ROW,
        };
        sheet.sheet.set_name(texts.name)?;
        sheet.formats()?;
        sheet.sheet.set_row_height(0, 24)?;
        sheet.sheet.write_string_with_format(0, 0, texts.title, &styles.title)?;
        if !texts.note.is_empty() {
            sheet
                .sheet
                .write_string_with_format(NOTE_ROW, 0, texts.note, &styles.note)?;
        }
        sheet.totals()?;
        sheet.heads()?;
        Ok(sheet)
    }

    fn formats(&mut self) -> Result<(), XlsxError> {
        for (at, column) in self.columns.iter().enumerate() {
            if self.is_beside_numbers(at) {
                self.sheet.set_column_format(at as u16, &self.styles.beside_numbers)?;
            } else if column.look != CellFormat::Text {
                self.sheet.set_column_format(at as u16, &Styles::column(column.look))?;
            }
        }
        Ok(())
    }

    /// Whether a column of text begins where the digits before it end.
    fn is_beside_numbers(&self, at: usize) -> bool {
        at > 0 && self.columns[at].look == CellFormat::Text && self.columns[at - 1].look.is_number()
    }

    fn totals(&mut self) -> Result<(), XlsxError> {
        let has_any = self.columns.iter().any(|column| !matches!(column.total, Total::None));
        for (at, column) in self.columns.iter().enumerate() {
            let (formula, number) = match &column.total {
                Total::None => continue,
                Total::Number(number) => (None, *number),
                Total::Formula(formula, result) => (Some(formula), *result),
            };
            let format = Styles::total(column.look, number);
            let (row, at_column) = (TOTAL_ROW, at as u16);
            match formula {
                None => self.sheet.write_number_with_format(row, at_column, number, &format)?,
                Some(formula) => {
                    let formula = Formula::new(formula).set_result(number.to_string());
                    self.sheet.write_formula_with_format(row, at_column, formula, &format)?
                }
            };
            // Bold figures are a little wider.
            self.widths[at] = self.widths[at].max(column.look.width(number) + 2);
        }
        let is_free = self
            .columns
            .first()
            .is_some_and(|column| matches!(column.total, Total::None));
        if has_any && is_free {
            let format = Styles::total(CellFormat::Text, 0.0);
            self.sheet.write_string_with_format(TOTAL_ROW, 0, "Total", &format)?;
        }
        Ok(())
    }

    fn heads(&mut self) -> Result<(), XlsxError> {
        self.sheet.set_row_height(HEAD_ROW, 20)?;
        for (at, column) in self.columns.iter().enumerate() {
            let format = match column.look.is_number() {
                true => &self.styles.head_of_numbers,
                false if self.is_beside_numbers(at) => &self.styles.head_beside_numbers,
                false => &self.styles.head,
            };
            let head = column.head.as_str();
            self.sheet.write_string_with_format(HEAD_ROW, at as u16, head, format)?;
        }
        Ok(())
    }

    pub fn write<'v>(&mut self, values: impl IntoIterator<Item = Value<'v>>) -> Result<(), XlsxError> {
        let row = self.next;
        self.next += 1;
        let columns = self.columns.iter().zip(&mut self.widths);
        for (at, (value, (column, widest))) in (0..).zip(values.into_iter().zip(columns)) {
            *widest = value.width(column.look).max(*widest);
            match value {
                Value::Number(number) => match self.styles.of_little(column.look, number) {
                    Some(format) => self.sheet.write_number_with_format(row, at, number, format)?,
                    None => self.sheet.write_number(row, at, number)?,
                },
                Value::Text(text) if column.look.is_number() => {
                    let format = &self.styles.word_among_numbers;
                    self.sheet.write_string_with_format(row, at, text, format)?
                }
                Value::Text(text) => self.sheet.write_string(row, at, text)?,
                Value::Empty if !column.absent.is_empty() && !column.look.is_number() => {
                    let format = &self.styles.absent;
                    self.sheet.write_string_with_format(row, at, column.absent, format)?
                }
                Value::Empty => &mut self.sheet,
            };
        }
        Ok(())
    }

    pub fn rows(&self) -> u32 {
        self.next - FIRST_ROW
    }

    /// Completes it: widths, what stays in sight, filter, print.
    pub fn finish(mut self, report: &Report) -> Result<Worksheet, XlsxError> {
        for (at, widest) in (0..).zip(&self.widths) {
            let width = (*widest + 2).clamp(NARROWEST, WIDEST);
            self.sheet.set_column_width(at, width as f64)?;
        }
        let last_column = (self.columns.len().max(1) - 1) as u16;
        self.sheet.set_freeze_panes(FIRST_ROW, 1)?;
        if self.next > FIRST_ROW {
            self.sheet.autofilter(HEAD_ROW, 0, self.next - 1, last_column)?;
        }
        self.sheet.set_repeat_rows(HEAD_ROW, HEAD_ROW)?;
        for_print(&mut self.sheet, report);
        Ok(self.sheet)
    }
}

/// How a sheet is printed: across, one page wide, with its name and page below.
pub fn for_print(sheet: &mut Worksheet, report: &Report) {
    const A4: u8 = 9;
    sheet
        .set_landscape()
        .set_paper_size(A4)
        .set_print_fit_to_pages(1, 0)
        .set_margins(0.4, 0.4, 0.6, 0.6, 0.3, 0.3)
        .set_footer("&L&A&RPage &P of &N");
    if let Some(notice) = report.facts.source.notice() {
        sheet.set_header(format!("&C{}", notice.replace('&', "&&")));
    }
}

/// The width of a head in bold, with room for the filter's button.
fn head_width(head: &str) -> usize {
    width(head) + 4
}

/// A column's letters, from 0 on.
pub fn letters(column: usize) -> String {
    let last = char::from(b'A' + (column % 26) as u8);
    match column / 26 {
        0 => last.into(),
        more => letters(more - 1) + &last.to_string(),
    }
}

/// The cells of a column's rows, as formulas name them.
pub fn range(column: usize, rows: u32) -> String {
    let letters = letters(column);
    format!("{letters}{}:{letters}{}", FIRST_ROW + 1, FIRST_ROW + rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters() {
        assert_eq!(
            [0, 25, 26, 40, 701, 702].map(letters),
            ["A", "Z", "AA", "AO", "ZZ", "AAA"]
        );
        assert_eq!(range(1, 10), "B5:B14");
    }
}
