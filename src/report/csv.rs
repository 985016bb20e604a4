//! A report as the records of CSV. What stands between cells is `output::report_csv`'s.

use serde::{Deserialize, Serialize};

use super::table::{Cell, CellKind, Table, TableColumn};
use crate::period::format_instant;
use crate::text::escape_formula;

/// What stands before the decimal places of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecimalMark {
    /// As in 0.5.
    #[default]
    Point,
    /// As in 0,5.
    Comma,
}

/// The records of a report, the header first.
pub fn records<'t>(table: &'t Table, mark: DecimalMark) -> impl Iterator<Item = Vec<String>> + 't {
    let header = table.columns.iter().map(|column| column.name.to_string()).collect();
    let record = move |cells: Vec<Cell>| {
        cells
            .into_iter()
            .zip(&table.columns)
            .map(|(cell, column)| text(cell, column, mark))
            .collect()
    };
    std::iter::once(header).chain(table.rows().map(record))
}

fn text(cell: Cell, column: &TableColumn, mark: DecimalMark) -> String {
    match cell {
        Cell::Absent => String::new(),
        Cell::Text(text) if column.kind == CellKind::Name => escape_formula(&text).into_owned(),
        Cell::Text(text) => text.into_owned(),
        Cell::Count(count) => count.to_string(),
        Cell::Quantity(usd) | Cell::Usd(usd) => marked(usd.to_string(), mark),
        Cell::Decimal(decimal) => marked(decimal.to_string(), mark),
        Cell::Instant(ms) => format_instant(ms),
        Cell::Worded(value, _) => text(*value, column, mark),
    }
}

fn marked(number: String, mark: DecimalMark) -> String {
    match mark {
        DecimalMark::Point => number,
        DecimalMark::Comma => number.replace('.', ","),
    }
}
