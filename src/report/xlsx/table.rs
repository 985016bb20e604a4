//! A report as a sheet: which look each column has, what stands above it, and which totals a formula can follow.

use rust_xlsxwriter::XlsxError;

use super::cells::{CellFormat, Value};
use super::sheet::{Sheet, SheetColumn, SheetTexts, Total, range};
use super::{Book, SheetEntry, names};
use crate::report::Report;
use crate::report::table::{Cell, CellKind, Table};
use crate::text::thousands;

impl Book<'_> {
    /// Adds a sheet with as many of a table's rows as one may have. What is left out is said on it, and in the list of sheets.
    pub(super) fn add_table(&mut self, table: &Table) -> Result<(), XlsxError> {
        let name = self.free_name(&names::of_table(&table.name));
        let order = table.reading_order();
        let rows = table.len.min(self.most_rows() as usize);
        let cut = (rows < table.len).then(|| {
            format!(
                "NOT ALL ROWS: this sheet has the first {} of {} rows, the most that fit; {}.csv has all.",
                thousands(rows as u64),
                thousands(table.len as u64),
                table.name
            )
        });
        let note = note(self.report, cut.as_deref(), table);
        let columns = columns(table, &order, rows as u32);
        let sheet = self.empty_sheet(table.len as u64)?;
        let texts = SheetTexts {
            name: &name,
            title: &table.title,
            note: &note,
        };
        let mut sheet = Sheet::new(sheet, &self.styles, texts, columns)?;
        for cells in table.rows().take(rows) {
            let cells = order.iter().map(|at| {
                let column = &table.columns[*at];
                value(&column.shown(&cells[*at]), column.kind)
            });
            sheet.write(cells)?;
        }
        let sheet = sheet.finish(self.report)?;
        self.push(
            sheet,
            SheetEntry {
                name,
                title: table.title.clone(),
                cut,
            },
        );
        Ok(())
    }
}

/// What stands below the question.
pub fn note_of(report: &Report, more: impl IntoIterator<Item = String>) -> String {
    let notice = report.facts.source.notice().map(|notice| format!("{notice}."));
    let period = format!("Runs by start date: {}.", report.facts.period.first_line());
    let parts = notice.into_iter().chain([period]).chain(more);
    parts.collect::<Vec<_>>().join(" ")
}

fn note(report: &Report, cut: Option<&str>, table: &Table) -> String {
    let none = (table.len == 0).then_some("None.");
    let parts = [cut, none, table.note.as_deref()];
    note_of(report, parts.into_iter().flatten().map(String::from))
}

fn look(kind: CellKind) -> CellFormat {
    match kind {
        CellKind::Key | CellKind::Name => CellFormat::Text,
        CellKind::Date => CellFormat::Date,
        CellKind::Instant => CellFormat::Instant,
        CellKind::Count => CellFormat::Count,
        CellKind::Quantity => CellFormat::Number,
        CellKind::Usd => CellFormat::Usd,
        CellKind::Share | CellKind::Change => CellFormat::Share,
        CellKind::Mean => CellFormat::SmallUsd,
    }
}

fn value(cell: &Cell, kind: CellKind) -> Value<'static> {
    match cell {
        Cell::Absent => Value::Empty,
        Cell::Text(text) if kind == CellKind::Date => Value::date(text),
        Cell::Text(text) | Cell::Worded(_, text) => Value::text(text),
        Cell::Count(count) => Value::Number(*count as f64),
        Cell::Quantity(usd) | Cell::Usd(usd) => Value::usd(*usd),
        Cell::Decimal(decimal) => Value::decimal(&decimal.to_string()),
        Cell::Instant(ms) => Value::instant(*ms),
    }
}

fn columns(table: &Table, order: &[usize], rows: u32) -> Vec<SheetColumn> {
    let column = |at: &usize| {
        let column = &table.columns[*at];
        let head = match column.kind {
            CellKind::Instant => format!("{}, UTC", column.head),
            _ => column.head.into(),
        };
        SheetColumn {
            head,
            look: look(column.kind),
            absent: column.absent,
            total: total(table, *at, order, rows),
        }
    };
    order.iter().map(column).collect()
}

/// What a column comes to. A formula where the sheet has all rows: it must come to the same.
fn total(table: &Table, at: usize, order: &[usize], rows: u32) -> Total {
    let Some(cell) = table.total.as_ref().map(|total| &total[at]) else {
        return Total::None;
    };
    let column = &table.columns[at];
    let Value::Number(all) = value(cell, column.kind) else {
        return Total::None;
    };
    if rows == 0 || (rows as usize) < table.len {
        return Total::Number(all);
    }
    let cells = |name: &str| {
        let place = order.iter().position(|at| table.columns[*at].name == name)?;
        Some(range(place, rows))
    };
    let own = cells(column.name).unwrap_or_default();
    let formula = match (column.kind, column.name) {
        (CellKind::Count, _) => Some(format!("SUBTOTAL(109,{own})")),
        // Rows that are all without a cost come to nothing that is known, not to zero.
        (CellKind::Usd, _) => Some(format!("IF(SUBTOTAL(102,{own})=0,\"\",SUBTOTAL(109,{own}))")),
        (CellKind::Share, "share") => {
            cells("usage_total_usd").map(|usage| format!("IFERROR(SUBTOTAL(109,{usage})/SUM({usage}),\"\")"))
        }
        (CellKind::Mean, "mean_usd") => [cells("usage_total_usd"), cells("runs"), cells("runs_cost_unknown")]
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .map(|needed| {
                let sum = |at: usize| format!("SUBTOTAL(109,{})", needed[at]);
                format!("IFERROR({}/({}-{}),\"\")", sum(0), sum(1), sum(2))
            }),
        _ => None,
    };
    // What no formula can follow would be wrong as soon as something is filtered.
    formula.map_or(Total::None, |formula| Total::Formula(formula, all))
}
