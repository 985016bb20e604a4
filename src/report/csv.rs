//! A report as CSV, in the dialect of `runs.csv`.

use super::table::{Cell, CellKind, Table, TableColumn};
use crate::period::format_instant;
use crate::text::escape_formula;

/// The records of a report, the header first.
pub fn records<'t>(table: &'t Table) -> impl Iterator<Item = Vec<String>> + 't {
    let header = table.columns.iter().map(|column| column.name.to_string()).collect();
    let record = |cells: Vec<Cell>| {
        cells
            .into_iter()
            .zip(&table.columns)
            .map(|(cell, column)| text(cell, column))
            .collect()
    };
    std::iter::once(header).chain(table.rows().map(record))
}

fn text(cell: Cell, column: &TableColumn) -> String {
    match cell {
        Cell::Absent => String::new(),
        Cell::Text(text) if column.kind == CellKind::Name => escape_formula(&text).into_owned(),
        Cell::Text(text) => text.into_owned(),
        Cell::Count(count) => count.to_string(),
        Cell::Quantity(usd) | Cell::Usd(usd) => usd.to_string(),
        Cell::Decimal(decimal) => decimal.to_string(),
        Cell::Instant(ms) => format_instant(ms),
        Cell::Worded(value, _) => text(*value, column),
    }
}
